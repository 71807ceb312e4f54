#include "cli/test_report.h"

#include "base/json_write.h"
#include "base/utf8.h"
#include "cli/print.h"
#include "policy/page.h"

static const char *const outcomes[] = {
    [TEST_PASSED] = "passed", [TEST_FAILED] = "failed", [TEST_BROKEN] = "broken"};

static size_t count_tests(const struct test_report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < report->file_count; i++)
        count += report->files[i].count;
    return count;
}

static const char *effect_text(enum violation_effect effect)
{
    static const char *const texts[] = {
        [EFFECT_ENFORCED] = "refuses", [EFFECT_REPORTED] = "reported", [EFFECT_WAIVED] = "waived"};
    return texts[effect];
}

/* ---- what differs, for text and XML ---- */

/* "opt-out-missing at /message/message: sentence (opt_out, organisation; reported)" */
static void put_finding(const struct violation *finding, struct buf *out)
{
    buf_append(out, str_from(violation_code_text(finding->code)));
    if (finding->pointer.len)
        buf_append(out, STR(" at "));
    page_show(finding->pointer, out);
    buf_append(out, STR(": "));
    page_show(finding->message, out);
    buf_append(out, STR(" ("));
    page_show(finding->source.rule.len ? finding->source.rule : STR("contract"), out);
    if (finding->source.layer.len)
        buf_append(out, STR(", "));
    page_show(finding->source.layer, out);
    if (finding->effect != EFFECT_ENFORCED)
        buf_format(out, "; %s", effect_text(finding->effect));
    buf_append_byte(out, ')');
}

static void put_line(const char *before, struct str line, struct buf *out)
{
    buf_append(out, str_from(before));
    page_show(line, out);
    buf_append_byte(out, '\n');
}

static void put_details(const char *before, const struct test_result *result, struct buf *out)
{
    struct str line, rest = result->why;
    while (rest.len) {
        (void)str_cut(rest, '\n', &line, &rest);
        put_line(before, line, out);
    }
    for (size_t i = 0; i < result->finding_count; i++) {
        buf_append(out, str_from(before));
        put_finding(&result->findings[i], out);
        buf_append_byte(out, '\n');
    }
}

/* ---- text ---- */

static void put_test(const struct test_results *file, const struct test_result *result,
                     size_t number, struct buf *out)
{
    buf_format(out, "%s %zu - ", result->outcome == TEST_PASSED ? "ok" : "not ok", number);
    page_show(result->test->name, out);
    buf_append_byte(out, '\n');
    if (result->outcome == TEST_PASSED)
        return;
    buf_append(out, STR("#   at "));
    page_show(str_from(file->file->path), out);
    buf_format(out, ":%zu\n", result->test->place->line);
    put_details("#   ", result, out);
}

/* Columns as wide as their widest cell, so that a table can be read. */
static int widest_layer(const struct coverage_table *table)
{
    size_t widest = sizeof("layer") - 1;
    for (const struct coverage_row *row = table->first; row; row = row->next)
        widest = row->layer.len > widest ? row->layer.len : widest;
    return widest < 60 ? (int)widest : 60;
}

static void put_table(const struct coverage_table *table, struct buf *out)
{
    int width = widest_layer(table);
    buf_append(out, STR("#\n# coverage of "));
    page_show(table->policy, out);
    buf_format(out, "\n#   %-*s  %-19s  %7s  %7s  %8s\n", width, "layer", "rule", "passed",
               "refused", "observed");
    for (const struct coverage_row *row = table->first; row; row = row->next) {
        buf_append(out, STR("#   "));
        page_show(row->layer, out);
        buf_format(out, "%*s  %-19.*s  %7zu  %7zu  %8zu\n",
                   row->layer.len < (size_t)width ? width - (int)row->layer.len : 0, "",
                   STR_ARGS(policy_rule_name(row->rule)), row->passed, row->refused, row->observed);
    }
    for (const struct coverage_row *row = table->first; row; row = row->next) {
        if (!coverage_is_untested(row))
            continue;
        buf_format(out, "# untested: %.*s of ", STR_ARGS(policy_rule_name(row->rule)));
        page_show(row->layer, out);
        buf_append(out, STR(" refused nothing\n"));
    }
}

