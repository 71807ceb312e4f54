#include "cli/judge_report.h"

#include "base/clock.h"
#include "base/json_write.h"
#include "cli/print.h"
#include "policy/page.h"
#include "policy/segments.h"

static const char *const encodings[] = {[SEGMENTS_GSM] = "gsm", [SEGMENTS_UCS2] = "ucs2"};

static const char *verdict_of(const struct trial *trial)
{
    if (trial_status(trial) != 200)
        return "deny";
    return policy_is_shadow_denied(&trial->findings) ? "shadow-deny" : "allow";
}

/* How many did not refuse, for the reason of `effect`. */
static size_t count_observed(const struct trial *trial, enum violation_effect effect)
{
    size_t count = 0;
    for (size_t i = 0; i < trial->findings.observed.count; i++)
        count += trial->findings.observed.items[i].effect == effect;
    return count;
}

/* No layer has it. */
static bool is_nowhere(const struct trial *trial, enum policy_rule rule)
{
    for (size_t i = 0; i < trial->row_count; i++) {
        if (trial->rows[i].setting->rule == rule)
            return false;
    }
    return true;
}

/* ---- text ---- */

static void put_verdict(const struct trial *trial, struct buf *out)
{
    const struct violations *violations = &trial->violations;
    bool contract = violations_break_contract(violations);
    if (!trial->decoded) {
        buf_format(out, "DENY: %s, line %zu, column %zu\n", json_fault_sentence(trial->fault.kind),
                   trial->fault.line, trial->fault.column);
    } else if (!violations_clean(violations)) {
        buf_append(out, STR("DENY: "));
        if (violations->truncated)
            buf_append(out, STR("more than "));
        print_count(out, violations->count, "violation");
        buf_append(out, contract ? STR(" (contract)\n") : STR(" (policy)\n"));
    } else if (policy_is_shadow_denied(&trial->findings)) {
        buf_append(out, STR("SHADOW-DENY: forwarded, but "));
        print_count(out, count_observed(trial, EFFECT_REPORTED), "violation");
        buf_append(out, STR(" reported\n"));
    } else {
        buf_append(out, STR("ALLOW\n"));
    }
}

static void put_message(const struct trial *trial, struct buf *out)
{
    struct str message = trial->campaign.message;
    buf_format(out, "  message   %s", message_class_text(trial->findings.class));
    if (trial->findings.language.len) {
        buf_append(out, STR(", language "));
        page_show(trial->findings.language, out);
    }
    buf_append_byte(out, '\n');
    if (message.len == 0)
        return;
    struct segments segments = segments_count(message, 0);
    buf_format(out, "            sha256 %s\n            ", trial->message_sha256);
    print_count(out, segments.count, "segment");
    buf_format(out, " (%s, %zu %s)\n", encodings[segments.encoding], segments.units,
               segments.encoding == SEGMENTS_GSM ? "septets" : "UTF-16 units");
}

static void put_facts(const struct judgement *judgement, struct buf *out)
{
    const struct trial_question *question = judgement->question;
    int status = trial_status(judgement->trial);
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(question->now_unix_ms, time);
    if (status == 200)
        buf_append(out, STR("  answer    the campaign is forwarded; the answer is Kore.ai's\n"));
    else
        buf_format(out, "  answer    %d\n", status);
    buf_append(out, STR("  policy    "));
    page_show(question->policy->revision, out);
    buf_format(out, " (sha256 %s)\n  team      ", question->policy->digest);
    page_show(question->team->name, out);
    buf_format(out, "\n  time      %s\n", time);
    if (judgement->trial->decoded)
        put_message(judgement->trial, out);
}

static void put_violation(const struct violation *violation, struct buf *out)
{
    buf_format(out, "  %s", violation_code_text(violation->code));
    if (violation->pointer.len) {
        buf_append(out, STR(" at "));
        page_show(violation->pointer, out);
    }
    buf_append(out, STR("\n    "));
    page_show(violation->message, out);
    buf_append(out, STR("\n    "));
    if (violation->source.rule.len == 0)
        buf_append(out, STR("by the API's contract"));
    page_show(violation->source.rule, out);
    if (violation->source.layer.len)
        buf_append(out, STR(", "));
    page_show(violation->source.layer, out);
    if (violation->exception.len)
        buf_append(out, STR("; exception "));
    page_show(violation->exception, out);
    buf_append_byte(out, '\n');
}

