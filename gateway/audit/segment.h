/*
 * One file of the journal, and how lines are made and checked. Used by one thread at a time.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define SEGMENT_HASH_HEX 64
#define SEGMENT_NAME_SIZE 32

/* Where the chain stands: the last record's number and hash. */
struct chain_head {
    uint64_t seq;
    char hash[SEGMENT_HASH_HEX + 1]; /* zeros before the first record */
};

/* The chain before any record. */
struct chain_head chain_start(void);

/* Appends the record's line to `out` and moves the head. False when it did not fit: both are then
 * as before. `members` is what follows seq and prev. */
MUST_USE bool chain_append(struct chain_head *head, struct str members, struct buf *out);

/* One line without its LF: checks the hash, the number and the link; then moves the head. The very
 * first line checked may have any number and link when head->seq is 0. */
MUST_USE bool chain_check(struct chain_head *head, struct str line);

/* "00000000000000000001.jsonl". */
void segment_name(uint64_t first_seq, char out[SEGMENT_NAME_SIZE]);

/* The first record's number from a segment's name; false for other names. */
MUST_USE bool segment_parse_name(const char *name, uint64_t *ret_first_seq);

/*
 * Checks a whole segment from the file: *head becomes its last good record, *good_bytes how far
 * the good lines reach. False with `err` only when the file cannot be read.
 */
MUST_USE bool segment_scan(int fd, struct chain_head *head, uint64_t *good_bytes, uint64_t *records,
                           struct error *err);
