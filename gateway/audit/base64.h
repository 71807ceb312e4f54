/*
 * Base64 with padding (RFC 4648 section 4), for what signed notes and key lists hold. Pure.
 */
#pragma once

#include "base/buf.h"

#define BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4) /* of the text for so many bytes */

/* Appends the text. False when it does not fit; `out` has then failed. */
bool base64_encode(struct str bytes, struct buf *out);

/*
 * Appends the bytes. False, and nothing appended, unless `text` is exactly what base64_encode makes
 * of them, so that bytes are written in one way only; also when they do not fit.
 */
MUST_USE bool base64_decode(struct str text, struct buf *out);

/* The same for a text that must hold exactly `count` bytes, at most 128. */
MUST_USE bool base64_decode_exactly(struct str text, uint8_t *out, size_t count);
