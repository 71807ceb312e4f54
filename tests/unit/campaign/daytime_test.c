/* Times of day: all 1440 of them, and what only looks like one. */
#include "campaign/daytime.h"

#include "test.h"

TEST(reads_the_hours_that_people_get_wrong)
{
    static const struct {
        const char *text;
        int minutes;
    } cases[] = {
        {"12:00 AM", 0},  {"12:30 AM", 30},  {"1:00 AM", 60},   {"01:00 AM", 60},
        {"9:00 AM", 540}, {"11:59 AM", 719}, {"12:00 PM", 720}, {"12:59 PM", 779},
        {"1:00 PM", 780}, {"01:05 PM", 785}, {"6:00 PM", 1080}, {"11:59 PM", 1439},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int minutes = -1;
        assert_true(daytime_parse(str_from(cases[i].text), &minutes));
        assert_int_equal(minutes, cases[i].minutes);
    }
}

TEST(reads_back_every_minute_it_writes)
{
    char text[DAYTIME_SIZE];
    for (int minutes = 0; minutes < 1440; minutes++) {
        int reread = -1;
        daytime_format(minutes, text);
        assert_true(daytime_parse(str_from(text), &reread));
        assert_int_equal(reread, minutes);
    }
}

TEST(writes_the_end_of_the_day_as_24)
{
    char text[DAYTIME_SIZE];
    daytime_format(1440, text);
    EXPECT_STR(str_from(text), "24:00");
}

TEST(refuses_what_only_looks_like_a_time)
{
    static const char *const bad[] = {
        "",          "AM",           "9 AM",         "9:00",     "9:00AM",     "9:00 am",
        "9:00 Am",   "9:00  AM",     " 9:00 AM",     "9:00 AM ", "9:0 AM",     "9:000 AM",
        "009:00 AM", "0:30 AM",      "00:30 AM",     "13:00 PM", "24:00",      "24:00 AM",
        "9:60 AM",   "9:00 A",       "9:00 XM",      ":00 AM",   "9.00 AM",    "-9:00 AM",
        "+9:00 AM",  "9:-1 AM",      "9:+1 AM",      "9:00\tAM", "a:00 AM",    "9:0a AM",
        "9:00 A.M.", "9:00\u202fAM", "9:00\u00a0AM", "９:00 AM", "9:00:00 AM",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int minutes = 7;
        if (daytime_parse(str_from(bad[i]), &minutes))
            fail_msg("accepts %s", bad[i]);
        assert_int_equal(minutes, 7);
    }
    int minutes = 7;
    assert_false(daytime_parse(STR("9:00 AM\0"), &minutes));
    assert_false(daytime_parse((struct str){0}, &minutes));
}

TESTS(UNIT(reads_the_hours_that_people_get_wrong), UNIT(reads_back_every_minute_it_writes),
      UNIT(writes_the_end_of_the_day_as_24), UNIT(refuses_what_only_looks_like_a_time))
