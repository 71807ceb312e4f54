/*
 * Memory with one life: everything given out is released together.
 *
 * A request's parsed values, violations and texts live in its arena. Not thread-safe: an arena
 * belongs to whoever holds it. Memory given out is aligned for any type and is not zeroed.
 */
#pragma once

#include <stdarg.h>

#include "base/budget.h"
#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *first;   /* kept over arena_reset */
    struct arena_block *current; /* allocations come from here */
    size_t used_bytes;           /* given out since the last reset */
    size_t max_bytes;            /* allocations that would pass this fail */
    struct budget *budget;       /* what its blocks are taken from; NULL: from nothing */
};

/* Prepares an empty arena that will never give out more than `max_bytes`. Allocates nothing. */
void arena_init(struct arena *arena, size_t max_bytes);

/* The same for what an outsider makes grow: its blocks are also taken from `budget`. */
void arena_init_within(struct arena *arena, size_t max_bytes, struct budget *budget);

/* NULL when the limit would be passed or the system has no memory. `size` may be 0. */
MUST_USE void *arena_alloc(struct arena *arena, size_t size);

/* As arena_alloc for `count` elements of `size` zeroed bytes; overflow gives NULL. */
MUST_USE void *arena_zalloc(struct arena *arena, size_t count, size_t size);

/* A copy of `s` followed by a NUL byte that is not counted. A view with NULL data on failure. */
struct str arena_copy(struct arena *arena, struct str s);

/* Formatted text in the arena. A view with NULL data on failure. */
struct str arena_format(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
struct str arena_vformat(struct arena *arena, const char *format, va_list args) PRINTF_LIKE(2, 0);

/* Takes back everything; keeps the first block for the next life. */
void arena_reset(struct arena *arena);

/* Returns all memory to the system. The arena may be used again as if initialised. */
void arena_release(struct arena *arena);
