#include "audit/central_query.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"

#define LIMIT_SQL_BYTES (128 * 1024)

struct writing {
    struct central_query *out;
    struct arena *arena;
    bool failed; /* memory, or too many parameters */
};

/* ---- parameters ---- */

/* Adds a parameter; its number. */
static size_t parameter(struct writing *w, struct str text)
{
    struct str kept = arena_copy(w->arena, text);
    w->failed |= !kept.data || w->out->count == LIMIT_CENTRAL_PARAMETERS;
    if (w->failed)
        return 0;
    w->out->parameters[w->out->count++] = kept.data;
    return w->out->count;
}

/* "and BEFORE$n BEHIND", the parameter between. */
static void ask(struct writing *w, const char *before, struct str text, const char *behind)
{
    buf_format(&w->out->sql, " and %s$%zu%s", before, parameter(w, text), behind);
}

static void ask_if_any(struct writing *w, const char *before, struct str text, const char *behind)
{
    if (text.len)
        ask(w, before, text, behind);
}

static void ask_time(struct writing *w, const char *before, int64_t unix_ms)
{
    char text[CLOCK_UTC_SIZE];
    if (!unix_ms)
        return;
    clock_format_utc(unix_ms, text);
    ask(w, before, str_from(text), "::timestamptz");
}

static void ask_number(struct writing *w, const char *before, uint64_t number)
{
    char text[24];
    if (!number)
        return;
    if (number > INT64_MAX)
        number = INT64_MAX; /* no record has it */
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    ask(w, before, str_from(text), "::bigint");
}

/* ---- patterns ---- */

/* A text for LIKE: * stands for anything when `stars`, everything else for itself. */
static struct str like(struct writing *w, struct str text, bool stars, const char *behind)
{
    struct buf out;
    buf_init(&out, 2 * text.len + 16);
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (byte == '%' || byte == '_' || byte == '\\')
            buf_append_byte(&out, '\\');
        buf_append_byte(&out, stars && byte == '*' ? '%' : byte);
    }
    buf_append(&out, str_from(behind));
    struct str kept = out.failed ? (struct str){0} : arena_copy(w->arena, buf_str(&out));
    buf_release(&out);
    w->failed |= !kept.data;
    return kept;
}

/* ---- what is asked ---- */

/* Of the record itself. */
static void ask_record(struct writing *w, const struct search_query *query)
{
    ask_time(w, "r.time >= ", query->from_unix_ms);
    ask_time(w, "r.time < ", query->to_unix_ms);
    ask_number(w, "r.seq >= ", query->from_seq);
    ask_number(w, "r.seq < ", query->to_seq);
    ask_if_any(w, "r.source_id = (select id from audit.audit_source where source = ", query->source,
               ")");
    ask_if_any(w, "r.kind = ", query->kind, "");
    if (query->id.len)
        ask(w, "r.story like ", like(w, query->id, false, "%"), "");
}

/* Of the decision that it is, or follows; its values stand with every record of the story. */
static void ask_decision(struct writing *w, const struct search_query *query)
{
    ask_if_any(w, "r.team = ", query->team, "");
    ask_if_any(w, "r.caller = ", query->caller, "");
    ask_if_any(w, "r.verdict = ", query->verdict, "");
    ask_if_any(w, "r.codes @> array[", query->code, "::text]");
    ask_if_any(w, "r.template = ", query->template, "");
    if (query->campaign.len)
        ask(w, "r.campaign like ", like(w, query->campaign, true, ""), "");
    if (query->policy_revision.len) {
        ask(w, "(r.policy_revision = ", query->policy_revision, "");
        buf_format(&w->out->sql, " or r.policy_digest like $%zu)",
                   parameter(w, like(w, query->policy_revision, false, "%")));
    }
    for (size_t i = 0; i < query->caller_id_count; i++) {
        buf_format(&w->out->sql, "%s$%zu", i ? ", " : " and r.caller_id in (",
                   parameter(w, query->caller_ids[i]));
    }
    if (query->caller_id_count)
        buf_append_byte(&w->out->sql, ')');
}

