#include "audit/numbers.h"

#include "test.h"

/* The text with each number as [digits]. */
static const char *shown(const char *text)
{
    static char out[2048];
    struct str rest = str_from(text);
    struct number number;
    size_t done = 0, used = 0;
    while (number_find(rest, done, &number)) {
        assert_true(number.start >= done && number.end > number.start && number.end <= rest.len);
        used += (size_t)snprintf(out + used, sizeof(out) - used, "%.*s[%.*s]",
                                 STR_ARGS(str_slice(rest, done, number.start)),
                                 (int)number.digit_count, number.digits);
        done = number.end;
    }
    (void)snprintf(out + used, sizeof(out) - used, "%s", text + done);
    return out;
}

static void expect(const char *text, const char *expected)
{
    if (strcmp(shown(text), expected) == 0)
        return;
    print_error("text: %s\ngot:  %s\nnot:  %s\n", text, shown(text), expected);
    fail();
}

static void expect_stays(const char *text)
{
    expect(text, text);
}

TEST(finds_a_number_however_it_is_written)
{
    static const char *const ways[] = {
        "+491512345678",        "491512345678",
        "00491512345678",       "+49 1512 345678",
        "+49-1512-345678",      "+49.1512.345678",
        "+49/1512/345678",      "+49 (1512) 345678",
        "+49 (0) 1512 345678",  "+49(0)1512-34 56 78",
        "0049 (0) 1512/345678", "+4 9 1 5 1 2 3 4 5 6 7 8",
        "+49 - 1512 - 345678",  "4 9 1 5 1 2 3 4 5 6 7 8",
    };
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        char text[128], expected[128];
        (void)snprintf(text, sizeof(text), "call %s now", ways[i]);
        (void)snprintf(expected, sizeof(expected), "call [491512345678] now");
        expect(text, expected);
        expect(ways[i], "[491512345678]");
    }
}

TEST(finds_what_underscores_part_unless_they_part_words)
{
    expect("call_0151_123_4567", "call_[01511234567]");
    expect("4_9_1_5_1_2_3", "[4915123]");
    expect("BIL_491512345678_1", "BIL_[491512345678]_1");
    expect_stays("BIL_2026_11_28_01");
    expect_stays("28_11_2026");
    expect_stays("Q4_12_345_6");
}

TEST(finds_what_is_parted_by_what_does_not_show)
{
    static const char *const between[] = {"\xcc\x81",         "\xcd\x8f",        "\xe1\xa0\x8b",
                                          "\xe2\xa0\x80",     "\xe3\x85\xa4",    "\xef\xbe\xa0",
                                          "\xf3\xa0\x84\x80", "\xf3\xa0\x80\xa0"};
    for (size_t i = 0; i < COUNT_OF(between); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "491%s512%s345", between[i], between[i]);
        expect(text, "[491512345]");
    }
}

TEST(finds_digits_in_parentheses_with_stops_and_commas_and_in_outlines)
{
    expect("\xe2\x91\xb7\xe2\x91\xbc\xe2\x91\xb4\xe2\x91\xb8\xe2\x91\xb4\xe2\x91\xb5\xe2\x91\xb6",
           "[4915123]");
    expect("\xe2\x92\x8b\xe2\x92\x90\xe2\x92\x88\xe2\x92\x8c\xe2\x92\x88\xe2\x92\x89\xe2\x92\x8a",
           "[4915123]");
    expect("\xf0\x9f\x84\x85\xf0\x9f\x84\x8a\xf0\x9f\x84\x82\xf0\x9f\x84\x86\xf0\x9f\x84\x82\xf0"
           "\x9f\x84\x83\xf0\x9f\x84\x84",
           "[4915123]");
    expect("\xf0\x9c\xb3\xb4\xf0\x9c\xb3\xb9\xf0\x9c\xb3\xb1\xf0\x9c\xb3\xb5\xf0\x9c\xb3\xb1\xf0"
           "\x9c\xb3\xb2\xf0\x9c\xb3\xb3",
           "[4915123]");
}

