/*
 * How a careless server reads messages: lines end at LF, blanks around names do not matter, the
 * last length counts, numbers are whatever strtoull makes of them. Where it and our strict
 * parsers disagree about a message that we accepted, something can be smuggled.
 */
#pragma once

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/str.h"
#include "pieces.h"

struct careless_head {
    struct str first_line;
    struct str rest; /* what follows the head */
    size_t hosts, lengths, codings;
    bool closes; /* asks for the connection's end */
    unsigned long long length;
    struct str host, coding;
};

struct careless_body {
    uint64_t sum; /* over its bytes, from the sum given */
    size_t bytes;
    struct str rest; /* what follows the message */
};

static inline struct str careless_line(struct str *input)
{
    struct str line;
    (void)str_cut(*input, '\n', &line, input);
    while (line.len && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static inline unsigned long long careless_number(struct str text, int base)
{
    char digits[32];
    size_t length = text.len < sizeof(digits) - 1 ? text.len : sizeof(digits) - 1;
    if (length)
        memcpy(digits, text.data, length);
    digits[length] = '\0';
    return strtoull(digits, NULL, base);
}

/* Without anything at either end that is not printed: blanks, but also controls. */
static inline struct str careless_trim(struct str s)
{
    while (s.len && (uint8_t)s.data[0] <= ' ')
        s = str_slice(s, 1, s.len);
    while (s.len && (uint8_t)s.data[s.len - 1] <= ' ')
        s.len--;
    return s;
}

static inline void careless_header(struct careless_head *head, struct str line)
{
    struct str name, value;
    (void)str_cut(line, ':', &name, &value);
    name = careless_trim(name);
    value = careless_trim(value);
    if (str_equal_nocase(name, STR("host"))) {
        head->hosts++;
        head->host = value;
    } else if (str_equal_nocase(name, STR("content-length"))) {
        head->lengths++;
        head->length = careless_number(value, 10);
    } else if (str_equal_nocase(name, STR("transfer-encoding"))) {
        head->codings++;
        head->coding = value;
    } else if (str_equal_nocase(name, STR("connection"))) {
        for (struct str item, rest = value; rest.len;) {
            (void)str_cut(rest, ',', &item, &rest);
            head->closes |= str_equal_nocase(careless_trim(item), STR("close"));
        }
    }
}

static inline struct careless_head careless_head(struct str input)
{
    struct careless_head head = {0};
    while (input.len && (input.data[0] == '\r' || input.data[0] == '\n'))
        input = str_slice(input, 1, input.len);
    head.first_line = careless_line(&input);
    for (struct str line; input.len && (line = careless_line(&input)).len;)
        careless_header(&head, line);
    head.rest = input;
    return head;
}

static inline void careless_take(struct careless_body *body, size_t length)
{
    struct str piece = str_slice(body->rest, 0, length);
    body->sum = sum_of(body->sum, piece);
    body->bytes += piece.len;
    body->rest = str_slice(body->rest, piece.len, body->rest.len);
}

static inline struct careless_body careless_body(const struct careless_head *head, uint64_t sum)
{
    struct careless_body body = {.sum = sum, .rest = head->rest};
    if (!head->codings) {
        careless_take(&body, (size_t)head->length);
        return body;
    }
    for (unsigned long long size; body.rest.len;) {
        struct str line = careless_line(&body.rest);
        assert(str_find(line, '\r') == line.len && str_find(line, '\0') == line.len);
        /* neither nothing nor more than 64 bits can hold, even of zeros */
        assert(line.len && line.len <= LIMIT_CHUNK_LINE_BYTES && hex_digit(line.data[0]) >= 0);
        assert(line.len < 17 || hex_digit(line.data[16]) < 0 || str_find(line, ';') < 16);
        size = careless_number(line, 16);
        if (size == 0)
            break;
        careless_take(&body, (size_t)size);
        (void)careless_line(&body.rest);
    }
    struct careless_head trailers = {0};
    for (struct str line; body.rest.len && (line = careless_line(&body.rest)).len;)
        careless_header(&trailers, line);
    assert(!trailers.hosts && !trailers.lengths && !trailers.codings && !trailers.closes);
    return body;
}

/* No byte of an accepted head can end a line for one reader and not for another, or fold it. */
static inline void check_plain(struct str head)
{
    assert(str_ends(head, STR("\r\n\r\n")));
    for (size_t i = 0; i < head.len; i++) {
        uint8_t byte = (uint8_t)head.data[i],
                next = i + 1 < head.len ? (uint8_t)head.data[i + 1] : 0;
        assert(byte >= ' ' || byte == '\t' || byte == '\r' || byte == '\n');
        assert(byte != 0x7f);
        assert((byte == '\r') == (next == '\n'));
        if (byte == '\n')
            assert(next != ' ' && next != '\t');
    }
}

/* An accepted head says once, at most, how long its body is, and in a way all understand. */
static inline void check_unambiguous(const struct careless_head *head)
{
    assert(head->lengths + head->codings <= 1);
    assert(head->codings == 0 || str_equal_nocase(head->coding, STR("chunked")));
}
