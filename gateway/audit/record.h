/*
 * A verdict or an outcome -> the members of one journal record. Pure.
 *
 * What may be written is listed here field by field: what is not named cannot leak. Never a header,
 * the query or the message's text; of the body a HMAC. Every text that a client can choose is
 * written through privacy.h, which leaves no phone number in it.
 */
#pragma once

#include "audit/merkle.h"
#include "audit/message_facts.h"
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

/*
 * The decision: made before anything is forwarded or refused. "M" marks members in which phone
 * numbers are replaced by {hmac:…}; they are masked one by one, so that a rule, or a search, masks
 * what it compares with in the same way (with the key that any hash of the record names).
 *
 *     kind         "decision"
 *     id, time     of the decision: UUID version 7; UTC with milliseconds. If a policy was asked,
 * it judged by exactly this moment verdict      "allow" or "deny" status       of the refusal, and
 * `type` of its problem; when denied code         of the refusal, when one says it all team "" when
 * it is not known caller     M "uri:spiffe://…" or "key:billing-2026"; when known peer address and
 * port method     M at most 32 bytes; when understood path       M without the query, at most 512
 * bytes; when understood route        "create-campaign", "not-found", "lookalike",
 * "method-not-allowed" stream_id  M as the client named it, and `account_id`; the tenant's own are
 * never masked body_hmac    "hmac:KEY-ID:HEX", HMAC-SHA256 of the body's SHA-256; when there was a
 * body. Instead of it body_sha256 while numbers are in the clear body_bytes   with it campaign what
 * the body says, and `message`, what its text is like; when it was read name           M
 *         description_chars   UTF-16 units, as the API counts; the description is not kept
 *         caller_id        "hmac:KEY-ID:HEX" of an E.164 number's digits; a sender ID as it is (M)
 *         calling_code     "91": the country of an E.164 number
 *         timezone         as the client wrote it
 *         frequency        "WEEKLY", "DAILY", "CUSTOM"
 *         blocks           [{"day":"MO","start_min":540,"end_min":1080,"index":0}…]: minutes after
 *                          midnight; two with one index are one that crosses it
 *         contact_lists  M [names]
 *         dnc_list       M
 *         priority         1 to 5
 *         format, template M
 *         name_hmac, caller_id_hmac, dnc_list_hmac, template_hmac, contact_list_hmacs
 *                          as body_hmac, of the whole name where something in it was masked: the
 *                          masks of different names may look the same. In the list, "" for others
 *         message_sha256   of the decoded text, which templates are approved by
 *         class, language  of the message as the policy that decided has it
 *         scheduling_enabled   when the campaign has a schedule
 *       Members whose value broke the contract are absent, as those that were not given; blocks and
 *       contact_lists are then empty.
 *     message
 *         chars            UTF-16 units of the text, as the API counts
 *         encoding         "gsm7" or "ucs2", and how many `units` (septets, or UTF-16 units) and
 *                          `segments` (SMS) the text takes as it is written
 *         placeholders   M [names] of what stands between < and > and may be one, each once, at
 *                          most LIMIT_RECORDED_NAMES
 *         placeholder_count    of all placeholders, and `bare_encoding` and `bare_units` of the
 *                          text without them: with each counting as n characters it has
 *                          bare_units + n * placeholder_count units
 *         tags             how much HTML is in it that cannot be a placeholder
 *         links            [{"host":…M,"scheme":…,"userinfo":true,"address":true}…] as links.h has
 *                          them, each once, at most LIMIT_RECORDED_NAMES
 *         truncated        true: not all placeholders, tags or links are told, or there are more
 *                          than any rule allows
 *       What there is none of is absent.
 *     capture      {"file":"captures/2026-11-28/ID.cms","sha256":HEX}: the whole body, encrypted;
 *                  the digest is the file's; when it is kept
 *     violations   [{"code","pointer" M,"rule","team","layer"}…] that refuse; `truncated`: true
 *     reported     the same of rules whose mode only reports; `waived`, with "exception"
 *     exceptions   [{"id","approver","ticket"}…] that were used
 *     candidate    {"verdict":"would_allow"|"would_deny","reason","violations","policy"}; when it
 *                  would have decided otherwise
 *     policy       {"revision","digest"} that decided
 *     duration_us  from the request's head to the verdict
 *
 * What it cannot tell of a campaign is what its texts say: a rule about words, opt-out, brand,
 * patterns of a name or description, and templates with slots cannot be asked again of a record.
 */
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
    const char *route;                        /* NULL when the head was not understood */
    struct str stream_id, account_id;         /* as the client named them; may be empty */
    struct str own_stream_id, own_account_id; /* the tenant's */
    struct str body;                          /* hashed; empty: none was read */
    const struct campaign *campaign;          /* NULL when nothing was decoded */
    struct str message_sha256;
    struct str capture_file, capture_sha256; /* empty: the body is not kept */
    const struct violations *violations;
    const struct policy_findings *findings;    /* of the policy; NULL when it was not asked */
    const struct candidate_verdict *candidate; /* when it would have judged otherwise; or NULL */
    struct str policy_revision, policy_digest;
    struct privacy *privacy;
};

/* Fails (out->failed) when a number can neither be hidden nor be written. */
void record_decision(const struct decision_record *record, struct buf *out);

/*
 * What became of an allowed request.
 *
 *     kind, id, time   "outcome"; the decision's id
 *     outcome          "created", "refused_upstream", "failed", "unknown", "client_gone", "expired"
 *     created          "yes", "no", "unknown": whether the campaign exists
 *     expired          true: the client was told before that its request took too long
 *     upstream         {"host","status","failure","detail" M,"answer" M,"campaign_id" M,
 *                       "template_id" M,"created_at" M,"stored_message_sha256",
 *                       "stored_message_matches"}: what is known of the answer; ids of 24 hex
 *                      digits, as the API makes them, are kept as they are; the last says whether
 *                      the upstream has stored the text that was judged
 *     policy           {"revision","digest"} that decided
 *     duration_us      since the request's head
 */
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
    struct str message_sha256, stored_message_sha256;               /* as judged, as stored */
    bool expired; /* the client was told before that its request took too long */
    struct str policy_revision, policy_digest; /* that decided */
    struct privacy *privacy;
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