TEST(finds_what_unicode_hides)
{
    expect(
        "\xef\xbc\x8b\xef\xbc\x94\xef\xbc\x99\xef\xbc\x91\xef\xbc\x95\xef\xbc\x91\xef\xbc\x92\xef"
        "\xbc\x93",
        "[4915123]"); /* full-width + and digits */
    expect("\xd9\xa4\xd9\xa9\xd9\xa1\xd9\xa5\xd9\xa1\xd9\xa2\xd9\xa3", "[4915123]"); /* Arabic */
    expect("\xe0\xa5\xaa\xe0\xa5\xaf\xe0\xa5\xa7\xe0\xa5\xab\xe0\xa5\xa7\xe0\xa5\xa8\xe0\xa5\xa9",
           "[4915123]");                                               /* Devanagari */
    expect("49\xc2\xa0\x31\x35\x31\xe2\x80\xaf\x32\x33", "[4915123]"); /* U+00A0, U+202F */
    expect("4\xe2\x80\x8b\x39\xe2\x80\x8b\x31\x35\x31\xc2\xad\x32\x33", "[4915123]"); /* U+200B */
    expect("49\xe2\x80\x93\x31\x35\x31\xe2\x88\x92\x32\x33", "[4915123]"); /* dash, minus */
    expect("4\xef\xb8\x8f\xe2\x83\xa3\x39\xef\xb8\x8f\xe2\x83\xa3\x31\x35\x31\x32\x33",
           "[4915123]");                                                         /* keycaps */
    expect("\xf0\x9d\x9f\x92\xf0\x9d\x9f\x97\x31\x35\x31\x32\x33", "[4915123]"); /* mathematical */
    expect("\xc2\xb9\xc2\xb2\xc2\xb3\xe2\x81\xb4\xe2\x81\xb5\xe2\x81\xb6\xe2\x81\xb7", "[1234567]");
}

TEST(letters_beside_a_number_do_not_save_it)
{
    expect("tel491512345678", "tel[491512345678]");
    expect("x491512345678y", "x[491512345678]y");
    expect("id_491512345678_x", "id_[491512345678]_x");
    expect("BIL-491512345678-A", "BIL-[491512345678]-A");
    expect("a491512345678", "a[491512345678]");
    expect("491512345678.example.com", "[491512345678].example.com");
    expect("{hmac:2026-11-00000000:491512345678}", "{hmac:[20261100000000]:[491512345678]}");
    expect("CMP20261301999", "CMP[20261301999]");
    expect("+49 1512 345678ext5", "[491512345678]ext5");
    expect("\xc3\xa9\x34\x39\x31\x35\x31\x32\x33\xc3\xa9", "\xc3\xa9[4915123]\xc3\xa9");
}

TEST(seven_digits_are_the_least)
{
    expect("1234567", "[1234567]");
    expect("123 45-67", "[1234567]");
    expect("a 1234567, b", "a [1234567], b");
    expect_stays("123456");
    expect_stays("+123456");
    expect_stays("123 456");
    expect_stays("12345 of 67890");
    expect_stays("123456:123456");
    expect_stays("1,234,567");
    expect_stays("123    4567"); /* four separators */
    expect_stays("");
}

TEST(a_long_run_is_a_number_too)
{
    expect("12345678901234567890", "[12345678901234567890]");
    expect("00000491512345678x", "[000491512345678]x");
    char text[200], expected[200] = "[";
    memset(text, '7', 100);
    text[100] = '\0';
    memset(expected + 1, '7', NUMBER_DIGITS);
    (void)snprintf(expected + 1 + NUMBER_DIGITS, 10, "]");
    expect(text, expected);
}

TEST(numbers_beside_each_other_are_told_apart)
{
    expect("+4915123456,+4915123457", "[4915123456],[4915123457]");
    expect("+4915123456 +4915123457", "[4915123456] [4915123457]");
    expect("4915123456 4915123457", "[4915123456] [4915123457]");
    expect("+4915123456+4915123457", "[4915123456][4915123457]");
}

TEST(dates_stay)
{
    expect_stays("2026-11-28");
    expect_stays("Diwali 2026-11-28 evening");
    expect_stays("2026/11/28");
    expect_stays("2026.11.28");
    expect_stays("28.11.2026");
    expect_stays("28/11/2026");
    expect_stays("11/28/2026");
    expect_stays("1.12.2026");
    expect_stays("20261128");
    expect_stays("BIL-20261128-A");
    expect_stays("BIL_2026-11-28_01");
    expect_stays("2026-11-28T10:30:00.000Z");
    expect_stays("20261128T103000");
    expect_stays("2026-11-28 10:30");
    expect_stays("batch 12 2026-11-28");
    expect_stays("CL Only 2020 Dec 4");
    expect_stays("FY 2026-2027");
    expect("2026-11-28 491512345678", "2026-11-28 [491512345678]");
    expect("491512345678 2026-11-28", "[491512345678] 2026-11-28");
}

TEST(what_is_only_almost_a_date_is_a_number)
{
    expect("2026-13-28", "[20261328]");
    expect("2026-11-32", "[20261132]");
    expect("1926-11-28", "[19261128]");
    expect("+20261128", "[20261128]");
    expect("+2026-11-28", "[20261128]");
    expect("00 2026-11-28", "[20261128]");
    expect("20261328", "[20261328]");
    expect("202611281", "[202611281]");
    expect("2026-11-281", "[202611281]");
    expect("091-2026-11-28", "[09120261128]");
    expect("1234-5678", "[12345678]");
}

