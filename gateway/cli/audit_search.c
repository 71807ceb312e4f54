/*
 *     filters -> query -> source --page of records--> text: a line for each campaign
 *                           ^                         JSON: the records, and their stories
 *                           `---- of each decision: the rest of its story
 */
#include <stdio.h>

#include "audit/record_read.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/limits.h"
#include "cli/audit.h"
#include "cli/audit_filters.h"
#include "cli/audit_source.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/table.h"
#include "policy/page.h"

#define DEFAULT_LIMIT 50
#define LIMIT_PAGE 1000
#define SHOWN_NAME 40 /* characters of a campaign's name, and */
#define SHOWN_CODES 2 /* codes, in a line of text */

static const char help[] =
    "usage: campaign-gateway audit search [OPTION...]\n"
    "\n"
    "Finds campaigns, newest first: a line each, with what was decided and what became of it. All\n"
    "that is asked must hold. What is printed was read back from the journal and has its hash; "
    "the\n"
    "index only says where to look, is brought up to date first, and may be deleted at any time.\n"
    "\n" AUDIT_PLACE_HELP AUDIT_CENTRAL_HELP AUDIT_FILTERS_HELP "\n"
    "      --limit NUMBER    of one page: 50, if nothing else is said; at most 1000\n"
    "      --after CURSOR    the page behind; a page ends with the command for the next one\n"
    "      --oldest-first    instead of newest first\n"
    "      --format FORMAT   text, or json: an object with `records` and, if there is more, "
    "`next`\n" AUDIT_SOURCE_HELP "\n"
    "exit codes\n"
    "  0  found\n"
    "  1  nothing was found\n"
    "  2  the command line is wrong, or the journal is broken or cannot be read\n"
    "\n"
    "example\n"
    "  campaign-gateway audit search --config /etc/campaign-gateway/gateway.yaml --since 24h\n"
    "  campaign-gateway audit search --config /etc/campaign-gateway/gateway.yaml \\\n"
    "      --team billing --verdict deny --code outside-hours --campaign 'Diwali *'\n";

enum { FORMAT_TEXT, FORMAT_JSON };

/* One that was found, copied to the arena. */
struct hit {
    struct str source, json, hash;
    uint64_t seq;
    struct hit *story; /* of a decision: the other records with its id */
    size_t story_count;
};

struct search {
    struct audit_place place;
    struct audit_filters filters;
    struct audit_source_options source_options;
    const char *limit_text, *after;
    bool oldest_first;
    size_t format;
    int argc;
    char **argv;

    struct arena arena;
    struct audit_source *source;
    struct hit *hits;
    size_t hit_count;
    struct hit *filling; /* the decision whose story is being read, or NULL */
    struct buf next;     /* cursor */
};

static bool complain(const struct error *err)
{
    (void)fprintf(stderr, "campaign-gateway audit search: %s\n", err->text);
    return false;
}

static bool read_options(struct search *s, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        AUDIT_PLACE_OPTIONS(&s->place),
        AUDIT_CENTRAL_OPTIONS(&s->place),
        AUDIT_FILTERS_OPTIONS(&s->filters),
        AUDIT_SOURCE_OPTIONS(&s->source_options),
        {.name = "limit", .value = "NUMBER", .text = &s->limit_text},
        {.name = "after", .value = "CURSOR", .text = &s->after},
        {.name = "oldest-first", .flag = &s->oldest_first},
        {.name = "format", .value = "text|json", .choice = &s->format},
    };
    const struct arguments spec = {.help = help,
                                   .verb = "audit search",
                                   .options = options,
                                   .option_count = COUNT_OF(options)};
    s->argc = argc;
    s->argv = argv;
    return arguments_read(&spec, argc, argv, exit_code);
}

static bool read_page(struct search *s, struct error *err)
{
    uint64_t limit = DEFAULT_LIMIT;
    if (s->limit_text &&
        (!str_to_u64(str_from(s->limit_text), &limit) || limit < 1 || limit > LIMIT_PAGE))
        return error_set(err, "--limit takes a number from 1 to %d, not '%s'", LIMIT_PAGE,
                         s->limit_text);
    s->filters.query.limit = limit;
    s->filters.query.after = str_from(s->after);
    s->filters.query.oldest_first = s->oldest_first;
    return true;
}

/* ---- finding ---- */

static bool copy_hit(struct search *s, struct hit *hit, struct str source, uint64_t seq,
                     struct str json, struct str hash)
{
    *hit = (struct hit){.source = arena_copy(&s->arena, source),
                        .json = arena_copy(&s->arena, json),
                        .hash = arena_copy(&s->arena, hash),
                        .seq = seq};
    return hit->source.data && hit->json.data && hit->hash.data;
}

static bool take_hit(void *arg, struct str source, uint64_t seq, struct str json, struct str hash)
{
    struct search *s = arg;
    return copy_hit(s, &s->hits[s->hit_count], source, seq, json, hash) && ++s->hit_count > 0;
}

