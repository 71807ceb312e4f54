#include "audit/record.h"

#include "audit/numbers.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/utf8.h"

#define LIMIT_RECORDED_PATH 512
#define LIMIT_RECORDED_METHOD 32

/* Members without braces: the journal puts its own in front. */
static void put_time_at(struct json_writer *w, const char *key, int64_t unix_ms)
{
    char text[CLOCK_UTC_SIZE];
    clock_format_utc(unix_ms, text);
    json_put_str(w, key, str_from(text));
}

static void put_time(struct json_writer *w, int64_t unix_ms)
{
    put_time_at(w, "time", unix_ms);
}

static void put_digest(struct json_writer *w, const char *key, const uint8_t digest[DIGEST_BYTES])
{
    char hex[DIGEST_HEX_SIZE];
    digest_to_hex(digest, hex);
    json_put_str(w, key, str_from(hex));
}

static void put_policy(struct json_writer *w, struct str revision, struct str digest)
{
    json_open_object_at(w, "policy");
    json_put_str(w, "revision", revision);
    json_put_str(w, "digest", digest);
    json_close_object(w);
}

/* ---- what clients and the upstream say: without phone numbers ---- */

static void put_masked(struct json_writer *w, struct privacy *privacy, const char *key,
                       struct str text)
{
    struct str masked = privacy_mask(privacy, text);
    if (!masked.data)
        w->out->failed = true;
    json_put_str(w, key, masked);
}

static void put_masked_if_any(struct json_writer *w, struct privacy *privacy, const char *key,
                              struct str text)
{
    if (text.len)
        put_masked(w, privacy, key, text);
}

/* The tenant's own ids are no number, whatever they look like. */
static void put_id(struct json_writer *w, struct privacy *privacy, const char *key, struct str id,
                   struct str own)
{
    if (str_equal(id, own))
        json_put_str_if_any(w, key, id);
    else
        put_masked_if_any(w, privacy, key, id);
}

/* x is a hex digit; one of them at least a letter. */
static bool has_shape(struct str text, const char *shape)
{
    bool fits = text.len == strlen(shape), has_letter = false;
    for (size_t i = 0; fits && i < text.len; i++) {
        int digit = hex_digit(text.data[i]);
        fits = shape[i] == 'x' ? digit >= 0 : text.data[i] == shape[i];
        has_letter = has_letter || digit > 9;
    }
    return fits && has_letter;
}

/* Digits in a row make no number of it; without it nobody finds what else is told of the trace. */
static void put_trace_id(struct json_writer *w, struct privacy *privacy, struct str id)
{
    if (has_shape(id, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))
        json_put_str(w, "trace_id", id);
    else
        put_masked_if_any(w, privacy, "trace_id", id);
}

/* A path that names the tenant's stream is a route's, and holds nothing else. */
static void put_path(struct json_writer *w, const struct decision_record *record)
{
    struct str path = str_slice(record->path, 0, LIMIT_RECORDED_PATH);
    if (record->stream_id.len && str_equal(record->stream_id, record->own_stream_id))
        json_put_str(w, "path", path);
    else
        put_masked_if_any(w, record->privacy, "path", path);
}

/* ---- the decision ---- */

static void put_blocks(struct json_writer *w, const struct campaign *campaign)
{
    json_open_array_at(w, "blocks");
    for (size_t i = 0; i < campaign->block_count; i++) {
        const struct calling_block *block = &campaign->blocks[i];
        json_open_object(w);
        json_put_str(w, "day", str_from(weekday_code(block->day)));
        json_put_int(w, "start_min", block->start_min);
        json_put_int(w, "end_min", block->end_min);
        json_put_int(w, "index", (int64_t)block->index);
        json_close_object(w);
    }
    json_close_array(w);
}

/* True: something in the name was masked. */
static bool put_name(struct json_writer *w, struct privacy *privacy, const char *key,
                     struct str name)
{
    struct str masked = privacy_mask(privacy, name);
    if (!masked.data)
        w->out->failed = true;
    json_put_str(w, key, masked);
    return masked.data && masked.data != name.data && name.len;
}

