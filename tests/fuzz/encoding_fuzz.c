/*
 * message_decode: a text, or a fault inside it; one text has one encoding, give or take %HH; what
 * is encoded comes back.
 */
#include <assert.h>
#include <ctype.h>

#include "campaign/encoding.h"
#include "fuzz.h"
#include "pieces.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The next character of `text`, its %HH undone. */
static char next_plain(struct str text, size_t *at)
{
    if (text.data[*at] != '%')
        return text.data[(*at)++];
    int value = 0;
    for (size_t i = 1; i <= 2; i++) {
        char c = (char)tolower((unsigned char)text.data[*at + i]);
        value = value * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *at += 3;
    return (char)value;
}

/* The base64 of `text` in the arena. */
static struct str encode(struct str text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.len / 3 * 4 + 5);
    size_t len = 0;
    assert(out);
    for (size_t i = 0; i < text.len; i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < text.len ? (uint8_t)text.data[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            out[len++] = i + k > text.len ? '=' : alphabet[bits >> (18 - 6 * k) & 63];
    }
    return (struct str){out, len};
}

/* Some characters as %HH, as the bits of `random` fall. */
static struct str percent_encode(struct str text, uint64_t random, struct arena *arena)
{
    static const char digits[] = "0123456789ABCDEFabcdef";
    char *out = arena_alloc(arena, 3 * text.len + 1);
    size_t len = 0;
    assert(out);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        random = random >> 1 | random << 63;
        if (random & 1) {
            int low = byte & 15;
            out[len++] = '%';
            out[len++] = digits[byte >> 4];
            out[len++] = digits[low >= 10 && random & 2 ? low + 6 : low];
        } else {
            out[len++] = (char)byte;
        }
    }
    return (struct str){out, len};
}

/* Strictness means that nothing but the one encoding is accepted. */
static void check_only_encoding(struct str text, struct str decoded, struct arena *arena)
{
    struct str expected = encode(decoded, arena);
    size_t at = 0;
    for (size_t i = 0; i < expected.len; i++)
        assert(at < text.len && next_plain(text, &at) == expected.data[i]);
    assert(at == text.len);
}

/* A text that a message may be comes back whole, however much of it is percent-encoded. */
static void check_round_trip(struct str text, struct arena *arena)
{
    struct str decoded = STR("untouched");
    size_t offset;
    bool fine = text.len > 0 && is_shown(text, true);
    uint64_t random = sum_of(14695981039346656037u, text);
    struct str sent = percent_encode(encode(text, arena), random, arena);
    enum message_fault fault = message_decode(sent, arena, &decoded, &offset);
    assert((fault == MESSAGE_OK) == fine);
    assert(str_equal(decoded, fine ? text : STR("untouched")));
}

static void check_text(struct str text, struct arena *arena)
{
    struct str decoded = {0};
    size_t offset = 0;
    enum message_fault fault = message_decode(text, arena, &decoded, &offset);
    assert(fault != MESSAGE_MEMORY);
    assert(fault == MESSAGE_OK || offset < text.len || text.len == 0);
    assert((fault == MESSAGE_OK) == (decoded.len > 0));
    assert(is_shown(decoded, true));
    if (fault == MESSAGE_OK)
        check_only_encoding(text, decoded, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str text = {(const char *)data, size};
    arena_init(&arena, 1 << 20);
    check_text(text, &arena);
    check_round_trip(text, &arena);
    arena_release(&arena);
    return 0;
}