/* Those of one effect under a title, unless there are none. */
static void put_violations(const char *title, const struct violations *violations,
                           enum violation_effect effect, struct buf *out)
{
    bool titled = false;
    for (size_t i = 0; i < violations->count; i++) {
        if (violations->items[i].effect != effect)
            continue;
        if (!titled)
            buf_format(out, "\n%s\n", title);
        titled = true;
        put_violation(&violations->items[i], out);
    }
}

static void put_row(const struct trial_row *row, struct buf *out)
{
    buf_format(out, "  %-8s  %-19.*s  ", policy_answer_text(row->answer),
               STR_ARGS(policy_rule_name(row->setting->rule)));
    page_show(row->setting->layer->title, out);
    if (row->why.len)
        buf_append(out, STR(": "));
    page_show(row->why, out);
    buf_append_byte(out, '\n');
}

static void put_rules(const struct trial *trial, struct buf *out)
{
    buf_append(out, STR("\nevery rule, in the order they speak\n"));
    for (enum policy_rule rule = 0; rule < POLICY_RULES; rule++) {
        for (size_t i = 0; i < trial->row_count; i++) {
            if (trial->rows[i].setting->rule == rule)
                put_row(&trial->rows[i], out);
        }
        if (is_nowhere(trial, rule))
            buf_format(out, "  skipped   %-19.*s  no layer has this rule\n",
                       STR_ARGS(policy_rule_name(rule)));
    }
}

static void put_candidate(const struct judgement *judgement, struct buf *out)
{
    const struct policy_set *candidate = judgement->candidate;
    const struct trial *trial = judgement->candidate_trial;
    buf_append(out, STR("\nthe candidate "));
    page_show(candidate->revision, out);
    buf_format(out, " (sha256 %s)\n", candidate->digest);
    if (!trial) {
        buf_append(out, STR("  would deny: it does not know the team\n"));
        return;
    }
    buf_append(out, violations_clean(&trial->violations) ? STR("  would allow\n")
                                                         : STR("  would deny\n"));
    for (size_t i = 0; i < trial->violations.count; i++)
        put_violation(&trial->violations.items[i], out);
}

void judge_report_text(const struct judgement *judgement, struct buf *out)
{
    const struct trial *trial = judgement->trial;
    put_verdict(trial, out);
    put_facts(judgement, out);
    if (!trial->decoded)
        return;
    put_violations("what refuses", &trial->violations, EFFECT_ENFORCED, out);
    put_violations("what is only reported", &trial->findings.observed, EFFECT_REPORTED, out);
    put_violations("what an exception lifts", &trial->findings.observed, EFFECT_WAIVED, out);
    put_rules(trial, out);
    if (judgement->candidate)
        put_candidate(judgement, out);
}

/* ---- JSON ---- */

static void json_put_policy(struct json_writer *w, const struct policy_set *policy)
{
    json_open_object_at(w, "policy");
    json_put_str(w, "revision", policy->revision);
    json_put_str(w, "digest", str_from(policy->digest));
    json_close_object(w);
}

static void json_put_fault(struct json_writer *w, const struct json_fault *fault)
{
    json_open_object_at(w, "fault");
    json_put_str(w, "code", str_from(json_fault_code(fault->kind)));
    json_put_str(w, "msg", str_from(json_fault_sentence(fault->kind)));
    json_put_int(w, "line", (int64_t)fault->line);
    json_put_int(w, "column", (int64_t)fault->column);
    json_close_object(w);
}

static void json_put_message(struct json_writer *w, const struct trial *trial)
{
    struct str message = trial->campaign.message;
    json_open_object_at(w, "message");
    json_put_str(w, "class", str_from(message_class_text(trial->findings.class)));
    json_put_str_if_any(w, "language", trial->findings.language);
    if (message.len > 0) {
        struct segments segments = segments_count(message, 0);
        json_put_str(w, "sha256", str_from(trial->message_sha256));
        json_put_int(w, "segments", (int64_t)segments.count);
        json_put_str(w, "encoding", str_from(encodings[segments.encoding]));
        json_put_int(w, "units", (int64_t)segments.units);
    }
    json_close_object(w);
}

