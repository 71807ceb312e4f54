/* What a record says, read from a tree and word by word. */
#include "audit/record_read.h"

#include "audit/words.h"
#include "base/buf.h"
#include "test.h"

static struct arena arena;
static struct buf out;

static const struct json_value *read(const char *text)
{
    struct json_fault fault;
    return json_read(str_from(text), &arena, &fault);
}

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 24);
    buf_init(&out, 10000);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    buf_release(&out);
    return 0;
}

static void put(void *arg, struct str text)
{
    (void)arg;
    buf_append(&out, text);
    buf_append_byte(&out, '|');
}

TEST(texts_and_numbers_are_found_by_their_path)
{
    const struct json_value *record = read("{\"a\":\"x\",\"b\":{\"c\":\"y\",\"n\":7},\"l\":[1]}");
    int64_t number = 1;
    EXPECT_STR(record_text(record, "a"), "x");
    EXPECT_STR(record_text(record, "b.c"), "y");
    EXPECT_STR(record_text(record, "b"), "");
    EXPECT_STR(record_text(record, "b.x.y"), "");
    EXPECT_STR(record_text(record, "a.c"), "");
    EXPECT_STR(record_text(record, "l.c"), "");
    EXPECT_STR(record_text(NULL, "a"), "");
    assert_true(record_number(record, "b.n", &number));
    assert_int_equal(number, 7);
    assert_false(record_number(record, "a", &number));
    assert_null(record_value(record, "z"));
}

TEST(a_record_that_is_no_object_says_nothing)
{
    EXPECT_STR(record_text(read("[\"kind\"]"), "kind"), "");
    record_each_text(read("\"text\""), put, NULL);
    record_each_code(read("[1]"), put, NULL);
    assert_int_equal(out.len, 0);
}

TEST(only_whole_numbers_are_numbers)
{
    int64_t number;
    assert_true(record_number(read("{\"n\":-3}"), "n", &number) && number == -3);
    assert_true(record_number(read("{\"n\":1e3}"), "n", &number) && number == 1000);
    assert_false(record_number(read("{\"n\":1.5}"), "n", &number));
    assert_false(record_number(read("{\"n\":1e300}"), "n", &number));
    assert_false(record_number(read("{\"n\":\"1\"}"), "n", &number));
}

TEST(codes_come_from_all_lists)
{
    record_each_code(read("{\"violations\":[{\"code\":\"a\"},{\"x\":1},7],\"code\":\"b\","
                          "\"reported\":[{\"code\":\"c\"}],\"waived\":{\"code\":\"d\"}}"),
                     put, NULL);
    EXPECT_STR(buf_str(&out), "b|a|c|");
}

TEST(texts_come_from_everywhere_but_from_the_chain)
{
    record_each_text(read("{\"seq\":1,\"prev\":\"p\",\"id\":\"i\",\"time\":\"t\",\"note\":\"n\","
                          "\"a\":\"x\",\"b\":{\"prev\":\"y\",\"c\":[\"z\",[\"w\"]]}}"),
                     put, NULL);
    EXPECT_STR(buf_str(&out), "x|y|z|w|");
}

/* ---- words ---- */

static void expect_words(const char *text, const char *words)
{
    buf_clear(&out);
    words_each(str_from(text), &arena, put, NULL);
    EXPECT_STR(buf_str(&out), words);
}

TEST(words_are_folded_runs_of_letters_and_digits)
{
    expect_words("Diwali-Offer 21!", "diwali|offer|21|");
    expect_words("", "");
    expect_words(" -- ", "");
    expect_words("a", "a|");
    expect_words("key:billing_2026", "key|billing|2026|");
}

TEST(other_scripts_are_folded_as_policies_fold_them)
{
    expect_words("\xc3\x89"
                 "TUDE 1",
                 "\xc3\xa9tude|1|");                                           /* ÉTUDE */
    expect_words("\xef\xbc\xa6\xef\xbc\xb2\xef\xbc\xa5\xef\xbc\xa5", "free|"); /* ＦＲＥＥ */
    expect_words("\xe5\xa5\xbd\xe6\x9c\x8b", "\xe5\xa5\xbd|\xe6\x9c\x8b|");    /* 好朋 */
}

TEST(ascii_is_folded_alike_whether_short_or_long)
{
    char text[3000];
    size_t words = 0;
    for (size_t i = 0; i + 4 < sizeof(text); i += 4)
        memcpy(text + i, "Ab- ", 4);
    text[2996] = '\0';
    words_each(str_from(text), &arena, put, NULL);
    for (size_t i = 0; i + 3 <= out.len; i += 3, words++)
        assert_memory_equal(out.data + i, "ab|", 3);
    assert_int_equal(words, 749);
}

#define RECORD(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(RECORD(texts_and_numbers_are_found_by_their_path),
      RECORD(a_record_that_is_no_object_says_nothing), RECORD(only_whole_numbers_are_numbers),
      RECORD(codes_come_from_all_lists), RECORD(texts_come_from_everywhere_but_from_the_chain),
      RECORD(words_are_folded_runs_of_letters_and_digits),
      RECORD(other_scripts_are_folded_as_policies_fold_them),
      RECORD(ascii_is_folded_alike_whether_short_or_long))
