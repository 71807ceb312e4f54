/*
 * Wall-clock windows of a week and how blocks fit into them (policy.md D3).
 *
 * Windows are half-open minutes [open, close) of one weekday; touching and overlapping ones are
 * merged, so a block may span two adjacent windows. A window that crosses midnight is stored as
 * two. Everything is wall clock in the campaign's own zone, so daylight saving needs no arithmetic.
 */
#pragma once

#include "base/arena.h"
#include "campaign/campaign.h"

struct window {
    int opens_min;  /* 0..1439 */
    int closes_min; /* 1..1440, greater than opens_min */
};

#define WINDOWS_PER_DAY 16

/* Sorted, disjoint and not touching. */
struct day_windows {
    struct window items[WINDOWS_PER_DAY];
    size_t count;
};

struct week_windows {
    struct day_windows days[WEEKDAYS];
};

/*
 * Adds a window; one with closes_min <= opens_min crosses midnight and continues on the next day
 * (Sunday's on Monday). Equal ends, values outside 0..1440, or no room left: false, and the week
 * is as before.
 */
MUST_USE bool hours_add(struct week_windows *week, enum weekday day, int opens_min, int closes_min);

/* True when [start, end) lies inside one window of the day; equal edges are inside. */
bool hours_contain(const struct week_windows *week, enum weekday day, int start_min, int end_min);

/* What is open in both days. More than WINDOWS_PER_DAY pieces: the last ones count as closed. */
void hours_intersect_day(struct day_windows *day, const struct day_windows *with);
void hours_intersect(struct week_windows *week, const struct week_windows *with);

#define MINUTES_PER_WEEK (WEEKDAYS * MINUTES_PER_DAY)

/*
 * The same, but only for the minutes [start, start + length) of the week, counted from Monday
 * midnight around the ring; what is outside of them stays. At most a week.
 */
void hours_intersect_during(struct week_windows *week, const struct week_windows *with,
                            int start_min, int length_min);
/* What is open in the week and not in `without`. Pieces as above: the last ones are left out. */
void hours_subtract(struct week_windows *week, const struct week_windows *without);

/*
 * The week as a clock sees it that is `ahead_min` minutes ahead (negative: behind) of the one it
 * is written for: by 9:00 AM in New York it is 2:00 PM in London. At most a week. More than
 * WINDOWS_PER_DAY pieces: the last ones count as closed.
 */
void hours_shift(const struct week_windows *week, int ahead_min, struct week_windows *ret);

/* "9:00 AM - 12:00 PM, 1:00 PM - 6:00 PM" or "closed". In the arena; NULL data when it is full. */
struct str hours_describe(const struct day_windows *day, struct arena *arena);

/*
 * The same as blocks of a campaign, "9:00 AM - 12:00 PM and 1:00 PM - 11:59 PM"; empty when closed.
 * The API cannot say 24:00; its last time is 11:59 PM.
 */
struct str hours_describe_blocks(const struct day_windows *day, struct arena *arena);
