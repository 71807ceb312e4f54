/* Dates as numbers, days that move, and what day it is where, at every edge that clocks have. */
#include "base/calendar.h"

#include "base/clock.h"
#include "base/zones.h"
#include "test.h"

#define DAY_MS (24 * 3600 * 1000LL)

enum { MON, TUE, WED, THU, FRI, SAT, SUN };

static int64_t day_of(const char *text)
{
    struct date date;
    if (!date_parse(str_from(text), &date))
        fail_msg("%s is no day", text);
    return date_to_days(date);
}

static int64_t instant(const char *text)
{
    int64_t unix_ms;
    if (!clock_parse_utc(str_from(text), &unix_ms))
        fail_msg("%s is no time", text);
    return unix_ms;
}

static const struct zone *zone_of(const char *name)
{
    const struct zone *zone = zone_find(str_from(name));
    if (!zone)
        fail_msg("%s is no zone", name);
    return zone;
}

static void expect_day(int64_t days, const char *expected)
{
    char text[DATE_SIZE];
    date_format(days, text);
    EXPECT_STR(str_from(text), expected);
}

/* ---- dates ---- */

TEST(days_count_from_1970)
{
    assert_int_equal(day_of("1970-01-01"), 0);
    assert_int_equal(day_of("2000-02-29"), 11016);
    assert_int_equal(day_of("2000-03-01"), 11017);
    assert_int_equal(day_of("2026-11-24"), 20781);
    expect_day(-1, "1969-12-31");
    expect_day(20781, "2026-11-24");
}

static void expect_next_day(struct date before, struct date after)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = before.year % 4 == 0 && (before.year % 100 != 0 || before.year % 400 == 0);
    int length = lengths[before.month - 1] + (before.month == 2 && leap);
    bool new_month = before.day == length, new_year = new_month && before.month == 12;
    assert_int_equal(after.day, new_month ? 1 : before.day + 1);
    assert_int_equal(after.month, new_year ? 1 : before.month + new_month);
    assert_int_equal(after.year, before.year + new_year);
}

TEST(each_day_of_1970_to_2400_follows_the_one_before)
{
    struct date before = {1969, 12, 31};
    for (int64_t days = 0; days < date_to_days((struct date){2401, 1, 1}); days++) {
        struct date date = date_from_days(days);
        expect_next_day(before, date);
        assert_int_equal(date_to_days(date), days);
        assert_int_equal(date_weekday(days), (THU + days) % 7);
        before = date;
    }
}

TEST(days_before_the_epoch_and_before_christ_count_on)
{
    for (int64_t days = -1000000; days < 0; days++) {
        expect_next_day(date_from_days(days), date_from_days(days + 1));
        assert_int_equal(date_to_days(date_from_days(days)), days);
        assert_int_equal((date_weekday(days) + 1) % 7, date_weekday(days + 1));
    }
}

TEST(every_instant_has_a_date)
{
    assert_int_equal(date_from_days(INT64_MAX / DAY_MS).year, 292278994);
    assert_int_equal(date_from_days(INT64_MIN / DAY_MS - 1).year, -292275055);
}

TEST(a_weekday_is_the_one_in_the_newspaper)
{
    assert_int_equal(date_weekday(day_of("2026-11-24")), TUE);
    assert_int_equal(date_weekday(date_to_days((struct date){1969, 7, 20})), SUN); /* the Moon */
    assert_int_equal(date_weekday(date_to_days((struct date){1582, 10, 15})), FRI);
}

TEST(a_date_is_read_and_written_alike)
{
    static const char *const days[] = {"1970-01-01", "2024-02-29", "2027-03-31", "9999-12-31"};
    for (size_t i = 0; i < COUNT_OF(days); i++)
        expect_day(day_of(days[i]), days[i]);
}

TEST(refuses_what_is_no_day)
{
    static const char *const texts[] = {
        "",           "2027",        "2027-02-29", "2100-02-29",  "2027-04-31", "2027-00-10",
        "2027-13-01", "2027-01-00",  "2027-01-32", "1969-12-31",  "0000-01-01", "2027-3-31",
        "2027-03-1",  "2027/03/31",  "20270331",   "2027-03-31 ", " 027-03-31", "+027-03-31",
        "2027-03-+1", "12027-03-31", "31-03-2027", "2027-W13-3",  "2027-03-3x", "2027-03-31T"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct date date = {1, 2, 3};
        if (date_parse(str_from(texts[i]), &date))
            fail_msg("%s is a day", texts[i]);
        assert_true(date.year == 1 && date.month == 2 && date.day == 3);
    }
}

