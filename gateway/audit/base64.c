#include "audit/base64.h"

#include <assert.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a digit, or -1. */
static int value_of(char digit)
{
    const char *found = digit ? strchr(digits, digit) : NULL;
    return found ? (int)(found - digits) : -1;
}

bool base64_encode(struct str bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t group = 0;
        size_t left = bytes.len - i < 3 ? bytes.len - i : 3;
        char text[4];
        for (size_t j = 0; j < 3; j++)
            group = group << 8 | (j < left ? (uint8_t)bytes.data[i + j] : 0);
        for (size_t j = 0; j < 4; j++)
            text[j] = j <= left ? digits[group >> (18 - 6 * j) & 63] : '=';
        if (!buf_append(out, (struct str){text, sizeof(text)}))
            return false;
    }
    return true;
}

/* Four digits, of which the last `padding` ones are =; bits that stand for nothing must be 0. */
static bool decode_group(const char text[4], size_t padding, struct buf *out)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < 4 - padding ? value_of(text[i]) : 0;
        if (value < 0)
            return false;
        group = group << 6 | (uint32_t)value;
    }
    if (group & ((1U << 8 * padding) - 1))
        return false;
    char bytes[3] = {(char)(group >> 16), (char)(group >> 8), (char)group};
    return buf_append(out, (struct str){bytes, 3 - padding});
}

bool base64_decode(struct str text, struct buf *out)
{
    const size_t start = out->len;
    if (text.len % 4 != 0 || !buf_reserve(out, text.len / 4 * 3)) {
        out->failed = false;
        return false;
    }
    for (size_t i = 0; i < text.len; i += 4) {
        struct str group = str_slice(text, i, i + 4);
        size_t padding = i + 4 < text.len             ? 0
                         : str_ends(group, STR("==")) ? 2
                         : str_ends(group, STR("="))  ? 1
                                                      : 0;
        if (!decode_group(group.data, padding, out)) {
            out->len = start;
            return false;
        }
    }
    return true;
}

bool base64_decode_exactly(struct str text, uint8_t *out, size_t count)
{
    assert(count <= 128);
    struct buf bytes;
    if (text.len != BASE64_SIZE(count))
        return false;
    buf_init(&bytes, BASE64_SIZE(count));
    bool fine = base64_decode(text, &bytes) && bytes.len == count;
    if (fine)
        memcpy(out, bytes.data, count);
    buf_release(&bytes);
    return fine;
}
