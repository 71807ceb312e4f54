/*
 * How often each combination of labels occurred: metrics with more than one label.
 *
 * One thread counts, without locks; any thread may read at the same time. Labels are strings that
 * live as long as the process: literals, rows of tables, interned names. So counting compares
 * pointers; equal texts at different addresses are put together when breakdowns are added up.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define BREAKDOWN_LABELS 4
#define BREAKDOWN_SLOTS                                                                            \
    1024 /* a power of two: 40 KB; of which three quarters are filled at most                      \
          */

struct breakdown_slot {
    const char *labels[BREAKDOWN_LABELS]; /* not touched any more once `count` is not 0 */
    atomic_uint_fast64_t count;
};

struct breakdown {
    struct breakdown_slot slots[BREAKDOWN_SLOTS];
    uint32_t used;              /* the counting thread's own */
    atomic_uint_fast64_t other; /* of combinations that found no room */
};

/* Counts one. Labels that are not used are NULL. `breakdown` begins zeroed. */
void breakdown_count(struct breakdown *breakdown, const char *const labels[BREAKDOWN_LABELS]);

/* Adds what another thread has counted. */
void breakdown_add(struct breakdown *into, const struct breakdown *from);