static void put_summary(const struct test_report *report, struct buf *out)
{
    const size_t *counts = report->run->outcomes;
    buf_append(out, STR("# "));
    print_count(out, count_tests(report), "test");
    buf_format(out, ", %zu failed", counts[TEST_FAILED]);
    if (counts[TEST_BROKEN])
        buf_format(out, ", %zu could not be run", counts[TEST_BROKEN]);
    buf_append_byte(out, '\n');
}

void test_report_text(const struct test_report *report, struct buf *out)
{
    size_t number = 0;
    buf_format(out, "TAP version 14\n1..%zu\n", count_tests(report));
    for (size_t i = 0; i < report->file_count; i++) {
        const struct test_results *file = &report->files[i];
        put_line("# ", str_from(file->file->path), out);
        for (size_t k = 0; k < file->count; k++)
            put_test(file, &file->items[k], ++number, out);
    }
    const struct coverage_table *first = report->with_coverage ? report->run->tables : NULL;
    for (const struct coverage_table *table = first; table; table = table->next)
        put_table(table, out);
    put_summary(report, out);
}

/* ---- JSON ---- */

static void json_put_finding(struct json_writer *w, const struct violation *finding)
{
    json_open_object(w);
    violation_put_members(w, finding, true);
    json_put_str(w, "effect", str_from(effect_text(finding->effect)));
    json_close_object(w);
}

static void json_put_result(struct json_writer *w, const struct test_result *result)
{
    json_open_object(w);
    json_put_str(w, "name", result->test->name);
    json_put_int(w, "line", (int64_t)result->test->place->line);
    json_put_str(w, "outcome", str_from(outcomes[result->outcome]));
    if (result->outcome != TEST_BROKEN) {
        json_put_str(w, "expected", result->expected);
        json_put_str(w, "actual", result->actual);
    }
    if (result->outcome != TEST_PASSED)
        json_put_str(w, "why", result->why);
    json_open_array_at(w, "findings");
    for (size_t i = 0; i < result->finding_count; i++)
        json_put_finding(w, &result->findings[i]);
    json_close_array(w);
    json_close_object(w);
}

static void json_put_row(struct json_writer *w, const struct coverage_row *row)
{
    json_open_object(w);
    json_put_str(w, "layer", row->layer);
    json_put_str(w, "rule", policy_rule_name(row->rule));
    json_put_int(w, "passed", (int64_t)row->passed);
    json_put_int(w, "refused", (int64_t)row->refused);
    json_put_int(w, "observed", (int64_t)row->observed);
    json_put_bool(w, "untested", coverage_is_untested(row));
    json_close_object(w);
}

static void json_put_coverage(struct json_writer *w, const struct test_run *run)
{
    json_open_array_at(w, "coverage");
    for (const struct coverage_table *table = run->tables; table; table = table->next) {
        json_open_object(w);
        json_put_str(w, "policy", table->policy);
        json_open_array_at(w, "rules");
        for (const struct coverage_row *row = table->first; row; row = row->next)
            json_put_row(w, row);
        json_close_array(w);
        json_close_object(w);
    }
    json_close_array(w);
}

void test_report_json(const struct test_report *report, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open_object(&w);
    json_put_int(&w, "tests", (int64_t)count_tests(report));
    json_put_int(&w, "failed", (int64_t)report->run->outcomes[TEST_FAILED]);
    json_put_int(&w, "broken", (int64_t)report->run->outcomes[TEST_BROKEN]);
    json_open_array_at(&w, "files");
    for (size_t i = 0; i < report->file_count; i++) {
        const struct test_results *file = &report->files[i];
        json_open_object(&w);
        json_put_str(&w, "file", str_from(file->file->path));
        json_open_array_at(&w, "tests");
        for (size_t k = 0; k < file->count; k++)
            json_put_result(&w, &file->items[k]);
        json_close_array(&w);
        json_close_object(&w);
    }
    json_close_array(&w);
    if (report->with_coverage)
        json_put_coverage(&w, report->run);
    json_close_object(&w);
    buf_append_byte(out, '\n');
}

