/*
 * Whom a verifier believes: public keys, and when each of them may sign. Pure.
 *
 *     # billing: until July, and from July on
 *     ed25519 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= - 2026-07-01T00:00:00Z
 *     ed25519 PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw= 2026-07-01T00:00:00Z
 *
 * A window is from not-before up to, not including, not-after; where one is not given, or "-", it
 * is open at that end. Whoever holds a newer key cannot rewrite what is older than its window.
 */
#pragma once

#include "audit/digest.h"
#include "audit/signing_key.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#define LIMIT_PINNED_BYTES (256 * 1024)

struct pinned_key {
    uint8_t public_key[SIGNING_PUBLIC_BYTES];
    int64_t not_before_ms, not_after_ms; /* INT64_MIN, INT64_MAX: open */
};

struct pinned_keys {
    struct pinned_key *items;
    size_t count;
};

/* The list of a file; `file` is its name, for sentences. False with `err` when a line is not
 * understood, or there is no key at all. The memory is the arena's. */
MUST_USE bool pinned_keys_parse(const char *file, struct str text, struct arena *arena,
                                struct pinned_keys *ret, struct error *err);

/* The one key of a PEM file ("PUBLIC KEY"), as `openssl pkey -pubout` writes it; always valid. */
MUST_USE bool pinned_keys_parse_pem(const char *file, struct str text, struct arena *arena,
                                    struct pinned_keys *ret, struct error *err);

/* Whether a key is pinned at all; and whether it may sign at that time, within `slack_ms`. A key
 * may stand there several times. */
bool pinned_keys_has(const struct pinned_keys *keys,
                     const uint8_t public_key[SIGNING_PUBLIC_BYTES]);
bool pinned_keys_permit(const struct pinned_keys *keys,
                        const uint8_t public_key[SIGNING_PUBLIC_BYTES], int64_t time_ms,
                        int64_t slack_ms);

/* Appends the line that pins a key, without windows and without its LF. */
bool pinned_keys_line(const uint8_t public_key[SIGNING_PUBLIC_BYTES], struct buf *out);

/* The key as PEM. */
bool pinned_keys_pem(const uint8_t public_key[SIGNING_PUBLIC_BYTES], struct buf *out);

/* How a key is named in sentences: "SHA256:" and the digest of its 32 bytes, in hex. */
#define FINGERPRINT_SIZE (7 + DIGEST_HEX_SIZE)
void key_fingerprint(const uint8_t public_key[SIGNING_PUBLIC_BYTES], char out[FINGERPRINT_SIZE]);
