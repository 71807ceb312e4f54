/* What the incremental parsers' targets share: cutting an input into pieces, summing a story. */
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
