/*
 * How values are spread, for metrics: how many were at most so large. Any thread may observe and
 * read; a reader may find a value in its bucket and not yet in the sum.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS 19

/* What the buckets are: at most `bounds`, ascending; `texts` is how metrics write them. */
struct histogram_scale {
    int64_t bounds[HISTOGRAM_BOUNDS];
    const char *texts[HISTOGRAM_BOUNDS];
};

extern const struct histogram_scale histogram_durations; /* microseconds, told in seconds */
extern const struct histogram_scale histogram_numbers;

struct histogram {
    atomic_uint_fast64_t buckets[HISTOGRAM_BOUNDS + 1]; /* each by itself; the last: all beyond */
    atomic_uint_fast64_t sum;
};

/* What is below zero counts as zero. */
void histogram_observe(struct histogram *histogram, const struct histogram_scale *scale,
                       int64_t value);

/* Adds all of `from` to `into`. */
void histogram_add(struct histogram *into, const struct histogram *from);
