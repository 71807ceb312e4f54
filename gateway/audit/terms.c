#include "audit/terms.h"

#include <stdlib.h>

#include "audit/words.h"

/* Part of what is hashed: never renumbered without a new INDEX_SCHEMA (index.c). */
enum field {
    FIELD_KIND = 1,
    FIELD_TEAM,
    FIELD_CALLER,
    FIELD_VERDICT,
    FIELD_CODE,
    FIELD_OUTCOME,
    FIELD_CALLER_ID,
    FIELD_TEMPLATE,
    FIELD_REVISION,
    FIELD_POLICY,
    FIELD_WORD,
    FIELD_NAME, /* of a campaign: each byte of it, and each two that follow each other */
};

/* ---- lists ---- */

void terms_add(struct terms *terms, uint64_t term)
{
    if (terms->count == terms->capacity) {
        size_t capacity = terms->capacity ? terms->capacity * 2 : 256;
        uint64_t *items = realloc(terms->items, capacity * sizeof(*items));
        terms->failed |= !items;
        if (!items)
            return;
        terms->items = items;
        terms->capacity = capacity;
    }
    terms->items[terms->count++] = term;
}

void terms_release(struct terms *terms)
{
    free(terms->items);
    *terms = (struct terms){0};
}

/* ---- numbers ---- */

/* FNV-1a, and its bits mixed once more: the upper ones are kept. Who makes two texts collide has
 * them both looked at, no more. */
static uint64_t term(enum field field, struct str text)
{
    uint64_t hash = (0xcbf29ce484222325 ^ field) * 0x100000001b3;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.data[i]) * 0x100000001b3;
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93;
    return (hash ^ hash >> 32) >> (64 - TERM_BITS);
}

uint64_t term_of_kind(struct str kind)
{
    return term(FIELD_KIND, kind);
}

uint64_t term_of_policy(struct str digest)
{
    return term(FIELD_POLICY, digest);
}

uint64_t term_of_revision(struct str revision)
{
    return term(FIELD_REVISION, revision);
}

/* NUL stands for the name's beginning or its end; two of them for a name at all. */
static uint64_t term_of_two(char first, char second)
{
    return term(FIELD_NAME, (struct str){(const char[]){first, second}, 2});
}

static uint64_t term_of_one(char byte)
{
    return term(FIELD_NAME, (struct str){&byte, 1});
}

/* ---- records ---- */

struct listing {
    struct arena *scratch;
    struct terms *out;
    struct record_brief brief;
};

static void add_word(void *arg, struct str word)
{
    struct listing *listing = arg;
    terms_add(listing->out, term(FIELD_WORD, word));
}

static void add_name(struct str name, struct terms *out)
{
    char before = '\0';
    if (name.len == 0)
        return;
    for (size_t i = 0; i < name.len; i++) {
        terms_add(out, term_of_one(name.data[i]));
        terms_add(out, term_of_two(before, name.data[i]));
        before = name.data[i];
    }
    terms_add(out, term_of_two(before, '\0'));
    terms_add(out, term_of_two('\0', '\0'));
}

/* The texts that search_plan.c asks for, and record_read.h names. */
static const struct {
    struct str first, second; /* keys; empty: the text stands in the record itself */
    enum field field;
} fields[] = {
    {STR("team"), {0}, FIELD_TEAM},
    {STR("caller"), {0}, FIELD_CALLER},
    {STR("verdict"), {0}, FIELD_VERDICT},
    {STR("code"), {0}, FIELD_CODE},
    {STR("outcome"), {0}, FIELD_OUTCOME},
    {STR("campaign"), STR("name"), FIELD_NAME},
    {STR("campaign"), STR("caller_id"), FIELD_CALLER_ID},
    {STR("campaign"), STR("template"), FIELD_TEMPLATE},
    {STR("policy"), STR("revision"), FIELD_REVISION},
    {STR("policy"), STR("digest"), FIELD_POLICY},
};

static void add_field(struct listing *listing, const struct json_path *path, struct str text)
{
    struct str second = path->depth > 1 ? path->keys[1] : (struct str){0};
    for (size_t i = 0; path->depth <= 2 && i < COUNT_OF(fields); i++) {
        if (!str_equal(path->keys[0], fields[i].first) || !str_equal(second, fields[i].second))
            continue;
        if (fields[i].field == FIELD_NAME)
            add_name(text, listing->out);
        else if (text.len)
            terms_add(listing->out, term(fields[i].field, text));
        return;
    }
}

/* A violation: an object in one of the lists. */
static bool is_code(const struct json_path *path)
{
    return path->depth == 3 && !path->keys[1].data && str_equal(path->keys[2], STR("code")) &&
           record_has_codes(path->keys[0]);
}

