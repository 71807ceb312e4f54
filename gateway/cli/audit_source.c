#include "cli/audit_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/index.h"
#include "base/clock.h"

struct audit_source {
    const char *verb;
    struct index *index;
};

/* ---- progress, for whoever waits ---- */

struct progress {
    int64_t started_us;
    bool is_shown;
};

static void show_progress(void *arg, uint64_t seq)
{
    struct progress *progress = arg;
    if (!isatty(STDERR_FILENO) || clock_mono_us() - progress->started_us < 1000000)
        return;
    (void)fprintf(stderr, "\rthe index is being made: %llu records", (unsigned long long)seq);
    progress->is_shown = true;
}

/* ---- opening ---- */

static struct index *open_index(const struct audit_place *place,
                                const struct audit_source_options *options, struct error *err)
{
    struct progress progress = {.started_us = clock_mono_us()};
    const struct index_options index = {.directories = place->directories,
                                        .directory_count = place->directory_count,
                                        .path = options->index_path,
                                        .rebuild = options->rebuild,
                                        .progress = show_progress,
                                        .arg = &progress};
    struct index *opened = index_open(&index, err);
    if (progress.is_shown)
        (void)fputs("\r\033[K", stderr);
    return opened;
}

struct audit_source *audit_source_open(const struct audit_place *place,
                                       const struct audit_source_options *options, const char *verb)
{
    struct error err = {.text = "out of memory"};
    struct audit_source *source = calloc(1, sizeof(*source));
    if (source) {
        source->verb = verb;
        source->index = open_index(place, options, &err);
    }
    if (source && source->index)
        return source;
    (void)fprintf(stderr, "campaign-gateway %s: %s\n", verb, err.text);
    audit_source_close(source);
    return NULL;
}

void audit_source_close(struct audit_source *source)
{
    if (!source)
        return;
    index_close(source->index);
    free(source);
}

/* ---- what is asked of it ---- */

bool audit_source_search(struct audit_source *source, const struct search_query *query,
                         search_found *found, void *arg, struct buf *ret_after, struct error *err)
{
    return index_search(source->index, query, found, arg, ret_after, err);
}

void audit_source_place(struct audit_source *source, uint64_t seq, struct buf *out)
{
    const char *file;
    uint64_t line;
    struct error unused;
    if (index_place(source->index, seq, &file, &line, &unused))
        buf_format(out, "%s:%llu", file, (unsigned long long)line);
}

bool audit_source_report(struct audit_source *source)
{
    struct str line, remarks = index_remarks(source->index), broken = index_broken(source->index);
    while (remarks.len) {
        (void)str_cut(remarks, '\n', &line, &remarks);
        (void)fprintf(stderr, "campaign-gateway %s: %.*s\n", source->verb, STR_ARGS(line));
    }
    if (broken.len)
        (void)fprintf(stderr,
                      "campaign-gateway %s: THE JOURNAL IS BROKEN, and what is behind that place "
                      "was not searched: %.*s; `campaign-gateway audit verify` tells more\n",
                      source->verb, STR_ARGS(broken));
    return broken.len == 0;
}
