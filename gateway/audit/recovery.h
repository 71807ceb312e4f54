/*
 * Where a journal stands when a gateway starts: its last segment is read and checked, a torn tail
 * is cut and kept, and what is needed to go on is taken from its first record and those behind.
 */
#pragma once

#include "audit/checkpoint.h"
#include "audit/journal.h"
#include "audit/open_set.h"
#include "audit/writer.h"

struct recovered {
    bool found; /* a journal was there; otherwise nothing below is set but zeros */
    struct chain_head head;
    struct merkle tree;
    char origin[LIMIT_ORIGIN_BYTES + 1];
    uint8_t key[SIGNING_PUBLIC_BYTES]; /* that signed last */
    int64_t segment_unix_ms;           /* when the last segment was begun */
    int64_t note_unix_ms;              /* of the last note */
    struct open_set open;              /* all of them former */
};

/*
 * `writer` has its directories open. On success its open segment is the journal's last, when that
 * can be appended to. False with `err`: the journal cannot go on, and must not: records that were
 * durable are damaged or gone.
 */
MUST_USE bool recovery_run(struct writer *writer, struct journal_recovery *ret_recovery,
                           struct recovered *ret, struct error *err);
