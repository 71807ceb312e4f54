/* What a record says of a text it does not hold. */
#include "audit/message_facts.h"

#include "base/limits.h"
#include "test.h"

static const struct hash_key key = {"2026-11-1a2b3c4d", {7}};
static struct arena arena;
static struct buf out;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 4 << 20);
    buf_init(&out, 128 << 10);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    buf_release(&out);
    return 0;
}

static struct str facts(const char *text)
{
    struct privacy privacy = {.key = &key, .arena = &arena};
    struct json_writer w = json_writer(&out);
    buf_clear(&out);
    message_facts_put(&w, str_from(text), &privacy);
    assert_false(out.failed);
    return buf_str(&out);
}

static void expect(const char *text, const char *expected)
{
    EXPECT_STR(facts(text), expected);
}

static bool says(const char *text, const char *part)
{
    struct str whole = facts(text);
    for (size_t i = 0; i < whole.len; i++) {
        if (str_starts(str_slice(whole, i, whole.len), str_from(part)))
            return true;
    }
    return false;
}

TEST(tells_how_long_a_text_is)
{
    expect("Hello", "\"message\":{\"chars\":5,\"encoding\":\"gsm7\",\"units\":5,\"segments\":1}");
    expect("{}", "\"message\":{\"chars\":2,\"encoding\":\"gsm7\",\"units\":4,\"segments\":1}");
    expect("\xe0\xa4\xa8\xf0\x9f\x98\x80",
           "\"message\":{\"chars\":3,\"encoding\":\"ucs2\",\"units\":3,\"segments\":1}");
}

TEST(tells_placeholders_and_the_length_without_them)
{
    expect("Dear <First Name>, <Amount> of <Amount>",
           "\"message\":{\"chars\":39,\"encoding\":\"gsm7\",\"units\":39,\"segments\":1,"
           "\"placeholders\":[\"First Name\",\"Amount\"],\"placeholder_count\":3,"
           "\"bare_encoding\":\"gsm7\",\"bare_units\":11}");
    expect("<N\xc3\xa4me> x",
           "\"message\":{\"chars\":8,\"encoding\":\"gsm7\",\"units\":8,\"segments\":1,"
           "\"placeholders\":[\"N\xc3\xa4me\"],\"placeholder_count\":1,"
           "\"bare_encoding\":\"gsm7\",\"bare_units\":2}");
}

TEST(tells_tags)
{
    expect("<b>x</b> &amp; <Address>",
           "\"message\":{\"chars\":24,\"encoding\":\"gsm7\",\"units\":24,\"segments\":1,"
           "\"placeholders\":[\"b\",\"Address\"],\"tags\":2}");
}

TEST(tells_where_links_lead_and_not_what_stands_behind)
{
    expect("Pay at https://Acme.com/t/secret?u=1 or acme.com",
           "\"message\":{\"chars\":48,\"encoding\":\"gsm7\",\"units\":48,\"segments\":1,"
           "\"links\":[{\"host\":\"acme.com\",\"scheme\":\"https\"},{\"host\":\"acme.com\"}]}");
    assert_true(says("see https://user:pw@acme.com/a",
                     "\"links\":[{\"host\":\"acme.com\",\"scheme\":\"https\",\"userinfo\":true}]"));
    assert_false(says("see https://user:pw@acme.com/a", "pw"));
    assert_true(says("see http://10.1/a",
                     "\"links\":[{\"host\":\"10.1\",\"scheme\":\"http\",\"address\":true}]"));
    assert_false(says("no link. At all: none", "links"));
}

TEST(one_link_is_told_once)
{
    assert_true(says("acme.com/a acme.com/b acme.com", "\"links\":[{\"host\":\"acme.com\"}]}"));
}

TEST(names_and_hosts_hold_no_number)
{
    assert_false(says("call <x 491512345678>", "491512345678"));
    assert_true(says("call <x 491512345678>", "\"placeholders\":[\"x {hmac:2026-11-1a2b3c4d:"));
    assert_false(says("see https://491512345678.acme.com", "491512345678"));
    assert_true(says("see https://491512345678.acme.com", "\"host\":\"{hmac:2026-11-1a2b3c4d:"));
    assert_false(says("a491512345678://acme.com", "491512345678"));
    assert_false(says("call 491512345678 now", "491512345678"));
}

static void repeat(char *text, size_t size, const char *format, int count)
{
    size_t used = 0;
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, size - used, format, i);
}

TEST(too_many_are_cut_and_it_is_said)
{
    static char text[8192];
    repeat(text, sizeof(text), "<name%d> ", LIMIT_RECORDED_NAMES);
    assert_false(says(text, "truncated"));
    repeat(text, sizeof(text), "<name%d> ", LIMIT_RECORDED_NAMES + 1);
    assert_true(says(text, "\"truncated\":true"));
    repeat(text, sizeof(text), "https://h%d.com ", LIMIT_RECORDED_NAMES);
    assert_false(says(text, "truncated"));
    repeat(text, sizeof(text), "https://h%d.com ", LIMIT_RECORDED_NAMES + 1);
    assert_true(says(text, "\"truncated\":true"));
    assert_true(says(text, "h31.com"));
    assert_false(says(text, "h32.com"));
}

TEST(more_than_any_rule_allows_is_said_though_each_is_told_once)
{
    static char text[8192];
    repeat(text, sizeof(text), "acme.com ", LIMIT_LINKS);
    assert_false(says(text, "truncated"));
    repeat(text, sizeof(text), "acme.com ", LIMIT_LINKS + 1);
    assert_true(says(text, "\"truncated\":true"));
    repeat(text, sizeof(text), "<Name> ", LIMIT_MARKUP);
    assert_false(says(text, "truncated"));
    repeat(text, sizeof(text), "<Name> ", LIMIT_MARKUP + 1);
    assert_true(says(text, "\"truncated\":true"));
}

TEST(a_host_that_is_cut_is_said)
{
    static char text[512] = "https://";
    memset(text + 8, 'a', LIMIT_RECORDED_HOST - 4);
    memcpy(text + 8 + LIMIT_RECORDED_HOST - 4, ".com", 5);
    assert_false(says(text, "truncated"));
    memcpy(text + 8 + LIMIT_RECORDED_HOST - 4, "b.com", 6);
    assert_true(says(text, "\"truncated\":true"));
}

TEST(a_full_arena_is_said)
{
    arena_release(&arena);
    arena_init(&arena, 16);
    assert_true(says("see https://acme.com", "\"truncated\":true"));
}

#define FACTS_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
TESTS(FACTS_TEST(tells_how_long_a_text_is),
      FACTS_TEST(tells_placeholders_and_the_length_without_them), FACTS_TEST(tells_tags),
      FACTS_TEST(tells_where_links_lead_and_not_what_stands_behind),
      FACTS_TEST(one_link_is_told_once), FACTS_TEST(names_and_hosts_hold_no_number),
      FACTS_TEST(too_many_are_cut_and_it_is_said),
      FACTS_TEST(more_than_any_rule_allows_is_said_though_each_is_told_once),
      FACTS_TEST(a_host_that_is_cut_is_said), FACTS_TEST(a_full_arena_is_said))
