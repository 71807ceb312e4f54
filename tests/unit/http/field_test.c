/* The grammar that requests and answers share. */
#include "http/field.h"

#include "test.h"

TEST(every_byte_has_the_class_that_the_standard_gives_it)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        struct str one = {&c, 1};
        assert_int_equal(is_token(one), byte != 0 && strchr(token, byte) != NULL);
        assert_int_equal(is_field_value(one), byte == '\t' || (byte >= ' ' && byte != 0x7f));
    }
    assert_false(is_token(STR("")));
    assert_true(is_field_value(STR("")));
}

TEST(one_wrong_byte_spoils_a_token_wherever_it_stands)
{
    assert_true(is_token(STR("Content-Length")));
    assert_false(is_token(STR(" Content-Length")));
    assert_false(is_token(STR("Content Length")));
    assert_false(is_token(STR("Content-Length ")));
    assert_int_equal(token_length(STR("ab;c")), 2);
    assert_int_equal(token_length(STR(";c")), 0);
    assert_int_equal(token_length(STR("abc")), 3);
}

TEST(a_line_is_found_once_and_its_end_is_looked_for_only_behind_what_was_seen)
{
    struct str line;
    size_t searched = 0, length;
    assert_int_equal(line_next(STR("abc\r"), &searched, &line, &length), LINE_MORE);
    assert_int_equal(searched, 4);
    assert_int_equal(line_next(STR("abc\r\nrest"), &searched, &line, &length), LINE_WHOLE);
    EXPECT_STR(line, "abc");
    assert_int_equal(length, 5);
    assert_int_equal(searched, 0);
    assert_int_equal(line_next(STR("abc\n"), &searched, &line, &length), LINE_BARE_LF);
    assert_int_equal(line_next(STR("\n"), &searched, &line, &length), LINE_BARE_LF);
    assert_int_equal(line_next(STR("\r\n"), &searched, &line, &length), LINE_WHOLE);
    assert_int_equal(line.len, 0);
}

TEST(a_header_line_is_split_or_its_fault_named)
{
    struct http_header header;
    assert_int_equal(field_parse(STR("A: \t b: c \t"), &header), FIELD_FINE);
    EXPECT_STR(header.name, "A");
    EXPECT_STR(header.value, "b: c");
    assert_int_equal(field_parse(STR("A:"), &header), FIELD_FINE);
    EXPECT_STR(header.value, "");
    assert_int_equal(field_parse(STR(" A: b"), &header), FIELD_FOLDED);
    assert_int_equal(field_parse(STR("A"), &header), FIELD_NO_COLON);
    assert_int_equal(field_parse(STR("A : b"), &header), FIELD_NAME);
    assert_int_equal(field_parse(STR("A: \r"), &header), FIELD_BARE_CR);
    assert_int_equal(field_parse(STR("A: \0"), &header), FIELD_CONTROL);
}

TEST(a_content_length_is_digits_and_nothing_else)
{
    uint64_t length;
    assert_true(content_length_parse(STR("0"), &length) && length == 0);
    assert_true(content_length_parse(STR("007"), &length) && length == 7);
    assert_true(content_length_parse(STR("9999999999999999999"), &length));
    static const char *const wrong[] = {
        "", "+1", "-1", "1 ", " 1", "1,1", "0x1", "1.0", "10000000000000000000"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(content_length_parse(str_from(wrong[i]), &length));
}

TEST(a_list_holds_whole_tokens_in_any_case)
{
    assert_true(list_has_token(STR("a, Close ,b"), STR("close")));
    assert_true(list_has_token(STR(",,close"), STR("close")));
    assert_false(list_has_token(STR("closed, not-close"), STR("close")));
    assert_false(list_has_token(STR("a close"), STR("close")));
    assert_false(list_has_token(STR(""), STR("close")));
}

TESTS(UNIT(every_byte_has_the_class_that_the_standard_gives_it),
      UNIT(one_wrong_byte_spoils_a_token_wherever_it_stands),

      UNIT(a_line_is_found_once_and_its_end_is_looked_for_only_behind_what_was_seen),
      UNIT(a_header_line_is_split_or_its_fault_named),
      UNIT(a_content_length_is_digits_and_nothing_else),
      UNIT(a_list_holds_whole_tokens_in_any_case))
