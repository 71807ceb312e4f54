/*
 *     fact by fact, matched by name --say--> tallies: (change, text) -> names --> sentences
 */
#include "policy/compare.h"

#include "base/buf.h"

/* ---- tallies ---- */

/* What some names of a list have in common: the same change in the same words. */
struct tally {
    struct str key; /* the change and the words */
    struct str text;
    enum change change;
    bool is_state; /* the words are the kind's own: "is now allowed" */
    struct str names[NAMES_TOLD];
    size_t count;
};

struct tallies {
    struct scribe *scribe;
    struct tally **items;
    size_t count, capacity;
    struct strset index; /* key -> struct tally */
    struct str name;     /* whose changes are being told */
};

static bool index_all(struct tallies *tallies)
{
    bool fine = strset_init(&tallies->index, tallies->scribe->arena, tallies->capacity);
    for (size_t i = 0; fine && i < tallies->count; i++)
        fine =
            strset_add(&tallies->index, tallies->items[i]->key, tallies->items[i]) != STRSET_FULL;
    return fine;
}

static bool grow(struct tallies *tallies)
{
    size_t capacity = tallies->capacity ? tallies->capacity * 2 : 8;
    struct tally **items = scribe_zalloc(tallies->scribe, capacity, sizeof(struct tally *));
    if (!items)
        return false;
    if (tallies->count)
        memcpy(items, tallies->items, tallies->count * sizeof(struct tally *));
    tallies->items = items;
    tallies->capacity = capacity;
    return index_all(tallies);
}

static struct tally *new_tally(struct tallies *tallies, struct str key, enum change change,
                               struct str text, bool is_state)
{
    if (tallies->count == tallies->capacity && !grow(tallies))
        return NULL;
    struct tally *tally = scribe_zalloc(tallies->scribe, 1, sizeof(*tally));
    if (!tally || strset_add(&tallies->index, key, tally) != STRSET_ADDED)
        return NULL;
    *tally = (struct tally){.key = key, .text = text, .change = change, .is_state = is_state};
    tallies->items[tallies->count++] = tally;
    return tally;
}

static void count_in(struct tallies *tallies, enum change change, struct str text, bool is_state)
{
    struct str key =
        scribe_format(tallies->scribe, "%d%d%.*s", (int)change, is_state, STR_ARGS(text));
    struct tally *tally = (struct tally *)strset_get(&tallies->index, key);
    if (!tally)
        tally = new_tally(tallies, key, change, text, is_state);
    if (!tally) {
        tallies->scribe->failed = true;
        return;
    }
    if (tally->count < NAMES_TOLD)
        tally->names[tally->count] = tallies->name;
    tally->count++;
}

static void count_in_changed(void *context, enum change change, struct str text)
{
    count_in(context, change, text, false);
}

/* ---- sentences ---- */

static void write_names(const struct fact_kind *kind, const struct tally *tally, struct buf *out)
{
    size_t shown = tally->count < NAMES_TOLD ? tally->count : NAMES_TOLD;
    buf_format(out, "%s ", tally->count > 1 ? kind->many : kind->one);
    for (size_t i = 0; i < shown; i++) {
        if (i > 0)
            buf_append(out, STR(", "));
        fact_name_write(kind, tally->names[i], out);
    }
    if (tally->count > shown)
        buf_format(out, " and %zu more", tally->count - shown);
}

/* "the caller IDs a, b are now allowed"; "hours in Asia/Kolkata: also …"; "priority at most 3". */
static struct str sentence_of(const struct fact_kind *kind, const struct tally *tally,
                              struct scribe *scribe)
{
    struct buf text;
    buf_init(&text, SCRIBE_BYTES);
    bool named = tally->names[0].len > 0, many = tally->count > 1;
    if (named)
        write_names(kind, tally, &text);
    else
        buf_append(&text, str_from(kind->one));
    if (tally->is_state)
        buf_format(&text, " %s %.*s %s", many ? "are" : "is", STR_ARGS(tally->text), kind->state);
    else
        buf_format(&text, "%s %.*s", named ? ":" : "", STR_ARGS(tally->text));
    return scribe_take(scribe, &text);
}

