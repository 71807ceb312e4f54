/*
 * Days as numbers. The arithmetic counts from the 1st of March of the year 0: a year that begins
 * in March has its leap day at the end, and 400 of them always have 146097 days. After Howard
 * Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
#include "base/calendar.h"

#include <assert.h>
#include <stdio.h>

#include "base/zones.h"

#define DAY_S 86400
#define MINUTE_S 60

/* ---- dates ---- */

#define MARCH_0000 (-719468) /* 0000-03-01 in days since 1970-01-01 */
#define DAYS_400_YEARS 146097
#define DAYS_100_YEARS 36524
#define DAYS_4_YEARS 1461

/* C's division leads to zero; time has to be led to the past. */
static int64_t divide_down(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

static int64_t left_over(int64_t value, int64_t by)
{
    return value - divide_down(value, by) * by;
}

/* Days before a month of a year that begins in March; 0 is March. They alternate 31 30 31 30 31. */
static int days_before_month(int months_after_march)
{
    return (153 * months_after_march + 2) / 5;
}

int64_t date_to_days(struct date date)
{
    int months = (date.month + 9) % 12; /* after March */
    int64_t year = (int64_t)date.year - (date.month < 3);
    int64_t leap_days = divide_down(year, 4) - divide_down(year, 100) + divide_down(year, 400);
    return MARCH_0000 + 365 * year + leap_days + days_before_month(months) + date.day - 1;
}

struct date date_from_days(int64_t days)
{
    int64_t cycle = divide_down(days - MARCH_0000, DAYS_400_YEARS);
    int rest = (int)left_over(days - MARCH_0000, DAYS_400_YEARS);
    /* without the leap days that have been, every year has 365 */
    int year =
        (rest - rest / (DAYS_4_YEARS - 1) + rest / DAYS_100_YEARS - rest / (DAYS_400_YEARS - 1)) /
        365;
    rest -= 365 * year + year / 4 - year / 100;
    int months = (5 * rest + 2) / 153; /* after March */
    return (struct date){
        .year = (int)(cycle * 400) + year + (months >= 10),
        .month = months < 10 ? months + 3 : months - 9,
        .day = rest - days_before_month(months) + 1,
    };
}

int date_weekday(int64_t days)
{
    return (int)left_over(days + 3, 7); /* 1970-01-01 was a Thursday */
}

static bool same_date(struct date a, struct date b)
{
    return a.year == b.year && a.month == b.month && a.day == b.day;
}

bool date_parse(struct str text, struct date *ret)
{
    uint64_t year, month, day;
    if (text.len != DATE_SIZE - 1 || text.data[4] != '-' || text.data[7] != '-' ||
        !str_to_u64(str_slice(text, 0, 4), &year) || !str_to_u64(str_slice(text, 5, 7), &month) ||
        !str_to_u64(str_slice(text, 8, 10), &day) || year < 1970 || month < 1 || month > 12)
        return false;
    struct date date = {(int)year, (int)month, (int)day};
    if (!same_date(date, date_from_days(date_to_days(date))))
        return false; /* a 31st of April counts as the 1st of May */
    *ret = date;
    return true;
}

static const struct date first_date = {0, 1, 1}, last_date = {9999, 12, 31};

void date_format(int64_t days, char out[DATE_SIZE])
{
    if (days < date_to_days(first_date))
        days = date_to_days(first_date);
    if (days > date_to_days(last_date))
        days = date_to_days(last_date);
    struct date date = date_from_days(days);
    (void)snprintf(out, DATE_SIZE, "%04u-%02u-%02u", (unsigned)date.year % 10000u,
                   (unsigned)date.month % 100u, (unsigned)date.day % 100u);
}

/* ---- days that move ---- */

/*
 * The anonymous Gregorian algorithm (Nature, 1876; Meeus, "Astronomical Algorithms", 1991, chapter
 * 8; also named after Jones and Butcher). The letters are theirs, so that it can be compared.
 */
int64_t date_easter(int year)
{
    int a = year % 19, b = year / 100, c = year % 100;
    int d = b / 4, e = b % 4, f = (b + 8) / 25, g = (b - f + 1) / 3;
    int h = (19 * a + b - d - g + 15) % 30;
    int i = c / 4, k = c % 4;
    int l = (32 + 2 * e + 2 * i - h - k) % 7;
    int m = (a + 11 * h + 22 * l) / 451;
    int days_after_march_begins = h + l - 7 * m + 21; /* and it may end in April */
    return date_to_days((struct date){year, 3, 1}) + days_after_march_begins;
}

static int month_length(int year, int month)
{
    struct date first = {year, month, 1};
    struct date next =
        month < 12 ? (struct date){year, month + 1, 1} : (struct date){year + 1, 1, 1};
    return (int)(date_to_days(next) - date_to_days(first));
}

/* Days from one weekday to the next of another kind: 0 to 6. */
static int days_until_weekday(int from, int to)
{
    return (to - from + 7) % 7;
}

bool date_nth_weekday(int year, int month, int nth, int weekday, int64_t *ret_days)
{
    assert(nth >= 1 && nth <= 5);
    int64_t first = date_to_days((struct date){year, month, 1});
    int ahead = days_until_weekday(date_weekday(first), weekday) + 7 * (nth - 1);
    if (ahead >= month_length(year, month))
        return false;
    *ret_days = first + ahead;
    return true;
}

int64_t date_last_weekday(int year, int month, int weekday)
{
    int64_t last = date_to_days((struct date){year, month, month_length(year, month)});
    return last - days_until_weekday(weekday, date_weekday(last));
}

/* ---- days and minutes somewhere ---- */

/* Seconds since 1970-01-01T00:00:00 on the clock in that zone. */
static int64_t local_s(const struct zone *zone, int64_t unix_ms)
{
    int64_t unix_s = divide_down(unix_ms, 1000);
    return unix_s + zone_offset_s(zone, unix_s);
}

int64_t local_day(const struct zone *zone, int64_t unix_ms)
{
    return divide_down(local_s(zone, unix_ms), DAY_S);
}

int local_minute(const struct zone *zone, int64_t unix_ms)
{
    return (int)left_over(local_s(zone, unix_ms), DAY_S) / MINUTE_S;
}

/*
 * From change to change: between two of them the clock runs evenly, so it reaches midnight at
 * `midnight_s` less the offset, or is past it from the beginning.
 */
int64_t local_day_starts_ms(const struct zone *zone, int64_t days)
{
    /* the day after the last one is where that ends */
    assert(days >= date_to_days(first_date) && days <= date_to_days(last_date) + 1);
    int64_t midnight_s = days * DAY_S;
    int64_t from_s = midnight_s - DAY_S; /* no zone is a whole day ahead: yesterday everywhere */
    for (;;) {
        int64_t starts_s = midnight_s - zone_offset_s(zone, from_s), next_s;
        if (starts_s < from_s)
            starts_s = from_s;
        if (!zone_next_change(zone, from_s, &next_s) || starts_s < next_s)
            return starts_s * 1000;
        from_s = next_s;
    }
}
