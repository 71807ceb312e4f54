/* Times: written the way RFC 3339 and RFC 9110 ask for, at every edge of the calendar. */
#include "base/clock.h"

#include "test.h"

#define SECOND 1000LL
#define DAY (24 * 3600 * SECOND)

static void expect_utc(int64_t unix_ms, const char *expected)
{
    char text[CLOCK_UTC_SIZE];
    clock_format_utc(unix_ms, text);
    EXPECT_STR(str_from(text), expected);
}

static void expect_http(int64_t unix_ms, const char *expected)
{
    char text[CLOCK_HTTP_SIZE];
    clock_format_http(unix_ms, text);
    EXPECT_STR(str_from(text), expected);
}

TEST(a_leap_day_is_a_day)
{
    expect_utc(951782400 * SECOND, "2000-02-29T00:00:00.000Z");
    expect_utc(951782400 * SECOND + DAY, "2000-03-01T00:00:00.000Z");
    expect_http(1709164800 * SECOND, "Thu, 29 Feb 2024 00:00:00 GMT");
}

TEST(milliseconds_before_the_epoch_count_forwards)
{
    expect_utc(-1, "1969-12-31T23:59:59.999Z");
    expect_utc(-SECOND, "1969-12-31T23:59:59.000Z");
    expect_utc(-SECOND - 1, "1969-12-31T23:59:58.999Z");
}

TEST(years_that_have_no_four_digits_are_clamped)
{
    expect_utc(INT64_MIN, "0000-01-01T00:00:00.000Z");
    expect_utc(INT64_MAX, "9999-12-31T23:59:59.999Z");
    expect_utc(253402300799999, "9999-12-31T23:59:59.999Z");
    expect_http(INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT");
    expect_http(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST(the_clocks_run)
{
    int64_t before = clock_mono_us();
    assert_true(clock_unix_ms() > 1700000000 * SECOND); /* this code is younger than that */
    assert_true(clock_mono_us() >= before);
}

TESTS(UNIT(a_leap_day_is_a_day), UNIT(milliseconds_before_the_epoch_count_forwards),
      UNIT(years_that_have_no_four_digits_are_clamped), UNIT(the_clocks_run))
