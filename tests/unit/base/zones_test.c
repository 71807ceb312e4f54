/*
 * Time zones. Names: links lead to zones, what is no place is unknown, and the table is sorted.
 * Offsets: those of 2026 by hand, all of 2024 to 2040 against the C library.
 */
#include "base/zones.h"

#include <time.h>

#include "base/clock.h"
#include "test.h"

static void expect_canonical(const char *name, const char *canonical)
{
    struct str zone = {0};
    if (!zone_canonical(str_from(name), &zone))
        print_error("%s is unknown\n", name);
    EXPECT_STR(zone, canonical);
}

TEST(links_lead_to_their_zone)
{
    expect_canonical("Asia/Calcutta", "Asia/Kolkata");
    expect_canonical("Asia/Saigon", "Asia/Ho_Chi_Minh");
    expect_canonical("Asia/Rangoon", "Asia/Yangon");
    expect_canonical("US/Eastern", "America/New_York");
    expect_canonical("Europe/Kiev", "Europe/Kyiv");
    expect_canonical("GB", "Europe/London");
    expect_canonical("UTC", "Etc/UTC");
    expect_canonical("Zulu", "Etc/UTC");
    expect_canonical("GMT", "Etc/GMT");
    expect_canonical("US/Samoa", "Pacific/Pago_Pago");
    expect_canonical("America/Louisville", "America/Kentucky/Louisville");
}

TEST(a_zone_is_its_own_canonical_name)
{
    expect_canonical("Asia/Kolkata", "Asia/Kolkata");
    expect_canonical("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires");
    expect_canonical("Etc/GMT+5", "Etc/GMT+5"); /* odd, but IANA's; see zones_table.awk */
}

TEST(what_is_no_place_is_unknown)
{
    const char *const names[] = {
        "",
        "EST",
        "MST",
        "HST",
        "EST5EDT",
        "CST6CDT",
        "MST7MDT",
        "PST8PDT",
        "WET",
        "CET",
        "MET",
        "EET",
        "IST",
        "PST",
        "BST",
        "Factory",
        "localtime",
        "posixrules",
        "+05:30",
        "UTC+5",
        "asia/kolkata",
        "ASIA/KOLKATA",
        "Asia/Kolkata ",
        " Asia/Kolkata",
        "Asia/Kolkata/",
        "Asia/",
        "Asia",
        "posix/Asia/Kolkata",
        "right/UTC",
        "/Asia/Kolkata",
        "../Asia/Kolkata",
        ":Asia/Kolkata",
        "Asia/Mumbai",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct str zone = STR("untouched");
        if (zone_canonical(str_from(names[i]), &zone))
            print_error("%s is known\n", names[i]);
        EXPECT_STR(zone, "untouched");
    }
}

TEST(a_name_with_a_nul_inside_is_unknown)
{
    struct str zone;
    assert_false(zone_canonical(STR("Asia/Kolkata\0"), &zone));
    assert_false(zone_canonical(STR("Asia\0Kolkata"), &zone));
}

TEST(every_name_is_found_and_leads_in_one_step)
{
    assert_true(zone_count() > 500);
    for (size_t i = 0; i < zone_count(); i++) {
        struct str zone, again;
        assert_true(zone_canonical(zone_name(i), &zone));
        assert_true(zone_canonical(zone, &again));
        assert_true(str_equal(zone, again));
    }
}

TEST(the_table_is_sorted_for_the_search)
{
    for (size_t i = 1; i < zone_count(); i++)
        assert_true(str_compare(zone_name(i - 1), zone_name(i)) < 0);
}

TEST(the_table_knows_its_release)
{
    const char *version = zone_table_version();
    assert_true(strlen(version) >= 5 && version[0] == '2' && version[1] == '0');
}

/* ---- offsets ---- */

#define HOUR 3600
#define DAY (24 * HOUR)

static int64_t instant(const char *text)
{
    int64_t unix_ms;
    if (!clock_parse_utc(str_from(text), &unix_ms))
        fail_msg("%s is no time", text);
    return unix_ms / 1000;
}

static const struct zone *zone_of(const char *name)
{
    const struct zone *zone = zone_find(str_from(name));
    if (!zone)
        fail_msg("%s is no zone", name);
    return zone;
}

/* The next change of `zone` after `after` is at `when`, from one offset to another, in minutes. */
static void expect_change(const char *zone, const char *after, const char *when, int from, int to)
{
    int64_t change = 0;
    assert_true(zone_next_change(zone_of(zone), instant(after), &change));
    assert_int_equal(change, instant(when));
    assert_int_equal(zone_offset_s(zone_of(zone), change - 1), from * 60);
    assert_int_equal(zone_offset_s(zone_of(zone), change), to * 60);
}

