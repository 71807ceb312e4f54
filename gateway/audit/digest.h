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