static bool take_story(void *arg, struct str source, uint64_t seq, struct str json, struct str hash)
{
    struct search *s = arg;
    struct hit *decision = s->filling;
    if (seq == decision->seq || !str_equal(source, decision->source))
        return true;
    return copy_hit(s, &decision->story[decision->story_count], source, seq, json, hash) &&
           ++decision->story_count > 0;
}

/* Its tree, for a moment; NULL when it is no JSON. */
static const struct json_value *tree_of(struct search *s, const struct hit *hit)
{
    struct json_fault fault;
    return json_read(hit->json, &s->arena, &fault);
}

static bool find_story(struct search *s, struct hit *hit, struct error *err)
{
    const struct json_value *record = tree_of(s, hit);
    struct search_query query = {.id = record_text(record, "id"),
                                 .source = hit->source,
                                 .oldest_first = true,
                                 .limit = LIMIT_STORY_RECORDS};
    struct buf unused;
    if (query.id.len == 0 || !str_equal(record_text(record, "kind"), STR("decision")))
        return true;
    hit->story = arena_zalloc(&s->arena, LIMIT_STORY_RECORDS, sizeof(*hit->story));
    if (!hit->story)
        return error_set(err, "out of memory: ask for fewer with --limit");
    s->filling = hit;
    buf_init(&unused, 256);
    bool fine = audit_source_search(s->source, &query, take_story, s, &unused, err);
    buf_release(&unused);
    return fine;
}

static bool find(struct search *s, struct error *err)
{
    s->hits = arena_zalloc(&s->arena, s->filters.query.limit, sizeof(*s->hits));
    if (!s->hits)
        return error_set(err, "out of memory: ask for fewer with --limit");
    if (!audit_source_search(s->source, &s->filters.query, take_hit, s, &s->next, err))
        return false;
    for (size_t i = 0; i < s->hit_count; i++) {
        if (!find_story(s, &s->hits[i], err))
            return false;
    }
    return true;
}

/* ---- text ---- */

/* The first characters, and "…" when there are more. */
static struct str shorten(struct search *s, struct str text, size_t most)
{
    size_t end = 0;
    for (size_t count = 0; end < text.len; end++) {
        bool begins = ((unsigned char)text.data[end] & 0xc0) != 0x80;
        if (begins && count++ == most)
            break;
    }
    return end == text.len ? text : arena_format(&s->arena, "%.*s…", (int)end, text.data);
}

struct codes {
    struct buf *out;
    size_t count;
};

static void put_code(void *arg, struct str code)
{
    struct codes *codes = arg;
    if (codes->count < SHOWN_CODES)
        buf_format(codes->out, "%s%.*s", codes->count ? ", " : "", STR_ARGS(code));
    codes->count++;
}

/* Of a refusal what refuses, of the others what was only reported. */
static void put_codes(const struct json_value *record, struct buf *out)
{
    struct codes codes = {out, 0};
    record_each_code(record, put_code, &codes);
    if (codes.count > SHOWN_CODES)
        buf_format(out, " and %zu more", codes.count - SHOWN_CODES);
}

/* What became of it: the last word that the story has. */
static void put_end(struct search *s, const struct hit *decision, struct buf *out)
{
    if (decision->story_count == 0) {
        buf_append(out, STR("OPEN: no outcome"));
        return;
    }
    const struct json_value *last = tree_of(s, &decision->story[decision->story_count - 1]);
    struct str outcome = record_text(last, "outcome");
    buf_append(out, outcome.len ? outcome : record_text(last, "kind"));
    if (!outcome.len && record_text(last, "created").len)
        buf_format(out, ": created %.*s", STR_ARGS(record_text(last, "created")));
    if (record_value(last, "reconciled"))
        buf_append(out, STR(" (reconciled)"));
}

