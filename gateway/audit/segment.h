/*
 * One file of the journal, and how lines are made and checked. Used by one thread at a time.
 *
 *     00000000000000000001.jsonl
 *     {"seq":1,"prev":"000…","kind":"segment",…}<TAB>hash<LF>
 *     {"seq":2,"prev":"9b1…","kind":"started",…}<TAB>hash<LF>
 *
 * Every file begins with a record of the kind "segment" (record.h), which holds all that is needed
 * to go on from there: whose journal it is, the Merkle tree's frontier, the decisions still open.
 */
#pragma once

#include <stdint.h>

#include "audit/digest.h"
#include "base/buf.h"
#include "base/error.h"

#define SEGMENT_NAME_SIZE 32

/* The longest line: a record, and seq, prev, braces, TAB and hash around its members. */
#define SEGMENT_LINE_BYTES (LIMIT_RECORD_BYTES + 256)

/* Where the chain stands: the last record's number and hash. */
struct chain_head {
    uint64_t seq;
    uint8_t hash[DIGEST_BYTES]; /* zeros before the first record */
};

/* Appends the record's line to `out` and moves the head. False when it did not fit: both are then
 * as before. `members` is what follows seq and prev. */
MUST_USE bool chain_append(struct chain_head *head, struct str members, struct buf *out);

/*
 * One line without its LF: checks the hash, the number and the link, then moves the head; NULL, or
 * what is wrong with it. The very first line checked may have any number and link when head->seq is
 * 0. *ret_json is the JSON text in `line`.
 */
MUST_USE const char *chain_check(struct chain_head *head, struct str line, struct str *ret_json);

/* "00000000000000000001.jsonl". */
void segment_name(uint64_t first_seq, char out[SEGMENT_NAME_SIZE]);

/* The first record's number from a segment's name; false for other names. */
MUST_USE bool segment_parse_name(const char *name, uint64_t *ret_first_seq);
