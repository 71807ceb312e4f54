/*
 * Wall-clock windows of a week and how blocks fit into them (policy.md D3).
 *
 * Windows are half-open minutes [open, close) of one weekday; touching and overlapping ones are
 * merged, so a block may span two adjacent windows. A window that crosses midnight is stored as
 * two. Everything is wall clock in the campaign's own zone, so daylight saving needs no arithmetic.
 */
#pragma once

#include "base/strset.h"
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

/* Business hours by canonical zone name; `fallback` ("*") serves zones not listed, or NULL. */
struct hours_table {
    struct strset zones; /* canonical name -> struct week_windows */
    const struct week_windows *fallback;
};

/*
 * Adds a window; one with closes_min <= opens_min crosses midnight and continues on the next day
 * (Sunday's on Monday). Equal ends, values outside 0..1440, or no room left: false, and the week
 * is as before.
 */
MUST_USE bool hours_add(struct week_windows *week, enum weekday day, int opens_min, int closes_min);

/* True when [start, end) lies inside one window of the day; equal edges are inside. */
bool hours_contain(const struct week_windows *week, enum weekday day, int start_min, int end_min);

/*
 * The longest part of `wanted` that is inside the windows of every day from `first` to `last`
 * (first <= last); false when there is none.
 */
MUST_USE bool hours_longest_fit(const struct week_windows *week, enum weekday first,
                                enum weekday last, struct window wanted, struct window *ret);

/* The week that applies to a canonical zone name, or NULL when neither it nor "*" is listed. */
const struct week_windows *hours_for_zone(const struct hours_table *table, struct str zone);

/* "9:00 AM - 12:00 PM, 1:00 PM - 6:00 PM" or "closed". In the arena; NULL data when it is full. */
struct str hours_describe(const struct day_windows *day, struct arena *arena);