TEST(summer_time_comes_and_goes)
{
    expect_change("America/New_York", "2026-01-01T00:00:00Z", "2026-03-08T07:00:00Z", -300, -240);
    expect_change("America/New_York", "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z", -240, -300);
    expect_change("Europe/London", "2026-01-01T00:00:00Z", "2026-03-29T01:00:00Z", 0, 60);
    expect_change("Europe/London", "2026-07-01T00:00:00Z", "2026-10-25T01:00:00Z", 60, 0);
    expect_change("Europe/Dublin", "2026-07-01T00:00:00Z", "2026-10-25T01:00:00Z", 60, 0);
    expect_change("US/Eastern", "2026-01-01T00:00:00Z", "2026-03-08T07:00:00Z", -300, -240);
}

TEST(a_change_may_be_half_an_hour_and_an_offset_45_minutes)
{
    expect_change("Australia/Lord_Howe", "2026-01-01T00:00:00Z", "2026-04-04T15:00:00Z", 660, 630);
    expect_change("Australia/Lord_Howe", "2026-05-01T00:00:00Z", "2026-10-03T15:30:00Z", 630, 660);
    expect_change("Pacific/Chatham", "2026-01-01T00:00:00Z", "2026-04-04T14:00:00Z", 825, 765);
    expect_change("Pacific/Chatham", "2026-05-01T00:00:00Z", "2026-09-26T14:00:00Z", 765, 825);
}

TEST(ramadan_is_no_rule_of_the_sun)
{
    expect_change("Africa/Casablanca", "2026-01-01T00:00:00Z", "2026-02-15T02:00:00Z", 60, 0);
    expect_change("Africa/Casablanca", "2026-02-15T02:00:00Z", "2026-03-22T02:00:00Z", 0, 60);
    expect_change("Africa/Casablanca", "2026-04-01T00:00:00Z", "2027-02-07T02:00:00Z", 60, 0);
}

TEST(midnight_may_be_missing)
{
    expect_change("Africa/Cairo", "2026-01-01T00:00:00Z", "2026-04-23T22:00:00Z", 120, 180);
    expect_change("Africa/Cairo", "2026-05-01T00:00:00Z", "2026-10-29T21:00:00Z", 180, 120);
    expect_change("Asia/Beirut", "2026-01-01T00:00:00Z", "2026-03-28T22:00:00Z", 120, 180);
    expect_change("America/Havana", "2026-01-01T00:00:00Z", "2026-03-08T05:00:00Z", -300, -240);
    expect_change("America/Santiago", "2026-05-01T00:00:00Z", "2026-09-06T04:00:00Z", -240, -180);
}

TEST(some_places_never_change)
{
    static const struct {
        const char *zone;
        int offset_min;
    } places[] = {{"Asia/Kolkata", 330},
                  {"America/Phoenix", -420},
                  {"Pacific/Kiritimati", 840},
                  {"Asia/Kathmandu", 345},
                  {"Etc/UTC", 0},
                  {"Etc/GMT+5", -300}};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        int64_t change = 42;
        const struct zone *zone = zone_of(places[i].zone);
        assert_false(zone_next_change(zone, instant("2020-01-01T00:00:00Z"), &change));
        assert_false(zone_next_change(zone, INT64_MIN, &change));
        assert_int_equal(change, 42);
        assert_int_equal(zone_offset_s(zone, instant("2026-11-24T10:00:00Z")),
                         places[i].offset_min * 60);
    }
}

TEST(outside_of_the_table_the_nearest_offset_counts)
{
    int64_t change = 42;
    const struct zone *zone = zone_of("America/New_York");
    assert_int_equal(zone_offset_s(zone, INT64_MIN), -5 * HOUR);
    assert_int_equal(zone_offset_s(zone, instant("1999-07-01T00:00:00Z")), -5 * HOUR);
    assert_int_equal(zone_offset_s(zone, instant("2099-07-01T00:00:00Z")), -4 * HOUR);
    assert_int_equal(zone_offset_s(zone, instant("2101-07-01T00:00:00Z")), -5 * HOUR);
    assert_int_equal(zone_offset_s(zone, INT64_MAX), -5 * HOUR);
    assert_false(zone_next_change(zone, INT64_MAX, &change));
    assert_false(zone_next_change(zone, instant("2099-12-31T00:00:00Z"), &change));
    assert_int_equal(change, 42);
    assert_true(zone_next_change(zone, INT64_MIN, &change));
    assert_int_equal(change, instant("2020-03-08T07:00:00Z"));
}