/* Different names may look the same once they are masked, and rules ask for one of them. */
static void put_name_hash(struct json_writer *w, const struct privacy *privacy, const char *key,
                          struct str name)
{
    char hash[PRIVACY_HASH_SIZE];
    if (privacy_hash_body(privacy->key, name, hash))
        json_put_str(w, key, str_from(hash));
    else
        w->out->failed = true;
}

static void put_name_if_any(struct json_writer *w, struct privacy *privacy, const char *key,
                            const char *hash_key, struct str name)
{
    if (name.len && put_name(w, privacy, key, name))
        put_name_hash(w, privacy, hash_key, name);
}

#define HASHED_LISTS 16 /* the contract allows 10 */

static void put_contact_lists(struct json_writer *w, struct privacy *privacy,
                              const struct campaign *campaign)
{
    bool masked[HASHED_LISTS] = {0}, any = false;
    size_t count = campaign->contact_list_count;
    json_open_array_at(w, "contact_lists");
    for (size_t i = 0; i < count; i++) {
        bool this_one = put_name(w, privacy, NULL, campaign->contact_lists[i]);
        any = any || this_one;
        if (i < HASHED_LISTS)
            masked[i] = this_one;
    }
    json_close_array(w);
    if (!any)
        return;
    json_open_array_at(w, "contact_list_hmacs");
    for (size_t i = 0; i < count && i < HASHED_LISTS; i++) {
        if (masked[i])
            put_name_hash(w, privacy, NULL, campaign->contact_lists[i]);
        else
            json_put_str(w, NULL, STR(""));
    }
    json_close_array(w);
}

/* An E.164 number is only ever hashed; what else is configured as a sender is a text. */
static void put_caller_id(struct json_writer *w, struct privacy *privacy, struct str caller_id)
{
    char hash[PRIVACY_HASH_SIZE];
    struct str code = number_calling_code(caller_id);
    if (code.len == 0 || privacy->in_clear) {
        put_name_if_any(w, privacy, "caller_id", "caller_id_hmac", caller_id);
    } else if (privacy->key && privacy_hash_number(privacy->key, caller_id, hash)) {
        json_put_str(w, "caller_id", str_from(hash));
    } else {
        w->out->failed = true;
    }
    json_put_str_if_any(w, "calling_code", code);
}

static void put_campaign(struct json_writer *w, const struct decision_record *record)
{
    const struct campaign *campaign = record->campaign;
    struct privacy *privacy = record->privacy;
    json_open_object_at(w, "campaign");
    put_name_if_any(w, privacy, "name", "name_hmac", campaign->name);
    if (campaign->description.len)
        json_put_int(w, "description_chars", (int64_t)utf8_utf16_units(campaign->description));
    put_caller_id(w, privacy, campaign->caller_id);
    json_put_str_if_any(w, "timezone", campaign->timezone);
    json_put_str_if_any(w, "frequency", str_from(frequency_text(campaign->frequency)));
    put_blocks(w, campaign);
    put_contact_lists(w, privacy, campaign);
    put_name_if_any(w, privacy, "dnc_list", "dnc_list_hmac", campaign->dnc_list);
    if (campaign->priority)
        json_put_int(w, "priority", campaign->priority);
    put_masked_if_any(w, privacy, "format", campaign->format);
    put_name_if_any(w, privacy, "template", "template_hmac", campaign->template_name);
    json_put_str_if_any(w, "message_sha256", record->message_sha256);
    if (record->findings) {
        json_put_str(w, "class", str_from(message_class_text(record->findings->class)));
        json_put_str_if_any(w, "language", record->findings->language);
    }
    if (campaign->has_schedule)
        json_put_bool(w, "scheduling_enabled", campaign->scheduling_enabled);
    json_close_object(w);
    if (campaign->message.len)
        message_facts_put(w, campaign->message, privacy);
}

/* A pointer may hold keys of the client's own. */
static void put_violation(struct json_writer *w, struct privacy *privacy,
                          struct violation violation)
{
    violation.pointer = privacy_mask(privacy, violation.pointer);
    if (!violation.pointer.data)
        w->out->failed = true;
    json_open_object(w);
    violation_put_members(w, &violation, false);
    json_close_object(w);
}