/* Of any record of the story. */
static void ask_story(struct writing *w, const char *before, struct str text, const char *behind)
{
    buf_append(&w->out->sql, STR(" and (r.source_id, r.story) in (select x.source_id, x.story "
                                 "from audit.audit_record x where true"));
    ask(w, before, text, behind);
    buf_append_byte(&w->out->sql, ')');
}

static bool ask_words(struct writing *w, struct str text, struct error *err)
{
    struct str piece, rest = text;
    size_t words = 0;
    while (rest.len) {
        (void)str_cut(rest, ' ', &piece, &rest);
        if (piece.len == 0)
            continue;
        if (++words > LIMIT_SEARCH_WORDS)
            return error_set(err, "--text has more than %d words", LIMIT_SEARCH_WORDS);
        ask_story(w, "audit.audit_words(x.json) @@ audit.audit_asked_words(", piece, ")");
    }
    return words > 0 || error_set(err, "--text holds no word: letters and digits are searched");
}

/* A number's digits, and its hashes, are words. */
static void ask_numbers(struct writing *w, const struct search_query *query)
{
    buf_append(&w->out->sql, STR(" and (r.source_id, r.story) in (select x.source_id, x.story "
                                 "from audit.audit_record x where audit.audit_words(x.json) @@ ("));
    for (size_t i = 0; i < query->number_count; i++) {
        buf_format(&w->out->sql, "%saudit.audit_asked_words($%zu)", i ? " || " : "",
                   parameter(w, query->numbers[i]));
    }
    buf_append(&w->out->sql, STR("))"));
}

static bool ask_stories(struct writing *w, const struct search_query *query, struct error *err)
{
    if (query->outcome.len)
        ask_story(w, "x.outcome = ", query->outcome, "");
    if (query->campaign_id.len)
        ask_story(w, "x.campaign_id = ", query->campaign_id, "");
    if (query->number_count)
        ask_numbers(w, query);
    return query->text.len == 0 || ask_words(w, query->text, err);
}

/* ---- pages ---- */

/* The cursor "TIME.SOURCE.SEQ" says which record was the last one: its time in microseconds, its
 * source's id and its number. */
static bool ask_after(struct writing *w, const struct search_query *query, struct error *err)
{
    struct str time, source, seq;
    uint64_t number;
    if (query->after.len == 0)
        return true;
    bool fine = str_cut(query->after, '.', &time, &seq) && str_cut(seq, '.', &source, &seq) &&
                str_to_u64(time, &number) && number <= INT64_MAX && str_to_u64(source, &number) &&
                number <= INT64_MAX && str_to_u64(seq, &number) && number <= INT64_MAX;
    if (!fine)
        return error_set(err, "'%.*s' is not a cursor of the central database",
                         SHOW_ARGS(query->after));
    buf_format(&w->out->sql,
               " and (r.time, r.source_id, r.seq) %c (timestamptz 'epoch' + $%zu::bigint * "
               "interval '1 microsecond', $%zu::bigint, $%zu::bigint)",
               query->oldest_first ? '>' : '<', parameter(w, time), parameter(w, source),
               parameter(w, seq));
    return true;
}

static void order(struct writing *w, const struct search_query *query)
{
    const char *way = query->oldest_first ? "" : " desc";
    buf_format(&w->out->sql, " order by r.time%s, r.source_id%s, r.seq%s limit %zu", way, way, way,
               query->limit + 1);
    buf_append_byte(&w->out->sql, '\0');
}

bool central_query_make(const struct search_query *query, struct arena *arena,
                        struct central_query *ret, struct error *err)
{
    struct writing w = {ret, arena, false};
    ret->count = 0;
    buf_init(&ret->sql, LIMIT_SQL_BYTES);
    buf_append(&ret->sql,
               STR("select (select s.source from audit.audit_source s where s.id = r.source_id), "
                   "r.seq, r.json, encode(r.hash, 'hex'), "
                   "(extract(epoch from r.time) * 1000000)::bigint || '.' || r.source_id || '.' || "
                   "r.seq from audit.audit_record r where true"));
    ask_record(&w, query);
    ask_decision(&w, query);
    if (!ask_stories(&w, query, err) || !ask_after(&w, query, err))
        return false;
    order(&w, query);
    return (!w.failed && !ret->sql.failed) ||
           error_set(err, "this search asks for too much at once, or memory is out");
}