static void tell_all(struct comparison *c, const struct fact_kind *kind,
                     const struct tallies *tallies)
{
    for (size_t i = 0; i < tallies->count; i++)
        c->say(c->context, tallies->items[i]->change,
               sentence_of(kind, tallies->items[i], c->scribe));
}

/* ---- one fact ---- */

static void compare_within(struct comparison *inner, const struct facts *of_before,
                           const struct facts *of_after, const struct fact_kind *kind,
                           const struct fact *before, const struct fact *after)
{
    struct facts within_before, within_after;
    facts_init(&within_before, inner->scribe, of_before->calendar);
    facts_init(&within_after, inner->scribe, of_after->calendar);
    kind->describe(&within_before, before->thing);
    kind->describe(&within_after, after->thing);
    facts_compare(inner, &within_before, &within_after);
}

static void compare_words(struct comparison *inner, const struct fact *before,
                          const struct fact *after)
{
    if (!str_equal(before->detail, after->detail))
        comparison_say(inner, CHANGE_OTHER, "%.*s (was %.*s)", STR_ARGS(after->detail),
                       STR_ARGS(before->detail));
}

/* ---- lists ---- */

/* Both sides of one kind. */
struct list_pair {
    const struct facts *of_before, *of_after;
    const struct fact_list *before, *after; /* never NULL; empty when there is none */
    struct strset before_names, after_names;
    const struct fact_kind *kind;
};

static bool index_names(const struct fact_list *list, struct scribe *scribe, struct strset *ret)
{
    if (!strset_init(ret, scribe->arena, list->count))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        /* of two with one name the first counts; describe functions do not make such */
        if (strset_add(ret, list->items[i].name, &list->items[i]) == STRSET_FULL)
            return false;
    }
    return true;
}

static void compare_fact(struct comparison *inner, const struct list_pair *pair,
                         const struct fact *before, const struct fact *after)
{
    if (pair->kind->compare)
        pair->kind->compare(inner, before, after);
    else if (pair->kind->describe)
        compare_within(inner, pair->of_before, pair->of_after, pair->kind, before, after);
    else
        compare_words(inner, before, after);
}

/* A limit that comes or goes is told with its number: "priority at most 3 (new)". */
static void tell_membership(struct tallies *tallies, const struct fact_kind *kind,
                            const struct fact *fact, bool joined)
{
    enum change change = joined ? kind->added : change_reversed(kind->added);
    if (fact->name.len == 0 && fact->detail.len)
        count_in(tallies, change,
                 scribe_format(tallies->scribe, "%.*s (%s)", STR_ARGS(fact->detail),
                               joined ? "new" : "no longer"),
                 false);
    else
        count_in(tallies, change, joined ? STR("now") : STR("no longer"), true);
}

/* The facts of one side that the other does not name. */
static void compare_missing(struct comparison *inner, const struct list_pair *pair, bool joined,
                            struct tallies *tallies)
{
    const struct fact_kind *kind = pair->kind;
    const struct fact_list *list = joined ? pair->after : pair->before;
    const struct fact_list *other = joined ? pair->before : pair->after;
    const struct strset *names = joined ? &pair->before_names : &pair->after_names;
    for (size_t i = 0; i < list->count; i++) {
        const struct fact *fact = &list->items[i];
        tallies->name = fact->name;
        if (strset_has(names, fact->name))
            continue;
        if (kind->stands_in.len) {
            const struct fact *substitute = strset_get(names, kind->stands_in);
            kind->compare(inner, joined ? substitute : fact, joined ? fact : substitute);
        } else if (!kind->covers || other->count == 0 || !kind->covers(other->whole, fact->name)) {
            tell_membership(tallies, kind, fact, joined);
        }
    }
}

