/* Times: written and read the way RFC 3339 and RFC 9110 ask for, at every edge of the calendar. */
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

static void expect_instant(const char *text, int64_t expected)
{
    int64_t unix_ms = 42;
    if (!clock_parse_utc(str_from(text), &unix_ms))
        print_error("%s is no time\n", text);
    assert_int_equal(unix_ms, expected);
}

TEST(an_instant_is_read)
{
    expect_instant("1970-01-01T00:00:00Z", 0);
    expect_instant("2026-11-24T10:00:00Z", 1795514400 * SECOND);
    expect_instant("2026-11-24T10:00:00.5Z", 1795514400 * SECOND + 500);
    expect_instant("2026-11-24T10:00:00.001Z", 1795514400 * SECOND + 1);
    expect_instant("2026-11-24T10:00:00.999999999Z", 1795514400 * SECOND + 999);
    expect_instant("2026-11-24T15:30:00+05:30", 1795514400 * SECOND);
    expect_instant("2026-11-24T15:30:00.25+05:30", 1795514400 * SECOND + 250);
    expect_instant("2026-11-23T22:00:00-12:00", 1795514400 * SECOND);
    expect_instant("2026-11-24T10:00:00-00:00", 1795514400 * SECOND);
    expect_instant("1970-01-01T00:00:00+00:01", -60 * SECOND);
    expect_instant("2000-02-29T23:59:59Z", 951868799 * SECOND);
    expect_instant("9999-12-31T23:59:59.999Z", 253402300799999);
}

TEST(an_instant_is_written_as_it_was_read)
{
    for (int64_t unix_ms = 0; unix_ms < 4102444800 * SECOND; unix_ms += 12345678987) {
        char text[CLOCK_UTC_SIZE];
        clock_format_utc(unix_ms, text);
        expect_instant(text, unix_ms);
    }
}

TEST(refuses_what_is_no_instant)
{
    static const char *const texts[] = {
        "",
        "2026-11-24",
        "2026-11-24T",
        "2026-11-24T10",
        "2026-11-24T10:00",
        "2026-11-24T10:00Z",
        "2026-11-24T10:00:00",
        "2026-11-24T10:00:0Z",
        "2026-11-24T1:00:00Z",
        "2026-11-24 10:00:00Z",
        "2026-11-24t10:00:00Z",
        "2026-11-24T10:00:00z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T10:60:00Z",
        "2016-12-31T23:59:60Z", /* a leap second that was; see clock.c */
        "2026-02-29T10:00:00Z",
        "1969-12-31T23:59:59Z",
        "2026-11-24T10:00:00.Z",
        "2026-11-24T10:00:00,5Z",
        "2026-11-24T10:00:00.0123456789Z",
        "2026-11-24T10:00:00.5",
        "2026-11-24T10:00:00+05",
        "2026-11-24T10:00:00+0530",
        "2026-11-24T10:00:00+5:30",
        "2026-11-24T10:00:00+24:00",
        "2026-11-24T10:00:00+05:60",
        "2026-11-24T10:00:00+05:30Z",
        "2026-11-24T10:00:00Z+05:30",
        "2026-11-24T10:00:00Z ",
        " 2026-11-24T10:00:00Z",
        "2026-11-24T10:00:00 Z",
        "2026-11-24T-1:00:00Z",
        "2026-11-24T10:+1:00Z",
        "20261124T100000Z",
        "Tue, 24 Nov 2026 10:00:00 GMT",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        int64_t unix_ms = 42;
        if (clock_parse_utc(str_from(texts[i]), &unix_ms))
            print_error("%s is a time\n", texts[i]);
        assert_int_equal(unix_ms, 42);
    }
}

TEST(no_beginning_of_an_instant_is_one)
{
    struct str whole = STR("2026-11-24T15:30:00.25+05:30");
    for (size_t length = 0; length < whole.len; length++) {
        int64_t unix_ms;
        assert_false(clock_parse_utc(str_slice(whole, 0, length), &unix_ms));
    }
}

TEST(a_day_ends_where_the_next_begins)
{
    int64_t unix_ms = 42;
    assert_true(clock_parse_day_end(STR("2026-11-23"), &unix_ms));
    assert_int_equal(unix_ms, 1795478400 * SECOND);
    assert_true(clock_parse_day_end(STR("1970-01-01"), &unix_ms));
    assert_int_equal(unix_ms, DAY);
    assert_false(clock_parse_day_end(STR("2027-02-29"), &unix_ms));
    assert_false(clock_parse_day_end(STR("2027-02-28T"), &unix_ms));
    assert_int_equal(unix_ms, DAY);
}

TEST(a_date_of_http_is_read)
{
    int64_t unix_ms = 42;
    assert_true(clock_parse_http(STR("Sun, 06 Nov 1994 08:49:37 GMT"), &unix_ms));
    assert_int_equal(unix_ms, 784111777 * SECOND);
    assert_true(clock_parse_http(STR("Thu, 29 Feb 2024 23:59:59 GMT"), &unix_ms));
    assert_int_equal(unix_ms, 1709251199 * SECOND);
}

TEST(refuses_what_is_no_date_of_http)
{
    static const char *const bad[] = {
        "",
        "Sunday, 06-Nov-94 08:49:37 GMT", /* the obsolete ones of RFC 9110 5.6.7 */
        "Sun Nov  6 08:49:37 1994",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Now 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun; 06 Nov 1994 08:49:37 GMT",
    };
    int64_t unix_ms = 42;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(clock_parse_http(str_from(bad[i]), &unix_ms));
    assert_int_equal(unix_ms, 42);
}

TESTS(UNIT(a_leap_day_is_a_day), UNIT(milliseconds_before_the_epoch_count_forwards),
      UNIT(years_that_have_no_four_digits_are_clamped), UNIT(the_clocks_run),
      UNIT(an_instant_is_read), UNIT(an_instant_is_written_as_it_was_read),
      UNIT(refuses_what_is_no_instant), UNIT(no_beginning_of_an_instant_is_one),
      UNIT(a_day_ends_where_the_next_begins), UNIT(a_date_of_http_is_read),
      UNIT(refuses_what_is_no_date_of_http))
