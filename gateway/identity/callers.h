/*
 * Who is calling, and for which team: from a client certificate's names or an API key, never from
 * the request's body. Pure.
 *
 * Compiled from one YAML file:
 *
 *     certificates:
 *       - {uri: spiffe://example.org/team/billing, team: billing}   # or dns: …, or common_name: …
 *     api_keys:
 *       - {id: billing-2026, team: billing, sha256: 64 hex digits, expires: 2027-03-31}
 *
 * An API key is known only by its SHA-256; `id` is what logs and records call it. A team may have
 * several keys, so that one can be replaced before it expires (at the end of that day, UTC).
 * Immutable after compiling; safe on any thread.
 */
#pragma once

#include "base/error.h"
#include "base/strset.h"

#define CALLER_KEY_BYTES 32 /* of a SHA-256 */

struct callers {
    struct strset names; /* "uri:…", "dns:…", "cn:…" -> struct caller_entry */
    struct strset keys;  /* the first half of a key's SHA-256 -> struct caller_entry */
};

/*
 * NULL with `err` naming file, line, column and remedy, also when a team is not one of `teams`.
 * `file` must live as long as the result, which lives in the arena.
 */
MUST_USE const struct callers *callers_compile(const char *file, struct str text,
                                               const struct strset *teams, struct arena *arena,
                                               struct error *err);

/* When the next API key expires, of those that have not yet; INT64_MAX: none will. */
int64_t callers_next_expiry(const struct callers *callers, int64_t now_unix_ms);

/* What a request shows of its caller. */
struct caller_evidence {
    bool has_certificate;      /* a verified one */
    struct str names;          /* of that certificate, one in a line; may be empty */
    const uint8_t *key_sha256; /* CALLER_KEY_BYTES of an API key; NULL when there is none */
    int64_t now_unix_ms;
};

enum caller_answer {
    CALLER_KNOWN,
    CALLER_ABSENT,      /* neither certificate nor key */
    CALLER_KEY_UNKNOWN, /* no such key */
    CALLER_KEY_EXPIRED,
    CALLER_NO_TEAM,   /* the certificate is fine, but none of its names, if any, has a team */
    CALLER_AMBIGUOUS, /* what it shows belongs to different teams */
};

struct caller {
    struct str team; /* empty unless CALLER_KNOWN */
    struct str name; /* "uri:…" or "key:billing-2026": who it was; may be known without a team */
};

/* Views in *ret live as long as `callers` and evidence->names. */
MUST_USE enum caller_answer callers_find(const struct callers *callers,
                                         const struct caller_evidence *evidence,
                                         struct caller *ret);
