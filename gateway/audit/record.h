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
#include "base/json_read.h"
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
 * The decision: made before anything is forwarded or refused. In members marked M phone numbers are
 * replaced by {hmac:…}; each is masked by itself, so that a rule, or a search, masks what it
 * compares with in the same way, with the key that any hash of the record names. Members that have
 * nothing to say are absent.
 *
 *     kind          "decision"
 *     id            UUID version 7
 *     time          UTC: "2026-11-28T10:30:00.000Z"
 *     verdict       "allow", "deny"
 *     status, type, code   of the refusal's answer; `code` when one says it all
 *     team          "" when it is not known
 *     caller     M  "uri:spiffe://…", "key:billing-2026"
 *     peer          address and port
 *     trace_id   M  of the trace it belongs to (W3C Trace Context), the caller's or one begun here;
 *                   masked only when it has no letter
 *     method     M  at most 32 bytes
 *     path       M  without the query, at most 512 bytes
 *     route         "create-campaign", "not-found", "lookalike", "method-not-allowed"
 *     stream_id, account_id   M  as the client named them; the tenant's own are never masked
 *     body_hmac     "hmac:KEY-ID:HEX": HMAC-SHA256 of the body's SHA-256; body_sha256 instead of it
 *                   while numbers are in the clear
 *     body_bytes
 *     campaign      what the body says, when it was read; see below
 *     message       what the message is like, when it was read; see below
 *     capture       {"file":"captures/2026-11-28/ID.cms","sha256":HEX}: the whole body, encrypted,
 *                   where that is configured; the digest is the file's
 *     violations    [{"code","pointer" M,"rule","team","layer"}…] that refuse
 *     truncated     true: there were more of them
 *     reported      the same of rules whose mode only reports
 *     waived        the same of rules that an exception lifts, with its id in "exception"
 *     exceptions    [{"id","approver","ticket"}…] that were used
 *     candidate     {"verdict":"would_allow"|"would_deny","reason","violations","policy"}: of a
 *                   candidate policy, when it would have decided otherwise
 *     policy        {"revision","digest"} that decided
 *     duration_us   from the request's head to the verdict
 *
 * campaign; what broke the contract is absent as well, or empty where it is a list:
 *     name       M
 *     description_chars    UTF-16 units, as the API counts; the description is not kept
 *     caller_id     "hmac:KEY-ID:HEX" of the digits of an E.164 number; a sender ID as it is (M)
 *     calling_code  "91": the country of an E.164 number
 *     timezone      as the client wrote it
 *     frequency     "WEEKLY", "DAILY", "CUSTOM"
 *     blocks        [{"day":"MO","start_min":540,"end_min":1080,"index":0}…]: minutes after
 *                   midnight; two with one index are one that crosses it
 *     contact_lists M  names
 *     dnc_list   M
 *     priority      1 to 5
 *     format     M
 *     template   M
 *     name_hmac, caller_id_hmac, dnc_list_hmac, template_hmac, contact_list_hmacs
 *                   as body_hmac, of the whole name where something in it was masked, because the
 *                   masks of different names may look the same; in the list "" for the others
 *     message_sha256       of the decoded text, by which templates are approved
 *     class, language      of the message, as the policy has it
 *     scheduling_enabled   when the campaign has a schedule
 *
 * message:
 *     chars         UTF-16 units
 *     encoding, units, segments   "gsm7" or "ucs2", septets or UTF-16 units, and SMS, as written
 *     placeholders  M  what stands between < and > and may be one; each once, at most
 *                   LIMIT_RECORDED_NAMES
 *     placeholder_count, bare_encoding, bare_units   how many there are, and the text without them:
 *                   when each counts as n characters it has bare_units + n * placeholder_count
 *     tags          how much HTML is in it that cannot be a placeholder
 *     links         [{"host" M,"scheme" M,"userinfo":true,"address":true}…], see links.h; each
 *                   once, at most LIMIT_RECORDED_NAMES
 *     truncated     true: there was more than is told, or no memory to look for it
 *
 * What a record cannot tell is what the texts say: of rules about words, opt-out and brand, about
 * the pattern of a description, or a name with a number in it, and of templates with slots nobody
 * can say from a record what another policy would answer.
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
    struct str trace_id;
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
 *     kind          "outcome"
 *     id            the decision's
 *     time
 *     outcome       "created", "refused_upstream", "failed", "unknown", "client_gone", "expired"
 *     created       "yes", "no", "unknown": whether the campaign exists
 *     expired       true: the client was told before that its request took too long
 *     trace_id      the decision's
 *     upstream      host; status, or failure and detail (M); of the answer's body answer (M),
 *                   campaign_id (M), template_id (M), created_at (M), stored_message_sha256, and
 *                   stored_message_matches: whether that is the text that was judged. Ids as the
 *                   API makes them are never masked
 *     policy        {"revision","digest"} that decided
 *     duration_us   since the request's head
 */
struct outcome_record {
    const char *id; /* the decision's */
    int64_t time_unix_ms;
    int64_t duration_us; /* since the request's head */
    struct str trace_id; /* the decision's */
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
    struct privacy *privacy;
};

void record_reconciled(const struct reconciled_record *record, struct buf *out);

/* What a person says became of it; `time` is left to whoever appends it. */
struct closed_record {
    const char *id, *created; /* yes, no, unknown */
    struct str reason, by;
    struct str campaign_id; /* may be empty */
    struct privacy *privacy;
};

void record_closed(const struct closed_record *record, struct buf *out);

/* What a person looked for: never the number or body itself, only its hashes; `time` is left to
 * whoever appends it. {"kind":"looked_up","hashes":["hmac:…"…],"by":…} */
struct lookup_record {
    const struct str *hashes;
    size_t hash_count;
    struct str by;
};

void record_lookup(const struct lookup_record *record, struct buf *out);

/* A key that hid phone numbers was destroyed, or was about to be; `time` likewise.
 * {"kind":"erased","key":"2026-08-1a2b3c4d","by":…} */
void record_erasure(struct str key_id, struct str by, struct buf *out);

/* What a person took out of the record; `time` likewise.
 * {"kind":"exported","format":…,"rows":N,"file_sha256":HEX,"filter":{…},"by":…} */
struct exported_record {
    struct str format, file_sha256, by;
    uint64_t rows;
    struct str filter; /* what was asked for: an object in JSON, without phone numbers */
};

void record_exported(const struct exported_record *record, struct buf *out);

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

/* Its frontier again, of a tree of this size; `hashes` is the record's member, or NULL. False when
 * it has not exactly the hashes that the size needs. */
MUST_USE bool record_read_frontier(const struct json_value *hashes, uint64_t size,
                                   struct merkle *ret);

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
