/*
 * A verdict or an outcome -> the members of one journal record (policy.md D4). Pure.
 *
 * What may be written is listed here field by field: what is not named cannot leak. Never the
 * `auth` header, never the message's text, only its digest.
 */
#pragma once

#include "audit/merkle.h"
#include "audit/segment.h"
#include "audit/signing_key.h"
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

/* What became of one without outcome, as the upstream's own list of campaigns tells. */
struct reconciled_record {
    const char *id;       /* the decision's */
    int64_t time_unix_ms; /* 0: left to whoever appends it (inbox.h) */
    bool created;
    struct str upstream_host;
    struct str campaign_id, template_id, created_at, stored_message_sha256; /* when created */
    int64_t asked_from_unix_ms, asked_to_unix_ms; /* for campaigns created between */
    size_t listed;                                /* how many there were */
    struct str policy_revision, policy_digest;    /* that decided */
};

void record_reconciled(const struct reconciled_record *record, struct buf *out);

/* What a person says became of it; `time` is left to whoever appends it. */
struct closed_record {
    const char *id, *created; /* yes, no, unknown */
    struct str reason, by;
    struct str campaign_id; /* may be empty */
};

void record_closed(const struct closed_record *record, struct buf *out);

/* Of the gateway's own life: "started", "reloaded", "shutdown". */
struct life_record {
    const char *kind;
    int64_t time_unix_ms;
    struct str version, config_digest, policy_revision, policy_digest;
    struct str callers_digest; /* empty when there is one team */
    uint64_t torn_bytes;       /* cut from the journal's end at start */
};

void record_life(const struct life_record *record, struct buf *out);

/* ---- the journal's own records ---- */

/* The first of every segment: all that is needed to go on, or to verify, from there. */
struct segment_record {
    int64_t time_unix_ms;
    struct str source;                 /* the origin of its checkpoints */
    uint8_t key[SIGNING_PUBLIC_BYTES]; /* that signs from here on */
    struct merkle tree;                /* over all records before this one */
    const struct str *open;            /* ids of decisions without outcome so far */
    size_t open_count;
    struct str note; /* a checkpoint over the same records */
};

/* {"kind":"segment","time":…,"source":…,"key":HEX,"frontier":[HEX, the largest subtree first],
 *  "open":[ID…],"note":…}; the tree's size is seq - 1. */
void record_segment(const struct segment_record *record, struct buf *out);

/* {"kind":"checkpoint","time":…,"note":…}; the note covers all records before this one. */
void record_checkpoint(int64_t time_unix_ms, struct str note, struct buf *out);

/* {"kind":"key","time":…,"key":HEX,"note":…}: another key signs from now on; the note covers all
 * records before this one, names the successor, and is signed by the key before. */
void record_key(int64_t time_unix_ms, const uint8_t key[SIGNING_PUBLIC_BYTES], struct str note,
                struct buf *out);

/* {"kind":"outcome","id":…,"time":…,"outcome":"retracted","created":"no","reason":…}: the decision
 * was told to have failed, so nothing was forwarded for it. `reason`: late, unconfirmed. */
void record_retraction(int64_t time_unix_ms, struct str id, const char *reason, struct buf *out);

/* {"kind":"degraded","time":…,"since":…,"until":…,"records":N}: so many records, which follow, were
 * kept in memory while none could be written, and took effect before they were durable. */
void record_degraded(int64_t time_unix_ms, int64_t since_unix_ms, int64_t until_unix_ms,
                     uint64_t records, struct buf *out);