static void take_brief(struct record_brief *brief, const struct json_path *path, struct str text)
{
    const struct {
        struct str key, *to;
    } all[] = {{STR("kind"), &brief->kind},
               {STR("id"), &brief->id},
               {STR("time"), &brief->time},
               {STR("source"), &brief->source}};
    for (size_t i = 0; path->depth == 1 && i < COUNT_OF(all); i++) {
        if (str_equal(path->keys[0], all[i].key))
            *all[i].to = text;
    }
    if (path->depth == 2 && str_equal(path->keys[0], STR("policy")) &&
        str_equal(path->keys[1], STR("digest")))
        brief->policy_digest = text;
}

static void list_text(void *arg, const struct json_path *path, enum json_kind kind, struct str text)
{
    struct listing *listing = arg;
    if (kind != JSON_KIND_STRING || path->depth == 0 || !path->keys[0].data)
        return;
    take_brief(&listing->brief, path, text);
    add_field(listing, path, text);
    if (is_code(path) && text.len)
        terms_add(listing->out, term(FIELD_CODE, text));
    if (!record_leaves_out(path->keys[0]))
        words_each(text, listing->scratch, add_word, listing);
}

bool terms_of_record(struct str json, struct arena *scratch, struct terms *out,
                     struct record_brief *ret)
{
    const size_t before = out->count;
    struct listing listing = {.scratch = scratch, .out = out};
    struct json_fault fault;
    if (!json_visit(json, scratch, list_text, &listing, &fault)) {
        out->count = before;
        return false;
    }
    *ret = listing.brief;
    return true;
}

/* ---- searches ---- */

struct clauses {
    struct arena *arena;
    struct clause *items;
    size_t count, capacity;
    bool failed;
};

/* Room for a clause of so many terms; NULL when there is none. */
static uint64_t *begin_clause(struct clauses *clauses, size_t count)
{
    uint64_t *terms = arena_zalloc(clauses->arena, count, sizeof(*terms));
    clauses->failed |= !terms || clauses->count == clauses->capacity;
    if (clauses->failed)
        return NULL;
    clauses->items[clauses->count++] = (struct clause){.terms = terms, .count = count};
    return terms;
}

static void ask(struct clauses *clauses, uint64_t asked)
{
    uint64_t *terms = begin_clause(clauses, 1);
    if (terms)
        terms[0] = asked;
}

static void ask_field(struct clauses *clauses, enum field field, struct str text)
{
    if (text.len)
        ask(clauses, term(field, text));
}

static void ask_any(struct clauses *clauses, enum field field, const struct str *texts,
                    size_t count)
{
    uint64_t *terms = count ? begin_clause(clauses, count) : NULL;
    for (size_t i = 0; terms && i < count; i++)
        terms[i] = term(field, texts[i]);
}

/* What every name that fits has: each two bytes that follow each other between stars, and a byte
 * that stands alone between two. */
static void ask_name(struct clauses *clauses, struct str pattern)
{
    char before = '\0';
    if (pattern.len == 0)
        return;
    ask(clauses, term_of_two('\0', '\0'));
    for (size_t i = 0; i < pattern.len; i++) {
        char byte = pattern.data[i];
        bool stands_alone = before == '*' && i + 1 < pattern.len && pattern.data[i + 1] == '*';
        if (byte != '*' && before != '*')
            ask(clauses, term_of_two(before, byte));
        else if (byte != '*' && stands_alone)
            ask(clauses, term_of_one(byte));
        before = byte;
    }
    if (before != '*')
        ask(clauses, term_of_two(before, '\0'));
}

static void add_query_word(void *arg, struct str word)
{
    struct clauses *clauses = arg;
    ask(clauses, term(FIELD_WORD, word));
}

bool terms_of_plan(const struct search_plan *plan, struct arena *arena, struct clause **ret_clauses,
                   size_t *ret_count)
{
    const struct search_query *query = plan->query;
    struct clauses clauses = {.arena = arena};
    /* each byte asks at most twice; of the fields there are fewer than 16 */
    clauses.capacity = 16 + 2 * query->campaign.len + query->campaign_id.len + LIMIT_SEARCH_WORDS;
    clauses.items = arena_zalloc(arena, clauses.capacity, sizeof(*clauses.items));
    if (!clauses.items)
        return false;
    ask_field(&clauses, FIELD_KIND, query->kind);
    ask_field(&clauses, FIELD_TEAM, query->team);
    ask_field(&clauses, FIELD_CALLER, query->caller);
    ask_field(&clauses, FIELD_VERDICT, query->verdict);
    ask_field(&clauses, FIELD_CODE, query->code);
    ask_field(&clauses, FIELD_OUTCOME, query->outcome);
    ask_field(&clauses, FIELD_TEMPLATE, query->template);
    ask_any(&clauses, FIELD_CALLER_ID, query->caller_ids, query->caller_id_count);
    ask_any(&clauses, FIELD_WORD, query->numbers, query->number_count);
    words_each(query->campaign_id, arena, add_query_word, &clauses);
    for (size_t i = 0; i < plan->word_count; i++)
        ask(&clauses, term(FIELD_WORD, plan->words[i]));
    ask_name(&clauses, query->campaign);
    *ret_clauses = clauses.items;
    *ret_count = clauses.count;
    return !clauses.failed;
}
