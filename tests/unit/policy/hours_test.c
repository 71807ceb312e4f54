/* Windows of a week: merging, edges, midnight, and the part of a block that fits. */
#include "policy/hours.h"

#include "test.h"

TEST(touching_windows_become_one)
{
    struct week_windows week = {0};
    assert_true(hours_add(&week, MONDAY, 9 * 60, 12 * 60));
    assert_true(hours_add(&week, MONDAY, 14 * 60, 18 * 60));
    assert_false(hours_contain(&week, MONDAY, 11 * 60, 15 * 60));
    assert_true(hours_add(&week, MONDAY, 12 * 60, 14 * 60));
    assert_true(hours_contain(&week, MONDAY, 9 * 60, 18 * 60));
    assert_int_equal(week.days[MONDAY].count, 1);
}

TEST(windows_with_a_gap_stay_apart)
{
    struct week_windows week = {0};
    assert_true(hours_add(&week, MONDAY, 721, 1080));
    assert_true(hours_add(&week, MONDAY, 540, 720));
    assert_int_equal(week.days[MONDAY].count, 2);
    assert_int_equal(week.days[MONDAY].items[0].opens_min, 540);
    assert_false(hours_contain(&week, MONDAY, 700, 740));
}

TEST(a_window_swallows_those_within_it)
{
    struct week_windows week = {0};
    for (int hour = 8; hour < 16; hour += 2)
        assert_true(hours_add(&week, MONDAY, hour * 60, hour * 60 + 30));
    assert_true(hours_add(&week, MONDAY, 9 * 60, 13 * 60));
    assert_int_equal(week.days[MONDAY].count, 3);
    assert_true(hours_contain(&week, MONDAY, 9 * 60, 13 * 60));
    assert_true(hours_add(&week, MONDAY, 0, MINUTES_PER_DAY));
    assert_int_equal(week.days[MONDAY].count, 1);
}

TEST(edges_belong_to_the_window)
{
    struct week_windows week = {0};
    assert_true(hours_add(&week, MONDAY, 540, 1080));
    assert_true(hours_contain(&week, MONDAY, 540, 1080));
    assert_false(hours_contain(&week, MONDAY, 539, 1080));
    assert_false(hours_contain(&week, MONDAY, 540, 1081));
    assert_false(hours_contain(&week, TUESDAY, 540, 1080));
}

TEST(a_window_across_midnight_continues_on_the_next_day)
{
    struct week_windows week = {0};
    assert_true(hours_add(&week, SUNDAY, 21 * 60, 2 * 60));
    assert_true(hours_contain(&week, SUNDAY, 21 * 60, MINUTES_PER_DAY));
    assert_true(hours_contain(&week, MONDAY, 0, 120));
    assert_false(hours_contain(&week, MONDAY, 0, 121));
}

TEST(a_window_that_ends_at_midnight_leaves_the_next_day_alone)
{
    struct week_windows week = {0};
    assert_true(hours_add(&week, MONDAY, 21 * 60, 0));
    assert_true(hours_contain(&week, MONDAY, 21 * 60, MINUTES_PER_DAY));
    assert_int_equal(week.days[TUESDAY].count, 0);
}

TEST(impossible_windows_are_refused)
{
    struct week_windows week = {0};
    assert_false(hours_add(&week, MONDAY, 60, 60));
    assert_false(hours_add(&week, MONDAY, 0, 0));
    assert_false(hours_add(&week, MONDAY, -1, 60));
    assert_false(hours_add(&week, MONDAY, 60, -1));
    assert_false(hours_add(&week, MONDAY, 0, 1441));
    assert_false(hours_add(&week, MONDAY, 1440, 60));
    assert_int_equal(week.days[MONDAY].count, 0);
}

TEST(a_full_day_takes_no_more_and_stays_as_it_was)
{
    struct week_windows week = {0};
    for (int i = 0; i < WINDOWS_PER_DAY; i++)
        assert_true(hours_add(&week, TUESDAY, 120 + i * 60, 150 + i * 60));
    assert_false(hours_add(&week, TUESDAY, 23 * 60, 23 * 60 + 30));
    assert_false(hours_add(&week, MONDAY, 23 * 60, 30)); /* would continue on Tuesday */
    assert_int_equal(week.days[TUESDAY].count, WINDOWS_PER_DAY);
    assert_int_equal(week.days[MONDAY].count, 0);
    assert_true(hours_add(&week, TUESDAY, 150, 180)); /* closes a gap, so there is room */
}

