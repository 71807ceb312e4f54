/*
 * Recomputes a journal, record by record: the Merkle tree, every signed note, every change of keys,
 * and whether what the records say fits together. Where the lines come from is the caller's affair:
 *
 *     reader.h (files)  ----------.
 *                                  `--> chain_check --> verify_take, verify_take, … --> verify_end
 *     central.h (rows of a source) -'
 *
 * Two kinds of things can be wrong. A journal is *broken* where a record is not what was signed:
 * nothing behind that place means anything, and that is the end. A *finding* is what is told of and
 * passed by: a campaign with two outcomes, a capture that was altered, checkpoints that are
 * missing.
 *
 * Not detected, by design: what was cut off behind the last note, unless a note that was kept
 * elsewhere is expected; and whatever the holder of the key signs.
 */
#pragma once

#include "audit/checkpoint.h"
#include "audit/merkle.h"
#include "audit/pinned_keys.h"
#include "audit/promise.h"
#include "audit/segment.h"
#include "base/clock.h"

struct verify;

/* A note that was kept elsewhere: the journal must reach it, and be what it says. */
struct verify_expected {
    const char *name; /* where it was kept, for sentences */
    struct str note;
    struct checkpoint says; /* what checkpoint_parse found in it */
};

struct verify_options {
    const struct pinned_keys
        *pinned; /* NULL: the keys that the journal itself names are believed */
    const struct verify_expected *expected;
    size_t expected_count;
    struct promise promise;         /* what stands beside the journal; or zeros */
    const char *const *directories; /* where captures are; none: they are not looked at */
    size_t directory_count;

    void (*finding)(void *arg, const char *sentence);
    merkle_seen *seen; /* for merkle_add_seen; or NULL */
    void *arg;
};

/* One record, whose hash, number and link were checked already. */
struct verify_record {
    struct str json;
    struct chain_head head;
    bool begins_file;
    bool has_file; /* false: it comes from a database, where files do not show */
};

/* Lives until verify_free, the views too. `options` must live as long. NULL: memory is out. */
struct verify *verify_new(const struct verify_options *options);
void verify_free(struct verify *verify); /* accepts NULL */

/* The next record. False with `err`, a sentence without a place: the journal is broken here. */
MUST_USE bool verify_take(struct verify *verify, const struct verify_record *record,
                          struct error *err);

/* After the last record: what must be true of the whole. False with `err`, as above. */
MUST_USE bool verify_end(struct verify *verify, struct error *err);

/* The tree over all records so far; before the first one, of no use. */
const struct merkle *verify_tree(const struct verify *verify);

struct verify_key {
    uint8_t public_key[SIGNING_PUBLIC_BYTES];
    uint64_t first_size, last_size; /* of the notes it signed */
    uint64_t notes;
    int64_t first_unix_ms, last_unix_ms;
};

struct verify_report {
    struct str origin;
    uint64_t first_seq, last_seq; /* 0: there is no record */
    uint64_t records, segments;
    uint64_t notes; /* checkpoints, those in segment and key records included; all valid */
    char first_time[CLOCK_UTC_SIZE], last_time[CLOCK_UTC_SIZE]; /* of records; or empty */

    struct str last_note; /* empty: there is none */
    uint64_t last_note_size;
    int64_t last_note_unix_ms;
    uint64_t uncovered; /* records that are under no note yet */

    const struct verify_key *keys; /* that signed, in order */
    size_t key_count;

    uint64_t allowed, denied; /* decisions */
    uint64_t outcomes;
    uint64_t open;    /* allowed, and nothing says yet what became of it */
    uint64_t unknown; /* the outcome says that it is not known whether it was created */
    uint64_t captures, captures_missing; /* named; of them, the file is gone */
    uint64_t findings;
};

/* What was counted so far. */
const struct verify_report *verify_report(const struct verify *verify);
