#include "cli/replay_report.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "policy/page.h"

/* The results that are told in full, in this order. */
static const enum replay_result told[] = {REPLAY_NEWLY_DENIED, REPLAY_NEWLY_ALLOWED, REPLAY_UNTOLD};

static uint64_t unchanged(const uint64_t counts[REPLAY_RESULTS])
{
    return counts[REPLAY_STILL_ALLOWED] + counts[REPLAY_STILL_DENIED];
}

uint64_t replay_differences(const struct tally *tally)
{
    uint64_t count = 0;
    for (size_t i = 0; i < COUNT_OF(told); i++)
        count += tally->counts[told[i]];
    return count;
}

static uint64_t replayed(const struct tally *tally)
{
    return replay_differences(tally) + unchanged(tally->counts);
}

/* ---- text ---- */

static const char *const names[REPLAY_RESULTS] = {[REPLAY_NEWLY_DENIED] = "newly denied",
                                                  [REPLAY_NEWLY_ALLOWED] = "newly allowed",
                                                  [REPLAY_UNTOLD] = "could not be told"};

static const char *const by_rule[REPLAY_RESULTS] = {
    [REPLAY_NEWLY_DENIED] = "newly denied, by what refuses now",
    [REPLAY_NEWLY_ALLOWED] = "newly allowed, by what refused then",
    [REPLAY_UNTOLD] = "could not be told, by what is not known"};

static void put_time(struct buf *out, int64_t unix_ms)
{
    char text[CLOCK_UTC_SIZE];
    clock_format_utc(unix_ms, text);
    buf_format(out, "%s", text);
}

static void put_head(const struct replay_report *report, struct buf *out)
{
    const struct tally *tally = report->tally;
    uint64_t count = replayed(tally);
    buf_format(out, "%" PRIu64 " decision%s judged again by the policy ", count,
               count == 1 ? "" : "s");
    page_show(report->candidate->revision, out);
    buf_format(out, " (sha256 %s)\n", report->candidate->digest);
    if (tally->timed == 0)
        return;
    buf_append(out, STR("  from "));
    put_time(out, tally->first_unix_ms);
    buf_append(out, STR(" to "));
    put_time(out, tally->last_unix_ms);
    buf_append_byte(out, '\n');
}

static void put_summary(const struct tally *tally, struct buf *out)
{
    const uint64_t *counts = tally->counts;
    buf_append_byte(out, '\n');
    for (size_t i = 0; i < COUNT_OF(told); i++)
        buf_format(out, "  %-17s  %10" PRIu64 "\n", names[told[i]], counts[told[i]]);
    buf_format(out, "  %-17s  %10" PRIu64 "   %" PRIu64 " allowed, %" PRIu64 " denied", "unchanged",
               unchanged(counts), counts[REPLAY_STILL_ALLOWED], counts[REPLAY_STILL_DENIED]);
    if (tally->fixed)
        buf_format(out, " (%" PRIu64 " whatever a policy says)", tally->fixed);
    buf_append_byte(out, '\n');
    if (counts[REPLAY_NOT_POLICY])
        buf_format(out, "  not counted: %" PRIu64 " that were no matter of policy\n",
                   counts[REPLAY_NOT_POLICY]);
    if (tally->whole)
        buf_format(out, "  judged by the whole body: %" PRIu64 "\n", tally->whole);
}

static bool has_differences(const struct tally_row *row)
{
    for (size_t i = 0; i < COUNT_OF(told); i++) {
        if (row->counts[told[i]])
            return true;
    }
    return false;
}

static void put_team(const struct tally_row *row, struct buf *out)
{
    size_t before = out->len;
    buf_append(out, STR("  "));
    page_show(row->parts[0].len ? row->parts[0] : STR("(others)"), out);
    while (!out->failed && out->len < before + 24)
        buf_append_byte(out, ' ');
    buf_format(out, " %12" PRIu64 "  %13" PRIu64 "  %9" PRIu64 "  %17" PRIu64 "\n",
               row->counts[REPLAY_NEWLY_DENIED], row->counts[REPLAY_NEWLY_ALLOWED],
               unchanged(row->counts), row->counts[REPLAY_UNTOLD]);
}

/* In the order in which they turn up. */
static void put_teams(const struct tally *tally, struct buf *out)
{
    const struct tally_table *teams = &tally->teams;
    if (teams->count == 0)
        return;
    buf_format(out, "\nby team\n  %-22s %12s  %13s  %9s  %17s\n", "", names[REPLAY_NEWLY_DENIED],
               names[REPLAY_NEWLY_ALLOWED], "unchanged", names[REPLAY_UNTOLD]);
    for (size_t i = 0; i < teams->count; i++)
        put_team(teams->items[i], out);
    if (has_differences(&teams->others) || unchanged(teams->others.counts))
        put_team(&teams->others, out);
}

