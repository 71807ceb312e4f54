/*
 * Somebody else's words in a line of text for people: key=value, one line, nothing that acts on a
 * terminal. Pure.
 *
 *     billing   "two words"   "a\n\u{202e}b\xff"   ""
 */
#pragma once

#include "base/buf.h"

/*
 * Appends `value`: as it is when it is one word, in quotes otherwise. Control characters, those
 * that turn the direction of writing and those that do not show become \u{HEX}, bytes that are not
 * UTF-8 \xHH.
 */
void plain_put(struct buf *out, struct str value);
