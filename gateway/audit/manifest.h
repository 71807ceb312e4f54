/*
 * What goes with an exported file, so that whoever has both can tell that the file is what was
 * exported: a signed note (signed_note.h) whose text is one line of JSON. Pure but for the signing.
 *
 *     {"format":"campaign-gateway/export/1","time":…,"by":…,"version":…,"signer":…,
 *      "file":"campaigns.csv","file_format":"csv","bytes":N,"sha256":HEX,
 *      "filter":{…},"rows":N,"first_time":…,"last_time":…,
 *      "sources":[{"source":…,"rows":N,"first_seq":N,"last_seq":N,"checkpoint":…}]}
 *
 *     — SIGNER BASE64
 *
 * `checkpoint` is the newest signed note that was there: it commits the journal to every record
 * that was exported and is under it. Without a key the note has no signature, and says nothing
 * about who made it.
 */
#pragma once

#include "audit/pinned_keys.h"
#include "audit/signed_note.h"
#include "base/arena.h"

#define LIMIT_MANIFEST_BYTES (4 * 1024 * 1024)

struct manifest_source {
    struct str source;
    uint64_t rows, first_seq, last_seq;
    struct str checkpoint; /* may be empty */
};

struct manifest {
    int64_t time_unix_ms;
    struct str by, version;
    struct str signer; /* whose key signs: a journal's origin; empty: nobody's */
    struct str file;   /* its name, without directory */
    struct str file_format;
    uint64_t bytes;
    char sha256[DIGEST_HEX_SIZE];
    struct str filter; /* JSON */
    uint64_t rows;
    int64_t first_unix_ms, last_unix_ms; /* of records; first > last: none has a time */
    struct manifest_source *sources;
    size_t source_count;
};

/* Writes it, and signs it unless `key` is NULL. False when that fails or it is too large. */
MUST_USE bool manifest_write(const struct manifest *manifest, const struct signing_key *key,
                             struct buf *out);

/* What a manifest says of its file, in the arena: file, file_format, bytes, sha256, rows, signer
 * and time; the rest is left empty. False with `err` when it is none. */
MUST_USE bool manifest_read(struct str note, struct arena *arena, struct manifest *ret,
                            struct error *err);

/* Whether one of the keys signed it, at a time when it might. False with `err`. */
MUST_USE bool manifest_is_signed(struct str note, const struct manifest *manifest,
                                 const struct pinned_keys *keys, struct error *err);