TEST(years_that_have_no_four_digits_are_clamped)
{
    expect_day(date_to_days((struct date){0, 1, 1}), "0000-01-01");
    expect_day(date_to_days((struct date){-1, 12, 31}), "0000-01-01");
    expect_day(date_to_days((struct date){10000, 1, 1}), "9999-12-31");
    expect_day(INT64_MIN, "0000-01-01");
    expect_day(INT64_MAX, "9999-12-31");
}

/* ---- days that move ---- */

TEST(easter_falls_as_the_tables_say)
{
    static const char *const sundays[] = {
        "1990-04-15", "1991-03-31", "1992-04-19", "1993-04-11", "1994-04-03", "1995-04-16",
        "1996-04-07", "1997-03-30", "1998-04-12", "1999-04-04", "2000-04-23", "2001-04-15",
        "2002-03-31", "2003-04-20", "2004-04-11", "2005-03-27", "2006-04-16", "2007-04-08",
        "2008-03-23", "2009-04-12", "2010-04-04", "2011-04-24", "2012-04-08", "2013-03-31",
        "2014-04-20", "2015-04-05", "2016-03-27", "2017-04-16", "2018-04-01", "2019-04-21",
        "2020-04-12", "2021-04-04", "2022-04-17", "2023-04-09", "2024-03-31", "2025-04-20",
        "2026-04-05", "2027-03-28", "2028-04-16", "2029-04-01", "2030-04-21", "2031-04-13",
        "2032-03-28", "2033-04-17", "2034-04-09", "2035-03-25", "2036-04-13", "2037-04-05",
        "2038-04-25", "2039-04-10", "2040-04-01"};
    for (size_t i = 0; i < COUNT_OF(sundays); i++)
        expect_day(date_easter(1990 + (int)i), sundays[i]);
}

TEST(easter_is_a_sunday_from_22_march_to_25_april)
{
    for (int year = 1970; year <= 9999; year++) {
        int64_t easter = date_easter(year);
        assert_int_equal(date_weekday(easter), SUN);
        assert_true(easter >= date_to_days((struct date){year, 3, 22}));
        assert_true(easter <= date_to_days((struct date){year, 4, 25}));
    }
    expect_day(date_easter(2285), "2285-03-22"); /* the earliest there can be */
    expect_day(date_easter(1981), "1981-04-19"); /* two exceptions of the tables: not the 26th, */
    expect_day(date_easter(2049), "2049-04-18"); /* and not the 25th */
}

static void expect_nth(int year, int month, int nth, int weekday, const char *expected)
{
    int64_t days;
    assert_true(date_nth_weekday(year, month, nth, weekday, &days));
    expect_day(days, expected);
}

TEST(a_holiday_of_the_nth_weekday_is_found)
{
    expect_nth(2026, 11, 4, THU, "2026-11-26"); /* Thanksgiving */
    expect_nth(2026, 9, 1, MON, "2026-09-07");  /* Labor Day */
    expect_nth(2027, 1, 3, MON, "2027-01-18");  /* Martin Luther King's */
    expect_nth(2026, 2, 1, SUN, "2026-02-01");
    expect_nth(2028, 2, 5, TUE, "2028-02-29");
    expect_nth(2026, 12, 5, THU, "2026-12-31");
}

TEST(a_month_may_have_no_fifth)
{
    int64_t days = 42;
    assert_false(date_nth_weekday(2026, 2, 5, SUN, &days));
    assert_false(date_nth_weekday(2027, 2, 5, MON, &days));
    assert_false(date_nth_weekday(2026, 11, 5, THU, &days));
    assert_int_equal(days, 42);
}

TEST(the_last_weekday_of_a_month_is_found)
{
    expect_day(date_last_weekday(2026, 5, MON), "2026-05-25"); /* Memorial Day */
    expect_day(date_last_weekday(2026, 8, MON), "2026-08-31"); /* the British summer's holiday */
    expect_day(date_last_weekday(2026, 12, THU), "2026-12-31");
    expect_day(date_last_weekday(2028, 2, TUE), "2028-02-29");
    expect_day(date_last_weekday(2026, 2, SUN), "2026-02-22");
}

