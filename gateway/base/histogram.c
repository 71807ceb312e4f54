#include "base/histogram.h"

/* From a verdict without I/O to the longest that anybody waits. */
const struct histogram_scale histogram_durations = {
    .bounds = {50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
               1000000, 2500000, 5000000, 10000000, 30000000, 60000000},
    .texts = {"5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
              "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0"},
};

const struct histogram_scale histogram_numbers = {
    .bounds = {1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000, 2000},
    .texts = {"1.0", "2.0", "3.0", "4.0", "5.0", "7.0", "10.0", "15.0", "20.0", "30.0", "50.0",
              "70.0", "100.0", "150.0", "200.0", "300.0", "500.0", "1000.0", "2000.0"},
};

static void add(atomic_uint_fast64_t *to, uint64_t value)
{
    atomic_fetch_add_explicit(to, value, memory_order_relaxed);
}

void histogram_observe(struct histogram *histogram, const struct histogram_scale *scale,
                       int64_t value)
{
    size_t bucket = 0;
    if (value < 0)
        value = 0;
    while (bucket < HISTOGRAM_BOUNDS && value > scale->bounds[bucket])
        bucket++;
    add(&histogram->buckets[bucket], 1);
    add(&histogram->sum, (uint64_t)value);
}

void histogram_add(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        add(&into->buckets[i], atomic_load_explicit(&from->buckets[i], memory_order_relaxed));
    add(&into->sum, atomic_load_explicit(&from->sum, memory_order_relaxed));
}
