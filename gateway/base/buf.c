#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define SMALLEST_BYTES 1024

void buf_init(struct buf *buf, size_t max)
{
    buf_init_within(buf, max, NULL);
}

void buf_init_within(struct buf *buf, size_t max, struct budget *budget)
{
    *buf = (struct buf){.max = max, .budget = budget};
}

static bool grow(struct buf *buf, size_t wanted)
{
    if (!budget_take(buf->budget, wanted - buf->capacity))
        return false;
    char *data = realloc(buf->data, wanted);
    if (!data) {
        budget_give(buf->budget, wanted - buf->capacity);
        return false;
    }
    buf->data = data;
    buf->capacity = wanted;
    return true;
}

/* Apart, so that the check in front of it is small enough to stand in every append. */
static RARELY bool make_room(struct buf *buf, size_t extra)
{
    if (buf->failed)
        return false;
    if (extra > buf->max - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t wanted = buf->capacity < SMALLEST_BYTES ? SMALLEST_BYTES : buf->capacity * 2;
    if (wanted < buf->len + extra)
        wanted = buf->len + extra;
    if (wanted > buf->max)
        wanted = buf->max;
    buf->failed = !grow(buf, wanted);
    return !buf->failed;
}

bool buf_reserve(struct buf *buf, size_t extra)
{
    if (!buf->failed && extra <= buf->capacity - buf->len)
        return true;
    return make_room(buf, extra);
}

bool buf_append(struct buf *buf, struct str bytes)
{
    if (!buf_reserve(buf, bytes.len))
        return false;
    if (bytes.len)
        memcpy(buf->data + buf->len, bytes.data, bytes.len);
    buf->len += bytes.len;
    return true;
}

bool buf_append_byte(struct buf *buf, char byte)
{
    return buf_append(buf, (struct str){&byte, 1});
}

bool buf_format(struct buf *buf, const char *format, ...)
{
    char small[256]; /* most formatted pieces are short: one pass */
    va_list args;
    va_start(args, format);
    int len = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof(small))
        return buf_append(buf, (struct str){small, (size_t)len});

    if (len < 0 || !buf_reserve(buf, (size_t)len + 1)) {
        buf->failed = true;
        return false;
    }
    va_start(args, format);
    (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
    return true;
}

void buf_consume(struct buf *buf, size_t count)
{
    if (count > buf->len)
        count = buf->len;
    buf->len -= count;
    if (buf->len)
        memmove(buf->data, buf->data + count, buf->len);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

void buf_release(struct buf *buf)
{
    free(buf->data);
    budget_give(buf->budget, buf->capacity);
    buf_init_within(buf, buf->max, buf->budget);
}
