/*
 * The audit journal: append-only segments of JSON lines, written by one thread, durable before
 * anybody is told so.
 *
 * A record is one line (audit.md 2.1): canonical JSON, TAB, 64 hex digits of SHA-256 over exactly
 * those JSON bytes, LF. The journal puts `seq` and `prev` (the hash of the record before) in front
 * of what it is given, so every line vouches for all lines before it. A segment is named after its
 * first record: 00000000000000000001.jsonl.
 *
 *     workers --append--> queue --one write, one fdatasync for all that waits--> done
 *
 * A record counts only when `done` said durable. What fails is cut off again, so that a record is
 * either acknowledged and in the file, or neither (a crash may leave one that nobody waited for).
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct journal;

struct journal_options {
    const char *directory;
    size_t segment_bytes; /* a new segment is begun when the next record would pass this */
    size_t max_waiting;   /* records that may wait to become durable */
};

/* What was found when the journal was opened. */
struct journal_recovery {
    uint64_t records;    /* in all segments that were read, here only the last one */
    uint64_t last_seq;   /* 0: the journal is new */
    uint64_t torn_bytes; /* cut from the end, kept beside it in torn_path */
    char torn_path[4096];
};

/* One record on its way. Lives in the caller's structure, untouched until `done` ran. */
struct journal_entry {
    struct str members; /* the record's members behind seq and prev: "kind":"decision",… */
    bool durable;       /* the fate, valid in `done` */

    /* Told on the journal's own thread, which must not be kept: pass it on (loop_post). The entry
     * is not touched afterwards. */
    void (*done)(void *arg);
    void *arg;
    struct journal_entry *next;
};

/*
 * Opens or makes the directory, locks it against a second gateway, checks the last segment, cuts a
 * torn tail (keeping the cut bytes in a file), and starts the thread. NULL with `err`.
 */
MUST_USE struct journal *journal_open(const struct journal_options *options,
                                      struct journal_recovery *recovery, struct error *err);

/*
 * Queues an entry. Any thread. False when too much is waiting already or the journal is closing:
 * then `done` will not run and nothing was recorded.
 */
MUST_USE bool journal_append(struct journal *journal, struct journal_entry *entry);

/* Appends one record and waits for its fate. Not for loops: it blocks. */
MUST_USE bool journal_append_wait(struct journal *journal, struct str members);

/* Writes what waits, ends the thread, closes. No append may follow. Accepts NULL. */
void journal_close(struct journal *journal);
