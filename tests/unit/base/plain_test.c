/* Somebody else's words in a line for people: one line, and nothing that acts on a terminal. */
#include "base/plain.h"

#include "test.h"

static const char *plain(struct str value)
{
    static struct buf out;
    buf_release(&out);
    buf_init(&out, 1024);
    plain_put(&out, value);
    buf_append_byte(&out, '\0');
    assert_false(out.failed);
    return out.data;
}

#define EXPECT_PLAIN(literal, expected) assert_string_equal(plain(STR(literal)), expected)

TEST(a_word_stays_as_it_is)
{
    EXPECT_PLAIN("billing", "billing");
    EXPECT_PLAIN("spiffe://a/b:7", "spiffe://a/b:7");
    EXPECT_PLAIN("d\xc3\xbcnn", "d\xc3\xbcnn");
}

TEST(what_could_be_read_as_something_else_is_quoted)
{
    EXPECT_PLAIN("", "\"\"");
    EXPECT_PLAIN("two words", "\"two words\"");
    EXPECT_PLAIN("a=b", "\"a=b\"");
    EXPECT_PLAIN("say \"no\"", "\"say \\\"no\\\"\"");
    EXPECT_PLAIN("\\n", "\"\\\\n\"");
}

TEST(nothing_acts_on_a_terminal)
{
    EXPECT_PLAIN("a\r\n\t", "\"a\\r\\n\\t\"");
    EXPECT_PLAIN("\033[2J\x7f", "\"\\u{1b}[2J\\u{7f}\"");
    EXPECT_PLAIN("\xc2\x9b"
                 "31m",
                 "\"\\u{9b}31m\""); /* CSI in one character */
    EXPECT_PLAIN("\xe2\x80\xae"
                 "txt",
                 "\"\\u{202e}txt\""); /* right to left */
    EXPECT_PLAIN("a\xe2\x80\x8b"
                 "b",
                 "\"a\\u{200b}b\"");                    /* shows nothing */
    EXPECT_PLAIN("\xf3\xa0\x81\xa1", "\"\\u{e0061}\""); /* a tag */
}

TEST(bytes_that_are_no_characters_are_shown_as_bytes)
{
    EXPECT_PLAIN("a\xff", "\"a\\xff\"");
    EXPECT_PLAIN("\xc0\xaf", "\"\\xc0\\xaf\"");
    EXPECT_PLAIN("\xed\xa0\x80", "\"\\xed\\xa0\\x80\"");
    assert_string_equal(plain((struct str){"a\0b", 3}), "\"a\\u{0}b\"");
}

TESTS(UNIT(a_word_stays_as_it_is), UNIT(what_could_be_read_as_something_else_is_quoted),
      UNIT(nothing_acts_on_a_terminal), UNIT(bytes_that_are_no_characters_are_shown_as_bytes))