TEST(a_link_keeps_the_time_of_its_zone)
{
    for (size_t i = 0; i < zone_count(); i++) {
        struct str canonical;
        assert_true(zone_canonical(zone_name(i), &canonical));
        const struct zone *link = zone_find(zone_name(i)), *zone = zone_find(canonical);
        for (int64_t at = instant("2026-01-01T00:00:00Z"), other = at;
             zone_next_change(zone, at, &at);) {
            assert_true(zone_next_change(link, other, &other));
            assert_int_equal(at, other);
            assert_int_equal(zone_offset_s(link, at), zone_offset_s(zone, at));
        }
    }
}

/* ---- the C library's opinion ---- */

#define ZONE_FOLDER "/usr/share/zoneinfo"

/* Whether the tables were made from what the C library reads. */
static bool system_has_our_release(void)
{
    char line[64] = "", expected[64];
    FILE *file = fopen(ZONE_FOLDER "/tzdata.zi", "r");
    if (!file)
        return false;
    bool read = fgets(line, sizeof(line), file) != NULL;
    (void)fclose(file);
    (void)snprintf(expected, sizeof(expected), "# version %s\n", zone_table_version());
    return read && strcmp(line, expected) == 0;
}

static void expect_as_the_system_says(const struct zone *zone, struct str name, int64_t unix_s)
{
    time_t when = (time_t)unix_s;
    struct tm parts;
    assert_non_null(localtime_r(&when, &parts));
    if (zone_offset_s(zone, unix_s) != parts.tm_gmtoff)
        fail_msg("%.*s at %lld", STR_ARGS(name), (long long)unix_s);
}

static void expect_zone_as_the_system_says(struct str name, int64_t from, int64_t to)
{
    char place[128];
    const struct zone *zone = zone_find(name);
    (void)snprintf(place, sizeof(place), ":" ZONE_FOLDER "/%.*s", STR_ARGS(name));
    assert_int_equal(setenv("TZ", place, 1), 0);
    tzset();
    for (int64_t at = from; at < to; at += 6 * HOUR)
        expect_as_the_system_says(zone, name, at);
    for (int64_t at = from; zone_next_change(zone, at, &at) && at < to;) {
        for (int64_t near = at - 2; near <= at + 2; near++)
            expect_as_the_system_says(zone, name, near);
    }
}

TEST(all_zones_agree_with_the_c_library)
{
    if (!system_has_our_release())
        skip();
    for (size_t i = 0; i < zone_count(); i++) {
        struct str canonical;
        assert_true(zone_canonical(zone_name(i), &canonical));
        if (str_equal(canonical, zone_name(i)))
            expect_zone_as_the_system_says(canonical, instant("2024-01-01T00:00:00Z"),
                                           instant("2040-01-01T00:00:00Z"));
    }
}

/* ---- two zones ---- */

TEST(of_two_zones_the_one_that_changes_first_is_told)
{
    const struct zone *a = zone_of("America/New_York"), *b = zone_of("Europe/London");
    int64_t from = instant("2026-11-24T10:00:00Z"), end = from + 366 * DAY;
    int64_t spring_in_a = instant("2027-03-14T07:00:00Z");
    int64_t spring_in_b = instant("2027-03-28T01:00:00Z");
    assert_true(zones_next_change(a, b, from, end) == spring_in_a);
    assert_true(zones_next_change(b, a, from, end) == spring_in_a);
    assert_true(zones_next_change(a, b, spring_in_a, end) == spring_in_b);
}

TEST(a_change_counts_only_within_the_span)
{
    const struct zone *a = zone_of("America/New_York"), *b = zone_of("Asia/Kolkata");
    int64_t change = instant("2027-03-14T07:00:00Z");
    assert_true(zones_next_change(a, b, change - DAY, change) == change);
    assert_true(zones_next_change(a, b, change - DAY, change - 1) == change - 1);
    assert_true(zones_next_change(b, zone_of("America/Phoenix"), change, INT64_MAX) == INT64_MAX);
}

TESTS(UNIT(links_lead_to_their_zone), UNIT(a_zone_is_its_own_canonical_name),
      UNIT(what_is_no_place_is_unknown), UNIT(a_name_with_a_nul_inside_is_unknown),
      UNIT(every_name_is_found_and_leads_in_one_step), UNIT(the_table_is_sorted_for_the_search),
      UNIT(the_table_knows_its_release), UNIT(summer_time_comes_and_goes),
      UNIT(a_change_may_be_half_an_hour_and_an_offset_45_minutes),
      UNIT(ramadan_is_no_rule_of_the_sun), UNIT(midnight_may_be_missing),
      UNIT(some_places_never_change), UNIT(outside_of_the_table_the_nearest_offset_counts),
      UNIT(a_link_keeps_the_time_of_its_zone), UNIT(all_zones_agree_with_the_c_library),
      UNIT(of_two_zones_the_one_that_changes_first_is_told),
      UNIT(a_change_counts_only_within_the_span))
