/*
 * Both encodings are counted in one pass; which of them applies is known at the end.
 */
#include "policy/segments.h"

#include <stdio.h>

#include "base/utf8.h"
#include "policy/markup.h"
#include "policy/text.h"

/* TS 23.038 6.2.1, what of it is not ASCII; sorted. Greek capitals only where Latin has no twin. */
static const uint16_t beyond_ascii[] = {
    0x00a1, 0x00a3, 0x00a4, 0x00a5, 0x00a7, 0x00bf, 0x00c4, 0x00c5, 0x00c6, 0x00c7,
    0x00c9, 0x00d1, 0x00d6, 0x00d8, 0x00dc, 0x00df, 0x00e0, 0x00e4, 0x00e5, 0x00e6,
    0x00e8, 0x00e9, 0x00ec, 0x00f1, 0x00f2, 0x00f6, 0x00f8, 0x00f9, 0x00fc, 0x0393,
    0x0394, 0x0398, 0x039b, 0x039e, 0x03a0, 0x03a3, 0x03a6, 0x03a8, 0x03a9,
};

static bool is_beyond_ascii(uint32_t code)
{
    for (size_t i = 0; i < COUNT_OF(beyond_ascii) && beyond_ascii[i] <= code; i++) {
        if (beyond_ascii[i] == code)
            return true;
    }
    return false;
}

#define EURO 0x20ac

/* Septets of a character: 2 in the extension table (6.2.1.1), 0 when it is not GSM's. */
static size_t septets(uint32_t code)
{
    if (code >= 0x80)
        return code == EURO ? 2 : is_beyond_ascii(code);
    if (code < 0x20)
        return code == '\n' || code == '\r';
    if (code == '`' || code == 0x7f)
        return 0;
    return strchr("[\\]^{|}~", (int)code) ? 2 : 1;
}

/* Parts of a text in one encoding, filled greedily. */
struct filling {
    size_t alone;    /* units of a text that is one part */
    size_t per_part; /* units of each of several */
    size_t units;
    size_t full; /* parts before the one being filled */
    size_t used; /* units of that one */
};

/* A character of `width` units, which stay together. */
static void put(struct filling *filling, size_t width)
{
    if (filling->used + width > filling->per_part) {
        filling->full++;
        filling->used = 0;
    }
    filling->used += width;
    filling->units += width;
}

/* `count` characters of one unit. */
static void put_many(struct filling *filling, size_t count)
{
    filling->units += count;
    filling->used += count;
    if (filling->used <= filling->per_part)
        return;
    size_t passed = (filling->used - 1) / filling->per_part;
    filling->full += passed;
    filling->used -= passed * filling->per_part;
}

static size_t parts(const struct filling *filling)
{
    return filling->units <= filling->alone ? 1 : filling->full + 1;
}

static const struct filling empty[] = {[SEGMENTS_GSM] = {.alone = 160, .per_part = 153},
                                       [SEGMENTS_UCS2] = {.alone = 70, .per_part = 67}};

/* What is counted along a text. */
struct count {
    struct str text;
    size_t at;
    size_t position; /* of the character at `at`, from 1 */
    struct filling gsm, ucs2;
    struct segments found; /* its foreign character, when is_foreign */
    bool is_foreign;
};

static void count_character(struct count *count)
{
    uint32_t code = 0;
    size_t length = utf8_decode(str_slice(count->text, count->at, count->text.len), &code);
    size_t width = septets(code);
    put(&count->gsm, width);
    put(&count->ucs2, code > 0xffff ? 2 : 1);
    if (width == 0 && !count->is_foreign) {
        count->is_foreign = true;
        count->found.foreign = code;
        count->found.foreign_position = count->position;
    }
    count->position++;
    count->at += length;
}

static void count_placeholder(struct count *count, struct str written, size_t characters)
{
    put_many(&count->gsm, characters);
    put_many(&count->ucs2, characters);
    for (size_t i = 0; i < written.len; i++)
        count->position += ((uint8_t)written.data[i] & 0xc0) != 0x80;
    count->at += written.len;
}

/* Characters up to the byte at `end`. */
static void count_up_to(struct count *count, size_t end)
{
    while (count->at < end)
        count_character(count);
}

struct segments segments_count(struct str text, size_t placeholder_characters)
{
    struct count count = {
        .text = text, .position = 1, .gsm = empty[SEGMENTS_GSM], .ucs2 = empty[SEGMENTS_UCS2]};
    struct markup markup;
    struct markup_span span;
    markup_init(&markup, text);
    while (placeholder_characters > 0 && markup_next(&markup, &span)) {
        if (span.kind != MARKUP_PLACEHOLDER)
            continue;
        count_up_to(&count, (size_t)(span.whole.data - text.data));
        count_placeholder(&count, span.whole, placeholder_characters);
    }
    count_up_to(&count, text.len);

    const struct filling *filling = count.is_foreign ? &count.ucs2 : &count.gsm;
    count.found.encoding = count.is_foreign ? SEGMENTS_UCS2 : SEGMENTS_GSM;
    count.found.count = parts(filling);
    count.found.units = filling->units;
    return count.found;
}

/* ---- without the text ---- */

static size_t parts_of(size_t units, size_t per_part)
{
    return (units + per_part - 1) / per_part;
}

void segments_range(const struct message_size *size, size_t placeholder_characters,
                    struct segments *ret_least, struct segments *ret_most)
{
    *ret_least = *ret_most = size->written;
    if (size->placeholders == 0 || placeholder_characters == 0)
        return;
    const struct filling *filling = &empty[size->bare.encoding];
    size_t units = size->bare.units + size->placeholders * placeholder_characters;
    bool alone = units <= filling->alone;
    /* a part has one unit less when the next character takes two */
    *ret_least = *ret_most = (struct segments){.encoding = size->bare.encoding, .units = units};
    ret_least->count = alone ? 1 : parts_of(units, filling->per_part);
    ret_most->count = alone ? 1 : parts_of(units, filling->per_part - 1);
}

/* The character as UTF-8, NUL-terminated. */
static void encode(uint32_t code, char ret[5])
{
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    ret[length] = '\0';
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        ret[i] = (char)(0x80 | (code & 0x3f));
    ret[0] = (char)(lead[length] | code);
}

void segments_name_character(uint32_t code, char ret[CHARACTER_NAME_SIZE])
{
    char character[5];
    encode(code, character);
    if (text_is_visible(code))
        (void)snprintf(ret, CHARACTER_NAME_SIZE, "U+%04X (%s)", (unsigned)code, character);
    else
        (void)snprintf(ret, CHARACTER_NAME_SIZE, "U+%04X", (unsigned)code);
}
