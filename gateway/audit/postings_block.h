/*
 * Collects the postings of one block while an index is built. Pure.
 *
 * Most postings of a record are about the same few hundred things: those get a set of their own and
 * a bit each. The others are kept as they come and sorted in the end.
 */
#pragma once

#include "audit/postings.h"

#define TERM_BITS 44 /* what a posting is about; see terms.h */

struct postings_block;

MUST_USE struct postings_block *postings_block_new(void); /* NULL: no memory */
void postings_block_free(struct postings_block *block);   /* accepts NULL */

/* Record `number` of the block has the term; to be said any number of times. */
void postings_block_add(struct postings_block *block, uint64_t term, size_t number);

/* So many are kept that they should be written now. */
bool postings_block_is_full(const struct postings_block *block);

/* One was lost, for want of memory. */
bool postings_block_has_failed(const struct postings_block *block);

/*
 * Calls `found` once for each term, until it answers false; then the block is empty. `set` is NULL
 * where the lower 16 bits of `sorted` say it. False when `found` did, or memory ran out.
 */
struct postings_found {
    uint64_t term;
    const struct postings *set;
    const uint64_t *sorted;
    size_t count;
};
MUST_USE bool postings_block_take(struct postings_block *block,
                                  bool (*found)(void *arg, const struct postings_found *postings),
                                  void *arg);
