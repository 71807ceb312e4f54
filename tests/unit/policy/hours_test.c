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

static void expect_windows(const struct day_windows *day, const char *described)
{
    struct arena arena;
    arena_init(&arena, 4096);
    EXPECT_STR(hours_describe(day, &arena), described);
    arena_release(&arena);
}

TEST(what_is_open_of_a_block_is_all_its_parts)
{
    struct week_windows week = {0};
    assert_true(hours_add(&week, MONDAY, 540, 720));
    assert_true(hours_add(&week, MONDAY, 780, 1080));
    struct day_windows all = {{{480, 1200}}, 1}, some = {{{600, 800}}, 1};
    hours_intersect_day(&all, &week.days[MONDAY]);
    expect_windows(&all, "9:00 AM - 12:00 PM, 1:00 PM - 6:00 PM");
    hours_intersect_day(&some, &week.days[MONDAY]);
    expect_windows(&some, "10:00 AM - 12:00 PM, 1:00 PM - 1:20 PM");
}

TEST(what_only_touches_a_window_is_not_open)
{
    struct week_windows week = {0};
    assert_true(hours_add(&week, MONDAY, 540, 720));
    struct day_windows behind = {{{720, 800}}, 1}, closed = {{{540, 720}}, 1};
    hours_intersect_day(&behind, &week.days[MONDAY]);
    hours_intersect_day(&closed, &week.days[TUESDAY]);
    expect_windows(&behind, "closed");
    expect_windows(&closed, "closed");
}

TEST(two_weeks_have_in_common_what_both_open)
{
    struct week_windows week = {0}, with = {0};
    assert_true(hours_add(&week, MONDAY, 540, 720));
    assert_true(hours_add(&week, MONDAY, 780, 1080));
    assert_true(hours_add(&week, TUESDAY, 540, 720));
    assert_true(hours_add(&with, MONDAY, 600, 900));
    hours_intersect(&week, &with);
    expect_windows(&week.days[MONDAY], "10:00 AM - 12:00 PM, 1:00 PM - 3:00 PM");
    expect_windows(&week.days[TUESDAY], "closed");
}

TEST(more_pieces_than_there_is_room_for_are_closed)
{
    struct day_windows day = {0}, with = {0};
    for (int i = 0; i < WINDOWS_PER_DAY; i++) {
        day.items[day.count++] = (struct window){i * 90, i * 90 + 80};
        with.items[with.count++] = (struct window){i * 90 + 40, i * 90 + 125};
    }
    with.items[WINDOWS_PER_DAY - 1].closes_min = MINUTES_PER_DAY;
    hours_intersect_day(&day, &with);
    assert_int_equal(day.count, WINDOWS_PER_DAY);
    assert_true(day.items[WINDOWS_PER_DAY - 1].closes_min < MINUTES_PER_DAY);
}

TEST(another_clock_sees_the_week_shifted_as_a_ring)
{
    struct week_windows week = {0}, seen;
    assert_true(hours_add(&week, MONDAY, 540, 1020));
    assert_true(hours_add(&week, SUNDAY, 1200, MINUTES_PER_DAY));
    hours_shift(&week, 0, &seen);
    assert_memory_equal(&seen, &week, sizeof(week));
    hours_shift(&week, 300, &seen); /* five hours ahead */
    expect_windows(&seen.days[MONDAY], "1:00 AM - 5:00 AM, 2:00 PM - 10:00 PM");
    expect_windows(&seen.days[SUNDAY], "closed");
    hours_shift(&week, -630, &seen); /* ten and a half behind */
    expect_windows(&seen.days[MONDAY], "12:00 AM - 6:30 AM");
    expect_windows(&seen.days[SUNDAY], "9:30 AM - 1:30 PM, 10:30 PM - 24:00");
    hours_shift(&week, 14 * 60, &seen);
    expect_windows(&seen.days[MONDAY], "10:00 AM - 2:00 PM, 11:00 PM - 24:00");
    expect_windows(&seen.days[TUESDAY], "12:00 AM - 7:00 AM");
}

TEST(a_span_of_the_week_is_narrowed_and_the_rest_stays)
{
    struct week_windows week = {0}, with = {0};
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++)
        assert_true(hours_add(&week, day, 540, 1080));
    assert_true(hours_add(&with, SUNDAY, 600, 660));
    hours_intersect_during(&week, &with, SUNDAY * MINUTES_PER_DAY + 570, 120);
    expect_windows(&week.days[SUNDAY],
                   "9:00 AM - 9:30 AM, 10:00 AM - 11:00 AM, 11:30 AM - 6:00 PM");
    expect_windows(&week.days[MONDAY], "9:00 AM - 6:00 PM");
    hours_intersect_during(&week, &with, SUNDAY * MINUTES_PER_DAY + 1000, 1440);
    expect_windows(&week.days[SUNDAY],
                   "9:00 AM - 9:30 AM, 10:00 AM - 11:00 AM, 11:30 AM - 4:40 PM");
    expect_windows(&week.days[MONDAY], "4:40 PM - 6:00 PM"); /* around the ring */
    hours_intersect_during(&week, &with, 0, MINUTES_PER_WEEK);
    expect_windows(&week.days[SUNDAY], "10:00 AM - 11:00 AM");
    expect_windows(&week.days[TUESDAY], "closed");
}

TEST(a_whole_week_stays_whole_by_any_clock)
{
    struct week_windows week = {0}, seen;
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++)
        assert_true(hours_add(&week, day, 0, MINUTES_PER_DAY));
    for (int ahead_min = -1560; ahead_min <= 1560; ahead_min += 15) {
        hours_shift(&week, ahead_min, &seen);
        assert_memory_equal(&seen, &week, sizeof(week));
    }
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
      UNIT(what_is_open_of_a_block_is_all_its_parts), UNIT(what_only_touches_a_window_is_not_open),
      UNIT(two_weeks_have_in_common_what_both_open),
      UNIT(more_pieces_than_there_is_room_for_are_closed),
      UNIT(another_clock_sees_the_week_shifted_as_a_ring),
      UNIT(a_span_of_the_week_is_narrowed_and_the_rest_stays),
      UNIT(a_whole_week_stays_whole_by_any_clock), UNIT(hours_are_described_for_people))