/* Of each month: counting finds every such day once and in order, and the last is the last. */
static void expect_weekdays_of(int year, int month)
{
    int found = 0;
    for (int weekday = MON; weekday <= SUN; weekday++) {
        int64_t days, last = 0;
        for (int nth = 1; nth <= 5 && date_nth_weekday(year, month, nth, weekday, &days); nth++) {
            struct date date = date_from_days(days);
            assert_true(date.year == year && date.month == month && (date.day - 1) / 7 == nth - 1);
            assert_int_equal(date_weekday(days), weekday);
            last = days;
            found++;
        }
        assert_int_equal(date_last_weekday(year, month, weekday), last);
    }
    assert_int_equal(date_from_days(date_to_days((struct date){year, month, found})).month, month);
    assert_int_equal(date_from_days(date_to_days((struct date){year, month, found}) + 1).day, 1);
}

TEST(counting_weekdays_finds_each_day_of_each_month)
{
    for (int year = 1970; year <= 2400; year++) {
        for (int month = 1; month <= 12; month++)
            expect_weekdays_of(year, month);
    }
}

/* ---- days and minutes somewhere ---- */

static void expect_local(const char *zone, const char *when, const char *date, int minute)
{
    expect_day(local_day(zone_of(zone), instant(when)), date);
    assert_int_equal(local_minute(zone_of(zone), instant(when)), minute);
}

TEST(the_same_instant_is_another_day_elsewhere)
{
    expect_local("Etc/UTC", "2026-11-24T10:00:00Z", "2026-11-24", 10 * 60);
    expect_local("Pacific/Kiritimati", "2026-11-24T10:00:00Z", "2026-11-25", 0);
    expect_local("Pacific/Kiritimati", "2026-11-24T09:59:59.999Z", "2026-11-24", 1439);
    expect_local("Pacific/Pago_Pago", "2026-11-24T10:59:59Z", "2026-11-23", 1439);
    expect_local("Asia/Kolkata", "2026-11-24T18:30:00Z", "2026-11-25", 0);
    expect_local("Asia/Calcutta", "2026-11-24T18:29:59Z", "2026-11-24", 1439);
    expect_local("Pacific/Chatham", "2026-11-24T10:15:00Z", "2026-11-25", 0);
}

TEST(the_clock_on_the_wall_jumps)
{
    expect_local("America/New_York", "2026-03-08T06:59:59Z", "2026-03-08", 119);
    expect_local("America/New_York", "2026-03-08T07:00:00Z", "2026-03-08", 180);
    expect_local("America/New_York", "2026-11-01T05:59:59Z", "2026-11-01", 119);
    expect_local("America/New_York", "2026-11-01T06:00:00Z", "2026-11-01", 60);
    expect_local("Australia/Lord_Howe", "2026-10-03T15:29:59Z", "2026-10-04", 119);
    expect_local("Australia/Lord_Howe", "2026-10-03T15:30:00Z", "2026-10-04", 150);
    expect_local("Asia/Beirut", "2026-10-24T20:59:59Z", "2026-10-24", 1439);
    expect_local("Asia/Beirut", "2026-10-24T21:00:00Z", "2026-10-24", 1380);
}

TEST(every_instant_has_a_local_day)
{
    const struct zone *zone = zone_of("Asia/Kolkata");
    assert_int_equal(local_day(zone, -1), 0);
    assert_int_equal(local_day(zone, instant("1970-01-01T00:00:00Z") - 6 * 3600000), -1);
    assert_int_equal(local_minute(zone, -6 * 3600000), 1410);
    assert_int_equal(local_day(zone, INT64_MAX), INT64_MAX / DAY_MS);
    assert_int_equal(local_day(zone, INT64_MIN), INT64_MIN / DAY_MS - 1);
}

static void expect_starts(const char *zone, const char *day, const char *expected)
{
    char text[CLOCK_UTC_SIZE];
    clock_format_utc(local_day_starts_ms(zone_of(zone), day_of(day)), text);
    text[19] = '\0'; /* whole seconds */
    EXPECT_STR(str_from(text), expected);
}

