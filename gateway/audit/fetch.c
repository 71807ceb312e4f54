#include "audit/fetch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"

#define PIECE_BYTES 4096 /* most lines are shorter */

/* A segment, and in which directory it is. */
struct place {
    uint64_t first_seq;
    size_t directory;
};

struct fetch {
    const char *const *directories;
    size_t directory_count;
    struct place *places; /* in order of first_seq, each once */
    size_t place_count, place_capacity;

    int fd; /* of the segment read last, or -1 */
    uint64_t open_seq;
    char path[4096];
    struct buf text;
};

/* ---- which segments there are ---- */

static bool add_place(struct fetch *fetch, struct place place)
{
    if (fetch->place_count == fetch->place_capacity) {
        size_t capacity = fetch->place_capacity ? fetch->place_capacity * 2 : 64;
        struct place *places = realloc(fetch->places, capacity * sizeof(*places));
        if (!places)
            return false;
        fetch->places = places;
        fetch->place_capacity = capacity;
    }
    fetch->places[fetch->place_count++] = place;
    return true;
}

static bool list_directory(struct fetch *fetch, size_t number, struct error *err)
{
    DIR *dir = opendir(fetch->directories[number]);
    bool fine = dir != NULL;
    if (!dir)
        return error_set(err, "cannot read the directory '%s': %s", fetch->directories[number],
                         strerrordesc_np(errno));
    for (struct dirent *entry; fine && (entry = readdir(dir));) {
        struct place place = {.directory = number};
        if (segment_parse_name(entry->d_name, &place.first_seq))
            fine = add_place(fetch, place);
    }
    closedir(dir);
    return fine || error_set(err, "out of memory");
}

/* By number; of two with the same, that of the first directory, as the reader has it. */
static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = (x->first_seq > y->first_seq) - (x->first_seq < y->first_seq);
    return order ? order : (x->directory > y->directory) - (x->directory < y->directory);
}

static void drop_repeated(struct fetch *fetch)
{
    size_t kept = 0;
    for (size_t i = 0; i < fetch->place_count; i++) {
        if (kept == 0 || fetch->places[kept - 1].first_seq != fetch->places[i].first_seq)
            fetch->places[kept++] = fetch->places[i];
    }
    fetch->place_count = kept;
}

bool fetch_refresh(struct fetch *fetch, struct error *err)
{
    fetch->place_count = 0;
    for (size_t i = 0; i < fetch->directory_count; i++) {
        if (!list_directory(fetch, i, err))
            return false;
    }
    if (fetch->place_count)
        qsort(fetch->places, fetch->place_count, sizeof(*fetch->places), compare_places);
    drop_repeated(fetch);
    return true;
}

struct fetch *fetch_open(const char *const *directories, size_t count, struct error *err)
{
    struct fetch *fetch = calloc(1, sizeof(*fetch));
    if (!fetch) {
        (void)error_set(err, "out of memory");
        return NULL;
    }
    fetch->directories = directories;
    fetch->directory_count = count;
    fetch->fd = -1;
    buf_init(&fetch->text, SEGMENT_LINE_BYTES + PIECE_BYTES);
    if (!fetch_refresh(fetch, err)) {
        fetch_close(fetch);
        return NULL;
    }
    return fetch;
}

uint64_t fetch_first_seq(const struct fetch *fetch)
{
    return fetch->place_count ? fetch->places[0].first_seq : 0;
}

void fetch_close(struct fetch *fetch)
{
    if (!fetch)
        return;
    if (fetch->fd >= 0)
        close(fetch->fd);
    buf_release(&fetch->text);
    free(fetch->places);
    free(fetch);
}

/* ---- one record ---- */

