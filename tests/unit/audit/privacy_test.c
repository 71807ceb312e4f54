/* What is written instead of a number; what looks like one is numbers_test's business. */
#include "audit/privacy.h"

#include "test.h"

/* HMAC-SHA256 of "491512345678" with the key of 32 bytes 1 to 32, from Python's hmac. */
#define HASH                                                                                       \
    "hmac:2026-11-1a2b3c4d:b048434ea6cee76e1052e6f1e6f0cb345ee97945daf96c66c796915703574d13"

static const struct hash_key key = {"2026-11-1a2b3c4d", {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                                         12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
                                                         23, 24, 25, 26, 27, 28, 29, 30, 31, 32}};
static struct arena arena;
static struct privacy hiding;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    hiding = (struct privacy){.key = &key, .arena = &arena};
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void expect(const char *text, const char *expected)
{
    struct str masked = privacy_mask(&hiding, str_from(text));
    assert_non_null(masked.data);
    EXPECT_STR(masked, expected);
}

TEST(hashes_the_digits_of_a_number)
{
    char hash[PRIVACY_HASH_SIZE];
    static const char *const ways[] = {"+491512345678", "491512345678", "+49 1512 345678",
                                       "0049 (0) 1512-34 56 78"};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        assert_true(privacy_hash_number(&key, str_from(ways[i]), hash));
        assert_string_equal(hash, HASH);
    }
    assert_true(privacy_hash_number(&key, STR("+491512345679"), hash));
    assert_string_not_equal(hash, HASH);
}

TEST(another_key_gives_another_hash)
{
    char hash[PRIVACY_HASH_SIZE];
    struct hash_key other = key;
    other.bytes[31]++;
    assert_true(privacy_hash_number(&other, STR("+491512345678"), hash));
    assert_memory_equal(hash, HASH, 22);
    assert_string_not_equal(hash, HASH);
}

TEST(what_has_no_digit_is_no_number)
{
    char hash[PRIVACY_HASH_SIZE];
    assert_false(privacy_hash_number(&key, STR("ACME"), hash));
    assert_false(privacy_hash_number(&key, STR(""), hash));
}

TEST(a_body_of_digits_is_not_its_number)
{
    char hash[PRIVACY_HASH_SIZE];
    assert_true(privacy_hash_body(&key, STR("491512345678"), hash));
    assert_string_equal(
        hash,
        "hmac:2026-11-1a2b3c4d:caa381112a1e39b62c4575021ca56d0fcb003d6d7a249a331dc00c8cbfb8b2e2");
    assert_true(privacy_hash_body(&key, STR(""), hash));
}

TEST(masks_numbers_within_a_text)
{
    expect("call +491512345678!", "call {" HASH "}!");
    expect("491512345678", "{" HASH "}");
    expect("+49 1512 345678 or 0049-1512-345678.", "{" HASH "} or {" HASH "}.");
}

TEST(leaves_other_texts_alone)
{
    static const char *const texts[] = {"",         "Welcome",    "CL Only 2020 Dec 4",
                                        "100% off", "a%2",        "%zz",
                                        "%41%42",   "2026-11-28", "Order No. 123456"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct str text = str_from(texts[i]);
        assert_ptr_equal(privacy_mask(&hiding, text).data, text.data);
    }
}

TEST(percent_encoding_hides_nothing)
{
    expect("/x/%2B491512345678", "/x/{" HASH "}");
    expect("/x/%34%39%31%35%31%32%33%34%35%36%37%38/y", "/x/{" HASH "}/y");
    expect("/x/%2534%2539%2531512345678", "/x/{" HASH "}");
    expect("/x/%25252534%39%31%35%31%32345678", "/x/{" HASH "}");
    expect("/x/%%33%34%%339%31512345678", "/x/{" HASH "}");
    expect("/x/49%201512%20345678", "/x/{" HASH "}");
    expect("/x/%EF%BC%949%31512345678", "/x/{" HASH "}");     /* a full-width 4 */
    expect("/x/%4b%7AQ5MTUxMjM0NTY3OA==", "/x/{" HASH "}=="); /* base64 in it */
    expect(
        "/x/1234567%41",
        "/x/"
        "{hmac:2026-11-1a2b3c4d:1f76295ac9fc2f3b1a077173499269950320feb04d9409f7e7e0754cc834358a}%"
        "41"); /* which were an id */
}

TEST(a_clients_own_hash_is_a_text_like_any_other)
{
    expect("{hmac:x:491512345678}", "{hmac:x:{" HASH "}}");
}

TEST(too_many_numbers_are_not_hashed_any_more)
{
    char text[1000] = "";
    for (int i = 0; i < 70; i++)
        (void)snprintf(text + strlen(text), 14, "491512345678,");
    struct str masked = privacy_mask(&hiding, str_from(text));
    size_t hashes = 0, shorts = 0;
    for (size_t i = 0; i < masked.len; i++) {
        hashes += str_starts(str_slice(masked, i, masked.len), STR("{hmac:"));
        shorts += str_starts(str_slice(masked, i, masked.len), STR("{number}"));
    }
    assert_int_equal(hashes, LIMIT_HASHED_NUMBERS);
    assert_int_equal(shorts, 70 - LIMIT_HASHED_NUMBERS);
    expect("call 491512345678", "call {number}"); /* the record's, not the text's */
}

TEST(without_a_key_a_text_with_a_number_cannot_be_written)
{
    struct privacy nothing = {.arena = &arena};
    assert_null(privacy_mask(&nothing, STR("call +491512345678")).data);
    EXPECT_STR(privacy_mask(&nothing, STR("Welcome")), "Welcome");
}

TEST(without_memory_a_text_with_a_number_cannot_be_written)
{
    struct arena tiny;
    arena_init(&tiny, 16);
    struct privacy nothing = {.key = &key, .arena = &tiny};
    assert_null(privacy_mask(&nothing, STR("call +491512345678")).data);
    assert_null(privacy_mask(&nothing, STR("100%25 of what is there")).data);
    EXPECT_STR(privacy_mask(&nothing, STR("Welcome")), "Welcome");
    arena_release(&tiny);
    nothing.arena = NULL;
    assert_null(privacy_mask(&nothing, STR("call +491512345678")).data);
}

TEST(in_the_clear_nothing_is_hidden)
{
    struct privacy clear = {.in_clear = true};
    EXPECT_STR(privacy_mask(&clear, STR("call +491512345678")), "call +491512345678");
}

#define PRIVACY_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
TESTS(PRIVACY_TEST(hashes_the_digits_of_a_number), PRIVACY_TEST(another_key_gives_another_hash),
      PRIVACY_TEST(what_has_no_digit_is_no_number),
      PRIVACY_TEST(a_body_of_digits_is_not_its_number), PRIVACY_TEST(masks_numbers_within_a_text),
      PRIVACY_TEST(leaves_other_texts_alone), PRIVACY_TEST(percent_encoding_hides_nothing),
      PRIVACY_TEST(a_clients_own_hash_is_a_text_like_any_other),
      PRIVACY_TEST(too_many_numbers_are_not_hashed_any_more),
      PRIVACY_TEST(without_a_key_a_text_with_a_number_cannot_be_written),
      PRIVACY_TEST(without_memory_a_text_with_a_number_cannot_be_written),
      PRIVACY_TEST(in_the_clear_nothing_is_hidden))
