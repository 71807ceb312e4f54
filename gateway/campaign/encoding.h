/*
 * The message's wrapping: encodeURIComponent(base64(utf8)), undone strictly (kore-api.md A6 #9);
 * and put on.
 */
#pragma once

#include "base/arena.h"

enum message_fault {
    MESSAGE_OK,
    MESSAGE_PERCENT, /* a % that is not followed by two hex digits */
    MESSAGE_BASE64,  /* not RFC 4648 section 4: alphabet, padding, length or unused bits */
    MESSAGE_UTF8,    /* the decoded bytes are not RFC 3629 UTF-8 */
    MESSAGE_CONTROL, /* a control character other than tab, line feed and carriage return */
    MESSAGE_EMPTY,
    MESSAGE_MEMORY,
};

/*
 * Percent-decodes once (only %HH; plus stays plus), then decodes strict base64 with padding, then
 * checks the text. *ret is in `arena` and is not touched unless MESSAGE_OK. *ret_offset is where
 * in `text` (or, for UTF8 and CONTROL, in the decoded text) the trouble lies.
 */
MUST_USE enum message_fault message_decode(struct str text, struct arena *arena, struct str *ret,
                                           size_t *ret_offset);

/* A sentence's end for each fault: "is not base64 (RFC 4648, with padding)". */
const char *message_fault_text(enum message_fault fault);

/* The other way: `text` as the API wants it. A NULL view when the arena is full. */
struct str message_encode(struct str text, struct arena *arena);
