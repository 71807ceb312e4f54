#include "cli/audit_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/central.h"
#include "audit/index.h"
#include "base/clock.h"

#define CENTRAL_TIMEOUT_MS 60000 /* a search of years may take a while */

struct audit_source {
    const char *verb;
    struct index *index;     /* NULL: the central database is searched */
    struct central *central; /* or this is NULL */
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

static struct central *open_central(const struct audit_place *place, struct error *err)
{
    enum central_result unused;
    return central_open(
        &(struct central_options){.database = place->database, .timeout_ms = CENTRAL_TIMEOUT_MS},
        &unused, err);
}

struct audit_source *audit_source_open(const struct audit_place *place,
                                       const struct audit_source_options *options, const char *verb)
{
    struct error err = {.text = "out of memory"};
    struct audit_source *source = calloc(1, sizeof(*source));
    if (source) {
        source->verb = verb;
        if (place->central)
            source->central = open_central(place, &err);
        else
            source->index = open_index(place, options, &err);
    }
    if (source && (source->index || source->central))
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
    central_close(source->central);
    free(source);
}

/* ---- what is asked of it ---- */

/* A database can be altered, too: only what has its hash is told. */
struct checked {
    search_found *found;
    void *arg;
    struct error *err;
    bool is_altered;
};

static bool check(void *arg, struct str source, uint64_t seq, struct str json, struct str hash)
{
    struct checked *checked = arg;
    char hex[DIGEST_HEX_SIZE];
    if (digest_hex(json, hex) && str_equal(hash, str_from(hex)))
        return checked->found(checked->arg, source, seq, json, hash);
    checked->is_altered = true;
    return error_set(checked->err,
                     "record %llu of %.*s WAS ALTERED in the central database: it does not have "
                     "the hash that stands beside it; `campaign-gateway audit verify --central` "
                     "tells more",
                     (unsigned long long)seq, STR_ARGS(source));
}

bool audit_source_search(struct audit_source *source, const struct search_query *query,
                         search_found *found, void *arg, struct buf *ret_after, struct error *err)
{
    struct checked checked = {.found = found, .arg = arg, .err = err};
    if (source->index)
        return index_search(source->index, query, found, arg, ret_after, err);
    return central_search(source->central, query, check, &checked, ret_after, err) &&
           !checked.is_altered;
}

struct str audit_source_name(const struct audit_source *source)
{
    return source->index ? index_source(source->index) : (struct str){0};
}

void audit_source_place(struct audit_source *source, uint64_t seq, struct buf *out)
{
    const char *file;
    uint64_t line;
    struct error unused;
    if (source->index && index_place(source->index, seq, &file, &line, &unused))
        buf_format(out, "%s:%llu", file, (unsigned long long)line);
}

bool audit_source_report(struct audit_source *source)
{
    if (!source->index)
        return true;
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
