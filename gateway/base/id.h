/*
 * Decision identifiers: UUID version 7 (RFC 9562 5.7), sortable by time, 74 random bits.
 */
#pragma once

#include "base/str.h"

#define ID_SIZE 37         /* 36 characters and a NUL */
#define ID_RANDOM_BYTES 10 /* what the caller supplies */

/* Pure: the same time and bytes give the same identifier. `unix_ms` must not be negative. */
void id_format(int64_t unix_ms, const uint8_t random[ID_RANDOM_BYTES], char out[ID_SIZE]);

/* When an identifier was made, in milliseconds; false unless the text is one, in lower case. */
MUST_USE bool id_unix_ms(struct str id, int64_t *ret);
