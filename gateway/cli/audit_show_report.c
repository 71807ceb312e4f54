#include "cli/audit_show_report.h"

#include "base/clock.h"
#include "base/json_write.h"
#include "campaign/daytime.h"
#include "http/framing.h"
#include "http/refusal.h"
#include "policy/page.h"
#include "upstream/pool.h"

/* ---- what codes say ---- */

static struct str sentence_of_violation(struct str code)
{
    for (enum violation_code i = 0; i < VIOLATION_COUNT; i++) {
        if (str_equal(code, str_from(violation_code_text(i))))
            return str_from(violation_code_meaning(i));
    }
    return (struct str){0};
}

static struct str sentence_of_refusal(struct str code)
{
    static const struct {
        const char *code, *sentence;
    } refusals[] = {
#define REFUSAL(name, status, type, code, detail) {code, detail},
#include "http/refusals.def"
#undef REFUSAL
#define X(name, status, type, code, sentence) {code, sentence},
        FRAMING_REFUSALS(X)
#undef X
    };
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        if (refusals[i].code && str_equal(code, str_from(refusals[i].code)))
            return str_from(refusals[i].sentence);
    }
    return (struct str){0};
}

static struct str sentence_of_json_fault(struct str code)
{
    static const enum json_fault_kind kinds[] = {
#define X(name, code, sentence) JSON_##name,
        JSON_FAULTS(X)
#undef X
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_equal(code, str_from(json_fault_code(kinds[i]))))
            return str_from(json_fault_sentence(kinds[i]));
    }
    return (struct str){0};
}

static struct str sentence_of_failure(struct str code)
{
    static const enum upstream_failure failures[] = {
#define X(name, code, sentence) UPSTREAM_##name,
        UPSTREAM_FAILURES(X)
#undef X
    };
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        if (str_equal(code, str_from(upstream_failure_code(failures[i]))))
            return str_from(upstream_failure_sentence(failures[i]));
    }
    return (struct str){0};
}

struct str show_sentence(struct str code)
{
    static struct str (*const tables[])(struct str code) = {
        sentence_of_violation, sentence_of_refusal, sentence_of_json_fault, sentence_of_failure};
    struct str sentence = {0};
    for (size_t i = 0; code.len && sentence.len == 0 && i < COUNT_OF(tables); i++)
        sentence = tables[i](code);
    return sentence;
}

/* ---- text: pieces ---- */

static void put_label(const char *label, struct buf *out)
{
    buf_format(out, "  %-11s ", label);
}

static void put_field(const char *label, struct str text, struct buf *out)
{
    if (text.len == 0)
        return;
    put_label(label, out);
    page_show(text, out);
    buf_append_byte(out, '\n');
}

static void put_path(const char *label, const struct json_value *record, const char *path,
                     struct buf *out)
{
    put_field(label, record_text(record, path), out);
}

/* "BEFORE text", unless there is none. */
static void put_part(const char *before, struct str text, struct buf *out)
{
    if (text.len == 0)
        return;
    buf_append(out, str_from(before));
    page_show(text, out);
}

static void put_number_part(const char *before, const struct json_value *record, const char *path,
                            struct buf *out)
{
    int64_t number;
    if (record_number(record, path, &number))
        buf_format(out, "%s%lld", before, (long long)number);
}

static const struct json_value *list_at(const struct json_value *record, const char *path)
{
    const struct json_value *list = record_value(record, path);
    bool is_list = list && json_kind(list) == JSON_KIND_ARRAY && json_first(list);
    return is_list ? json_first(list) : NULL;
}

static struct str plain_text(const struct json_value *value)
{
    return json_kind(value) == JSON_KIND_STRING ? json_string(value) : (struct str){0};
}

/* ---- text: the campaign ---- */

static void put_lists(const struct json_value *decision, struct buf *out)
{
    const struct json_value *each = list_at(decision, "campaign.contact_lists");
    if (!each)
        return;
    put_label("lists", out);
    for (const char *before = ""; each; each = json_next(each), before = ", ")
        put_part(before, plain_text(each), out);
    buf_append_byte(out, '\n');
}

/* Minutes after midnight as the client wrote them; the day's end has no such form. */
static void put_time_of_day(int64_t minutes, struct buf *out)
{
    char text[DAYTIME_SIZE];
    if (minutes < 0 || minutes >= MINUTES_PER_DAY) {
        buf_append(out, STR("midnight"));
        return;
    }
    daytime_format((int)minutes, text);
    buf_append(out, str_from(text));
}

