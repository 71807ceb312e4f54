/* message_decode: a text, or a fault inside it; one text has one encoding, give or take %HH. */
#include <assert.h>
#include <ctype.h>

#include "base/utf8.h"
#include "campaign/encoding.h"
#include "fuzz.h"

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

/* Encodes `decoded` again and compares: strictness means that nothing else is accepted. */
static void check_only_encoding(struct str text, struct str decoded)
{
    size_t at = 0;
    for (size_t i = 0; i < decoded.len; i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < decoded.len ? (uint8_t)decoded.data[i + k] : 0);
        for (size_t k = 0; k < 4; k++) {
            char expected = i + k > decoded.len ? '=' : alphabet[bits >> (18 - 6 * k) & 63];
            assert(next_plain(text, &at) == expected);
        }
    }
    assert(at == text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str text = {(const char *)data, size}, decoded = {0};
    size_t offset = 0;
    arena_init(&arena, 1 << 20);
    enum message_fault fault = message_decode(text, &arena, &decoded, &offset);
    assert(fault != MESSAGE_MEMORY);
    assert(fault == MESSAGE_OK || offset < size || size == 0);
    assert((fault == MESSAGE_OK) == (decoded.len > 0));
    assert(utf8_invalid_at(decoded) == decoded.len);
    assert(utf8_control_at(decoded, true) == decoded.len);
    if (fault == MESSAGE_OK)
        check_only_encoding(text, decoded);
    arena_release(&arena);
    return 0;
}