/* Those of one effect under `key`, unless there are none. */
static void put_violations(struct json_writer *w, struct privacy *privacy, const char *key,
                           const struct violations *violations, enum violation_effect effect)
{
    bool opened = false;
    for (size_t i = 0; i < violations->count; i++) {
        if (violations->items[i].effect != effect)
            continue;
        if (!opened)
            json_open_array_at(w, key);
        opened = true;
        put_violation(w, privacy, violations->items[i]);
    }
    if (opened)
        json_close_array(w);
}

/* What did not refuse, and why it did not. */
static void put_findings(struct json_writer *w, struct privacy *privacy,
                         const struct policy_findings *findings)
{
    put_violations(w, privacy, "reported", &findings->observed, EFFECT_REPORTED);
    put_violations(w, privacy, "waived", &findings->observed, EFFECT_WAIVED);
    if (findings->used_count == 0)
        return;
    json_open_array_at(w, "exceptions");
    for (size_t i = 0; i < findings->used_count; i++) {
        const struct policy_exception *exception = findings->used[i];
        json_open_object(w);
        json_put_str(w, "id", exception->id);
        json_put_str(w, "approver", exception->approver);
        json_put_str(w, "ticket", exception->ticket);
        json_close_object(w);
    }
    json_close_array(w);
}

static void put_candidate(struct json_writer *w, struct privacy *privacy,
                          const struct candidate_verdict *candidate)
{
    json_open_object_at(w, "candidate");
    json_put_str(w, "verdict", candidate->allowed ? STR("would_allow") : STR("would_deny"));
    if (candidate->team_unknown)
        json_put_str(w, "reason", STR("team_unknown"));
    put_violations(w, privacy, "violations", &candidate->violations, EFFECT_ENFORCED);
    put_policy(w, candidate->revision, candidate->digest);
    json_close_object(w);
}

/* The plain digest would let whoever knows the rest of a body try all numbers. */
static void put_body(struct json_writer *w, struct privacy *privacy, struct str body)
{
    char hash[PRIVACY_HASH_SIZE], hex[DIGEST_HEX_SIZE];
    if (body.len == 0)
        return;
    if (privacy->in_clear && digest_hex(body, hex))
        json_put_str(w, "body_sha256", str_from(hex));
    else if (!privacy->in_clear && privacy->key && privacy_hash_body(privacy->key, body, hash))
        json_put_str(w, "body_hmac", str_from(hash));
    else
        w->out->failed = true;
    json_put_int(w, "body_bytes", (int64_t)body.len);
}

/* Who asked for what. */
static void put_request(struct json_writer *w, const struct decision_record *record)
{
    struct privacy *privacy = record->privacy;
    json_put_str(w, "team", record->team);
    put_masked_if_any(w, privacy, "caller", record->caller);
    json_put_str(w, "peer", record->peer);
    put_trace_id(w, privacy, record->trace_id);
    put_masked_if_any(w, privacy, "method", str_slice(record->method, 0, LIMIT_RECORDED_METHOD));
    put_path(w, record);
    json_put_str_if_any(w, "route", str_from(record->route));
    put_id(w, privacy, "stream_id", record->stream_id, record->own_stream_id);
    put_id(w, privacy, "account_id", record->account_id, record->own_account_id);
    put_body(w, privacy, record->body);
    if (record->campaign)
        put_campaign(w, record);
}

static void put_capture(struct json_writer *w, const struct decision_record *record)
{
    json_open_object_at(w, "capture");
    json_put_str(w, "file", record->capture_file);
    json_put_str(w, "sha256", record->capture_sha256);
    json_close_object(w);
}

void record_decision(const struct decision_record *record, struct buf *out)
{
    struct json_writer w = json_writer(out);
    struct privacy *privacy = record->privacy;
    json_put_str(&w, "kind", STR("decision"));
    json_put_str(&w, "id", str_from(record->id));
    put_time(&w, record->time_unix_ms);
    json_put_str(&w, "verdict", record->allowed ? STR("allow") : STR("deny"));
    if (!record->allowed) {
        json_put_int(&w, "status", record->status);
        json_put_str(&w, "type", str_from(record->type));
        json_put_str_if_any(&w, "code", str_from(record->code));
    }
    put_request(&w, record);
    if (record->capture_file.len)
        put_capture(&w, record);
    if (record->violations) {
        put_violations(&w, privacy, "violations", record->violations, EFFECT_ENFORCED);
        if (record->violations->truncated)
            json_put_bool(&w, "truncated", true);
    }
    if (record->findings)
        put_findings(&w, privacy, record->findings);
    if (record->candidate)
        put_candidate(&w, privacy, record->candidate);
    put_policy(&w, record->policy_revision, record->policy_digest);
    json_put_int(&w, "duration_us", record->duration_us);
}

