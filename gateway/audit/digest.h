/*
 * SHA-256, the one hash of the audit: of records, bodies, messages, policies; and of API keys.
 */
#pragma once

#include "base/str.h"

#define DIGEST_BYTES 32
#define DIGEST_HEX_SIZE 65 /* 64 digits and a NUL */

/* False only when libcrypto has no SHA-256; `out` is then empty. Any thread. */
MUST_USE bool digest_hex(struct str bytes, char out[DIGEST_HEX_SIZE]);

/* The same, not in hex. */
MUST_USE bool digest_bytes(struct str bytes, uint8_t out[DIGEST_BYTES]);