TEST(a_day_starts_at_midnight)
{
    expect_starts("Etc/UTC", "2026-11-24", "2026-11-24T00:00:00");
    expect_starts("Asia/Kolkata", "2026-11-24", "2026-11-23T18:30:00");
    expect_starts("Pacific/Kiritimati", "2026-11-24", "2026-11-23T10:00:00");
    expect_starts("Etc/GMT+12", "2026-11-24", "2026-11-24T12:00:00");
    expect_starts("America/New_York", "2026-03-08", "2026-03-08T05:00:00");
    expect_starts("America/New_York", "2026-03-09", "2026-03-09T04:00:00");
    expect_starts("America/New_York", "2026-11-01", "2026-11-01T04:00:00");
    expect_starts("America/New_York", "2026-11-02", "2026-11-02T05:00:00");
}

TEST(a_day_without_midnight_starts_behind_the_gap)
{
    expect_starts("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00");
    expect_local("Africa/Cairo", "2026-04-23T22:00:00Z", "2026-04-24", 60);
    expect_starts("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00");
    expect_local("Asia/Beirut", "2026-03-28T22:00:00Z", "2026-03-29", 60);
    expect_starts("America/Havana", "2026-03-08", "2026-03-08T05:00:00");
    expect_local("America/Havana", "2026-03-08T05:00:00Z", "2026-03-08", 60);
    expect_starts("America/Santiago", "2026-09-06", "2026-09-06T04:00:00");
    expect_local("America/Santiago", "2026-09-06T04:00:00Z", "2026-09-06", 60);
}

TEST(a_day_with_two_midnights_starts_at_the_first)
{
    expect_starts("America/Havana", "2026-11-01", "2026-11-01T04:00:00");
    expect_local("America/Havana", "2026-11-01T05:00:00Z", "2026-11-01", 0);
    expect_starts("Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00");
    expect_local("Atlantic/Azores", "2026-10-25T01:00:00Z", "2026-10-25", 0);
}

TEST(a_day_starts_late_when_the_last_hour_of_yesterday_came_twice)
{
    expect_starts("Africa/Cairo", "2026-10-30", "2026-10-29T22:00:00");
    expect_starts("Asia/Beirut", "2026-10-25", "2026-10-24T22:00:00");
    expect_starts("America/Santiago", "2026-04-05", "2026-04-05T04:00:00");
}

TEST(the_last_day_of_the_calendar_ends)
{
    const struct zone *zone = zone_of("America/New_York");
    int64_t last = day_of("9999-12-31");
    assert_int_equal(local_day(zone, local_day_starts_ms(zone, last + 1) - 1), last);
}

static void expect_days_follow(struct str name)
{
    const struct zone *zone = zone_find(name);
    for (int64_t days = day_of("2025-01-01"); days < day_of("2029-01-01"); days++) {
        int64_t start = local_day_starts_ms(zone, days);
        if (local_day(zone, start) != days || local_day(zone, start - 1) != days - 1)
            fail_msg("%.*s, day %d", STR_ARGS(name), (int)days);
    }
}

TEST(everywhere_a_day_starts_when_yesterday_ends)
{
    for (size_t i = 0; i < zone_count(); i++)
        expect_days_follow(zone_name(i));
}

TESTS(UNIT(days_count_from_1970), UNIT(each_day_of_1970_to_2400_follows_the_one_before),
      UNIT(days_before_the_epoch_and_before_christ_count_on), UNIT(every_instant_has_a_date),
      UNIT(a_weekday_is_the_one_in_the_newspaper), UNIT(a_date_is_read_and_written_alike),
      UNIT(refuses_what_is_no_day), UNIT(years_that_have_no_four_digits_are_clamped),
      UNIT(easter_falls_as_the_tables_say), UNIT(easter_is_a_sunday_from_22_march_to_25_april),
      UNIT(a_holiday_of_the_nth_weekday_is_found), UNIT(a_month_may_have_no_fifth),
      UNIT(the_last_weekday_of_a_month_is_found),
      UNIT(counting_weekdays_finds_each_day_of_each_month),
      UNIT(the_same_instant_is_another_day_elsewhere), UNIT(the_clock_on_the_wall_jumps),
      UNIT(every_instant_has_a_local_day), UNIT(a_day_starts_at_midnight),
      UNIT(a_day_without_midnight_starts_behind_the_gap),
      UNIT(a_day_with_two_midnights_starts_at_the_first),
      UNIT(a_day_starts_late_when_the_last_hour_of_yesterday_came_twice),
      UNIT(the_last_day_of_the_calendar_ends), UNIT(everywhere_a_day_starts_when_yesterday_ends))
