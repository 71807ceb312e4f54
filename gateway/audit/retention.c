#include "audit/retention.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/reader.h"
#include "base/clock.h"
#include "base/json_read.h"
#include "base/limits.h"

/* The two oldest segments: their first records. 0: there is none. */
struct oldest {
    uint64_t first, second;
};

static void consider(struct oldest *oldest, uint64_t seq)
{
    if (seq == oldest->first || seq == oldest->second)
        return; /* also in the other directory */
    if (oldest->first == 0 || seq < oldest->first) {
        oldest->second = oldest->first;
        oldest->first = seq;
    } else if (oldest->second == 0 || seq < oldest->second) {
        oldest->second = seq;
    }
}

static bool find_oldest(const struct retention *retention, struct oldest *ret, struct error *err)
{
    *ret = (struct oldest){0};
    for (size_t i = 0; i < retention->directory_count; i++) {
        DIR *dir = opendir(retention->directories[i]);
        if (!dir)
            return error_set(err, "cannot read the directory '%s': %s", retention->directories[i],
                             strerrordesc_np(errno));
        for (struct dirent *entry; (entry = readdir(dir));) {
            uint64_t seq;
            if (segment_parse_name(entry->d_name, &seq))
                consider(ret, seq);
        }
        closedir(dir);
    }
    return true;
}

/* When the segment was begun, and so the one before it closed. False with `err`, also when its
 * first record is not there yet. */
static bool read_begin(const struct retention *retention, uint64_t seq, int64_t *ret_unix_ms,
                       struct error *err)
{
    const struct reader_options options = {.directories = retention->directories,
                                           .directory_count = retention->directory_count,
                                           .from_seq = seq};
    struct reader_record record;
    struct json_fault fault;
    struct arena arena;
    struct reader *reader = reader_open(&options, err);
    if (!reader)
        return false;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    enum reader_result result = reader_next(reader, &record, err);
    const struct json_value *json =
        result == READER_RECORD ? json_read(record.json, &arena, &fault) : NULL;
    const struct json_value *time =
        json && json_kind(json) == JSON_KIND_OBJECT ? json_member(json, STR("time")) : NULL;
    bool fine = time && json_kind(time) == JSON_KIND_STRING && record.head.seq == seq &&
                clock_parse_utc(json_string(time), ret_unix_ms);
    if (!fine && (result == READER_RECORD || result == READER_END))
        (void)error_set(err, "the segment with record %llu does not begin with its time",
                        (unsigned long long)seq);
    arena_release(&arena);
    reader_close(reader);
    return fine;
}

/* In whichever directory it is. A name that survives a power cut is only deleted again. */
static bool remove_segment(const struct retention *retention, uint64_t seq,
                           void (*deleted)(void *arg, const char *path), void *arg,
                           struct error *err)
{
    char name[SEGMENT_NAME_SIZE], path[4096];
    segment_name(seq, name);
    for (size_t i = 0; i < retention->directory_count; i++) {
        const char *directory = retention->directories[i];
        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        if (unlink(path) != 0) {
            if (errno == ENOENT)
                continue;
            return error_set(err, "cannot delete '%s': %s", path, strerrordesc_np(errno));
        }
        int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool kept = fd >= 0 && fsync(fd) == 0;
        if (fd >= 0)
            close(fd);
        deleted(arg, path);
        if (!kept)
            return error_set(err, "cannot make durable that '%s' was deleted: %s", path,
                             strerrordesc_np(errno));
    }
    return true;
}

bool retention_run(const struct retention *retention, int64_t now_unix_ms,
                   void (*deleted)(void *arg, const char *path), void *arg, struct error *err)
{
    struct oldest oldest;
    int64_t closed_unix_ms;
    for (;;) {
        if (!find_oldest(retention, &oldest, err))
            return false;
        if (oldest.second == 0 || oldest.second > retention->confirmed_seq)
            return true;
        if (!read_begin(retention, oldest.second, &closed_unix_ms, err))
            return false;
        if (now_unix_ms - closed_unix_ms < retention->hold_ms)
            return true;
        if (!remove_segment(retention, oldest.first, deleted, arg, err))
            return false;
    }
}
