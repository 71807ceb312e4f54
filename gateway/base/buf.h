/*
 * A growing byte buffer that cannot be made without its maximum.
 *
 * Failure sticks: once an append did not fit (or memory ran out) `failed` stays set and later
 * appends do nothing, so that a writer may append many times and look once at the end.
 */
#pragma once

#include <stdarg.h>

#include "base/budget.h"
#include "base/str.h"

struct buf {
    char *data;
    size_t len;
    size_t capacity;
    size_t max;            /* `len` never passes this */
    struct budget *budget; /* what its memory is taken from; NULL: from nothing */
    bool failed;           /* an append was refused; the content is not to be trusted */
};

/* An empty buffer that holds at most `max` bytes. Allocates nothing. */
void buf_init(struct buf *buf, size_t max);

/* The same for what an outsider makes grow: its memory is also taken from `budget`. */
void buf_init_within(struct buf *buf, size_t max, struct budget *budget);

/* Makes room for `extra` more bytes behind `len`; false (and `failed`) when over the maximum. */
bool buf_reserve(struct buf *buf, size_t extra);

bool buf_append(struct buf *buf, struct str bytes);
bool buf_append_byte(struct buf *buf, char byte);
bool buf_format(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Removes `count` bytes from the front; the rest moves down. */
void buf_consume(struct buf *buf, size_t count);

/* Empties the buffer and forgets a failure; keeps the memory. */
void buf_clear(struct buf *buf);

/* Frees the memory; the buffer is as after buf_init. Accepts a zeroed buffer. */
void buf_release(struct buf *buf);

static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->data, buf->len};
}
