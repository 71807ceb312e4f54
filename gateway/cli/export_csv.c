#include "cli/export_format.h"

#include "base/limits.h"

/* ---- cells ---- */

/* At the front of *text a character with which spreadsheets begin a formula, also in the width of
 * East Asian letters; *ret_len is how long it is. */
static bool begins_formula(struct str text)
{
    static const struct str begins[] = {STR("="),
                                        STR("+"),
                                        STR("-"),
                                        STR("@"),
                                        STR("\t"),
                                        STR("\r"),
                                        STR("\n"),
                                        STR("\xef\xbc\x9d") /* ＝ */,
                                        STR("\xef\xbc\x8b") /* ＋ */,
                                        STR("\xef\xbc\x8d") /* － */,
                                        STR("\xef\xbc\xa0") /* ＠ */};
    for (size_t i = 0; i < COUNT_OF(begins); i++) {
        if (str_starts(text, begins[i]))
            return true;
    }
    return false;
}

/* Some programs look behind quotes and blanks for it. */
static bool looks_like_formula(struct str text)
{
    size_t start = 0;
    while (start < text.len &&
           (text.data[start] == '"' || text.data[start] == ' ' || text.data[start] == '\'' ||
            text.data[start] == ';' || text.data[start] == ','))
        start++;
    return begins_formula(str_slice(text, start, text.len));
}

static bool must_quote(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("\",;\r\n\t", text.data[i]))
            return true;
    }
    return text.len && (text.data[0] == ' ' || text.data[text.len - 1] == ' ');
}

void export_csv_cell(struct str text, struct buf *out)
{
    bool formula = looks_like_formula(text), quote = formula || must_quote(text);
    if (quote)
        buf_append_byte(out, '"');
    if (formula)
        buf_append_byte(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"')
            buf_append_byte(out, '"');
        buf_append_byte(out, text.data[i]);
    }
    if (quote)
        buf_append_byte(out, '"');
}

/* ---- columns ---- */

enum from { FROM_RECORD, FROM_OUTCOME, FROM_CLOSED };

/* What is not in the record itself, or not as one text, has no path. */
static const struct column {
    const char *title;
    enum from from;
    const char *path;
} columns[] = {
    {"source", FROM_RECORD, NULL},
    {"seq", FROM_RECORD, NULL},
    {"hash", FROM_RECORD, NULL},
    {"time", FROM_RECORD, "time"},
    {"kind", FROM_RECORD, "kind"},
    {"id", FROM_RECORD, "id"},
    {"verdict", FROM_RECORD, "verdict"},
    {"status", FROM_RECORD, "status"},
    {"codes", FROM_RECORD, NULL},
    {"team", FROM_RECORD, "team"},
    {"caller", FROM_RECORD, "caller"},
    {"peer", FROM_RECORD, "peer"},
    {"campaign", FROM_RECORD, "campaign.name"},
    {"caller_id", FROM_RECORD, "campaign.caller_id"},
    {"template", FROM_RECORD, "campaign.template"},
    {"class", FROM_RECORD, "campaign.class"},
    {"timezone", FROM_RECORD, "campaign.timezone"},
    {"frequency", FROM_RECORD, "campaign.frequency"},
    {"dnc_list", FROM_RECORD, "campaign.dnc_list"},
    {"message_sha256", FROM_RECORD, "campaign.message_sha256"},
    {"policy_revision", FROM_RECORD, "policy.revision"},
    {"policy_digest", FROM_RECORD, "policy.digest"},
    {"outcome", FROM_OUTCOME, "outcome"},
    {"created", FROM_OUTCOME, NULL},
    {"outcome_time", FROM_OUTCOME, "time"},
    {"upstream_status", FROM_OUTCOME, "upstream.status"},
    {"failure", FROM_OUTCOME, "upstream.failure"},
    {"campaign_id", FROM_OUTCOME, "upstream.campaign_id"},
    {"template_id", FROM_OUTCOME, "upstream.template_id"},
    {"closed_by", FROM_CLOSED, "by"},
    {"closed_reason", FROM_CLOSED, "reason"},
};

static void end_cell(size_t column, struct buf *out)
{
    buf_append(out, column + 1 == COUNT_OF(columns) ? STR("\r\n") : STR(","));
}

void export_csv_begin(struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        export_csv_cell(str_from(columns[i].title), out);
        end_cell(i, out);
    }
}

static void put_path(const struct json_value *value, const char *path, struct buf *out)
{
    int64_t number;
    if (record_number(value, path, &number))
        buf_format(out, "%lld", (long long)number);
    else
        export_csv_cell(record_text(value, path), out);
}

static void put_codes(const struct json_value *value, struct buf *out)
{
    struct buf codes;
    buf_init(&codes, LIMIT_RECORD_BYTES);
    export_put_codes(value, "; ", &codes);
    export_csv_cell(buf_str(&codes), out);
    out->failed |= codes.failed;
    buf_release(&codes);
}

static void put_own(const struct export_record *record, const char *title, struct buf *out)
{
    if (strcmp(title, "source") == 0)
        export_csv_cell(record->source, out);
    else if (strcmp(title, "seq") == 0)
        buf_format(out, "%llu", (unsigned long long)record->seq);
    else if (strcmp(title, "hash") == 0)
        export_csv_cell(record->hash, out);
    else if (strcmp(title, "created") == 0)
        export_csv_cell(export_created(record), out);
    else
        put_codes(record->value, out);
}

/* What stands by itself, an outcome or who closed a campaign, has its own columns, too. */
void export_csv_put(const struct export_record *record, struct buf *out)
{
    struct export_record shown = *record;
    struct str kind = record_text(record->value, "kind");
    if (str_equal(kind, STR("outcome")))
        shown.outcome = record->value;
    if (str_equal(kind, STR("closed")))
        shown.closed = record->value;
    const struct json_value *const from[] = {
        [FROM_RECORD] = shown.value, [FROM_OUTCOME] = shown.outcome, [FROM_CLOSED] = shown.closed};
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        const struct column *column = &columns[i];
        if (column->path)
            put_path(from[column->from], column->path, out);
        else
            put_own(&shown, column->title, out);
        end_cell(i, out);
    }
}