/* The segment that holds `seq`: the last that begins at or before it. NULL: it is gone. */
static const struct place *place_of(const struct fetch *fetch, uint64_t seq)
{
    size_t low = 0, high = fetch->place_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (fetch->places[middle].first_seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &fetch->places[low - 1] : NULL;
}

static enum fetch_result open_place(struct fetch *fetch, const struct place *place,
                                    struct error *err)
{
    char name[SEGMENT_NAME_SIZE];
    if (fetch->fd >= 0 && fetch->open_seq == place->first_seq)
        return FETCH_FOUND;
    segment_name(place->first_seq, name);
    (void)snprintf(fetch->path, sizeof(fetch->path), "%s/%s", fetch->directories[place->directory],
                   name);
    if (fetch->fd >= 0)
        close(fetch->fd);
    fetch->fd = open(fetch->path, O_RDONLY | O_CLOEXEC);
    fetch->open_seq = place->first_seq;
    if (fetch->fd >= 0)
        return FETCH_FOUND;
    if (errno == ENOENT)
        return FETCH_GONE;
    (void)error_set(err, "cannot open '%s': %s", fetch->path, strerrordesc_np(errno));
    return FETCH_FAILED;
}

/* The line at the offset, without its LF; empty when none ends there. */
static bool read_line(struct fetch *fetch, uint64_t offset, struct str *ret, struct error *err)
{
    struct buf *text = &fetch->text;
    buf_clear(text);
    *ret = (struct str){0};
    for (;;) {
        if (offset > INT64_MAX || !buf_reserve(text, PIECE_BYTES))
            return true; /* nowhere, or longer than any record: it is none */
        ssize_t got =
            pread(fetch->fd, text->data + text->len, PIECE_BYTES, (off_t)(offset + text->len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(err, "cannot read '%s': %s", fetch->path, strerrordesc_np(errno));
        const char *end = got ? memchr(text->data + text->len, '\n', (size_t)got) : NULL;
        text->len += (size_t)got;
        if (end || got == 0) {
            *ret = str_slice(buf_str(text), 0, end ? (size_t)(end - text->data) : 0);
            return true;
        }
    }
}

static enum fetch_result read_record(struct fetch *fetch, const struct place *place, uint64_t seq,
                                     uint64_t offset, struct fetched *ret, struct error *err)
{
    struct str line;
    struct chain_head head = {0};
    enum fetch_result opened = open_place(fetch, place, err);
    if (opened != FETCH_FOUND)
        return opened;
    if (!read_line(fetch, offset, &line, err))
        return FETCH_FAILED;
    const char *wrong = chain_check(&head, line, &ret->json);
    if (!wrong && head.seq != seq)
        wrong = "another record stands here";
    ret->file = fetch->path;
    ret->line_number = seq - place->first_seq + 1; /* a line each, without gaps */
    if (wrong) {
        (void)error_set(err, "%s:%llu: %s", ret->file, (unsigned long long)ret->line_number, wrong);
        return FETCH_DIFFERENT;
    }
    memcpy(ret->hash, head.hash, DIGEST_BYTES);
    return FETCH_FOUND;
}

/* A segment may have begun since they were listed, and the record be in that one. */
static bool is_in_newer(struct fetch *fetch, const struct place **place, uint64_t seq)
{
    struct error unused;
    uint64_t first_seq = (*place)->first_seq;
    bool is_last = *place == &fetch->places[fetch->place_count - 1];
    if (!is_last || !fetch_refresh(fetch, &unused))
        return false;
    *place = place_of(fetch, seq);
    return *place && (*place)->first_seq != first_seq;
}

enum fetch_result fetch_record(struct fetch *fetch, uint64_t seq, uint64_t offset,
                               struct fetched *ret, struct error *err)
{
    const struct place *place = place_of(fetch, seq);
    if (!place)
        return FETCH_GONE;
    enum fetch_result result = read_record(fetch, place, seq, offset, ret, err);
    if (result == FETCH_DIFFERENT && is_in_newer(fetch, &place, seq))
        result = read_record(fetch, place, seq, offset, ret, err);
    return result;
}
