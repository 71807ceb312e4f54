/*
 * Checkpoints: what the journal was at one moment, signed. Pure but for the signing.
 *
 * A checkpoint is a signed note (C2SP signed-note, tlog-checkpoint), so that other people's tools
 * can check it, too:
 *
 *     campaign-gateway/billing-0/0f1c…        the origin: which journal
 *     1042                                    records it covers, from the first one
 *     nN6ZaCL2gdCvGvZqXGPkuyvL8hZw6YEYK0jWHUwFWcs=   root of the Merkle tree over them, base64
 *     time 2026-11-28T11:30:00.000Z
 *     successor 9f8e…                         only when another key signs from now on
 *
 *     — campaign-gateway/billing-0/0f1c… AbCd…=    key hash (4 bytes) and signature, base64
 */
#pragma once

#include "audit/merkle.h"
#include "audit/signed_note.h"
#include "base/buf.h"

#define LIMIT_CHECKPOINT_BYTES 1024

struct checkpoint {
    struct str origin;
    uint64_t size;
    uint8_t root[DIGEST_BYTES];
    int64_t time_unix_ms;
    bool has_successor;
    uint8_t successor[SIGNING_PUBLIC_BYTES];
};

/* Appends the signed note. False when signing fails or the note does not fit. */
MUST_USE bool checkpoint_sign(const struct checkpoint *checkpoint, const struct signing_key *key,
                              struct buf *out);

/* What a note says, without asking who signed it; views into `note`. False when it is not one. */
MUST_USE bool checkpoint_parse(struct str note, struct checkpoint *ret);

/* Whether this key signed the note, under the note's own origin. */
MUST_USE bool checkpoint_is_signed_by(struct str note,
                                      const uint8_t public_key[SIGNING_PUBLIC_BYTES]);

/* Appends the key as other tools want to be told it (C2SP signed-note): NAME+HASH+BASE64. False
 * when `origin` cannot be a name, or it does not fit. */
MUST_USE bool checkpoint_verifier_key(struct str origin,
                                      const uint8_t public_key[SIGNING_PUBLIC_BYTES],
                                      struct buf *out);