/* ---- the outcome ---- */

/* The API's ids: cd- or cmt- and a UUID, or 24 hex digits. Ten digits in a row make no number of
 * one, and without its id nobody finds the campaign. */
static bool is_api_id(struct str id)
{
    static const char uuid[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    struct str prefix, rest;
    if (has_shape(id, uuid) || has_shape(id, "xxxxxxxxxxxxxxxxxxxxxxxx"))
        return true;
    return str_cut(id, '-', &prefix, &rest) && (prefix.len == 2 || prefix.len == 3) &&
           prefix.data[0] == 'c' && str_is_identifier(prefix) && has_shape(rest, uuid);
}

static void put_upstream_id(struct json_writer *w, struct privacy *privacy, const char *key,
                            struct str id)
{
    if (is_api_id(id))
        json_put_str(w, key, id);
    else
        put_masked_if_any(w, privacy, key, id);
}

static void put_stored_message(struct json_writer *w, const struct outcome_record *record)
{
    struct str judged = record->message_sha256, stored = record->stored_message_sha256;
    json_put_str_if_any(w, "stored_message_sha256", stored);
    if (judged.len && stored.len)
        json_put_bool(w, "stored_message_matches", str_equal(judged, stored));
}

static void put_upstream(struct json_writer *w, const struct outcome_record *record)
{
    struct privacy *privacy = record->privacy;
    json_open_object_at(w, "upstream");
    json_put_str(w, "host", record->upstream_host);
    if (record->upstream_status)
        json_put_int(w, "status", record->upstream_status);
    json_put_str_if_any(w, "failure", str_from(record->failure));
    put_masked_if_any(w, privacy, "detail", record->detail);
    put_masked_if_any(w, privacy, "answer", record->answer_status);
    put_upstream_id(w, privacy, "campaign_id", record->campaign_id);
    put_upstream_id(w, privacy, "template_id", record->template_id);
    put_masked_if_any(w, privacy, "created_at", record->created_at);
    put_stored_message(w, record);
    json_close_object(w);
}

void record_outcome(const struct outcome_record *record, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", STR("outcome"));
    json_put_str(&w, "id", str_from(record->id));
    put_time(&w, record->time_unix_ms);
    json_put_str(&w, "outcome", str_from(record->outcome));
    json_put_str(&w, "created", str_from(record->created));
    if (record->expired)
        json_put_bool(&w, "expired", true);
    put_trace_id(&w, record->privacy, record->trace_id);
    put_upstream(&w, record);
    put_policy(&w, record->policy_revision, record->policy_digest);
    json_put_int(&w, "duration_us", record->duration_us);
}

void record_reconciled(const struct reconciled_record *record, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", STR("outcome"));
    json_put_str(&w, "id", str_from(record->id));
    if (record->time_unix_ms)
        put_time(&w, record->time_unix_ms);
    json_put_str(&w, "outcome", record->created ? STR("created") : STR("not_created"));
    json_put_str(&w, "created", record->created ? STR("yes") : STR("no"));
    json_put_bool(&w, "reconciled", true);
    json_open_object_at(&w, "upstream");
    json_put_str(&w, "host", record->upstream_host);
    put_upstream_id(&w, record->privacy, "campaign_id", record->campaign_id);
    put_upstream_id(&w, record->privacy, "template_id", record->template_id);
    put_masked_if_any(&w, record->privacy, "created_at", record->created_at);
    json_put_str_if_any(&w, "stored_message_sha256", record->stored_message_sha256);
    json_close_object(&w);
    json_open_object_at(&w, "asked");
    put_time_at(&w, "from", record->asked_from_unix_ms);
    put_time_at(&w, "to", record->asked_to_unix_ms);
    json_put_int(&w, "campaigns", (int64_t)record->listed);
    json_close_object(&w);
    put_policy(&w, record->policy_revision, record->policy_digest);
}

void record_closed(const struct closed_record *record, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", STR("closed"));
    json_put_str(&w, "id", str_from(record->id));
    json_put_str(&w, "created", str_from(record->created));
    put_masked(&w, record->privacy, "reason", record->reason);
    put_masked(&w, record->privacy, "by", record->by);
    put_upstream_id(&w, record->privacy, "campaign_id", record->campaign_id);
}

/* ---- what people did with the keys that hide numbers ---- */

void record_lookup(const struct lookup_record *record, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", STR("looked_up"));
    json_open_array_at(&w, "hashes");
    for (size_t i = 0; i < record->hash_count; i++)
        json_put_str(&w, NULL, record->hashes[i]);
    json_close_array(&w);
    json_put_str(&w, "by", record->by);
}

void record_erasure(struct str key_id, struct str by, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", STR("erased"));
    json_put_str(&w, "key", key_id);
    json_put_str(&w, "by", by);
}

void record_exported(const struct exported_record *record, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", STR("exported"));
    json_put_str(&w, "format", record->format);
    json_put_int(&w, "rows", (int64_t)record->rows);
    json_put_str(&w, "file_sha256", record->file_sha256);
    json_put_number(&w, "filter", record->filter);
    json_put_str(&w, "by", record->by);
}

/* ---- the gateway's life ---- */

void record_life(const struct life_record *record, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", str_from(record->kind));
    put_time(&w, record->time_unix_ms);
    json_put_str(&w, "version", record->version);
    json_put_str(&w, "config_digest", record->config_digest);
    put_policy(&w, record->policy_revision, record->policy_digest);
    json_put_str_if_any(&w, "callers_digest", record->callers_digest);
    if (record->torn_bytes)
        json_put_int(&w, "torn_bytes", (int64_t)record->torn_bytes);
}

/* ---- the journal's own records ---- */

void record_segment(const struct segment_record *record, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", STR("segment"));
    put_time(&w, record->time_unix_ms);
    json_put_str(&w, "source", record->source);
    put_digest(&w, "key", record->key);
    json_open_array_at(&w, "frontier");
    for (size_t level = MERKLE_LEVELS; level-- > 0;) {
        if (record->tree.size >> level & 1)
            put_digest(&w, NULL, record->tree.nodes[level]);
    }
    json_close_array(&w);
    json_open_array_at(&w, "open");
    for (size_t i = 0; i < record->open_count; i++)
        json_put_str(&w, NULL, record->open[i]);
    json_close_array(&w);
    json_put_str(&w, "note", record->note);
}

bool record_read_frontier(const struct json_value *hashes, uint64_t size, struct merkle *ret)
{
    struct merkle tree = {.size = size};
    if (!hashes || json_kind(hashes) != JSON_KIND_ARRAY)
        return false;
    const struct json_value *hash = json_first(hashes);
    for (size_t level = MERKLE_LEVELS; level-- > 0;) {
        if (!(size >> level & 1))
            continue;
        if (!hash || json_kind(hash) != JSON_KIND_STRING ||
            !digest_from_hex(json_string(hash), tree.nodes[level]))
            return false;
        hash = json_next(hash);
    }
    if (hash)
        return false;
    *ret = tree;
    return true;
}

void record_checkpoint(int64_t time_unix_ms, struct str note, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", STR("checkpoint"));
    put_time(&w, time_unix_ms);
    json_put_str(&w, "note", note);
}

void record_key(int64_t time_unix_ms, const uint8_t key[SIGNING_PUBLIC_BYTES], struct str note,
                struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", STR("key"));
    put_time(&w, time_unix_ms);
    put_digest(&w, "key", key);
    json_put_str(&w, "note", note);
}

void record_retraction(int64_t time_unix_ms, struct str id, const char *reason, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", STR("outcome"));
    json_put_str(&w, "id", id);
    put_time(&w, time_unix_ms);
    json_put_str(&w, "outcome", STR("retracted"));
    json_put_str(&w, "created", STR("no"));
    json_put_str(&w, "reason", str_from(reason));
}

void record_degraded(int64_t time_unix_ms, int64_t since_unix_ms, int64_t until_unix_ms,
                     uint64_t records, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", STR("degraded"));
    put_time(&w, time_unix_ms);
    put_time_at(&w, "since", since_unix_ms);
    put_time_at(&w, "until", until_unix_ms);
    json_put_int(&w, "records", (int64_t)records);
}
