/*
 * The Ed25519 key (RFC 8032) that signs checkpoints. Its file is PEM (PKCS #8); behind the key it
 * may hold former ones, so that a new key can be introduced by the signature of the old one.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define SIGNING_PUBLIC_BYTES 32
#define SIGNATURE_BYTES 64

struct signing_key;

/*
 * Reads the file: *ret_key is the first key; *ret_former, when asked for and there is one with that
 * public key, a later one, otherwise NULL. False with `err`. The caller frees both.
 */
MUST_USE bool signing_key_load(const char *path, const uint8_t former[SIGNING_PUBLIC_BYTES],
                               struct signing_key **ret_key, struct signing_key **ret_former,
                               struct error *err);

/* Makes a new key and writes it, with mode 0600, to a file that must not exist yet; durable. */
MUST_USE bool signing_key_make(const char *path, struct error *err);

/* Puts a new key in front of those in the file, in one step: the file keeps its mode and owner, and
 * what was in it. Durable. *ret_key, which the caller frees, is the new one. */
MUST_USE bool signing_key_rotate(const char *path, struct signing_key **ret_key, struct error *err);

void signing_key_free(struct signing_key *key); /* accepts NULL */

const uint8_t *signing_key_public(const struct signing_key *key);

/* One thread at a time. False when libcrypto fails. */
MUST_USE bool signing_key_sign(const struct signing_key *key, struct str text,
                               uint8_t out[SIGNATURE_BYTES]);

/* With the public key alone. */
MUST_USE bool signature_is_valid(const uint8_t public_key[SIGNING_PUBLIC_BYTES], struct str text,
                                 const uint8_t signature[SIGNATURE_BYTES]);
