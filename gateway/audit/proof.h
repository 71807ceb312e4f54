/*
 * An inclusion proof (RFC 6962 2.1.1): some records of one campaign, and why they are in a journal,
 * without the other records. The file is JSON:
 *
 *     {"format": "campaign-gateway/proof/1",
 *      "id": "019…",                   the decision's
 *      "tree_size": 15009,             as in the note
 *      "records": [{"seq": 1041,       leaf 1040 of the tree
 *                   "line": "{\"seq\":1041,…}\t9f8e…",   as it stands in the journal, without LF
 *                   "path": ["nN6Z…=", …]}, …],          base64, from the leaf up
 *      "note": "campaign-gateway/…\n15009\n…"}           the signed checkpoint over them
 *
 * Whoever checks it needs the public key and nothing else: SHA-256 of the line's JSON is the leaf's
 * data; leaf and path give the root (RFC 9162 2.1.3.2) that stands in the note; the key signed it.
 */
#pragma once

#include "audit/checkpoint.h"
#include "audit/segment.h"
#include "base/arena.h"
#include "base/id.h"

#define LIMIT_PROOF_RECORDS                                                                        \
    64 /* of one campaign; there are two, and a few more when it stays open */
#define LIMIT_PROOF_BYTES (16 * 1024 * 1024) /* 64 of the longest lines, written in JSON */

struct proof_record {
    uint64_t seq;
    struct str line; /* without LF */
    uint8_t path[MERKLE_LEVELS][DIGEST_BYTES];
    size_t path_count;
};

struct proof {
    struct str id;
    struct str note;
    struct proof_record *records; /* in order of seq */
    size_t count;
};

/* The root that a leaf and its path give in a tree of `size` leaves. False when the path does not
 * have the length that it must have there. */
MUST_USE bool proof_root(uint64_t leaf, uint64_t size, const uint8_t record_hash[DIGEST_BYTES],
                         const uint8_t path[][DIGEST_BYTES], size_t path_count,
                         uint8_t out[DIGEST_BYTES]);

/* Writes the file. */
void proof_write(const struct proof *proof, struct buf *out);

/* Reads one. Everything is the arena's. False with `err` when it is not one. Proves nothing yet. */
MUST_USE bool proof_parse(struct str text, struct arena *arena, struct proof *ret,
                          struct error *err);

/*
 * Whether every record is what it was, belongs to the id, and is under the note: all but who signed
 * that. *ret is what the note says. False with `err`.
 */
MUST_USE bool proof_check(const struct proof *proof, struct checkpoint *ret, struct error *err);

/* ---- making one, while a journal is read from somewhere before the campaign on ---- */

struct prover {
    struct str id;
    struct proof_record records[LIMIT_PROOF_RECORDS];
    uint8_t left[LIMIT_PROOF_RECORDS][MERKLE_LEVELS][DIGEST_BYTES]; /* siblings, by level */
    uint8_t right[LIMIT_PROOF_RECORDS][MERKLE_LEVELS][DIGEST_BYTES];
    size_t count;   /* records found */
    size_t covered; /* of them, under the note */
    struct buf note;
    struct arena *arena;
    bool failed; /* memory, or too many records */
};

/* Large: not for the stack. `id` and `arena` live as long as it does. */
void prover_init(struct prover *prover, struct str id, struct arena *arena);
void prover_release(struct prover *prover);

/* Before each record is added to the tree: remembers it when it belongs to the campaign. */
void prover_look(struct prover *prover, struct str line, struct str json, uint64_t seq,
                 const struct merkle *before);

/* For merkle_add_seen, with the prover as `arg`. */
merkle_seen prover_seen;

/* With a valid note over the tree as it is: makes the paths of what is not covered yet. */
MUST_USE bool prover_cover(struct prover *prover, struct str note, const struct merkle *tree);

/* The proof of what is covered; views into the prover. */
struct proof prover_proof(const struct prover *prover);