static void put_hours(const struct json_value *decision, struct buf *out)
{
    const struct json_value *each = list_at(decision, "campaign.blocks");
    if (!each)
        return;
    put_label("hours", out);
    for (const char *before = ""; each; each = json_next(each), before = ", ") {
        int64_t start, end;
        put_part(before, record_text(each, "day"), out);
        if (!record_number(each, "start_min", &start) || !record_number(each, "end_min", &end))
            continue;
        buf_append_byte(out, ' ');
        put_time_of_day(start, out);
        buf_append(out, STR(" - "));
        put_time_of_day(end, out);
    }
    buf_append_byte(out, '\n');
}

static void put_campaign(const struct json_value *decision, struct buf *out)
{
    static const struct {
        const char *label, *path;
    } before_lists[] = {{"caller ID", "campaign.caller_id"},
                        {"template", "campaign.template"},
                        {"class", "campaign.class"},
                        {"language", "campaign.language"},
                        {"message", "campaign.message_sha256"},
                        {"DNC list", "campaign.dnc_list"},
                        {"time zone", "campaign.timezone"},
                        {"frequency", "campaign.frequency"}};
    if (!record_value(decision, "campaign"))
        return;
    buf_append(out, STR("\nthe campaign\n"));
    for (size_t i = 0; i < COUNT_OF(before_lists); i++)
        put_path(before_lists[i].label, decision, before_lists[i].path, out);
    put_hours(decision, out);
    put_lists(decision, out);
}

/* ---- text: the decision ---- */

/* What breaks the API's contract is no rule of a policy. */
static bool breaks_contract(struct str code)
{
    for (enum violation_code i = 0; i < VIOLATION_COUNT; i++) {
        if (str_equal(code, str_from(violation_code_text(i))))
            return violation_code_class(i) == VIOLATION_CLASS_CONTRACT;
    }
    return false;
}

static void put_violation(const struct json_value *violation, struct buf *out)
{
    struct str code = record_text(violation, "code"), rule = record_text(violation, "rule");
    put_part("  ", code, out);
    put_part(" at ", record_text(violation, "pointer"), out);
    put_part("\n    ", show_sentence(code), out);
    if (breaks_contract(code))
        buf_append(out, STR("\n    by the API's contract"));
    put_part("\n    ", rule, out);
    put_part(", ", record_text(violation, "layer"), out);
    put_part("; exception ", record_text(violation, "exception"), out);
    buf_append_byte(out, '\n');
}

static void put_violations(const char *title, const struct json_value *record, const char *path,
                           struct buf *out)
{
    const struct json_value *each = list_at(record, path);
    if (each)
        buf_format(out, "\n%s\n", title);
    for (; each; each = json_next(each))
        put_violation(each, out);
}

static void put_exceptions(const struct json_value *decision, struct buf *out)
{
    const struct json_value *each = list_at(decision, "exceptions");
    if (each)
        buf_append(out, STR("\nexceptions used\n"));
    for (; each; each = json_next(each)) {
        put_part("  ", record_text(each, "id"), out);
        put_part(", approved by ", record_text(each, "approver"), out);
        put_part(", ", record_text(each, "ticket"), out);
        buf_append_byte(out, '\n');
    }
}

static void put_candidate(const struct json_value *decision, struct buf *out)
{
    if (!record_value(decision, "candidate"))
        return;
    buf_append(out, STR("\nthe candidate policy would have decided otherwise\n"));
    put_path("verdict", decision, "candidate.verdict", out);
    put_path("reason", decision, "candidate.reason", out);
    put_path("policy", decision, "candidate.policy.revision", out);
    put_violations("its violations", decision, "candidate.violations", out);
}

static void put_policy(const struct story *story, const struct json_value *decision,
                       struct buf *out)
{
    struct str revision = record_text(decision, "policy.revision");
    if (revision.len) {
        put_label("policy", out);
        page_show(revision, out);
        put_part(" (sha256 ", record_text(decision, "policy.digest"), out);
        buf_append(out, STR(")\n"));
    }
    if (!story->policy.seq)
        return;
    put_label("in force", out);
    put_part("since ", record_text(story->policy.value, "time"), out);
    put_part(", ", record_text(story->policy.value, "kind"), out);
    put_part(" with ", record_text(story->policy.value, "policy.revision"), out);
    buf_format(out, " (record %llu)\n", (unsigned long long)story->policy.seq);
}

