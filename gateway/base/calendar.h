/*
 * The Gregorian calendar, and what day and minute it is somewhere. Pure.
 *
 * A day is a number, the days since 1970-01-01, so that arithmetic is plain: the day after is
 * `days + 1`. A local day is such a number too: the date on a calendar that hangs in that zone.
 *
 *     instant (ms UTC) --local_day--> days --date_from_days--> year, month, day
 *             <--local_day_starts_ms--     <--date_to_days--
 *
 * The rules of today's calendar hold for every year, also for those before it was introduced.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

struct zone;

/* ---- dates ---- */

struct date {
    int year, month, day; /* month and day count from 1 */
};

/* The day must be one of its month; years may be negative, 0 is the one before 1. */
int64_t date_to_days(struct date date);

/* For every day that an instant in milliseconds can have; its year is far within an int. */
struct date date_from_days(int64_t days);

/* 0 is Monday, 6 is Sunday, as in enum weekday. */
int date_weekday(int64_t days);

/* A real day of the years 1970 to 9999 written as "2027-03-31", all of the text; or false. */
MUST_USE bool date_parse(struct str text, struct date *ret);

/* Length of "2027-03-31" and its NUL. */
#define DATE_SIZE 11

/* The day as "2027-03-31". Years outside 0000..9999 are clamped to their first and last day. */
void date_format(int64_t days, char out[DATE_SIZE]);

/* ---- days that move ---- */

/* Easter Sunday of the Western churches. */
int64_t date_easter(int year);

/*
 * The `nth` (1 to 5) such weekday of a month: the 4th Thursday of November. False when the month
 * has no fifth; *ret is then untouched.
 */
MUST_USE bool date_nth_weekday(int year, int month, int nth, int weekday, int64_t *ret_days);

/* The last such weekday of a month: the last Monday of May. */
int64_t date_last_weekday(int year, int month, int weekday);

/* ---- days and minutes somewhere ---- */

/* What day it is in `zone` at an instant. */
int64_t local_day(const struct zone *zone, int64_t unix_ms);

/* Minutes after local midnight, 0 to 1439, as a clock on the wall shows them. */
int local_minute(const struct zone *zone, int64_t unix_ms);

/*
 * The first instant at which local_day has reached `days` (of the years 0 to 9999, or the day
 * after). Usually local midnight. Where clocks jump over midnight it is when they jump; where they
 * go back and midnight comes twice it is the first one.
 */
int64_t local_day_starts_ms(const struct zone *zone, int64_t days);
