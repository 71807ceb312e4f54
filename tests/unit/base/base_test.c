/* The small tools everything stands on. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json_write.h"
#include "base/strset.h"
#include "base/utf8.h"
#include "base/zones.h"
#include "test.h"

TEST(numbers_are_digits_and_nothing_else)
{
    uint64_t n = 7;
    assert_true(str_to_u64(STR("18446744073709551615"), &n));
    assert_true(n == UINT64_MAX);
    static const char *const bad[] = {"",   "+1", "-1", " 1", "1 ", "1x", "18446744073709551616",
                                      "0x1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(str_to_u64(str_from(bad[i]), &n));
    assert_true(n == UINT64_MAX);
}

TEST(views_are_cut_and_compared)
{
    struct str head, rest;
    assert_true(str_cut(STR("a=b=c"), '=', &head, &rest));
    EXPECT_STR(head, "a");
    EXPECT_STR(rest, "b=c");
    assert_false(str_cut(STR("abc"), '=', &head, &rest));
    EXPECT_STR(head, "abc");
    EXPECT_STR(rest, "");
    EXPECT_STR(str_trim(STR(" \t a b \t")), "a b");
    EXPECT_STR(str_slice(STR("abc"), 2, 9), "c");
    EXPECT_STR(str_slice(STR("abc"), 9, 2), "");
    assert_true(str_equal_nocase(STR("AbC-["), STR("aBc-[")));
    assert_false(str_equal_nocase(STR("["), STR("{")));
    assert_true(str_compare(STR("a"), STR("ab")) < 0 && str_compare(STR("b"), STR("ab")) > 0);
    assert_true(str_equal((struct str){0}, STR("")));
}

TEST(an_arena_keeps_to_its_limit)
{
    struct arena arena;
    arena_init(&arena, 100000);
    assert_non_null(arena_alloc(&arena, 50000));
    assert_null(arena_alloc(&arena, 50001));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_zalloc(&arena, SIZE_MAX / 2, 4));
    EXPECT_STR(arena_format(&arena, "%d-%s", 7, "x"), "7-x");
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 99000));
    arena_release(&arena);
}

TEST(a_buffer_remembers_that_it_failed)
{
    struct buf buf;
    buf_init(&buf, 4);
    assert_true(buf_append(&buf, STR("abcd")));
    assert_false(buf_append_byte(&buf, 'e'));
    assert_false(buf_append(&buf, STR("")) && !buf.failed);
    buf_consume(&buf, 2);
    EXPECT_STR(buf_str(&buf), "cd");
    buf_clear(&buf);
    assert_true(buf_format(&buf, "%d", 12));
    assert_false(buf_format(&buf, "%d", 12345));
    buf_release(&buf);
    buf_init(&buf, 1000);
    assert_true(buf_format(&buf, "%0300d", 1));
    assert_int_equal(buf.len, 300);
    buf_release(&buf);
}

TEST(json_is_written_so_that_anybody_can_read_it)
{
    struct buf buf;
    buf_init(&buf, 1000);
    struct json_writer w = json_writer(&buf);
    json_open_object(&w);
    json_put_str(&w, "a", STR("\"\\\n\x01\x7f\xc3\xa4\xff\xf0\x9f\x98\x80"));
    json_put_int(&w, "b", INT64_MIN);
    json_open_array_at(&w, "c");
    json_put_bool(&w, NULL, true);
    json_put_null(&w, NULL);
    json_close_array(&w);
    json_open_object_at(&w, "d");
    json_close_object(&w);
    json_put_int(&w, "e", 0);
    json_close_object(&w);
    EXPECT_STR(buf_str(&buf),
               "{\"a\":\"\\\"\\\\\\n\\u0001\\u007f\xc3\xa4\xef\xbf\xbd\xf0\x9f\x98\x80\","
               "\"b\":-9223372036854775808,\"c\":[true,null],\"d\":{},\"e\":0}");
    buf_release(&buf);
}

TEST(times_are_written_in_utc)
{
    char text[CLOCK_UTC_SIZE];
    clock_format_utc(0, text);
    EXPECT_STR(str_from(text), "1970-01-01T00:00:00.000Z");
    clock_format_utc(1795426205123, text);
    EXPECT_STR(str_from(text), "2026-11-23T09:30:05.123Z");
    clock_format_utc(-1, text);
    EXPECT_STR(str_from(text), "1969-12-31T23:59:59.999Z");
    clock_format_utc(INT64_MAX, text);
    EXPECT_STR(str_from(text), "9999-12-31T23:59:59.999Z");
}

TEST(http_dates_are_those_of_rfc_9110)
{
    char text[CLOCK_HTTP_SIZE];
    clock_format_http(784111777000, text);
    EXPECT_STR(str_from(text), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(ids_are_uuids_of_version_seven)
{
    char id[ID_SIZE];
    const uint8_t random[ID_RANDOM_BYTES] = {0xff, 0xff, 0xff, 0xff, 0, 1, 2, 3, 4, 5};
    id_format(0x0123456789ab, random, id);
    EXPECT_STR(str_from(id), "01234567-89ab-7fff-bfff-000102030405");
}

TEST(an_id_tells_when_it_was_made)
{
    static const char *const bad[] = {"",
                                      "01234567-89ab-7fff-bfff-00010203040",
                                      "01234567-89ab-7fff-bfff-0001020304055",
                                      "01234567-89AB-7fff-bfff-000102030405",
                                      "01234567089ab-7fff-bfff-000102030405",
                                      "01234567-89ab-4fff-bfff-000102030405",
                                      "01234567-89ab-7fff-cfff-000102030405",
                                      "0123456g-89ab-7fff-bfff-000102030405"};
    int64_t unix_ms = 7;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(id_unix_ms(str_from(bad[i]), &unix_ms));
    assert_int_equal(unix_ms, 7);
    assert_true(id_unix_ms(STR("01234567-89ab-7fff-bfff-000102030405"), &unix_ms));
    assert_int_equal(unix_ms, 0x0123456789ab);
}

TEST(a_set_finds_what_was_put_in)
{
    struct arena arena;
    struct strset set;
    arena_init(&arena, 1 << 20);
    assert_true(strset_init(&set, &arena, 3));
    assert_int_equal(strset_add(&set, STR("a"), "A"), STRSET_ADDED);
    assert_int_equal(strset_add(&set, STR("b"), "B"), STRSET_ADDED);
    assert_int_equal(strset_add(&set, STR("a"), "C"), STRSET_PRESENT);
    assert_int_equal(strset_add(&set, STR(""), "D"), STRSET_ADDED);
    assert_string_equal(strset_get(&set, STR("a")), "A");
    assert_true(strset_has(&set, STR("")));
    assert_false(strset_has(&set, STR("c")));
    assert_true(strset_init(&set, &arena, 0));
    assert_false(strset_has(&set, STR("a")));
    assert_int_equal(strset_add(&set, STR("a"), NULL), STRSET_FULL);
    arena_release(&arena);
}

TEST(characters_are_counted_as_javascript_counts)
{
    assert_int_equal(utf8_utf16_units(STR("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")), 5);
    assert_int_equal(utf8_invalid_at(STR("ab\xc3")), 2);
    assert_int_equal(utf8_invalid_at(STR("\xc3\xa4\xf0\x9f\x98\x80")), 6);
    assert_int_equal(utf8_control_at(STR("a\tb"), true), 3);
    assert_int_equal(utf8_control_at(STR("a\tb"), false), 1);
    assert_int_equal(utf8_control_at(STR("\xc2\xa0\xc2\x85"), true), 2);
}

TEST(zones_and_links_are_known_by_their_exact_names)
{
    struct str zone;
    static const char *const pairs[][2] = {
        {"Asia/Kolkata", "Asia/Kolkata"},
        {"Asia/Calcutta", "Asia/Kolkata"},
        {"US/Eastern", "America/New_York"},
        {"Europe/Kiev", "Europe/Kyiv"},
        {"Asia/Saigon", "Asia/Ho_Chi_Minh"},
        {"Asia/Rangoon", "Asia/Yangon"},
        {"GB", "Europe/London"},
        {"UTC", "Etc/UTC"},
        {"Zulu", "Etc/UTC"},
        {"Europe/Oslo", "Europe/Oslo"},
        {"Australia/Lord_Howe", "Australia/Lord_Howe"},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        assert_true(zone_canonical(str_from(pairs[i][0]), &zone));
        EXPECT_STR(zone, pairs[i][1]);
    }
    static const char *const unknown[] = {"",
                                          "EST",
                                          "IST",
                                          "CET",
                                          "+05:30",
                                          "asia/kolkata",
                                          "Asia/",
                                          "posix/Asia/Kolkata",
                                          "../Asia/Kolkata",
                                          "Asia/Kolkata ",
                                          "Factory",
                                          ":Asia/Kolkata",
                                          "/Asia/Kolkata"};
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        assert_false(zone_canonical(str_from(unknown[i]), &zone));
}

TESTS(UNIT(numbers_are_digits_and_nothing_else), UNIT(views_are_cut_and_compared),
      UNIT(an_arena_keeps_to_its_limit), UNIT(a_buffer_remembers_that_it_failed),
      UNIT(json_is_written_so_that_anybody_can_read_it), UNIT(times_are_written_in_utc),
      UNIT(http_dates_are_those_of_rfc_9110), UNIT(ids_are_uuids_of_version_seven),
      UNIT(an_id_tells_when_it_was_made), UNIT(a_set_finds_what_was_put_in),
      UNIT(characters_are_counted_as_javascript_counts),
      UNIT(zones_and_links_are_known_by_their_exact_names))
