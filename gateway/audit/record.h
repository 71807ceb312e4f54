/*
 * A verdict or an outcome -> the members of one journal record (policy.md D4). Pure.
 *
 * What may be written is listed here field by field: what is not named cannot leak. Never the
 * `auth` header, never the message's text, only its digest.
 */
#pragma once

#include "base/buf.h"
#include "campaign/campaign.h"
#include "campaign/violation.h"
#include "policy/policy.h"

/* What a candidate policy, which is tried without effect, would have said. */
struct candidate_verdict {
    bool differs;      /* from the verdict that counts */
    bool allowed;      /* the candidate's */
    bool team_unknown; /* the candidate does not know the team, and so refuses */
    struct str revision, digest;
    struct violations violations;
};

/* The decision: made before anything is forwarded or refused. */
struct decision_record {
    const char *id;
    int64_t time_unix_ms;
    int64_t duration_us; /* from the request's head to the verdict */
    bool allowed;
    int status;        /* of the refusal; 0 when allowed */
    const char *type;  /* of the refusal's problem; NULL when allowed */
    const char *code;  /* when one code says it all; may be NULL */
    struct str team;   /* empty when it is not known */
    struct str caller; /* "uri:spiffe://…" or "key:billing-2026"; may be empty */
    struct str peer, method, path;
    struct str stream_id, account_id; /* as the client named them; may be empty */
    struct str body_sha256;           /* empty: no body was read */
    size_t body_bytes;
    const struct campaign *campaign; /* NULL when nothing was decoded */
    struct str message_sha256;
    const struct violations *violations;
    const struct policy_findings *findings;    /* of the policy; NULL when it was not asked */
    const struct candidate_verdict *candidate; /* when it would have judged otherwise; or NULL */
    struct str policy_revision, policy_digest;
};

void record_decision(const struct decision_record *record, struct buf *out);

/* What became of an allowed request. */
struct outcome_record {
    const char *id; /* the decision's */
    int64_t time_unix_ms;
    int64_t duration_us; /* since the request's head */
    const char *outcome; /* created, refused_upstream, failed, unknown, client_gone */
    const char *created; /* yes, no, unknown: whether the campaign exists */
    struct str upstream_host;
    int upstream_status; /* 0 when there was no answer */
    const char *failure; /* code when there was no answer; NULL otherwise */
    struct str detail;
    struct str answer_status, campaign_id, template_id, created_at; /* of the answer's body */
    struct str stored_message_sha256;
    bool expired; /* the client was told before that its request took too long */
    struct str policy_revision, policy_digest; /* that decided */
};

void record_outcome(const struct outcome_record *record, struct buf *out);

/* Of the gateway's own life: "started", "reloaded", "shutdown". */
struct life_record {
    const char *kind;
    int64_t time_unix_ms;
    struct str version, config_digest, policy_revision, policy_digest;
    struct str callers_digest; /* empty when there is one team */
    uint64_t torn_bytes;       /* cut from the journal's end at start */
};

void record_life(const struct life_record *record, struct buf *out);
