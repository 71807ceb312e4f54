/*
 * A decision as the journal has it -> what another policy can be asked about it. Pure.
 *
 *     {"kind":"decision",…} --recorded_read--> campaign, with gaps --policy_check--> verdict
 *
 * The counterpart of record_decision (record.h); records of former versions are understood as well.
 * What is absent is unknown, never "no"; what is of another type than the gateway writes is
 * refused.
 */
#pragma once

#include "base/error.h"
#include "policy/policy.h"
#include "policy/reading.h"

/* What a rule had against it then. */
struct recorded_violation {
    struct str code, pointer;
    struct str rule, team, layer; /* all empty: the contract */
    enum violation_effect effect;
};

/* Views live in the arena that it was read into. */
struct recorded_decision {
    struct str id;
    int64_t time_unix_ms;
    bool allowed;
    int64_t status;                  /* of the refusal; 0 when allowed */
    struct str type;                 /* of its problem; empty when allowed */
    struct str team;                 /* empty when it was not known */
    struct str revision, digest;     /* of the policy that decided */
    struct str capture, capture_sha; /* the file with the whole body, and its SHA-256; or empty */

    bool has_campaign; /* the body was understood; all below is of it */
    struct campaign campaign;
    struct reading reading; /* of its message, without text */
    struct str message_sha256;
    struct str hash_key;                /* the id of the key that hides; empty: all is clear */
    enum policy_gap gaps[POLICY_PARTS]; /* as in struct policy_gaps; hidden names: GAP_UNKNOWN */
    enum policy_gap *list_gaps;         /* by contact list */
    struct str exact[POLICY_PARTS];     /* the hashes of hidden names; empty: there is none */
    struct str *exact_lists;
    const char *lacks; /* "the record lacks …": what the contract asks of every campaign; or NULL */

    struct recorded_violation *violations; /* enforced, reported, waived */
    size_t violation_count;
    bool has_all_violations;
};

enum recorded_result {
    RECORDED_DECISION,
    RECORDED_OTHER, /* a record of another kind */
    RECORDED_WRONG, /* nothing that the gateway writes; `err` says why */
};

MUST_USE enum recorded_result recorded_read(struct str json, struct arena *arena,
                                            struct recorded_decision *ret, struct error *err);
