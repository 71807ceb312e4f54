/* Time zone names: links lead to zones, what is no place is unknown, and the table is sorted. */
#include "base/zones.h"

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

TESTS(UNIT(links_lead_to_their_zone), UNIT(a_zone_is_its_own_canonical_name),
      UNIT(what_is_no_place_is_unknown), UNIT(a_name_with_a_nul_inside_is_unknown),
      UNIT(every_name_is_found_and_leads_in_one_step), UNIT(the_table_is_sorted_for_the_search),
      UNIT(the_table_knows_its_release))
