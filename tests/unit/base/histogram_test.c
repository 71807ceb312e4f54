/* Every value is in one bucket: the first that is large enough. */
#include "base/histogram.h"

#include "test.h"

static struct histogram histogram;

static void observe(const struct histogram_scale *scale, int64_t value)
{
    histogram = (struct histogram){0};
    histogram_observe(&histogram, scale, value);
}

static size_t bucket(void)
{
    size_t found = 0, at = 0;
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        if (histogram.buckets[i])
            at = i;
        found += histogram.buckets[i];
    }
    assert_int_equal(found, 1);
    return at;
}

TEST(a_bound_belongs_to_its_bucket_and_one_more_to_the_next)
{
    const struct histogram_scale *scales[] = {&histogram_durations, &histogram_numbers};
    for (size_t s = 0; s < COUNT_OF(scales); s++) {
        for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
            observe(scales[s], scales[s]->bounds[i]);
            assert_int_equal(bucket(), i);
            observe(scales[s], scales[s]->bounds[i] + 1);
            assert_int_equal(bucket(), i + 1);
        }
    }
}

TEST(bounds_ascend_and_are_told_as_what_they_are)
{
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        double seconds = (double)histogram_durations.bounds[i] / 1e6;
        assert_true(i == 0 || histogram_durations.bounds[i - 1] < histogram_durations.bounds[i]);
        assert_true(i == 0 || histogram_numbers.bounds[i - 1] < histogram_numbers.bounds[i]);
        assert_true(strtod(histogram_durations.texts[i], NULL) == seconds);
        assert_true(strtod(histogram_numbers.texts[i], NULL) ==
                    (double)histogram_numbers.bounds[i]);
    }
}

TEST(a_clock_that_went_back_counts_as_no_time)
{
    observe(&histogram_durations, -5);
    assert_int_equal(bucket(), 0);
    assert_int_equal(histogram.sum, 0);
}

TEST(sums_are_added_up)
{
    struct histogram all = {0};
    observe(&histogram_numbers, 3);
    histogram_add(&all, &histogram);
    observe(&histogram_numbers, 1000000);
    histogram_add(&all, &histogram);
    assert_int_equal(all.sum, 1000003);
    assert_int_equal(all.buckets[2] + all.buckets[HISTOGRAM_BOUNDS], 2);
}

TESTS(UNIT(a_bound_belongs_to_its_bucket_and_one_more_to_the_next),
      UNIT(bounds_ascend_and_are_told_as_what_they_are),
      UNIT(a_clock_that_went_back_counts_as_no_time), UNIT(sums_are_added_up))
