/*
 * Finds in a text what looks like a phone number; rather once too often than not at all. Pure,
 * linear, no memory.
 *
 * A number has seven digits or more, of any script, with up to three separators between two of
 * them: spaces, dashes, dots, slashes, parentheses, accents, what does not
 * show; underscores, too, when less than seven digits stand before the first. A + or 00 may stand
 * in front; letters next to it end it and do not save it. Also found is the base64 of one. What
 * stays:
 *   - dates: 2026-11-28, 28.11.2026, 11/28/2026, 20261128, 2026-2027; not behind a + or 00
 *   - of what looks like an id, groups of up to nine digits: a UUID, or a word of 8, 12 or at least
 *     16 hex digits, each with letters among them
 */
#pragma once

#include "base/str.h"

#define NUMBER_DIGITS 64 /* of a longer one the rest is left out */

/* Bytes `start` up to `end` of the text, and the digits, in ASCII and as a hash takes them. */
struct number {
    size_t start, end;
    char digits[NUMBER_DIGITS];
    size_t digit_count;
};

/* The first at or behind `from`, which is 0 or the end of the one before. False: there is none. */
MUST_USE bool number_find(struct str text, size_t from, struct number *ret);

/*
 * All digits of a text that is one number, as a hash takes them: without what is no digit, without
 * 00 in front, without (0) in one that begins with + or 00. False when there is none.
 */
MUST_USE bool number_read(struct str text, struct number *ret);

/* The country calling code of an E.164 number: "49" of +4915…; empty for anything else. */
struct str number_calling_code(struct str number);