static void put_who(const struct json_value *decision, struct buf *out)
{
    struct str team = record_text(decision, "team");
    put_label("team", out);
    page_show(team.len ? team : STR("not known"), out);
    put_part(", ", record_text(decision, "caller"), out);
    put_part(", from ", record_text(decision, "peer"), out);
    put_part(", trace ", record_text(decision, "trace_id"), out);
    buf_append_byte(out, '\n');
}

static void put_verdict(const struct json_value *decision, struct buf *out)
{
    struct str code = record_text(decision, "code");
    int64_t duration_us;
    put_label("verdict", out);
    page_show(record_text(decision, "verdict"), out);
    put_number_part(", status ", decision, "status", out);
    put_part(", ", code, out);
    buf_append_byte(out, '\n');
    if (show_sentence(code).len)
        put_field("", show_sentence(code), out);
    put_label("decided", out);
    page_show(record_text(decision, "time"), out);
    if (record_number(decision, "duration_us", &duration_us))
        buf_format(out, ", within %lld µs of the request's head", (long long)duration_us);
    buf_append_byte(out, '\n');
}

static void put_decision(const struct story *story, struct buf *out)
{
    const struct json_value *decision = story->decision->value;
    put_verdict(decision, out);
    put_who(decision, out);
    put_policy(story, decision, out);
    put_path("body", decision, "body_hmac", out);
    put_path("body", decision, "body_sha256", out);
    put_path("capture", decision, "capture.file", out);
    put_campaign(decision, out);
    put_violations("why it was refused", decision, "violations", out);
    put_violations("reported, without effect", decision, "reported", out);
    put_violations("waived by an exception", decision, "waived", out);
    put_exceptions(decision, out);
    put_candidate(decision, out);
}

/* ---- text: what became of it ---- */

static void put_upstream(const struct json_value *record, struct buf *out)
{
    struct str failure = record_text(record, "upstream.failure");
    put_part(", by ", record_text(record, "upstream.host"), out);
    put_number_part(", status ", record, "upstream.status", out);
    put_part(", ", failure, out);
    put_part(": ", show_sentence(failure), out);
    put_part(", ", record_text(record, "upstream.detail"), out);
    put_part("\n                            campaign ", record_text(record, "upstream.campaign_id"),
             out);
    put_part(", template ", record_text(record, "upstream.template_id"), out);
    put_part(", created at ", record_text(record, "upstream.created_at"), out);
}

static void put_event(const struct json_value *record, struct buf *out)
{
    struct str kind = record_text(record, "kind");
    put_part("  ", record_text(record, "time"), out);
    put_part("  ", kind, out);
    put_part(": ", record_text(record, "outcome"), out);
    if (record_value(record, "reconciled"))
        buf_append(out, STR(", as the upstream's list of campaigns says"));
    put_part("; it was created: ", record_text(record, "created"), out);
    put_part("; reason: ", record_text(record, "reason"), out);
    put_part("; by ", record_text(record, "by"), out);
    put_part("; campaign ", record_text(record, "campaign_id"), out);
    if (record_value(record, "upstream"))
        put_upstream(record, out);
    buf_append_byte(out, '\n');
}

static void put_events(const struct story *story, struct buf *out)
{
    struct str state = story_state(story);
    bool refused = str_equal(state, STR("refused")), open = str_equal(state, STR("open"));
    buf_append(out, STR("\nwhat became of it\n"));
    for (size_t i = 0; i < story->count; i++) {
        if (&story->records[i] != story->decision)
            put_event(story->records[i].value, out);
    }
    if (refused)
        buf_append(out, STR("  nothing: it was refused, and not forwarded\n"));
    if (open && story->decision)
        buf_append(out, STR("  OPEN: it was allowed, and no outcome is recorded; it may have been "
                            "created. `campaign-gateway audit reconcile` asks the API\n"));
}

/* ---- text: where it stands ---- */

static void put_place(const struct story_record *record, struct buf *out)
{
    buf_format(out, "  record %llu, ", (unsigned long long)record->seq);
    page_show(record_text(record->value, "kind"), out);
    put_part(", ", record->place, out);
    buf_format(out, "\n    sha256 %.*s\n", STR_ARGS(record->hash));
}