TEST(ids_stay)
{
    expect_stays("0603182c-7ffb-53c3-b307-47ca14b00000");
    expect_stays("st-0603182c-7ffb-53c3-b307-47ca14b00000");
    expect_stays("019a1234-1234-7123-8123-123456789abc");
    expect_stays("67777ce93e25326494e00000");
    expect_stays("a1234567");
    expect_stays("123456789abc");
    expect_stays("d41d8cd98f00b204e9800998ecf8427e");
}

TEST(an_id_does_not_hide_ten_digits_in_a_row)
{
    expect("0603182c-7ffb-53c3-b307-491512345678", "0603182c-7ffb-53c3-b307-[491512345678]");
    expect("abcdefabcdef491512345678", "abcdefabcdef[491512345678]");
    expect("a123456789b1234567890123", "a123456789b[1234567890123]");
    expect("12345678-1234-4123-8123-123456789012",
           "[123456781234]-[41238123]-[123456789012]"); /* no letter: no id */
    expect("1234567abc", "[1234567]abc");               /* ten: no id's length */
}

TEST(base64_does_not_hide_one)
{
    /* "+491512345678", "x+491512345678", "xy+491512345678" and "491512345678" in base64 */
    expect("KzQ5MTUxMjM0NTY3OA==", "[491512345678]==");
    expect("eCs0OTE1MTIzNDU2Nzg=", "e[491512345678]=");
    expect("eHkrNDkxNTEyMzQ1Njc4", "eH[491512345678]");
    expect("NDkxNTEyMzQ1Njc4", "[491512345678]");
    expect("name NDkxNTEyMzQ1Njc4.", "name [491512345678].");
    expect("KzQ5IDE1MTIgMzQ1Njc4", "[491512345678]"); /* "+49 1512 345678" */
    expect_stays("MDEyMzQ1");                         /* "012345": six digits */
    expect_stays("Welcome-Campaign-MTz");
    expect_stays("TWVzc2FnZQ==");
}

TEST(bytes_that_are_no_text_are_borne)
{
    expect("\xff\xfe"
           "1234567\xff",
           "\xff\xfe[1234567]\xff");
    expect_stays("\xef\xbc");
    expect("123\xff"
           "4567890",
           "123\xff[4567890]");
}

static const char *read_as(const char *text)
{
    static char out[NUMBER_DIGITS + 1];
    struct number number;
    if (!number_read(str_from(text), &number))
        return "none";
    (void)snprintf(out, sizeof(out), "%.*s", (int)number.digit_count, number.digits);
    return out;
}

TEST(reads_a_number_as_a_hash_takes_it)
{
    assert_string_equal(read_as("+49 1512 345678"), "491512345678");
    assert_string_equal(read_as("491512345678"), "491512345678");
    assert_string_equal(read_as("0049 (0)1512 34 56 78"), "491512345678");
    assert_string_equal(read_as("+49 (0)1512-345678"), "491512345678");
    assert_string_equal(read_as("01512 (0) 345678"), "015120345678");
    assert_string_equal(read_as("12345"), "12345");
    assert_string_equal(read_as("00"), "00");
    assert_string_equal(read_as("ACME"), "none");
    assert_string_equal(read_as(""), "none");
}

TEST(tells_the_country_of_an_e164_number)
{
    EXPECT_STR(number_calling_code(STR("+14155550100")), "1");
    EXPECT_STR(number_calling_code(STR("+79161234567")), "7");
    EXPECT_STR(number_calling_code(STR("+491512345678")), "49");
    EXPECT_STR(number_calling_code(STR("+919561612345")), "91");
    EXPECT_STR(number_calling_code(STR("+353851234567")), "353");
    EXPECT_STR(number_calling_code(STR("+971501234567")), "971");
    EXPECT_STR(number_calling_code(STR("14155550100")), "");
    EXPECT_STR(number_calling_code(STR("+1415")), "");
    EXPECT_STR(number_calling_code(STR("+1415555010x")), "");
    EXPECT_STR(number_calling_code(STR("AD-ACME")), "");
    EXPECT_STR(number_calling_code(STR("")), "");
}

TESTS(UNIT(finds_a_number_however_it_is_written), UNIT(finds_what_unicode_hides),
      UNIT(finds_what_underscores_part_unless_they_part_words),
      UNIT(finds_what_is_parted_by_what_does_not_show),
      UNIT(finds_digits_in_parentheses_with_stops_and_commas_and_in_outlines),
      UNIT(letters_beside_a_number_do_not_save_it), UNIT(seven_digits_are_the_least),
      UNIT(a_long_run_is_a_number_too), UNIT(numbers_beside_each_other_are_told_apart),
      UNIT(dates_stay), UNIT(what_is_only_almost_a_date_is_a_number), UNIT(ids_stay),
      UNIT(an_id_does_not_hide_ten_digits_in_a_row), UNIT(base64_does_not_hide_one),
      UNIT(bytes_that_are_no_text_are_borne), UNIT(reads_a_number_as_a_hash_takes_it),
      UNIT(tells_the_country_of_an_e164_number))