/* ---- the part that fits ---- */

TEST(the_longest_part_within_a_day_is_found)
{
    struct week_windows week = {0};
    struct window fit = {0};
    assert_true(hours_add(&week, MONDAY, 540, 720));
    assert_true(hours_add(&week, MONDAY, 780, 1080));
    assert_true(hours_longest_fit(&week, MONDAY, MONDAY, (struct window){480, 1200}, &fit));
    assert_int_equal(fit.opens_min, 780);
    assert_int_equal(fit.closes_min, 1080);
    assert_true(hours_longest_fit(&week, MONDAY, MONDAY, (struct window){600, 800}, &fit));
    assert_int_equal(fit.opens_min, 600);
    assert_int_equal(fit.closes_min, 720);
}

TEST(what_only_touches_a_window_does_not_fit)
{
    struct week_windows week = {0};
    struct window fit = {1, 2};
    assert_true(hours_add(&week, MONDAY, 540, 720));
    assert_false(hours_longest_fit(&week, MONDAY, MONDAY, (struct window){720, 800}, &fit));
    assert_false(hours_longest_fit(&week, TUESDAY, TUESDAY, (struct window){540, 720}, &fit));
    assert_int_equal(fit.opens_min, 1);
}

TEST(a_part_for_every_day_is_what_the_days_have_in_common)
{
    struct week_windows week = {0};
    struct window fit = {0};
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++)
        assert_true(hours_add(&week, day, 540 + (int)day * 10, 1080 - (int)day * 10));
    assert_true(hours_longest_fit(&week, MONDAY, SUNDAY, (struct window){0, 1439}, &fit));
    assert_int_equal(fit.opens_min, 600);
    assert_int_equal(fit.closes_min, 1020);
}

TEST(a_closed_day_leaves_nothing_in_common)
{
    struct week_windows week = {0};
    struct window fit;
    for (enum weekday day = MONDAY; day < SUNDAY; day++)
        assert_true(hours_add(&week, day, 0, MINUTES_PER_DAY));
    assert_false(hours_longest_fit(&week, MONDAY, SUNDAY, (struct window){540, 600}, &fit));
}

TEST(full_days_shifted_against_each_other_have_room)
{
    struct week_windows week = {0};
    struct window fit = {0};
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        for (int i = 0; i < WINDOWS_PER_DAY; i++)
            assert_true(hours_add(&week, day, i * 90 + (int)day, i * 90 + (int)day + 80));
    }
    assert_true(hours_longest_fit(&week, MONDAY, SUNDAY, (struct window){0, 1440}, &fit));
    assert_int_equal(fit.closes_min - fit.opens_min, 74);
}

/* ---- words ---- */

TEST(hours_are_described_for_people)
{
    struct week_windows week = {0};
    struct arena arena;
    arena_init(&arena, 1 << 16);
    EXPECT_STR(hours_describe(&week.days[MONDAY], &arena), "closed");
    assert_true(hours_add(&week, MONDAY, 0, 720));
    assert_true(hours_add(&week, MONDAY, 721, 1440));
    EXPECT_STR(hours_describe(&week.days[MONDAY], &arena), "12:00 AM - 12:00 PM, 12:01 PM - 24:00");
    arena_release(&arena);
    arena_init(&arena, 8);
    assert_null(hours_describe(&week.days[MONDAY], &arena).data);
}

TESTS(UNIT(touching_windows_become_one), UNIT(windows_with_a_gap_stay_apart),
      UNIT(a_window_swallows_those_within_it), UNIT(edges_belong_to_the_window),
      UNIT(a_window_across_midnight_continues_on_the_next_day),
      UNIT(a_window_that_ends_at_midnight_leaves_the_next_day_alone),
      UNIT(impossible_windows_are_refused), UNIT(a_full_day_takes_no_more_and_stays_as_it_was),
      UNIT(the_longest_part_within_a_day_is_found), UNIT(what_only_touches_a_window_does_not_fit),
      UNIT(a_part_for_every_day_is_what_the_days_have_in_common),
      UNIT(a_closed_day_leaves_nothing_in_common),
      UNIT(full_days_shifted_against_each_other_have_room), UNIT(hours_are_described_for_people))