/* ---- XML ---- */

/* XML 1.0 2.2 Char: what it cannot hold in any way becomes U+FFFD. */
static bool is_xml(uint32_t code)
{
    return code >= 0x20 ? code != 0xfffe && code != 0xffff
                        : code == '\t' || code == '\n' || code == '\r';
}

/* In an attribute a reader would turn line ends into spaces, so there they are written as numbers.
 */
static void xml_put(struct buf *out, struct str text, bool in_attribute)
{
    uint32_t code = 0;
    for (size_t length; text.len > 0; text = str_slice(text, length, text.len)) {
        length = utf8_decode(text, &code);
        bool known = length > 0 && is_xml(code);
        bool plain = code == '\n'
                         ? !in_attribute
                         : code >= 0x20 && code != '<' && code != '>' && code != '&' && code != '"';
        length = length ? length : 1;
        if (!known)
            buf_append(out, STR("\xef\xbf\xbd"));
        else if (plain)
            buf_append(out, str_slice(text, 0, length));
        else
            buf_format(out, "&#%u;", code);
    }
}

static void xml_put_attribute(struct buf *out, const char *name, struct str value)
{
    buf_format(out, " %s=\"", name);
    xml_put(out, value, true);
    buf_append_byte(out, '"');
}

/* The message is what most viewers show in a list: "expected: frozen; actual: allow". */
static void xml_put_trouble(const struct test_result *result, struct buf *out)
{
    const char *element = result->outcome == TEST_FAILED ? "failure" : "error";
    struct str first, second, rest;
    struct buf text;
    (void)str_cut(result->why, '\n', &first, &rest);
    (void)str_cut(rest, '\n', &second, &rest);
    buf_init(&text, LIMIT_REPORT_BYTES);
    buf_format(&text, "%.*s%s%.*s", STR_ARGS(first), second.len ? "; " : "", STR_ARGS(second));
    buf_format(out, "      <%s", element);
    xml_put_attribute(out, "message", buf_str(&text));
    buf_append_byte(out, '>');
    buf_clear(&text);
    put_details("", result, &text);
    xml_put(out, buf_str(&text), false);
    buf_format(out, "</%s>\n", element);
    out->failed |= text.failed;
    buf_release(&text);
}

static void xml_put_test(const struct test_results *file, const struct test_result *result,
                         struct buf *out)
{
    buf_append(out, STR("    <testcase"));
    xml_put_attribute(out, "classname", str_from(file->file->path));
    xml_put_attribute(out, "name", result->test->name);
    xml_put_attribute(out, "file", str_from(file->file->path));
    buf_format(out, " line=\"%zu\"", result->test->place->line);
    if (result->outcome == TEST_PASSED) {
        buf_append(out, STR("/>\n"));
        return;
    }
    buf_append(out, STR(">\n"));
    xml_put_trouble(result, out);
    buf_append(out, STR("    </testcase>\n"));
}

static size_t count_outcomes(const struct test_results *file, enum test_outcome outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < file->count; i++)
        count += file->items[i].outcome == outcome;
    return count;
}

void test_report_junit(const struct test_report *report, struct buf *out)
{
    const size_t *counts = report->run->outcomes;
    buf_format(out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<testsuites tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n",
               count_tests(report), counts[TEST_FAILED], counts[TEST_BROKEN]);
    for (size_t i = 0; i < report->file_count; i++) {
        const struct test_results *file = &report->files[i];
        buf_append(out, STR("  <testsuite"));
        xml_put_attribute(out, "name", str_from(file->file->path));
        buf_format(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n", file->count,
                   count_outcomes(file, TEST_FAILED), count_outcomes(file, TEST_BROKEN));
        for (size_t k = 0; k < file->count; k++)
            xml_put_test(file, &file->items[k], out);
        buf_append(out, STR("  </testsuite>\n"));
    }
    buf_append(out, STR("</testsuites>\n"));
}
