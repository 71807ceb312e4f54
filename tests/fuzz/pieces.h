/* What targets share: cutting an input into pieces, summing a story, a second look at texts. */
#pragma once

#include <assert.h>
#include <stdlib.h>

#include "base/str.h"

/* FNV-1a, over everything that came out, in order. */
static inline uint64_t sum_of(uint64_t sum, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        sum = (sum ^ (uint8_t)bytes.data[i]) * 1099511628211u;
    return sum;
}

/* A copy of exactly these bytes: reading further shows under ASan. */
static inline struct str copy_of(struct str bytes)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    assert(copy);
    if (bytes.len)
        memcpy(copy, bytes.data, bytes.len);
    return (struct str){copy, bytes.len};
}

/* UTF-8 by arithmetic rather than by table: shortest form, no surrogates, at most U+10FFFF. */
static inline bool is_utf8(struct str s)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t i = 0, length; i < s.len; i += length) {
        uint8_t first = (uint8_t)s.data[i];
        length = first < 0x80       ? 1
                 : first >> 5 == 6  ? 2
                 : first >> 4 == 14 ? 3
                 : first >> 3 == 30 ? 4
                                    : 0;
        if (length == 0 || length > s.len - i)
            return false;
        uint32_t code = length == 1 ? first : first & (0x7fu >> length);
        for (size_t k = 1; k < length; k++) {
            if (((uint8_t)s.data[i + k] & 0xc0) != 0x80)
                return false;
            code = code << 6 | ((uint8_t)s.data[i + k] & 0x3f);
        }
        if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return false;
    }
    return true;
}

/* UTF-8 that may be shown on a terminal; with `lines`, also tab, CR and LF. */
static inline bool is_shown(struct str s, bool lines)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t byte = (uint8_t)s.data[i], next = i + 1 < s.len ? (uint8_t)s.data[i + 1] : 0;
        bool line = byte == '\t' || byte == '\r' || byte == '\n';
        if ((byte < ' ' && !(lines && line)) || byte == 0x7f || (byte == 0xc2 && next < 0xa0))
            return false;
    }
    return is_utf8(s);
}

/* How many bytes arrive next: all of them, one, or what the data says. */
enum pace { WHOLE, SINGLE, VARYING };

static inline size_t next_step(enum pace pace, uint64_t *random, size_t size)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    size_t longest = *random & 64 ? 4 : size / 2 + 1;
    return pace == WHOLE ? size : pace == SINGLE ? 1 : 1 + (size_t)(*random >> 8) % longest;
}
