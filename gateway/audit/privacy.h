/*
 * What is written down instead of a phone number. Pure: the key and the memory are arguments.
 *
 *     +49 1512 3456-78  ->  hmac:2026-11-1a2b3c4d:9f86d081…     a key's id, and a HMAC-SHA256
 *     Call +49151234!   ->  Call {hmac:2026-11-1a2b3c4d:…}!     within a text
 *
 * The same number gives the same text while the key is the same, so that one can look for it with
 * the key, and not without.
 */
#pragma once

#include "audit/hash_keys.h"
#include "base/arena.h"

/* "hmac:", a key's id, ":", 64 hex digits and a NUL. */
#define PRIVACY_HASH_SIZE (5 + HASH_KEY_ID_SIZE + DIGEST_HEX_SIZE)

#define LIMIT_HASHED_NUMBERS 64 /* in the texts of one record; an honest one has one or two */

/* How one record hides numbers. Zeroed, it can write nothing that would need a key. */
struct privacy {
    bool in_clear;              /* audit.phone_numbers: clear; nothing is hidden */
    const struct hash_key *key; /* NULL: there is none, and what needs it fails */
    struct arena *arena;        /* where masked texts go */
    size_t hashed;              /* numbers so far, of LIMIT_HASHED_NUMBERS */
};

/*
 * A number's hash: of its digits alone, in any script, without + and separators, without an
 * international 00 in front and a (0) within. False when it has no digit, or libcrypto fails.
 */
MUST_USE bool privacy_hash_number(const struct hash_key *key, struct str number,
                                  char out[PRIVACY_HASH_SIZE]);

/* A body's: HMAC of its SHA-256. */
MUST_USE bool privacy_hash_body(const struct hash_key *key, struct str body,
                                char out[PRIVACY_HASH_SIZE]);

/*
 * The text with everything in it that looks like a phone number replaced by {hmac:…}, or by
 * {number} once a record has had too many; the text itself when there is nothing of the kind or
 * numbers are in the clear. NULL data when it needs a key or memory that is not there: such a text
 * must not be written.
 *
 * What looks like a number is said in numbers.h. Percent-encoding, as often as there is any, hides
 * none: a text that held one behind it is answered decoded. A client's own "{hmac:…}" is a text
 * like any other.
 */
struct str privacy_mask(struct privacy *privacy, struct str text);