static void compare_common(struct comparison *inner, const struct list_pair *pair,
                           struct tallies *tallies)
{
    for (size_t i = 0; i < pair->after->count; i++) {
        const struct fact *after = &pair->after->items[i];
        const struct fact *before = strset_get(&pair->before_names, after->name);
        tallies->name = after->name;
        if (before)
            compare_fact(inner, pair, before, after);
    }
}

/* "now only in Asia/Kolkata": a list where there was none, and none meant "any". */
static void tell_given(struct comparison *c, const struct list_pair *pair)
{
    struct buf text;
    bool given = pair->after->count > 0;
    buf_init(&text, SCRIBE_BYTES);
    buf_append(&text, given ? STR("now ") : STR("no longer "));
    fact_list_write(given ? pair->of_after : pair->of_before, given ? pair->after : pair->before,
                    NAMES_TOLD, &text);
    c->say(c->context, given ? pair->kind->given : change_reversed(pair->kind->given),
           scribe_take(c->scribe, &text));
}

static void compare_lists(struct comparison *c, struct list_pair *pair)
{
    struct tallies tallies = {.scribe = c->scribe};
    struct comparison inner = {c->scribe, count_in_changed, &tallies, c->classes_are_ordered};
    bool empty_before = pair->before->count == 0, empty_after = pair->after->count == 0;
    if ((pair->kind->added == CHANGE_NONE && !pair->kind->compare) || (empty_before && empty_after))
        return;
    if (pair->kind->given != CHANGE_NONE && empty_before != empty_after) {
        tell_given(c, pair);
        return;
    }
    if (!index_names(pair->before, c->scribe, &pair->before_names) ||
        !index_names(pair->after, c->scribe, &pair->after_names)) {
        c->scribe->failed = true;
        return;
    }
    compare_missing(&inner, pair, false, &tallies);
    compare_missing(&inner, pair, true, &tallies);
    compare_common(&inner, pair, &tallies);
    tell_all(c, pair->kind, &tallies);
}

static const struct fact_list *list_of_kind(const struct facts *facts, const struct fact_kind *kind)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (facts->lists[i].kind == kind)
            return &facts->lists[i];
    }
    return NULL;
}

static const struct fact_list nothing;

void facts_compare(struct comparison *c, const struct facts *before, const struct facts *after)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct fact_list *list = &before->lists[i], *other = list_of_kind(after, list->kind);
        struct list_pair pair = {before, after, list,      other ? other : &nothing,
                                 {0},    {0},   list->kind};
        compare_lists(c, &pair);
    }
    for (size_t i = 0; i < after->count; i++) {
        const struct fact_list *list = &after->lists[i];
        struct list_pair pair = {before, after, &nothing, list, {0}, {0}, list->kind};
        if (!list_of_kind(before, list->kind))
            compare_lists(c, &pair);
    }
}

/* ---- for kinds ---- */

void comparison_say(struct comparison *c, enum change change, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vformat(c->scribe->arena, format, args);
    va_end(args);
    c->scribe->failed = c->scribe->failed || !text.data;
    c->say(c->context, change, text);
}

static void compare_numbers(struct comparison *c, const struct fact *before,
                            const struct fact *after, enum change when_greater)
{
    int was = *(const int *)before->thing, is = *(const int *)after->thing;
    if (is != was)
        comparison_say(c, is > was ? when_greater : change_reversed(when_greater),
                       "%.*s (was %.*s)", STR_ARGS(after->detail), STR_ARGS(before->detail));
}

void compare_most(struct comparison *c, const struct fact *before, const struct fact *after)
{
    compare_numbers(c, before, after, CHANGE_MORE);
}

void compare_least(struct comparison *c, const struct fact *before, const struct fact *after)
{
    compare_numbers(c, before, after, CHANGE_LESS);
}
