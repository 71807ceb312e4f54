#include "cli/audit_verify_report.h"

#include "audit/base64.h"
#include "base/json_write.h"
#include "base/limits.h"
#include "cli/print.h"
#include "policy/page.h"

/* ---- for a person ---- */

/* "3 of 3 segments" */
static void put_of(struct buf *out, uint64_t fine, uint64_t all, const char *one)
{
    print_number(out, fine);
    buf_append(out, STR(" of "));
    print_number(out, all);
    buf_format(out, " %s%s", one, all == 1 ? "" : "s");
}

static void put_counts(const struct audit_verify_result *result, struct buf *out)
{
    put_of(out, result->whole_segments, result->segments, "segment");
    buf_append(out, STR(", "));
    put_of(out, result->fine_records, result->records, "record");
    buf_append(out, STR(", "));
    put_of(out, result->report->notes, result->checkpoints, "checkpoint");
    buf_append(out, STR(" are as they were written\n"));
}

static void put_span(const struct audit_verify_result *result, struct buf *out)
{
    const struct verify_report *report = result->report;
    buf_append(out, STR("\n  records      "));
    print_number(out, report->first_seq);
    buf_append(out, STR(" to "));
    print_number(out, report->last_seq);
    buf_format(out, ", of %s to %s\n", report->first_time, report->last_time);
    if (result->linked > 0) {
        buf_append(out, STR("               and "));
        print_number(out, result->linked);
        buf_append(out, STR(" in front of them, which their hashes hold\n"));
    }
    if (report->first_seq > 1)
        buf_append(out, STR("               older ones are not here; the first segment names the "
                            "root over them\n"));
}

static void put_checkpoints(const struct audit_verify_result *result, struct buf *out)
{
    const struct verify_report *report = result->report;
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(report->last_note_unix_ms, time);
    buf_append(out, STR("  checkpoint   the newest is of "));
    buf_append(out, str_from(time));
    buf_append(out, STR(", over "));
    print_number(out, report->last_note_size);
    buf_append(out, STR(" records\n               not under a checkpoint yet: "));
    print_number(out, report->uncovered);
    buf_append_byte(out, '\n');
    if (result->expected > 0) {
        buf_append(out, STR("               as expected by "));
        print_count(out, result->expected, "checkpoint");
        buf_append(out, STR(" kept elsewhere\n"));
    }
}

static void put_keys(const struct audit_verify_result *result, struct buf *out)
{
    const struct verify_report *report = result->report;
    char from[CLOCK_UTC_SIZE], to[CLOCK_UTC_SIZE];
    for (size_t i = 0; i < report->key_count; i++) {
        const struct verify_key *key = &report->keys[i];
        clock_format_utc(key->first_unix_ms, from);
        clock_format_utc(key->last_unix_ms, to);
        buf_append(out, str_from(i == 0 ? "  keys         " : "               "));
        pinned_keys_line(key->public_key, out);
        buf_format(out, "\n               signed %llu, of %s to %s\n",
                   (unsigned long long)key->notes, from, to);
    }
    if (!result->is_pinned)
        buf_append(out, STR("               not pinned: they are named by the journal alone, and "
                            "whoever rewrites it\n               all can name others; compare them "
                            "with `audit key show`, or give --keys\n"));
}

static void put_ledger(const struct verify_report *report, struct buf *out)
{
    buf_append(out, STR("  decisions    "));
    print_number(out, report->allowed);
    buf_append(out, STR(" allowed, "));
    print_number(out, report->denied);
    buf_append(out, STR(" refused; "));
    print_number(out, report->outcomes);
    buf_append(out, str_from(report->outcomes == 1 ? " outcome\n" : " outcomes\n"));
    buf_append(out, STR("               open: "));
    print_number(out, report->open);
    buf_append(out, STR("; not known whether created: "));
    print_number(out, report->unknown);
    buf_append_byte(out, '\n');
    if (report->captures == 0)
        return;
    buf_append(out, STR("  captures     "));
    print_number(out, report->captures);
    buf_append(out, STR("; of them deleted: "));
    print_number(out, report->captures_missing);
    buf_append_byte(out, '\n');
}

