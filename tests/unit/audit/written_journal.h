/*
 * A journal as a test wants it, in a directory of its own: written with the functions that the
 * gateway uses, but line by line, so that anything can be wrong with it.
 */
#pragma once

#include <dirent.h>

#include "audit/checkpoint.h"
#include "audit/record.h"
#include "audit/segment.h"
#include "base/clock.h"
#include "base/limits.h"
#include "signing_test.h"

#define TEST_ORIGIN "campaign-gateway/test/0f1c"
#define TEST_TIME_MS 1795865400000 /* 2026-11-28T11:30:00Z */

struct written {
    char directory[64];
    struct chain_head head;
    struct merkle tree;
    const char *origin;
    struct signing_key *key;
    int64_t time_ms;   /* of the next record */
    uint64_t file_seq; /* of the open segment */
    struct str open[16];
    size_t open_count;
    char last_note[LIMIT_CHECKPOINT_BYTES + 1];
};

static inline void written_begin(struct written *w)
{
    *w = (struct written){.origin = TEST_ORIGIN, .time_ms = TEST_TIME_MS};
    strcpy(w->directory, "/tmp/written-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    w->key = test_key(SECRET_1);
}

static inline void written_empty(struct written *w)
{
    char command[200];
    (void)snprintf(command, sizeof(command), "rm -rf %s/*", w->directory);
    assert_int_equal(system(command), 0);
}

static inline void written_end(struct written *w)
{
    written_empty(w);
    assert_int_equal(rmdir(w->directory), 0);
    signing_key_free(w->key);
}

static inline void written_path(const struct written *w, uint64_t first_seq, char out[128])
{
    char name[SEGMENT_NAME_SIZE];
    segment_name(first_seq, name);
    (void)snprintf(out, 128, "%s/%s", w->directory, name);
}

static inline void written_put_line(struct written *w, struct str line)
{
    char path[128];
    written_path(w, w->file_seq, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, line.data, line.len), line.len);
    close(fd);
}

/* Any record: its members behind seq and prev. */
static inline void written_put(struct written *w, struct str members)
{
    struct buf line;
    buf_init(&line, SEGMENT_LINE_BYTES);
    assert_true(chain_append(&w->head, members, &line));
    assert_true(merkle_add(&w->tree, w->head.hash));
    written_put_line(w, buf_str(&line));
    buf_release(&line);
    w->time_ms += 100;
}

/* A note over all that is there, in *out, as a test may alter it. */
static inline struct checkpoint written_note(const struct written *w)
{
    struct checkpoint note = {
        .origin = str_from(w->origin), .size = w->tree.size, .time_unix_ms = w->time_ms};
    assert_true(merkle_root(&w->tree, note.root));
    return note;
}

static inline struct str written_sign(struct written *w, const struct checkpoint *note,
                                      const struct signing_key *key)
{
    struct buf text;
    buf_init(&text, LIMIT_CHECKPOINT_BYTES);
    assert_true(checkpoint_sign(note, key, &text));
    memcpy(w->last_note, text.data, text.len);
    w->last_note[text.len] = '\0';
    buf_release(&text);
    return str_from(w->last_note);
}

static inline void written_put_checkpoint(struct written *w, struct str note)
{
    struct buf members;
    buf_init(&members, 4 * LIMIT_CHECKPOINT_BYTES);
    record_checkpoint(w->time_ms, note, &members);
    written_put(w, buf_str(&members));
    buf_release(&members);
}

static inline void written_checkpoint(struct written *w)
{
    struct checkpoint note = written_note(w);
    written_put_checkpoint(w, written_sign(w, &note, w->key));
}

static inline struct segment_record written_segment_record(struct written *w)
{
    struct checkpoint note = written_note(w);
    struct segment_record record = {.time_unix_ms = w->time_ms,
                                    .source = str_from(w->origin),
                                    .tree = w->tree,
                                    .open = w->open,
                                    .open_count = w->open_count,
                                    .note = written_sign(w, &note, w->key)};
    memcpy(record.key, signing_key_public(w->key), SIGNING_PUBLIC_BYTES);
    return record;
}

static inline void written_put_segment(struct written *w, const struct segment_record *record)
{
    struct buf members;
    buf_init(&members, LIMIT_RECORD_BYTES);
    record_segment(record, &members);
    w->file_seq = w->head.seq + 1;
    written_put(w, buf_str(&members));
    buf_release(&members);
}

static inline void written_segment(struct written *w)
{
    struct segment_record record = written_segment_record(w);
    written_put_segment(w, &record);
}

/* Another key from here on. */
static inline void written_key(struct written *w, const char *secret_hex)
{
    struct signing_key *next = test_key(secret_hex);
    struct checkpoint note = written_note(w);
    struct buf members;
    note.has_successor = true;
    memcpy(note.successor, signing_key_public(next), SIGNING_PUBLIC_BYTES);
    buf_init(&members, 4 * LIMIT_CHECKPOINT_BYTES);
    record_key(w->time_ms, note.successor, written_sign(w, &note, w->key), &members);
    written_put(w, buf_str(&members));
    buf_release(&members);
    signing_key_free(w->key);
    w->key = next;
}

static inline void written_format(struct written *w, const char *format, ...) PRINTF_LIKE(2, 3);
static inline void written_format(struct written *w, const char *format, ...)
{
    char members[1000], time[CLOCK_UTC_SIZE], all[1100];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(members, sizeof(members), format, args);
    va_end(args);
    clock_format_utc(w->time_ms, time);
    (void)snprintf(all, sizeof(all), "%s,\"time\":\"%s\"", members, time);
    written_put(w, str_from(all));
}

static inline void written_decision(struct written *w, const char *id, const char *verdict)
{
    written_format(w, "\"kind\":\"decision\",\"id\":\"%s\",\"verdict\":\"%s\"", id, verdict);
}

static inline void written_outcome(struct written *w, const char *id, const char *created)
{
    written_format(w, "\"kind\":\"outcome\",\"id\":\"%s\",\"created\":\"%s\"", id, created);
}

static inline void written_other(struct written *w)
{
    written_format(w, "\"kind\":\"other\"");
}
