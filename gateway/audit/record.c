#include "audit/record.h"

#include "base/clock.h"
#include "base/json_write.h"

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

static void put_campaign(struct json_writer *w, const struct decision_record *record)
{
    const struct campaign *campaign = record->campaign;
    json_open_object_at(w, "campaign");
    json_put_str_if_any(w, "name", campaign->name);
    json_put_str_if_any(w, "caller_id", campaign->caller_id);
    json_put_str_if_any(w, "timezone", campaign->timezone);
    json_put_str_if_any(w, "frequency", str_from(frequency_text(campaign->frequency)));
    put_blocks(w, campaign);
    json_open_array_at(w, "contact_lists");
    for (size_t i = 0; i < campaign->contact_list_count; i++)
        json_put_str(w, NULL, campaign->contact_lists[i]);
    json_close_array(w);
    json_put_str_if_any(w, "dnc_list", campaign->dnc_list);
    if (campaign->priority)
        json_put_int(w, "priority", campaign->priority);
    json_put_str_if_any(w, "format", campaign->format);
    json_put_str_if_any(w, "template", campaign->template_name);
    json_put_str_if_any(w, "message_sha256", record->message_sha256);
    if (record->findings)
        json_put_str(w, "class", str_from(message_class_text(record->findings->class)));
    if (campaign->has_schedule)
        json_put_bool(w, "scheduling_enabled", campaign->scheduling_enabled);
    json_close_object(w);
}

/* Those of one effect under `key`, unless there are none. */
static void put_violations(struct json_writer *w, const char *key,
                           const struct violations *violations, enum violation_effect effect)
{
    bool opened = false;
    for (size_t i = 0; i < violations->count; i++) {
        if (violations->items[i].effect != effect)
            continue;
        if (!opened)
            json_open_array_at(w, key);
        opened = true;
        json_open_object(w);
        violation_put_members(w, &violations->items[i], false);
        json_close_object(w);
    }
    if (opened)
        json_close_array(w);
}

/* What did not refuse, and why it did not. */
static void put_findings(struct json_writer *w, const struct policy_findings *findings)
{
    put_violations(w, "reported", &findings->observed, EFFECT_REPORTED);
    put_violations(w, "waived", &findings->observed, EFFECT_WAIVED);
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

static void put_policy(struct json_writer *w, struct str revision, struct str digest)
{
    json_open_object_at(w, "policy");
    json_put_str(w, "revision", revision);
    json_put_str(w, "digest", digest);
    json_close_object(w);
}

static void put_candidate(struct json_writer *w, const struct candidate_verdict *candidate)
{
    json_open_object_at(w, "candidate");
    json_put_str(w, "verdict", candidate->allowed ? STR("would_allow") : STR("would_deny"));
    if (candidate->team_unknown)
        json_put_str(w, "reason", STR("team_unknown"));
    put_violations(w, "violations", &candidate->violations, EFFECT_ENFORCED);
    put_policy(w, candidate->revision, candidate->digest);
    json_close_object(w);
}

void record_decision(const struct decision_record *record, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, "kind", STR("decision"));
    json_put_str(&w, "id", str_from(record->id));
    put_time(&w, record->time_unix_ms);
    json_put_str(&w, "verdict", record->allowed ? STR("allow") : STR("deny"));
    if (!record->allowed) {
        json_put_int(&w, "status", record->status);
        json_put_str(&w, "type", str_from(record->type));
        json_put_str_if_any(&w, "code", str_from(record->code));
    }
    json_put_str(&w, "team", record->team);
    json_put_str_if_any(&w, "caller", record->caller);
    json_put_str(&w, "peer", record->peer);
    json_put_str_if_any(&w, "method", record->method);
    json_put_str_if_any(&w, "path", record->path);
    json_put_str_if_any(&w, "stream_id", record->stream_id);
    json_put_str_if_any(&w, "account_id", record->account_id);
    if (record->body_sha256.len) {
        json_put_str(&w, "body_sha256", record->body_sha256);
        json_put_int(&w, "body_bytes", (int64_t)record->body_bytes);
    }
    if (record->campaign)
        put_campaign(&w, record);
    if (record->violations) {
        put_violations(&w, "violations", record->violations, EFFECT_ENFORCED);
        if (record->violations->truncated)
            json_put_bool(&w, "truncated", true);
    }
    if (record->findings)
        put_findings(&w, record->findings);
    if (record->candidate)
        put_candidate(&w, record->candidate);
    put_policy(&w, record->policy_revision, record->policy_digest);
    json_put_int(&w, "duration_us", record->duration_us);
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
    json_open_object_at(&w, "upstream");
    json_put_str(&w, "host", record->upstream_host);
    if (record->upstream_status)
        json_put_int(&w, "status", record->upstream_status);
    json_put_str_if_any(&w, "failure", str_from(record->failure));
    json_put_str_if_any(&w, "detail", record->detail);
    json_put_str_if_any(&w, "answer", record->answer_status);
    json_put_str_if_any(&w, "campaign_id", record->campaign_id);
    json_put_str_if_any(&w, "template_id", record->template_id);
    json_put_str_if_any(&w, "created_at", record->created_at);
    json_put_str_if_any(&w, "stored_message_sha256", record->stored_message_sha256);
    json_close_object(&w);
    put_policy(&w, record->policy_revision, record->policy_digest);
    json_put_int(&w, "duration_us", record->duration_us);
}

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
