/*
 * Signed notes (C2SP signed-note): a text, an empty line, and who signed it.
 *
 *     text, any number of lines
 *
 *     — NAME BASE64        the key's hash (4 bytes, of NAME and key) and an Ed25519 signature
 *
 * Written, and read, in one spelling only. Pure but for the signing.
 */
#pragma once

#include "audit/signing_key.h"
#include "base/buf.h"

#define LIMIT_ORIGIN_BYTES 256 /* of a name */

/* A name is not empty and holds neither a space, in Unicode's sense, nor a plus. */
bool note_is_name(struct str name);

/* Signs the text in `note`, which ends with LF, and puts the signature behind it. False when
 * signing fails or it does not fit. */
MUST_USE bool note_sign(struct str name, const struct signing_key *key, struct buf *note);

/* At least one signature line, and nothing else up to the end: what stands behind the empty line.
 */
MUST_USE bool note_signatures_are_well_formed(struct str lines);

/* Whether the key signed `text` under that name: of its own signatures there is exactly one among
 * `lines`, and it is valid. Lines of other names and keys are other people's. */
MUST_USE bool note_is_signed_by(struct str name, const uint8_t public_key[SIGNING_PUBLIC_BYTES],
                                struct str text, struct str lines);

/* Appends the key as other tools want to be told it: NAME+HASH+BASE64. False when it cannot be. */
MUST_USE bool note_verifier_key(struct str name, const uint8_t public_key[SIGNING_PUBLIC_BYTES],
                                struct buf *out);