static void put_source(struct str rule, struct str layer, struct buf *out)
{
    page_show(rule, out);
    if (layer.len)
        buf_append(out, STR(", "));
    page_show(layer, out);
}

static void put_rule(const struct tally_row *row, enum replay_result result, struct buf *out)
{
    buf_format(out, "  %10" PRIu64 "  ", row->counts[result]);
    put_source(row->parts[0], row->parts[1], out);
    if (row->parts[0].len)
        buf_append(out, STR(": "));
    page_show(row->parts[2].len ? row->parts[2] : STR("(all others)"), out);
    buf_append_byte(out, '\n');
}

static void put_rules(const struct replay_report *report, enum replay_result result,
                      struct buf *out)
{
    size_t count;
    const struct tally_row **rows =
        tally_sorted(&report->tally->rules, result, report->arena, &count);
    if (!rows)
        out->failed = true;
    if (count)
        buf_format(out, "\n%s\n", by_rule[result]);
    for (size_t i = 0; rows && i < count; i++)
        put_rule(rows[i], result, out);
}

/* What would have to be at hand. */
static void put_policies(const struct replay_report *report, struct buf *out)
{
    size_t count;
    const struct tally_row **rows =
        tally_sorted(&report->tally->policies, REPLAY_UNTOLD, report->arena, &count);
    if (!rows)
        out->failed = true;
    if (count)
        buf_append(out, STR("\npolicies that decided what could not be told; with them, as "
                            "--recorded-policy, more can be\n"));
    for (size_t i = 0; rows && i < count; i++) {
        buf_format(out, "  %10" PRIu64 "  ", rows[i]->counts[REPLAY_UNTOLD]);
        page_show(rows[i]->parts[0].len ? rows[i]->parts[0] : STR("(all others)"), out);
        buf_append(out, STR(" (sha256 "));
        page_show(rows[i]->parts[1], out);
        buf_append(out, STR(")\n"));
    }
}

/* "caller-id-not-allowed: sentence (caller_ids, team billing)". */
static void put_line(const struct example_line *line, struct buf *out)
{
    buf_append(out, STR("    "));
    page_show(line->code, out);
    if (line->code.len && line->sentence.len)
        buf_append(out, STR(": "));
    page_show(line->sentence, out);
    buf_append(out, STR(" ("));
    put_source(line->rule, line->layer, out);
    buf_append(out, STR(")\n"));
}

static void put_example(const struct replay_example *example, struct buf *out)
{
    buf_append(out, STR("  "));
    page_show(example->id, out);
    if (example->time_unix_ms) {
        buf_append(out, STR("  "));
        put_time(out, example->time_unix_ms);
        buf_append(out, STR("  team "));
        page_show(example->team, out);
    }
    if (example->campaign.len) {
        buf_append(out, STR("  \""));
        page_show(example->campaign, out);
        buf_append_byte(out, '"');
    }
    buf_append_byte(out, '\n');
    if (example->reason.len) {
        buf_append(out, STR("    "));
        page_show(example->reason, out);
        buf_append_byte(out, '\n');
    }
    for (size_t i = 0; i < example->line_count; i++)
        put_line(&example->lines[i], out);
}

static void put_examples(const struct tally *tally, enum replay_result result, struct buf *out)
{
    const struct replay_example *each = tally->examples[result].first;
    if (each)
        buf_format(out, "\n%s, the first of them\n", names[result]);
    for (; each; each = each->next)
        put_example(each, out);
}

void replay_report_text(const struct replay_report *report, struct buf *out)
{
    put_head(report, out);
    put_summary(report->tally, out);
    put_teams(report->tally, out);
    for (size_t i = 0; i < COUNT_OF(told); i++)
        put_rules(report, told[i], out);
    put_policies(report, out);
    for (size_t i = 0; i < COUNT_OF(told); i++)
        put_examples(report->tally, told[i], out);
}

/* ---- JSON ---- */

static void json_put_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    char text[CLOCK_UTC_SIZE];
    clock_format_utc(unix_ms, text);
    json_put_str(w, key, str_from(text));
}

static void json_put_counts(struct json_writer *w, const uint64_t counts[REPLAY_RESULTS])
{
    for (enum replay_result i = 0; i < REPLAY_NOT_POLICY; i++)
        json_put_int(w, replay_result_key(i), (int64_t)counts[i]);
}

