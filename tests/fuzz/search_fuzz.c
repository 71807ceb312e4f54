/*
 * search_prepare, search_met, terms_of_record, terms_of_plan, json_visit, page_show_json,
 * export_csv_cell: what answers a search has all the terms by which an index finds it; what a
 * terminal or a spreadsheet is shown cannot fool it.
 *
 * The first line is the search, its parts apart by TAB: pattern of a name, words, team, code,
 * campaign id. The lines behind it are the records of one story.
 */
#include <assert.h>

#include "audit/terms.h"
#include "cli/export_format.h"
#include "fuzz.h"
#include "policy/page.h"

#define RECORDS 4

static struct arena arena;

static struct search_query read_query(struct str line)
{
    struct search_query query = {.limit = 1};
    (void)str_cut(line, '\t', &query.campaign, &line);
    (void)str_cut(line, '\t', &query.text, &line);
    (void)str_cut(line, '\t', &query.team, &line);
    (void)str_cut(line, '\t', &query.code, &line);
    (void)str_cut(line, '\t', &query.campaign_id, &line);
    return query;
}

/* The tree and the visit accept the same texts. */
static const struct json_value *read_record(struct str line, struct terms *terms)
{
    struct json_fault fault;
    struct record_brief brief;
    const struct json_value *record = json_read(line, &arena, &fault);
    bool visited = terms_of_record(line, &arena, terms, &brief);
    assert(record || fault.kind == JSON_MEMORY || fault.kind == JSON_SYNTAX || !visited);
    if (!record)
        return NULL;
    assert(visited);
    assert(str_equal(brief.id, record_text(record, "id")));
    assert(str_equal(brief.kind, record_text(record, "kind")));
    assert(str_equal(brief.policy_digest, record_text(record, "policy.digest")));
    return record;
}

static bool has_any(const struct terms *terms, const struct clause *clause)
{
    for (size_t i = 0; i < clause->count; i++) {
        for (size_t k = 0; k < terms->count; k++) {
            if (terms->items[k] == clause->terms[i])
                return true;
        }
    }
    return false;
}

static void check_search(const struct search_query *query, struct str lines)
{
    struct search_plan plan;
    struct error err;
    struct terms terms = {0};
    struct clause *clauses;
    size_t clause_count;
    uint64_t met = 0;
    struct str line;
    if (!search_prepare(query, &arena, &plan, &err) ||
        !terms_of_plan(&plan, &arena, &clauses, &clause_count))
        return;
    for (size_t i = 0; i < RECORDS && lines.len; i++) {
        (void)str_cut(lines, '\n', &line, &lines);
        met |= search_met(&plan, read_record(line, &terms), &arena);
    }
    assert((met & ~plan.asked) == 0);
    for (size_t i = 0; met == plan.asked && i < clause_count; i++)
        assert(has_any(&terms, &clauses[i]));
    terms_release(&terms);
}

/* Still the same JSON, and nothing in it that a terminal obeys. */
static void check_shown_json(struct str line)
{
    struct buf safe;
    struct json_fault fault;
    buf_init(&safe, 1 << 20);
    if (json_scan(line, &arena, &fault)) {
        page_show_json(line, &safe);
        assert(json_scan(buf_str(&safe), &arena, &fault) || fault.kind == JSON_MEMORY);
        for (size_t i = 0; i < safe.len; i++)
            assert((uint8_t)safe.data[i] >= 0x20 || safe.data[i] == '\n');
    }
    buf_release(&safe);
}

static void check_cell(struct str text)
{
    struct buf cell;
    buf_init(&cell, 1 << 20);
    export_csv_cell(text, &cell);
    size_t start = cell.len && cell.data[0] == '"';
    assert(!start || (cell.len > 1 && cell.data[cell.len - 1] == '"'));
    assert(cell.len == start || !memchr("=+-@\t\r\n", cell.data[start], 7));
    buf_release(&cell);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str line, rest, input = {(const char *)data, size};
    (void)str_cut(input, '\n', &line, &rest);
    arena_init(&arena, 8 << 20);
    const struct search_query query = read_query(line);
    check_search(&query, rest);
    check_shown_json(rest);
    check_cell(query.campaign);
    check_cell(rest);
    arena_release(&arena);
    return 0;
}
