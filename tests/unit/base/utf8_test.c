/* UTF-8: every row of RFC 3629's table from both sides, and what is counted or refused in it. */
#include "base/utf8.h"

#include "test.h"

/* Encodes as RFC 3629 section 3 says, without its prohibitions. */
static struct str encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return (struct str){out, 1};
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(0xf00u >> length | code);
    return (struct str){out, length};
}

TEST(accepts_every_character_and_no_surrogate)
{
    char bytes[4];
    for (uint32_t code = 0; code < 0x110000; code++) {
        struct str s = encode(code, bytes);
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        assert_int_equal(utf8_length(s), surrogate ? 0 : s.len);
        assert_int_equal(utf8_invalid_at(s), surrogate ? 0 : s.len);
    }
}

TEST(decodes_what_was_encoded)
{
    char bytes[4];
    for (uint32_t code = 0; code < 0x110000; code++) {
        struct str s = encode(code, bytes);
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        uint32_t decoded = UINT32_MAX;
        assert_int_equal(utf8_decode(s, &decoded), surrogate ? 0 : s.len);
        assert_int_equal(decoded, surrogate ? UINT32_MAX : code);
    }
}

TEST(refuses_what_ends_too_early)
{
    char bytes[4];
    static const uint32_t codes[] = {0xe4, 0x20ac, 0x1f600};
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct str s = encode(codes[i], bytes);
        for (size_t cut = 1; cut < s.len; cut++)
            assert_int_equal(utf8_length(str_slice(s, 0, cut)), 0);
    }
    assert_int_equal(utf8_length((struct str){0}), 0);
}

TEST(refuses_what_is_not_utf8)
{
    static const char *const bad[] = {
        "\x80",             /* a continuation alone */
        "\xbf",             /* … */
        "\xc0\x80",         /* overlong NUL */
        "\xc1\xbf",         /* overlong DEL */
        "\xe0\x9f\xbf",     /* overlong U+07FF */
        "\xf0\x8f\xbf\xbf", /* overlong U+FFFF */
        "\xed\xa0\x80",     /* U+D800 */
        "\xed\xbf\xbf",     /* U+DFFF */
        "\xf4\x90\x80\x80", /* U+110000 */
        "\xf5\x80\x80\x80", /* beyond any plane */
        "\xff",             /* never a byte of UTF-8 */
        "\xc3\x28",         /* second byte is not a continuation */
        "\xe2\x82\x28",     /* third byte is not */
        "\xf0\x9f\x98\x28", /* fourth byte is not */
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(utf8_length(str_from(bad[i])), 0);
}

TEST(says_where_the_first_invalid_byte_stands)
{
    assert_int_equal(utf8_invalid_at(STR("")), 0);
    assert_int_equal(utf8_invalid_at(STR("abc")), 3);
    assert_int_equal(utf8_invalid_at(STR("a\xc3\xa4\xff")), 3);
    assert_int_equal(utf8_invalid_at(STR("a\xc3\xa4\xe2\x82")), 3);
}

TEST(counts_utf16_units)
{
    char bytes[4];
    assert_int_equal(utf8_utf16_units(STR("")), 0);
    assert_int_equal(utf8_utf16_units(encode(0x7f, bytes)), 1);
    assert_int_equal(utf8_utf16_units(encode(0x7ff, bytes)), 1);
    assert_int_equal(utf8_utf16_units(encode(0xffff, bytes)), 1);
    assert_int_equal(utf8_utf16_units(encode(0x10000, bytes)), 2);
    assert_int_equal(utf8_utf16_units(encode(0x10ffff, bytes)), 2);
    /* a family of three: five characters of UTF-16 length 2, 1, 2, 1, 2 */
    assert_int_equal(utf8_utf16_units(STR("\U0001f468\u200d\U0001f469\u200d\U0001f467")), 8);
}

TEST(finds_controls_and_only_controls)
{
    char bytes[4];
    for (uint32_t code = 0; code < 0x3000; code++) {
        struct str s = encode(code, bytes);
        bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
        bool line = code == '\t' || code == '\n' || code == '\r';
        assert_int_equal(utf8_control_at(s, false), control ? 0 : s.len);
        assert_int_equal(utf8_control_at(s, true), control && !line ? 0 : s.len);
    }
    assert_int_equal(utf8_control_at(STR("\xc3\xa4\x1b"), true), 2);
}

TEST(knows_what_would_not_show)
{
    assert_true(utf8_is_blank(STR("")));
    assert_true(utf8_is_blank(STR(" \t\r\n")));
    assert_true(utf8_is_blank(STR("\xc2\x85\u00a0\u1680\u2000\u200a\u200b\u2028\u2029")));
    assert_true(utf8_is_blank(STR("\u202f\u205f\u3000\ufeff")));
    assert_false(utf8_is_blank(STR("  a")));
    assert_false(utf8_is_blank(STR("\u00a0\u00e4")));
    assert_false(utf8_is_blank(STR("\U0001f600")));
    assert_false(utf8_is_blank(STR("\xff")));
}

TESTS(UNIT(accepts_every_character_and_no_surrogate), UNIT(decodes_what_was_encoded),
      UNIT(refuses_what_ends_too_early), UNIT(refuses_what_is_not_utf8),
      UNIT(says_where_the_first_invalid_byte_stands), UNIT(counts_utf16_units),
      UNIT(finds_controls_and_only_controls), UNIT(knows_what_would_not_show))
