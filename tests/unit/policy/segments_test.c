/* Parts of a text in both encodings, at their edges, and which characters GSM has. */
#include "policy/segments.h"

#include "base/arena.h"
#include "test.h"

static char room[8192];

/* `text` over and over, then `end`. */
static struct str repeated(const char *text, size_t times, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    assert_true(len * times + end_len <= sizeof(room));
    for (size_t i = 0; i < times; i++)
        memcpy(room + i * len, text, len);
    memcpy(room + len * times, end, end_len);
    return (struct str){room, len * times + end_len};
}

static void expect(struct str text, size_t placeholder, enum segments_encoding encoding,
                   size_t count, size_t units, int line)
{
    struct segments found = segments_count(text, placeholder);
    if (found.encoding == encoding && found.count == count && found.units == units)
        return;
    print_error("%s, %zu parts, %zu units\n", found.encoding == SEGMENTS_GSM ? "GSM" : "UCS-2",
                found.count, found.units);
    _fail(__FILE__, line);
}

#define GSM(text, count, units) expect(text, 0, SEGMENTS_GSM, count, units, __LINE__)
#define UCS2(text, count, units) expect(text, 0, SEGMENTS_UCS2, count, units, __LINE__)

TEST(gsm_has_160_septets_or_153_in_each_part)
{
    GSM(STR(""), 1, 0);
    GSM(repeated("a", 1, ""), 1, 1);
    GSM(repeated("a", 160, ""), 1, 160);
    GSM(repeated("a", 161, ""), 2, 161);
    GSM(repeated("a", 306, ""), 2, 306);
    GSM(repeated("a", 307, ""), 3, 307);
}

TEST(extended_characters_take_two_septets)
{
    GSM(STR("€[]"), 1, 6);
    GSM(repeated("a", 158, "€"), 1, 160);
    GSM(repeated("a", 159, "€"), 2, 161);
    GSM(repeated("€", 80, ""), 1, 160);
    GSM(repeated("€", 81, ""), 2, 162);
}

TEST(an_escape_stays_with_its_character)
{
    char text[400];
    memset(text, 'a', sizeof(text));
    text[152] = '{'; /* would be septets 153 and 154 */
    GSM(((struct str){text, 160}), 2, 161);
    GSM(((struct str){text, 304}), 2, 305); /* 152, and 2 + 151 */
    GSM(((struct str){text, 305}), 3, 306); /* without the rule 306 would fit */
    text[152] = 'a';
    text[151] = '{'; /* septets 152 and 153 */
    GSM(((struct str){text, 305}), 2, 306);
    GSM(repeated("~", 152, ""), 2, 304);
    GSM(repeated("~", 153, ""), 3, 306);
}

TEST(ucs2_has_70_units_or_67_in_each_part)
{
    UCS2(STR("’"), 1, 1);
    UCS2(repeated("a", 69, "’"), 1, 70);
    UCS2(repeated("a", 70, "’"), 2, 71);
    UCS2(repeated("’", 134, ""), 2, 134);
    UCS2(repeated("’", 135, ""), 3, 135);
    UCS2(STR("नमस्ते"), 1, 6);
    UCS2(STR("سلام"), 1, 4);
    UCS2(STR("สวัสดี"), 1, 6);
}

TEST(extended_characters_are_single_in_ucs2)
{
    UCS2(STR("€[]’"), 1, 4);
}

TEST(a_surrogate_pair_stays_together)
{
    UCS2(repeated("😀", 35, ""), 1, 70);
    UCS2(repeated("😀", 36, ""), 2, 72);
    UCS2(repeated("😀", 66, ""), 2, 132);
    UCS2(repeated("😀", 67, ""), 3, 134); /* 33 in each part, one unit stays empty */
    UCS2(repeated("a", 66, "😀aaa"), 2, 71);
}

TEST(placeholders_count_as_told)
{
    struct str text = STR("Dear <First Name>, hi");
    expect(text, 0, SEGMENTS_GSM, 1, 21, __LINE__);
    expect(text, 20, SEGMENTS_GSM, 1, 29, __LINE__);
    expect(text, 151, SEGMENTS_GSM, 1, 160, __LINE__);
    expect(text, 152, SEGMENTS_GSM, 2, 161, __LINE__);
    expect(text, 306 - 9, SEGMENTS_GSM, 2, 306, __LINE__);
    expect(text, 307 - 9, SEGMENTS_GSM, 3, 307, __LINE__);
    expect(STR("<a1> <b> < c"), 10, SEGMENTS_GSM, 1, 18, __LINE__); /* <b> is HTML, as written */
    expect(STR("<a1><a2>"), 153, SEGMENTS_GSM, 2, 306, __LINE__);
    expect(STR("<a1>’"), 67, SEGMENTS_UCS2, 1, 68, __LINE__);
    expect(STR("<a1>’"), 134, SEGMENTS_UCS2, 3, 135, __LINE__);
}

