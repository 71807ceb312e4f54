/*
 * The Merkle tree over the journal (RFC 6962 2.1): its root commits to every record, and a short
 * path of hashes proves that one record is among them, without showing the others.
 *
 * Leaf i (from 0) is the record with seq i + 1; what is hashed as the leaf's data are the 32 bytes
 * of the record's own SHA-256. Only the tree's frontier is kept: the roots of the complete subtrees
 * that its size is made of, at most 64.
 */
#pragma once

#include "audit/digest.h"

#define MERKLE_LEVELS 64

struct merkle {
    uint64_t size;                              /* leaves */
    uint8_t nodes[MERKLE_LEVELS][DIGEST_BYTES]; /* level i counts where bit i of size is set */
};

/* Adds the next leaf. False only when libcrypto fails; the tree is then not to be used. */
MUST_USE bool merkle_add(struct merkle *tree, const uint8_t record_hash[DIGEST_BYTES]);

/* The same, and tells of every complete subtree that the leaf completes: the leaf itself at level
 * 0, with its number as `index`, then what it closes at the levels above; `index` counts the
 * subtrees of that level from the left. */
typedef void merkle_seen(void *arg, size_t level, uint64_t index, const uint8_t node[DIGEST_BYTES]);
MUST_USE bool merkle_add_seen(struct merkle *tree, const uint8_t record_hash[DIGEST_BYTES],
                              merkle_seen *seen, void *arg);

/* The root; of no leaves at all, the hash of nothing (RFC 6962 2.1). False as above. */
MUST_USE bool merkle_root(const struct merkle *tree, uint8_t out[DIGEST_BYTES]);

/* The hash over the last leaves: those in the subtrees below `level`, of which there must be one.
 * That is the sibling of a complete subtree of that level where the tree ends within it. */
MUST_USE bool merkle_rest(const struct merkle *tree, size_t level, uint8_t out[DIGEST_BYTES]);

/* The hash of a leaf and of an inner node, for proofs. */
MUST_USE bool merkle_leaf(const uint8_t record_hash[DIGEST_BYTES], uint8_t out[DIGEST_BYTES]);
MUST_USE bool merkle_node(const uint8_t left[DIGEST_BYTES], const uint8_t right[DIGEST_BYTES],
                          uint8_t out[DIGEST_BYTES]);
