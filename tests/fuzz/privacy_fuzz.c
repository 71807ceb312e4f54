/*
 * number_find, number_read, privacy_mask, message_facts_put: no ten digits in a row are left, nor
 * seven outside of ids and dates; what is found reads as the same number; what is no number is left
 * as it was; every link that is there is told.
 */
#include <assert.h>
#include <ctype.h>

#include "audit/message_facts.h"
#include "audit/numbers.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "policy/links.h"
#include "policy/text.h"

#define ROOM (64 << 20)

static const struct hash_key key = {"2026-11-1a2b3c4d", {42}};
#define TOKEN STR("{hmac:2026-11-1a2b3c4d:")
#define TOKEN_BYTES (sizeof("{hmac:2026-11-1a2b3c4d:}") - 1 + DIGEST_HEX)

/* ---- what is left ---- */

static size_t digits_at(struct str text, size_t at)
{
    size_t count = 0;
    while (at + count < text.len && isdigit((unsigned char)text.data[at + count]))
        count++;
    return count;
}

static bool is_hex_letter(struct str text, size_t at)
{
    return at < text.len && isxdigit((unsigned char)text.data[at]) &&
           !isdigit((unsigned char)text.data[at]);
}

/* A generous look at what numbers.h lets stay: the neighbours of `count` digits at `at`. */
static bool may_stay(struct str text, size_t at, size_t count)
{
    size_t end = at + count;
    bool id = (at > 0 && is_hex_letter(text, at - 1)) || is_hex_letter(text, end) ||
              (at > 0 && text.data[at - 1] == '-') || (end < text.len && text.data[end] == '-');
    bool date = count == 8 && str_starts(str_slice(text, at, end), STR("20"));
    return id || date;
}

/* A hash of ours; a client's own would look the same only if it had one. */
static bool is_token(struct str text)
{
    bool fits = text.len >= TOKEN_BYTES && str_starts(text, TOKEN);
    for (size_t i = TOKEN.len; fits && i < TOKEN_BYTES - 1; i++)
        fits = isxdigit((unsigned char)text.data[i]);
    return fits && text.data[TOKEN_BYTES - 1] == '}';
}

/* Of a control character in JSON. */
static bool is_escape(struct str text)
{
    return text.len >= 6 && str_starts(text, STR("\\u00")) &&
           isxdigit((unsigned char)text.data[4]) && isxdigit((unsigned char)text.data[5]);
}

static void check_left(struct str masked)
{
    for (size_t at = 0; at < masked.len;) {
        if (is_token(str_slice(masked, at, masked.len))) {
            at += TOKEN_BYTES;
            continue;
        }
        if (is_escape(str_slice(masked, at, masked.len))) {
            at += 6;
            continue;
        }
        size_t count = digits_at(masked, at);
        assert(count < 10);
        assert(count < 7 || may_stay(masked, at, count));
        at += count ? count : 1;
    }
}

/* ---- what is found ---- */

static bool has_letters(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (isalpha((unsigned char)text.data[i]))
            return true;
    }
    return false;
}

/* The hash in the text is the one that somebody gets who looks for the number. */
static void check_reading(struct str text, const struct number *number)
{
    struct str span = str_slice(text, number->start, number->end);
    struct number read;
    if (has_letters(span) || number->digit_count > 15)
        return; /* base64, or longer than any number */
    assert(number_read(span, &read));
    assert(str_equal((struct str){read.digits, read.digit_count},
                     (struct str){number->digits, number->digit_count}));
}

static size_t check_numbers(struct str text)
{
    struct number number;
    size_t done = 0, count = 0;
    for (; number_find(text, done, &number); count++) {
        assert(number.start >= done && number.end > number.start && number.end <= text.len);
        assert(number.digit_count > 0 && number.digit_count <= NUMBER_DIGITS);
        check_reading(text, &number);
        done = number.end;
    }
    return count;
}

static void check_mask(struct str text, struct arena *arena)
{
    struct privacy privacy = {.key = &key, .arena = arena}, clear = {.in_clear = true};
    struct str masked = privacy_mask(&privacy, text);
    bool too_many = privacy.hashed == LIMIT_HASHED_NUMBERS;
    assert(masked.data && masked.len <= 13 * text.len + TOKEN_BYTES);
    assert(privacy.hashed > 0 || str_equal(masked, text));
    assert(check_numbers(text) == 0 || too_many || privacy.hashed > 0);
    check_left(masked);
    assert(str_equal(privacy_mask(&clear, text), text));
}

/* ---- facts ---- */

static bool has_link(struct str text, struct arena *arena)
{
    struct folded folded;
    struct links links;
    struct link link;
    return text_fold(text, arena, &folded) && links_init(&links, folded.text, arena) &&
           links_next(&links, &link);
}

static bool tells(struct str json, struct str part)
{
    for (size_t i = 0; i < json.len; i++) {
        if (str_starts(str_slice(json, i, json.len), part))
            return true;
    }
    return false;
}

static void check_facts(struct str text, struct arena *arena)
{
    struct privacy privacy = {.key = &key, .arena = arena};
    struct buf out;
    buf_init(&out, ROOM);
    struct json_writer w = json_writer(&out);
    message_facts_put(&w, text, &privacy);
    assert(!out.failed);
    check_left(buf_str(&out));
    assert(tells(buf_str(&out), STR("\"links\":[")) == has_link(text, arena) ||
           tells(buf_str(&out), STR("\"truncated\":true")));
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {size ? (const char *)data : "", size};
    struct arena arena;
    arena_init(&arena, ROOM);
    check_mask(text, &arena);
    if (utf8_invalid_at(text) == text.len)
        check_facts(text, &arena);
    arena_release(&arena);
    return 0;
}
