/*
 * The audit journal: append-only segments of JSON lines, written by one thread, durable before
 * anybody is told so.
 *
 * A record is one line (segment.h): canonical JSON, TAB, SHA-256 over exactly those JSON bytes, LF.
 * The journal puts `seq` and `prev` in front of what it is given, so every line vouches for all
 * lines before it; and it adds records of its own: "segment" at the beginning of each file, a
 * signed "checkpoint" every second of activity, every 1,000 records and every ten idle minutes.
 *
 *     workers --append--> queue --one write, one fdatasync for all that waits--> done
 *                                     |                                          ^
 *                          DIRECTORY/durable, which wakes `audit ship`           |
 *                                     `-- central: DIRECTORY/receipt says so ----'
 *
 * A record counts only when `done` said durable. What fails is cut off again. What a hanging disk
 * may have written after its time was over, and what the central database did not confirm in time,
 * is taken back by a record "outcome: retracted", because whoever waited was told that it failed.
 */
#pragma once

#include <stdint.h>

#include "audit/digest.h"
#include "base/error.h"
#include "base/histogram.h"
#include "base/str.h"

struct journal;

struct journal_state;

struct journal_options {
    const char *directory;
    const char *second_directory; /* takes over while the first cannot be written; or NULL */
    const char *source;           /* what this gateway is called; an id of its own is added */
    const char *signing_key;      /* a file; NULL: DIRECTORY/signing.key, made when missing */
    size_t segment_bytes;         /* a new segment is begun when the next record would pass this */
    int64_t segment_ms;           /* or when the open one is as old as this */
    size_t max_waiting;           /* records that may wait to become durable */
    int64_t write_timeout_ms;     /* until a write that does not return has failed */
    bool central;                 /* a decision counts when the central database has confirmed it */
    bool ships;                   /* receipts are looked at; so they are when `central` */
    int64_t central_timeout_ms;
    size_t passing_requests; /* that pass while no record can be made durable; 0: none */
    int64_t passing_ms;      /* and no longer than this */

    /* Told, within moments and on a thread of the journal, when `failing`, `unconfirmed`,
     * `space_is_low` or `directory` are others than before. Or NULL. */
    void (*changed)(void *arg, const struct journal_state *before, const struct journal_state *now);
    void *arg;
};

/* What was found when the journal was opened. */
struct journal_recovery {
    uint64_t records;    /* in all segments that were read, here only the last one */
    uint64_t last_seq;   /* 0: the journal is new */
    uint64_t torn_bytes; /* cut from the end, kept beside it in torn_path */
    char torn_path[4096];
    uint64_t open_intents; /* decisions that a former run forwarded, or may have, without outcome */
};

/* How a record ended. */
enum journal_fate {
    JOURNAL_FAILED,
    JOURNAL_DURABLE,
    JOURNAL_DEGRADED, /* not durable, kept in memory, and permitted to pass all the same */
};

/* One record on its way. Lives in the caller's structure, untouched until `done` ran. */
struct journal_entry {
    struct str members; /* the record's members behind seq and prev: "kind":"decision",… */

    /* The decision that this record leaves open, until its outcome; whose outcome it is; of which
     * it says that nobody knows. Empty where it does not. What opens nothing counts once it is
     * durable here, also where others await a receipt. */
    struct str opens, closes, orphans;
    bool firm; /* durable or failed: may never pass without being either */

    /* A file to keep beside the journal, durable before the record, in the same directory:
     * captures/2026-11-28/ID.cms. Or empty. */
    struct str attachment, attachment_name;

    enum journal_fate fate; /* valid in `done` */

    /* Told on a thread of the journal, which must not be kept: pass it on (loop_post). The entry
     * is not touched afterwards. It may run before journal_append returns. */
    void (*done)(void *arg);
    void *arg;

    /* the journal's own */
    struct journal_entry *next;
    uint64_t seq;
    int64_t queued_us;
};

/*
 * Opens or makes the directory, locks it against a second gateway, checks the last segment, cuts a
 * torn tail (keeping the cut bytes in a file), and starts the threads. NULL with `err`.
 */
MUST_USE struct journal *journal_open(const struct journal_options *options,
                                      struct journal_recovery *recovery, struct error *err);

/*
 * Queues an entry. Any thread. False when too much is waiting already, the disk hangs, or the
 * journal is closing: then `done` will not run and nothing was recorded.
 */
MUST_USE bool journal_append(struct journal *journal, struct journal_entry *entry);

/* Appends one record and waits for its fate. Not for loops: it blocks. True: durable. */
MUST_USE bool journal_append_wait(struct journal *journal, struct str members, struct str closes);

/* For metrics and status. Any thread. */
#define JOURNAL_DIRECTORIES 2

struct journal_state {
    bool failing;          /* the last write failed, or hangs */
    bool unconfirmed;      /* the central database does not confirm in time */
    bool denying;          /* because of either, an allowed request is refused: none may pass */
    bool space_is_low;     /* no room could be reserved for more */
    const char *directory; /* where the open segment is, or the last one was */
    uint64_t last_seq, receipt_seq;
    char last_hash[DIGEST_HEX_SIZE]; /* of the record last_seq; with it all before it are known */
    const char *origin;              /* what checkpoints call the journal */
    uint64_t checkpoint_seq;         /* records under the last checkpoint */
    uint64_t open_intents;           /* decisions that no request under way will close any more */
    uint64_t passed;                 /* allowed without a durable record, until it is written */
    uint64_t retracted;              /* decisions taken back, since the start */
    uint64_t waiting;                /* records whose fate is not known */
    int64_t checkpoint_us;           /* when the last checkpoint was made, or the journal opened;
                                        CLOCK_MONOTONIC */
    bool ships;           /* records are to be confirmed: receipt_seq and this mean something */
    int64_t unshipped_us; /* how long the oldest record has waited for its receipt */
    struct journal_space {
        const char *directory;          /* NULL: there is none */
        uint64_t free_bytes, all_bytes; /* of its file system, some seconds ago; 0: not known */
    } space[JOURNAL_DIRECTORIES];
    struct error why; /* while it is failing or unconfirmed; otherwise empty */
};
void journal_state(struct journal *journal, struct journal_state *ret);

/* Of durations in microseconds, and of numbers. */
struct journal_histograms {
    struct histogram append;  /* of a record that counts: from journal_append until it was told */
    struct histogram write;   /* of one batch that became durable: all calls for it */
    struct histogram records; /* in such a batch */
};

/* Any thread, as long as the journal is open. */
const struct journal_histograms *journal_histograms(const struct journal *journal);

/* Calls `found` with each of the open intents. Any thread; it must be quick and not call back. */
void journal_each_open(struct journal *journal, void (*found)(void *arg, struct str id), void *arg);

/* Whether it is one of them. Any thread. */
MUST_USE bool journal_is_open(struct journal *journal, struct str id);

/*
 * Writes what waits, ends the threads, closes. No append may follow. Accepts NULL. When the disk
 * hangs longer than write_timeout_ms, it returns all the same; the process is then to end.
 */
void journal_close(struct journal *journal);
