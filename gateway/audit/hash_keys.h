/*
 * The keys that hide phone numbers: one for each month (UTC). Whoever holds a month's key can find
 * a number in that month's records; destroying the key makes that impossible for ever, and the
 * chain holds all the same.
 *
 *     DIRECTORY/2026-11.key         64 hex digits and LF, mode 0600
 *     DIRECTORY/2026-08.destroyed   there was a key, and it is not made again
 *
 * A key's id is its month and the beginning of its own SHA-256: gateways may share a directory or
 * have one each, and their keys are told apart.
 */
#pragma once

#include "audit/digest.h"
#include "base/buf.h"
#include "base/error.h"

#define HASH_KEY_BYTES 32
#define HASH_KEY_MONTH_SIZE 8 /* "2026-11" and a NUL */
#define HASH_KEY_ID_SIZE 17   /* "2026-11-1a2b3c4d" and a NUL */

struct hash_key {
    char id[HASH_KEY_ID_SIZE];
    uint8_t bytes[HASH_KEY_BYTES];
};

/* HMAC-SHA256 (RFC 2104). False only when libcrypto fails or `text` is over 1 KB. Any thread. */
MUST_USE bool hash_key_mac(const struct hash_key *key, struct str text, uint8_t out[DIGEST_BYTES]);

/* ---- the running gateway ---- */

struct hash_keys;

/*
 * Reads this month's key; makes it, and the directory, when they are missing. NULL with `err`. The
 * directory's name is copied.
 */
MUST_USE struct hash_keys *hash_keys_open(const char *directory, int64_t now_unix_ms,
                                          struct error *err);

/*
 * Looks that this month's and the next month's key are there, and makes what is missing; forgets
 * keys of past months. To be called at start and every hour, by one thread. False with `err`: the
 * gateway goes on with the keys it has, and refuses when the month ends.
 */
MUST_USE bool hash_keys_refresh(struct hash_keys *keys, int64_t now_unix_ms, struct error *err);

/* The month's key, or NULL: then nothing may be recorded. Any thread; takes no lock, reads no file.
 */
const struct hash_key *hash_keys_at(const struct hash_keys *keys, int64_t unix_ms);

void hash_keys_close(struct hash_keys *keys); /* accepts NULL */

/* ---- verbs ---- */

/* Tells every key in the directory, the oldest month first. False with `err`. */
MUST_USE bool hash_keys_each(const char *directory,
                             void (*found)(void *arg, const struct hash_key *key), void *arg,
                             struct error *err);

/* The key with this id; false when there is none. */
MUST_USE bool hash_key_find(const char *directory, struct str id, struct hash_key *ret);

/* Whether the key of this month ("2026-08") may go: the month is over, and the key is here or was
 * destroyed before. False with `err`. */
MUST_USE bool hash_key_can_be_destroyed(const char *directory, struct str month,
                                        int64_t now_unix_ms, struct error *err);

/*
 * Destroys it: leaves the mark, overwrites the file, removes it; durable. Doing it again is no
 * error. False with `err`.
 */
MUST_USE bool hash_key_destroy(const char *directory, struct str month, int64_t now_unix_ms,
                               struct error *err);