void audit_verify_text(const struct audit_verify_result *result, struct buf *out)
{
    const struct verify_report *report = result->report;
    if (report->origin.len) {
        page_show(report->origin, out);
        buf_append_byte(out, '\n');
    }
    if (result->broken)
        buf_format(out, "broken: %s\n", result->broken);
    buf_append(out, buf_str(&result->findings->lines));
    if (result->findings->count > LIMIT_PROBLEMS)
        buf_format(out, "and %zu more findings\n", result->findings->count - LIMIT_PROBLEMS);
    put_counts(result, out);
    if (report->records > 0) {
        put_span(result, out);
        put_checkpoints(result, out);
        put_keys(result, out);
        put_ledger(report, out);
    }
    if (result->torn_bytes > 0)
        buf_format(
            out,
            "  torn         %llu bytes behind a segment's last record are none: being written, "
            "or\n               what a crash or a failing disk left\n",
            (unsigned long long)result->torn_bytes);
}

/* ---- for a program ---- */

static void put_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(unix_ms, time);
    json_put_str(w, key, str_from(time));
}

static void put_pair(struct json_writer *w, const char *key, uint64_t fine, uint64_t all)
{
    json_open_object_at(w, key);
    json_put_int(w, "fine", (int64_t)fine);
    json_put_int(w, "all", (int64_t)all);
    json_close_object(w);
}

static void put_json_keys(struct json_writer *w, const struct audit_verify_result *result)
{
    json_put_bool(w, "keys_pinned", result->is_pinned);
    json_open_array_at(w, "keys");
    for (size_t i = 0; i < result->report->key_count; i++) {
        const struct verify_key *key = &result->report->keys[i];
        char fingerprint[FINGERPRINT_SIZE];
        struct buf text;
        buf_init(&text, BASE64_SIZE(SIGNING_PUBLIC_BYTES));
        base64_encode((struct str){(const char *)key->public_key, SIGNING_PUBLIC_BYTES}, &text);
        key_fingerprint(key->public_key, fingerprint);
        json_open_object(w);
        json_put_str(w, "ed25519", buf_str(&text));
        json_put_str(w, "fingerprint", str_from(fingerprint));
        json_put_int(w, "checkpoints", (int64_t)key->notes);
        put_time(w, "from", key->first_unix_ms);
        put_time(w, "to", key->last_unix_ms);
        json_close_object(w);
        buf_release(&text);
    }
    json_close_array(w);
}

static void put_findings(struct json_writer *w, const struct problems *findings)
{
    struct str lines = buf_str(&findings->lines), line;
    json_put_int(w, "finding_count", (int64_t)findings->count);
    json_open_array_at(w, "findings");
    while (lines.len > 0) {
        (void)str_cut(lines, '\n', &line, &lines);
        json_put_str(w, NULL, line);
    }
    json_close_array(w);
}

static void put_facts(struct json_writer *w, const struct verify_report *report)
{
    json_put_int(w, "first_seq", (int64_t)report->first_seq);
    json_put_int(w, "last_seq", (int64_t)report->last_seq);
    json_put_str_if_any(w, "first_time", str_from(report->first_time));
    json_put_str_if_any(w, "last_time", str_from(report->last_time));
    if (report->last_note.len > 0) {
        put_time(w, "checkpoint_time", report->last_note_unix_ms);
        json_put_int(w, "checkpoint_size", (int64_t)report->last_note_size);
        json_put_str(w, "checkpoint", report->last_note);
    }
    json_put_int(w, "uncovered", (int64_t)report->uncovered);
    json_put_int(w, "allowed", (int64_t)report->allowed);
    json_put_int(w, "denied", (int64_t)report->denied);
    json_put_int(w, "outcomes", (int64_t)report->outcomes);
    json_put_int(w, "open", (int64_t)report->open);
    json_put_int(w, "unknown", (int64_t)report->unknown);
    json_put_int(w, "captures", (int64_t)report->captures);
    json_put_int(w, "captures_missing", (int64_t)report->captures_missing);
}

void audit_verify_json(const struct audit_verify_result *result, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open_object(&w);
    json_put_str(&w, "source", result->report->origin);
    json_put_bool(&w, "fine", !result->broken && result->findings->count == 0);
    json_put_str_if_any(&w, "broken", str_from(result->broken));
    put_findings(&w, result->findings);
    put_pair(&w, "segments", result->whole_segments, result->segments);
    put_pair(&w, "records", result->fine_records, result->records);
    put_pair(&w, "checkpoints", result->report->notes, result->checkpoints);
    put_facts(&w, result->report);
    put_json_keys(&w, result);
    json_put_int(&w, "linked", (int64_t)result->linked);
    json_put_int(&w, "expected", (int64_t)result->expected);
    json_put_int(&w, "torn_bytes", (int64_t)result->torn_bytes);
    json_close_object(&w);
    buf_append_byte(out, '\n');
}
