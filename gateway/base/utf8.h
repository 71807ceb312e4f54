/*
 * UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#pragma once

#include "base/str.h"

/* Bytes of the character at the front of `s` (1..4), or 0 when it is not valid or incomplete. */
size_t utf8_length(struct str s);

/* As utf8_length, and the character itself; *ret is not touched when the answer is 0. */
size_t utf8_decode(struct str s, uint32_t *ret);

/* Index of the first byte that is not part of a valid character, or s.len when all are. */
size_t utf8_invalid_at(struct str s);

/* Length in UTF-16 code units, the way JavaScript counts. `s` must be valid. */
size_t utf8_utf16_units(struct str s);

/*
 * Index of the first control character (C0, DEL, C1), or s.len. With `allow_lines`, tab, line feed
 * and carriage return are let through. `s` must be valid.
 */
size_t utf8_control_at(struct str s, bool allow_lines);

/* True when nothing in `s` would show: only Unicode white space, U+200B, U+FEFF. `s` must be valid.
 */
bool utf8_is_blank(struct str s);