TEST(the_name_of_a_placeholder_is_not_sent)
{
    expect(STR("Dear <नाम>"), 10, SEGMENTS_GSM, 1, 15, __LINE__);
    expect(STR("Dear <नाम>"), 0, SEGMENTS_UCS2, 1, 10, __LINE__);
}

TEST(the_first_foreign_character_is_told)
{
    struct segments found = segments_count(STR("Ñandú: don’t… stop"), 0);
    assert_int_equal(found.foreign, 0xfa);
    assert_int_equal(found.foreign_position, 5);
    found = segments_count(STR("Äé <Prénom>, don’t"), 5);
    assert_int_equal(found.foreign, 0x2019);
    assert_int_equal(found.foreign_position, 17);
    found = segments_count(STR("plain"), 0);
    assert_int_equal(found.foreign_position, 0);
}

/* ---- the alphabet, as the standard's table is read: column by column ---- */

static const char alphabet[] = "@£$¥èéùìòÇ\nØø\rÅå"
                               "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ" /* escape is between Ξ and Æ */
                               " !\"#¤%&'()*+,-./0123456789:;<=>?"
                               "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
                               "¿abcdefghijklmnopqrstuvwxyzäöñüà";
static const char extension[] = "^{}\\[~]|€";

/* The character as UTF-8; NUL-terminated. */
static size_t encode(uint32_t code, char out[5])
{
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    memset(out, 0, 5);
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(length == 1 ? code : (0xf00u >> length | code));
    return length;
}

TEST(the_alphabet_is_the_standards)
{
    char bytes[5];
    size_t basic = 0, extended = 0;
    for (uint32_t code = 1; code < 0x10000; code++) {
        if (code >= 0xd800 && code <= 0xdfff)
            continue;
        struct str text = {bytes, encode(code, bytes)};
        struct segments found = segments_count(text, 0);
        size_t septets = strstr(alphabet, bytes) ? 1 : strstr(extension, bytes) ? 2 : 0;
        assert_int_equal(found.encoding, septets ? SEGMENTS_GSM : SEGMENTS_UCS2);
        assert_int_equal(found.units, septets ? septets : 1);
        basic += septets == 1;
        extended += septets == 2;
    }
    assert_int_equal(basic, 127);
    assert_int_equal(extended, 9);
}

TEST(look_alikes_are_foreign)
{
    UCS2(STR("ç"), 1, 1);
    UCS2(STR("`"), 1, 1);
    UCS2(STR("\t"), 1, 1);
    UCS2(STR("\u00a0"), 1, 1);
    UCS2(STR("Α"), 1, 1); /* Greek Alpha */
    GSM(STR("Ç\n\r_Ω"), 1, 5);
}

/* ---- names ---- */

static struct str name_of(uint32_t code)
{
    static char name[CHARACTER_NAME_SIZE];
    segments_name_character(code, name);
    return str_from(name);
}

TEST(a_character_is_named_and_shown)
{
    EXPECT_STR(name_of(0x2019), "U+2019 (’)");
    EXPECT_STR(name_of('`'), "U+0060 (`)");
    EXPECT_STR(name_of(0x1f600), "U+1F600 (😀)");
    EXPECT_STR(name_of(0x10ffff), "U+10FFFF");
}

TEST(a_character_that_does_not_show_is_only_named)
{
    EXPECT_STR(name_of('\t'), "U+0009");
    EXPECT_STR(name_of(0xa0), "U+00A0");
    EXPECT_STR(name_of(0x200b), "U+200B");
    EXPECT_STR(name_of(0x301), "U+0301");
    EXPECT_STR(name_of(0x202e), "U+202E");
}

TESTS(UNIT(gsm_has_160_septets_or_153_in_each_part), UNIT(extended_characters_take_two_septets),
      UNIT(an_escape_stays_with_its_character), UNIT(ucs2_has_70_units_or_67_in_each_part),
      UNIT(extended_characters_are_single_in_ucs2), UNIT(a_surrogate_pair_stays_together),
      UNIT(placeholders_count_as_told), UNIT(the_name_of_a_placeholder_is_not_sent),
      UNIT(the_first_foreign_character_is_told), UNIT(the_alphabet_is_the_standards),
      UNIT(look_alikes_are_foreign), UNIT(a_character_is_named_and_shown),
      UNIT(a_character_that_does_not_show_is_only_named))
