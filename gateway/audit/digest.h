/*
 * SHA-256, the one hash of the audit: of records, bodies, messages, policies; and of API keys.
 */
#pragma once

#include "base/str.h"

#define DIGEST_BYTES 32
#define DIGEST_HEX 64
#define DIGEST_HEX_SIZE 65 /* 64 digits and a NUL */

/* False only when libcrypto has no SHA-256; `out` is then empty. Any thread. */
MUST_USE bool digest_hex(struct str bytes, char out[DIGEST_HEX_SIZE]);

/* The same, not in hex. */
MUST_USE bool digest_bytes(struct str bytes, uint8_t out[DIGEST_BYTES]);

/* In lower-case hex, with a NUL. */
void digest_to_hex(const uint8_t digest[DIGEST_BYTES], char out[DIGEST_HEX_SIZE]);

/* False unless `hex` is 64 lower-case digits: one digest is written in one way only. */
MUST_USE bool digest_from_hex(struct str hex, uint8_t out[DIGEST_BYTES]);

/* ---- of what comes piece by piece ---- */

struct digest_stream;

MUST_USE struct digest_stream *digest_stream_new(void); /* NULL: no memory, or no SHA-256 */
void digest_stream_free(struct digest_stream *stream);  /* accepts NULL */
MUST_USE bool digest_stream_add(struct digest_stream *stream, struct str bytes);

/* Of all that was added; nothing may be added behind. */
MUST_USE bool digest_stream_end(struct digest_stream *stream, uint8_t out[DIGEST_BYTES]);
