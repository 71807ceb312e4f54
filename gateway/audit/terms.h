/*
 * What a record may be found by, and what a search looks for, as numbers of 44 bits: hashes, so two
 * things may share a number, and what is found by it must be looked at. Pure.
 */
#pragma once

#include "audit/postings_block.h"
#include "audit/search_plan.h"

/* A growing list. Zeroed it is empty; failure sticks. */
struct terms {
    uint64_t *items;
    size_t count, capacity;
    bool failed; /* no memory: the list is not complete */
};

void terms_add(struct terms *terms, uint64_t term);
void terms_release(struct terms *terms); /* accepts a zeroed list */

/* Of a kind: of the record alone, not of its story. */
uint64_t term_of_kind(struct str kind);

/* Of a policy's whole digest. */
uint64_t term_of_policy(struct str digest);

/* What an index keeps of a record beside its terms; empty where it does not say. */
struct record_brief {
    struct str kind, id, time, source, policy_digest;
};

/*
 * Adds all that the record's story may be found by; a term may come twice. False when it is no JSON
 * object that json_read would accept: then nothing is added. `json` and `scratch` live as long as
 * the brief.
 */
MUST_USE bool terms_of_record(struct str json, struct arena *scratch, struct terms *out,
                              struct record_brief *ret);

/*
 * Any of these terms must be there. *ret_clauses are as many as a record must meet all of, for
 * everything that the plan asks but time, number, id and policy. False when memory ran out.
 */
struct clause {
    const uint64_t *terms;
    size_t count;
    size_t seen; /* how many records met it where it was asked last; for whoever asks */
};
MUST_USE bool terms_of_plan(const struct search_plan *plan, struct arena *arena,
                            struct clause **ret_clauses, size_t *ret_count);

/* Of a policy's revision; the digests that begin so are asked for beside it. */
uint64_t term_of_revision(struct str revision);
