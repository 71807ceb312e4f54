/*
 * Which records of a block something holds for: a set of numbers below 32,768, kept as small as it
 * goes. Pure.
 *
 * A set is written as its numbers' differences (7 bits to a byte, the lowest first), or, when
 * that would not be shorter, as 4,096 bytes with one bit a number: few take a byte or three each,
 * many an eighth of a byte. Bit i is the bit i % 8 of the byte i / 8.
 *
 * While an index is built, postings are 64-bit numbers: what they are about in the upper 48 bits,
 * the record in the lower 16.
 */
#pragma once

#include "base/buf.h"

#define POSTINGS_BLOCK 32768
#define POSTINGS_BYTES (POSTINGS_BLOCK / 8)

struct postings {
    uint8_t bits[POSTINGS_BYTES];
};

static inline bool postings_have(const struct postings *set, size_t number)
{
    return set->bits[number / 8] >> number % 8 & 1;
}

static inline void postings_put(struct postings *set, size_t number)
{
    set->bits[number / 8] |= (uint8_t)(1 << number % 8);
}

/* From `first` up to `last`, both included and below 32,768. */
void postings_put_range(struct postings *set, size_t first, size_t last);

/* Keeps what both have; how many numbers are left. */
size_t postings_keep(struct postings *set, const struct postings *other);

size_t postings_count(const struct postings *set);

/* The first number in the set that is at least `from`, or the last that is at most `from`; -1 when
 * there is none. */
int postings_next(const struct postings *set, int from);
int postings_previous(const struct postings *set, int from);

/* ---- written ---- */

/* Appends what the lower 16 bits of `sorted` say; a number may stand there several times. */
void postings_write(const uint64_t *sorted, size_t count, struct buf *out);

/* The same for a whole set. */
void postings_write_set(const struct postings *set, struct buf *out);

/* Adds what is written. False when it is not a written set; some of it may then have been added. */
MUST_USE bool postings_add_written(struct postings *set, struct str written);

/* Sorts; `scratch` is as large as `items`. The time does not depend on what the numbers are. */
void postings_sort(uint64_t *items, uint64_t *scratch, size_t count);
