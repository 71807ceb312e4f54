/*
 * What the gateway counts, for metrics. One set for each thread that counts; a reader adds them up.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum counter {
#define COUNTER(name, metric, label, help) COUNTER_##name,
#include "base/counters.def"
#undef COUNTER
    COUNTERS,
};

struct counters {
    atomic_uint_fast64_t values[COUNTERS];
};

/* Only the owning thread counts; any thread may read. */
static inline void counters_count(struct counters *counters, enum counter counter)
{
    atomic_fetch_add_explicit(&counters->values[counter], 1, memory_order_relaxed);
}

static inline uint64_t counters_read(const struct counters *counters, enum counter counter)
{
    return atomic_load_explicit(&counters->values[counter], memory_order_relaxed);
}