static void json_put_violations(struct json_writer *w, const char *key,
                                const struct violations *violations, enum violation_effect effect)
{
    json_open_array_at(w, key);
    for (size_t i = 0; i < violations->count; i++) {
        if (violations->items[i].effect != effect)
            continue;
        json_open_object(w);
        violation_put_members(w, &violations->items[i], true);
        json_close_object(w);
    }
    json_close_array(w);
}

static void json_put_row(struct json_writer *w, const struct trial_row *row)
{
    json_open_object(w);
    json_put_str(w, "rule", policy_rule_name(row->setting->rule));
    json_put_str(w, "layer", row->setting->layer->title);
    json_put_str(w, "answer", str_from(policy_answer_text(row->answer)));
    json_put_str_if_any(w, "why", row->why);
    json_open_array_at(w, "codes");
    for (size_t i = 0; i < row->count; i++)
        json_put_str(w, NULL, str_from(violation_code_text(row->violations[i].code)));
    json_close_array(w);
    json_close_object(w);
}

static void json_put_rules(struct json_writer *w, const struct trial *trial)
{
    json_open_array_at(w, "rules");
    for (enum policy_rule rule = 0; rule < POLICY_RULES; rule++) {
        for (size_t i = 0; i < trial->row_count; i++) {
            if (trial->rows[i].setting->rule == rule)
                json_put_row(w, &trial->rows[i]);
        }
        if (!is_nowhere(trial, rule))
            continue;
        json_open_object(w);
        json_put_str(w, "rule", policy_rule_name(rule));
        json_put_str(w, "answer", str_from(policy_answer_text(ANSWER_SKIPPED)));
        json_put_str(w, "why", STR("no layer has this rule"));
        json_close_object(w);
    }
    json_close_array(w);
}

static void json_put_exceptions(struct json_writer *w, const struct policy_findings *findings)
{
    json_open_array_at(w, "exceptions");
    for (size_t i = 0; i < findings->used_count; i++)
        json_put_str(w, NULL, findings->used[i]->id);
    json_close_array(w);
}

static void json_put_candidate(struct json_writer *w, const struct judgement *judgement)
{
    const struct trial *trial = judgement->candidate_trial;
    bool allowed = trial && violations_clean(&trial->violations);
    json_open_object_at(w, "candidate");
    json_put_policy(w, judgement->candidate);
    json_put_str(w, "verdict", allowed ? STR("would_allow") : STR("would_deny"));
    if (trial)
        json_put_violations(w, "violations", &trial->violations, EFFECT_ENFORCED);
    else
        json_put_str(w, "reason", STR("team_unknown"));
    json_close_object(w);
}

static void json_put_findings(struct json_writer *w, const struct trial *trial)
{
    json_put_message(w, trial);
    json_put_violations(w, "violations", &trial->violations, EFFECT_ENFORCED);
    if (trial->violations.truncated)
        json_put_bool(w, "truncated", true);
    json_put_violations(w, "reported", &trial->findings.observed, EFFECT_REPORTED);
    json_put_violations(w, "waived", &trial->findings.observed, EFFECT_WAIVED);
    json_put_exceptions(w, &trial->findings);
    json_put_rules(w, trial);
}

void judge_report_json(const struct judgement *judgement, struct buf *out)
{
    const struct trial *trial = judgement->trial;
    struct json_writer w = json_writer(out);
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(judgement->question->now_unix_ms, time);
    json_open_object(&w);
    json_put_str(&w, "verdict", str_from(verdict_of(trial)));
    json_put_int(&w, "status", trial_status(trial));
    json_put_policy(&w, judgement->question->policy);
    json_put_str(&w, "team", judgement->question->team->name);
    json_put_str(&w, "time", str_from(time));
    if (trial->decoded)
        json_put_findings(&w, trial);
    else
        json_put_fault(&w, &trial->fault);
    if (judgement->candidate)
        json_put_candidate(&w, judgement);
    json_close_object(&w);
    buf_append_byte(out, '\n');
}