static void put_places(const struct story *story, struct buf *out)
{
    char time[CLOCK_UTC_SIZE];
    buf_append(out, STR("\nwhere it stands\n"));
    put_field("source", story->records[0].source, out);
    for (size_t i = 0; i < story->count; i++)
        put_place(&story->records[i], out);
    if (!story->note.seq) {
        buf_append(out, STR("  no checkpoint is over all of them yet\n"));
        return;
    }
    clock_format_utc(story->checkpoint.time_unix_ms, time);
    buf_format(out, "  under the checkpoint of %s over %llu records (record %llu", time,
               (unsigned long long)story->checkpoint.size, (unsigned long long)story->note.seq);
    put_part(", ", story->note.place, out);
    buf_format(out, ");\n  `campaign-gateway audit prove %.*s` proves it, with its signature\n",
               SHOW_ARGS(story->id));
}

static void put_title(const struct story *story, struct buf *out)
{
    const struct json_value *decision = story->decision ? story->decision->value : NULL;
    struct str name = record_text(decision, "campaign.name");
    page_show(name.len ? name : STR("(no name)"), out);
    buf_append(out, STR(": "));
    page_show(story_state(story), out);
    buf_append_byte(out, '\n');
    put_field("id", story->id, out);
}

void show_report_text(const struct story *story, struct buf *out)
{
    put_title(story, out);
    if (story->decision)
        put_decision(story, out);
    else
        buf_append(out, STR("  the decision is not there: its segment was deleted, or it never "
                            "was recorded\n"));
    put_events(story, out);
    put_places(story, out);
}

/* ---- JSON ---- */

static void put_json_record(const struct story_record *record, struct json_writer *w)
{
    json_open_object(w);
    json_put_str(w, "source", record->source);
    json_put_int(w, "seq", (int64_t)record->seq);
    json_put_str(w, "hash", record->hash);
    json_put_str_if_any(w, "place", record->place);
    json_put_number(w, "record", record->json);
    json_close_object(w);
}

struct sentences {
    struct json_writer *w;
    struct str seen[32]; /* a code is told once, or, of very many, twice */
    size_t count;
};

static void put_sentence(void *arg, struct str code)
{
    struct sentences *sentences = arg;
    struct str sentence = show_sentence(code);
    for (size_t i = 0; i < sentences->count; i++) {
        if (str_equal(sentences->seen[i], code))
            return;
    }
    if (sentence.len == 0 || sentences->count == COUNT_OF(sentences->seen))
        return;
    sentences->seen[sentences->count++] = code;
    json_put_key(sentences->w, code);
    json_put_str(sentences->w, NULL, sentence);
}

static void put_json_sentences(const struct story *story, struct json_writer *w)
{
    struct sentences sentences = {.w = w};
    json_open_object_at(w, "sentences");
    for (size_t i = 0; i < story->count; i++) {
        record_each_code(story->records[i].value, put_sentence, &sentences);
        struct str failure = record_text(story->records[i].value, "upstream.failure");
        if (failure.len)
            put_sentence(&sentences, failure);
    }
    json_close_object(w);
}

static void put_json_checkpoint(const struct story *story, struct json_writer *w)
{
    char time[CLOCK_UTC_SIZE];
    if (!story->note.seq)
        return;
    clock_format_utc(story->checkpoint.time_unix_ms, time);
    json_open_object_at(w, "checkpoint");
    json_put_int(w, "seq", (int64_t)story->note.seq);
    json_put_int(w, "size", (int64_t)story->checkpoint.size);
    json_put_str(w, "time", str_from(time));
    json_put_str_if_any(w, "place", story->note.place);
    json_put_str(w, "note", record_text(story->note.value, "note"));
    json_close_object(w);
}

void show_report_json(const struct story *story, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open_object(&w);
    json_put_str(&w, "id", story->id);
    json_put_str(&w, "state", story_state(story));
    json_open_array_at(&w, "records");
    for (size_t i = 0; i < story->count; i++)
        put_json_record(&story->records[i], &w);
    json_close_array(&w);
    put_json_sentences(story, &w);
    if (story->policy.seq) {
        json_put_key(&w, STR("policy_in_force"));
        put_json_record(&story->policy, &w);
    }
    put_json_checkpoint(story, &w);
    json_close_object(&w);
    buf_append_byte(out, '\n');
}