static void json_put_head(struct json_writer *w, const struct replay_report *report)
{
    const struct tally *tally = report->tally;
    json_open_object_at(w, "policy");
    json_put_str(w, "revision", report->candidate->revision);
    json_put_str(w, "digest", str_from(report->candidate->digest));
    json_close_object(w);
    if (tally->timed) {
        json_put_time(w, "first", tally->first_unix_ms);
        json_put_time(w, "last", tally->last_unix_ms);
    }
    json_put_int(w, "decisions", (int64_t)replayed(tally));
    json_put_counts(w, tally->counts);
    json_put_int(w, "denied_by_any_policy", (int64_t)tally->fixed);
    json_put_int(w, "by_whole_body", (int64_t)tally->whole);
    json_put_int(w, "not_policy", (int64_t)tally->counts[REPLAY_NOT_POLICY]);
}

static void json_put_teams(struct json_writer *w, const struct tally_table *teams)
{
    json_open_array_at(w, "teams");
    for (size_t i = 0; i <= teams->count; i++) {
        const struct tally_row *row = i < teams->count ? teams->items[i] : &teams->others;
        if (i == teams->count && !has_differences(row) && !unchanged(row->counts))
            continue;
        json_open_object(w);
        if (i < teams->count)
            json_put_str(w, "team", row->parts[0]);
        else
            json_put_bool(w, "others", true);
        json_put_counts(w, row->counts);
        json_close_object(w);
    }
    json_close_array(w);
}

static void json_put_rule(struct json_writer *w, const struct tally_row *row,
                          enum replay_result result)
{
    bool is_others = !row->parts[0].len && !row->parts[2].len;
    bool is_code = row->parts[0].len && result != REPLAY_UNTOLD;
    json_open_object(w);
    json_put_str(w, "result", str_from(replay_result_key(result)));
    json_put_str_if_any(w, "rule", row->parts[0]);
    json_put_str_if_any(w, "layer", row->parts[1]);
    json_put_str_if_any(w, is_code ? "code" : "why", row->parts[2]);
    if (is_others)
        json_put_bool(w, "others", true);
    json_put_int(w, "decisions", (int64_t)row->counts[result]);
    json_close_object(w);
}

static void json_put_rules(struct json_writer *w, const struct replay_report *report)
{
    json_open_array_at(w, "rules");
    for (size_t i = 0; i < COUNT_OF(told); i++) {
        size_t count;
        const struct tally_row **rows =
            tally_sorted(&report->tally->rules, told[i], report->arena, &count);
        w->out->failed |= !rows;
        for (size_t k = 0; rows && k < count; k++)
            json_put_rule(w, rows[k], told[i]);
    }
    json_close_array(w);
}

static void json_put_policies(struct json_writer *w, const struct replay_report *report)
{
    size_t count;
    const struct tally_row **rows =
        tally_sorted(&report->tally->policies, REPLAY_UNTOLD, report->arena, &count);
    w->out->failed |= !rows;
    json_open_array_at(w, "missing_policies");
    for (size_t i = 0; rows && i < count; i++) {
        json_open_object(w);
        json_put_str(w, "revision", rows[i]->parts[0]);
        json_put_str(w, "digest", rows[i]->parts[1]);
        json_put_int(w, "decisions", (int64_t)rows[i]->counts[REPLAY_UNTOLD]);
        json_close_object(w);
    }
    json_close_array(w);
}

static void json_put_line(struct json_writer *w, const struct example_line *line)
{
    json_open_object(w);
    json_put_str_if_any(w, "code", line->code);
    json_put_str_if_any(w, "pointer", line->pointer);
    json_put_str_if_any(w, line->code.len ? "msg" : "why", line->sentence);
    json_put_str_if_any(w, "rule", line->rule);
    json_put_str_if_any(w, "layer", line->layer);
    json_close_object(w);
}

static void json_put_example(struct json_writer *w, const struct replay_example *example,
                             enum replay_result result)
{
    json_open_object(w);
    json_put_str(w, "result", str_from(replay_result_key(result)));
    json_put_str(w, "id", example->id);
    if (example->time_unix_ms) {
        json_put_time(w, "time", example->time_unix_ms);
        json_put_str(w, "team", example->team);
    }
    json_put_str_if_any(w, "campaign", example->campaign);
    json_put_str_if_any(w, "reason", example->reason);
    json_open_array_at(w, "because");
    for (size_t i = 0; i < example->line_count; i++)
        json_put_line(w, &example->lines[i]);
    json_close_array(w);
    json_close_object(w);
}

void replay_report_json(const struct replay_report *report, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open_object(&w);
    json_put_head(&w, report);
    json_put_teams(&w, &report->tally->teams);
    json_put_rules(&w, report);
    json_put_policies(&w, report);
    json_open_array_at(&w, "examples");
    for (size_t i = 0; i < COUNT_OF(told); i++) {
        for (const struct replay_example *each = report->tally->examples[told[i]].first; each;
             each = each->next)
            json_put_example(&w, each, told[i]);
    }
    json_close_array(&w);
    json_close_object(&w);
    buf_append_byte(out, '\n');
}
