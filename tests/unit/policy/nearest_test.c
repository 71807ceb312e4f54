/* Suggestions: a slip of the finger finds the word, another word finds nothing. */
#include "policy/nearest.h"

#include "base/zones.h"
#include "test.h"

static void expect_zone(const char *word, const char *suggestion)
{
    EXPECT_STR(nearest_word(str_from(word), zone_name, zone_count()), suggestion);
}

TEST(a_slip_of_the_finger_finds_the_zone)
{
    expect_zone("Asia/Kolkatta", "Asia/Kolkata");
    expect_zone("Asia/kolkata", "Asia/Kolkata");
    expect_zone("Kolkata", "Asia/Kolkata");
    expect_zone("India/Kolkata", "Asia/Kolkata");
    expect_zone("New York", "America/New_York");
    expect_zone("America/New-York", "America/New_York");
    expect_zone("Eastern", "US/Eastern");
    expect_zone("America/Argentina/BuenosAires", "America/Argentina/Buenos_Aires");
}

TEST(another_word_finds_nothing)
{
    const char *const words[] = {"",    "/",           "Asia/",          "EST",
                                 "IST", "Asia/Mumbai", "Asia/Bangalore", "+05:30"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        expect_zone(words[i], "");
    char endless[400];
    memset(endless, 'a', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    expect_zone(endless, "");
}

static struct str rule(size_t index)
{
    static const char *const rules[] = {"caller_ids", "timezones", "business_hours"};
    return str_from(rules[index]);
}

TEST(rules_are_found_as_well)
{
    EXPECT_STR(nearest_word(STR("timezone"), rule, 3), "timezones");
    EXPECT_STR(nearest_word(STR("Caller_IDs"), rule, 3), "caller_ids");
    EXPECT_STR(nearest_word(STR("bussines_hours"), rule, 3), "business_hours");
    EXPECT_STR(nearest_word(STR("days"), rule, 3), "");
    EXPECT_STR(nearest_word(STR("days"), rule, 0), "");
}

static struct str long_name(size_t index)
{
    (void)index;
    return STR("Continent/of-a-name-that-is-longer-than-any-that-we-know-of/Kolkata");
}

TEST(a_name_too_long_to_compare_is_found_by_its_last_part_only)
{
    assert_true(nearest_word(STR("kolkata"), long_name, 1).len > 0);
    EXPECT_STR(nearest_word(STR("Kolkatta"), long_name, 1), "");
    EXPECT_STR(nearest_word(STR("Calcutta"), long_name, 1), "");
}

TESTS(UNIT(a_slip_of_the_finger_finds_the_zone), UNIT(another_word_finds_nothing),
      UNIT(rules_are_found_as_well),
      UNIT(a_name_too_long_to_compare_is_found_by_its_last_part_only))