/* Of a decision: codes, or what became of it; of all else what tells it from others of its kind. */
static struct str what(struct search *s, const struct hit *hit, const struct json_value *record)
{
    static const char *const paths[] = {"outcome", "reason", "policy.revision", "format", "by"};
    struct buf out;
    buf_init(&out, LIMIT_RECORD_BYTES);
    bool is_decision = str_equal(record_text(record, "kind"), STR("decision"));
    bool is_allowed = str_equal(record_text(record, "verdict"), STR("allow"));
    if (is_decision && is_allowed)
        put_end(s, hit, &out);
    else if (is_decision)
        put_codes(record, &out);
    for (size_t i = 0; !is_decision && out.len == 0 && i < COUNT_OF(paths); i++)
        buf_append(&out, record_text(record, paths[i]));
    struct str text = arena_copy(&s->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void put_row(struct search *s, const struct hit *hit, struct table *table)
{
    const struct json_value *record = tree_of(s, hit);
    struct str kind = record_text(record, "kind"), id = record_text(record, "id");
    table_put(table, record_text(record, "time"));
    table_put(table, record_text(record, "team"));
    table_put(table, str_equal(kind, STR("decision")) ? record_text(record, "verdict") : kind);
    table_put(table, shorten(s, record_text(record, "campaign.name"), SHOWN_NAME));
    table_put(table, what(s, hit, record));
    table_put(table,
              id.len ? id : arena_format(&s->arena, "record %llu", (unsigned long long)hit->seq));
}

/* Quoted for a shell, if it must be. */
static void put_word(const char *word, struct buf *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./:=,+@";
    buf_append_byte(out, ' ');
    if (word[0] && word[strspn(word, plain)] == '\0') {
        buf_append(out, str_from(word));
        return;
    }
    struct str piece, rest = str_from(word);
    bool more = true;
    for (size_t i = 0; more; i++) {
        more = str_cut(rest, '\'', &piece, &rest);
        buf_append(out, i ? STR("\\''") : STR("'"));
        page_show(piece, out);
        buf_append_byte(out, '\'');
    }
}

/* This command, with the cursor instead of the one it had. */
static void put_next(const struct search *s, struct buf *out)
{
    buf_append(out, STR("\nmore: campaign-gateway audit search"));
    for (int i = 1; i < s->argc; i++) {
        struct str word = str_from(s->argv[i]);
        if (str_equal(word, STR("--after")))
            i++;
        else if (!str_starts(word, STR("--after=")))
            put_word(s->argv[i], out);
    }
    buf_format(out, " --after %.*s\n", STR_ARGS(buf_str(&s->next)));
}

static bool put_text(struct search *s)
{
    static const char *const titles[] = {"TIME", "TEAM", "VERDICT", "CAMPAIGN", "WHAT", "ID"};
    struct table table;
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    table_init(&table, titles, COUNT_OF(titles));
    for (size_t i = 0; i < s->hit_count; i++)
        put_row(s, &s->hits[i], &table);
    if (s->hit_count)
        table_write(&table, &out);
    table_release(&table);
    if (s->next.len)
        put_next(s, &out);
    return print_answer(&out);
}

/* ---- JSON ---- */

/* The record exactly as the journal has it, or as a text when it is no JSON. */
static void put_record(struct search *s, const struct hit *hit, struct json_writer *w)
{
    if (tree_of(s, hit))
        json_put_number(w, "record", hit->json);
    else
        json_put_str(w, "text", hit->json);
}

static void put_members(struct search *s, const struct hit *hit, struct json_writer *w)
{
    struct buf place;
    buf_init(&place, 8192);
    json_put_str(w, "source", hit->source);
    json_put_int(w, "seq", (int64_t)hit->seq);
    json_put_str(w, "hash", hit->hash);
    audit_source_place(s->source, hit->seq, &place);
    json_put_str_if_any(w, "place", buf_str(&place));
    buf_release(&place);
    put_record(s, hit, w);
}

static void put_hit(struct search *s, const struct hit *hit, struct json_writer *w)
{
    json_open_object(w);
    put_members(s, hit, w);
    if (hit->story) {
        json_open_array_at(w, "story");
        for (size_t i = 0; i < hit->story_count; i++) {
            json_open_object(w);
            put_members(s, &hit->story[i], w);
            json_close_object(w);
        }
        json_close_array(w);
    }
    json_close_object(w);
}

static bool put_json(struct search *s)
{
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    struct json_writer w = json_writer(&out);
    json_open_object(&w);
    json_open_array_at(&w, "records");
    for (size_t i = 0; i < s->hit_count; i++) {
        buf_append_byte(&out, '\n');
        put_hit(s, &s->hits[i], &w);
    }
    json_close_array(&w);
    json_put_str_if_any(&w, "next", buf_str(&s->next));
    json_close_object(&w);
    buf_append_byte(&out, '\n');
    return print_json_answer(&out);
}

/* ---- the verb ---- */

static int search(struct search *s)
{
    struct error err;
    if (!audit_filters_read(&s->filters, &s->place, STR("decision"), clock_unix_ms(), &s->arena,
                            &err) ||
        !read_page(s, &err)) {
        (void)complain(&err);
        return EXIT_USAGE;
    }
    s->source = audit_source_open(&s->place, &s->source_options, "audit search");
    if (!s->source)
        return EXIT_USAGE;
    audit_filters_record_lookup(&s->filters, &s->place, "audit search");
    bool fine = find(s, &err) || complain(&err);
    bool whole = audit_source_report(s->source);
    fine = fine && (s->format == FORMAT_JSON ? put_json(s) : put_text(s));
    if (!fine || !whole)
        return EXIT_USAGE;
    if (s->hit_count == 0) {
        (void)fputs("campaign-gateway audit search: nothing was found\n", stderr);
        audit_filters_hint(&s->filters, "audit search");
    }
    return s->hit_count ? EXIT_FINE : EXIT_FINDINGS;
}

int cli_audit_search(int argc, char **argv)
{
    static struct search s; /* large: its lists of arguments */
    int exit_code = EXIT_USAGE;
    if (!read_options(&s, argc, argv, &exit_code))
        return exit_code;
    arena_init(&s.arena, LIMIT_REPORT_BYTES);
    buf_init(&s.next, 256);
    exit_code = audit_place_resolve(&s.place, "audit search") ? search(&s) : EXIT_USAGE;
    audit_source_close(s.source);
    buf_release(&s.next);
    arena_release(&s.arena);
    audit_place_release(&s.place);
    return exit_code;
}
