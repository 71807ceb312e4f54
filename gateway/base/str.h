/*
 * A view of bytes: a pointer and a length, not NUL-terminated, not owned.
 *
 * Every view lives as long as the memory it looks into: an arena, a request buffer, a literal.
 * The empty view may have a NULL pointer. All functions are pure and safe on any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

struct str {
    const char *data;
    size_t len;
};

/* A view of a string literal. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

/* For printf: printf("%.*s", STR_ARGS(s)). */
#define STR_ARGS(s) (int)(s).len, ((s).data ? (s).data : "")

/* A view of a C string; NULL gives the empty view. */
struct str str_from(const char *text);

/* The bytes from `start` up to, not including, `end`. Both are clamped to the view. */
struct str str_slice(struct str s, size_t start, size_t end);

bool str_equal(struct str a, struct str b);

/* Equal when ASCII letters are compared without case; other bytes are compared exactly. */
bool str_equal_nocase(struct str a, struct str b);

bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Byte-wise order as memcmp, a shorter prefix first: <0, 0, >0. */
int str_compare(struct str a, struct str b);

/* Index of the first `byte`, or s.len when there is none. */
size_t str_find(struct str s, char byte);

/* Whether it occurs. */
static inline bool str_has(struct str s, char byte)
{
    return str_find(s, byte) < s.len;
}

/* The view without spaces and tabs at both ends. */
struct str str_trim(struct str s);

/*
 * Splits at the first `separator`: *head is what stands before it, *rest what stands behind.
 * Without a separator *head is everything, *rest is empty, and the answer is false.
 */
bool str_cut(struct str s, char separator, struct str *head, struct str *rest);

/* The decimal number that `s` is, all of it: digits only, no sign, no overflow. */
MUST_USE bool str_to_u64(struct str s, uint64_t *ret);

/* 0..15 for a hex digit in either case, -1 for anything else. */
int hex_digit(char c);

/* Not empty, and only ASCII letters, digits, - and _: how the API writes its ids. */
bool str_is_identifier(struct str s);
