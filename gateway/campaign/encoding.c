#include "campaign/encoding.h"

#include "base/utf8.h"

static const char *const texts[] = {
    [MESSAGE_OK] = "is fine",
    [MESSAGE_PERCENT] = "has a % that is not followed by two hex digits",
    [MESSAGE_BASE64] = "is not base64 (RFC 4648 section 4, with padding)",
    [MESSAGE_UTF8] = "does not decode to UTF-8 text",
    [MESSAGE_CONTROL] = "decodes to a text with a control character",
    [MESSAGE_EMPTY] = "is empty",
    [MESSAGE_MEMORY] = "needs more memory than a request may use",
};

const char *message_fault_text(enum message_fault fault)
{
    return texts[fault];
}

/* Decodes %HH once into `out`; plus stays plus, because this is not a form. */
static enum message_fault percent_decode(struct str text, char *out, size_t *ret_len,
                                         size_t *ret_offset)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '%') {
            out[len++] = text.data[i];
            continue;
        }
        int high = text.len - i > 2 ? hex_digit(text.data[i + 1]) : -1;
        int low = text.len - i > 2 ? hex_digit(text.data[i + 2]) : -1;
        if (high < 0 || low < 0) {
            *ret_offset = i;
            return MESSAGE_PERCENT;
        }
        out[len++] = (char)(high << 4 | low);
        i += 2;
    }
    *ret_len = len;
    return MESSAGE_OK;
}

/* clang-format off */
/* The alphabet of RFC 4648 section 4, each value plus one; 0 is not in it. */
static const uint8_t alphabet[256] = {
    ['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
    25, 26,
    ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51, 52,
    ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
    ['+'] = 63, ['/'] = 64,
};
/* clang-format on */

/* Index of the first character that is wrong, or text.len. Decodes in place over `bytes`. */
static size_t base64_decode(struct str text, char *bytes, size_t *ret_len)
{
    size_t body = text.len, len = 0;
    while (body > 0 && text.len - body < 2 && text.data[body - 1] == '=')
        body--;
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < body; i++) {
        uint8_t value = alphabet[(uint8_t)text.data[i]];
        if (!value)
            return i;
        bits = bits << 6 | (uint32_t)(value - 1);
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes[len++] = (char)(bits >> held & 0xff);
        }
    }
    if (text.len % 4 != 0) /* padding is missing or too long */
        return text.len - 1;
    if (bits & ((1u << held) - 1)) /* RFC 4648 3.5: two texts must not decode to the same bytes */
        return body - 1;
    *ret_len = len;
    return text.len;
}

/* Where in `text` the character stands that is number `index` of its percent-decoded form. */
static size_t offset_in_text(struct str text, size_t index)
{
    size_t offset = 0;
    for (; index > 0; index--)
        offset += text.data[offset] == '%' ? 3 : 1;
    return offset;
}

static enum message_fault check_text(struct str text, size_t *ret_offset)
{
    *ret_offset = utf8_invalid_at(text);
    if (*ret_offset < text.len)
        return MESSAGE_UTF8;
    *ret_offset = utf8_control_at(text, true);
    return *ret_offset < text.len ? MESSAGE_CONTROL : MESSAGE_OK;
}

enum message_fault message_decode(struct str text, struct arena *arena, struct str *ret,
                                  size_t *ret_offset)
{
    *ret_offset = 0;
    if (text.len == 0)
        return MESSAGE_EMPTY;
    char *bytes = arena_alloc(arena, text.len + 1);
    if (!bytes)
        return MESSAGE_MEMORY;
    size_t len = 0;
    enum message_fault fault = percent_decode(text, bytes, &len, ret_offset);
    if (fault != MESSAGE_OK)
        return fault;
    struct str encoded = {bytes, len};
    size_t bad = base64_decode(encoded, bytes, &len);
    if (bad < encoded.len) {
        *ret_offset = offset_in_text(text, bad);
        return MESSAGE_BASE64;
    }
    if (len == 0)
        return MESSAGE_EMPTY;
    bytes[len] = '\0';
    fault = check_text((struct str){bytes, len}, ret_offset);
    if (fault == MESSAGE_OK)
        *ret = (struct str){bytes, len};
    return fault;
}

/* ---- encoding ---- */

/* Base64 knows three characters that encodeURIComponent does not leave as they are. */
static size_t put_percent_encoded(char *out, char c)
{
    const char *encoded = c == '+' ? "%2B" : c == '/' ? "%2F" : c == '=' ? "%3D" : NULL;
    if (encoded)
        memcpy(out, encoded, 3);
    else
        *out = c;
    return encoded ? 3 : 1;
}

struct str message_encode(struct str text, struct arena *arena)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = text.len < SIZE_MAX / 16 ? arena_alloc(arena, (text.len + 2) / 3 * 12 + 1) : NULL;
    size_t len = 0;
    if (!out)
        return (struct str){0};
    for (size_t i = 0; i < text.len; i += 3) {
        struct str three = str_slice(text, i, i + 3);
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < three.len ? (uint8_t)three.data[k] : 0u);
        for (size_t k = 0; k < 4; k++) {
            char digit = k <= three.len ? digits[bits >> (18 - 6 * k) & 63] : '=';
            len += put_percent_encoded(out + len, digit);
        }
    }
    out[len] = '\0';
    return (struct str){out, len};
}
