#include "cli/replay_tally.h"

#include <stdlib.h>

const char *replay_result_key(enum replay_result result)
{
    static const char *const keys[] = {[REPLAY_STILL_ALLOWED] = "still_allowed",
                                       [REPLAY_STILL_DENIED] = "still_denied",
                                       [REPLAY_NEWLY_DENIED] = "newly_denied",
                                       [REPLAY_NEWLY_ALLOWED] = "newly_allowed",
                                       [REPLAY_UNTOLD] = "untold",
                                       [REPLAY_NOT_POLICY] = "not_policy"};
    return keys[result];
}

void tally_init(struct tally *tally, struct arena *arena, size_t most_examples)
{
    *tally = (struct tally){.arena = arena, .most_examples = most_examples};
    tally->teams.arena = tally->rules.arena = tally->policies.arena = arena;
    for (size_t i = 0; i < REPLAY_RESULTS; i++)
        tally->examples[i].end = &tally->examples[i].first;
}

/* ---- tables ---- */

static struct str key_of(const struct tally_row *row, struct arena *arena)
{
    return arena_format(arena, "%.*s\n%.*s\n%.*s", STR_ARGS(row->parts[0]), STR_ARGS(row->parts[1]),
                        STR_ARGS(row->parts[2]));
}

static bool grow(struct tally_table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 64;
    struct tally_row **items = arena_zalloc(table->arena, capacity, sizeof(struct tally_row *));
    if (!items || !strset_init(&table->index, table->arena, capacity))
        return false;
    for (size_t i = 0; i < table->count; i++) {
        items[i] = table->items[i];
        if (strset_add(&table->index, key_of(items[i], table->arena), items[i]) != STRSET_ADDED)
            return false;
    }
    table->items = items;
    table->capacity = capacity;
    return true;
}

/* A row of its own for what was not seen before; NULL when memory is out. */
static struct tally_row *new_row(struct tally_table *table, const struct tally_row *like)
{
    if (table->count == table->capacity && !grow(table))
        return NULL;
    struct tally_row *row = arena_zalloc(table->arena, 1, sizeof(*row));
    for (size_t i = 0; row && i < COUNT_OF(row->parts); i++)
        row->parts[i] = arena_copy(table->arena, like->parts[i]);
    struct str key = row ? key_of(row, table->arena) : (struct str){0};
    if (!key.data || strset_add(&table->index, key, row) != STRSET_ADDED)
        return NULL;
    table->items[table->count++] = row;
    return row;
}

static bool count_in(struct tally_table *table, struct tally_row like, enum replay_result result,
                     struct arena *scratch)
{
    struct str key = key_of(&like, scratch);
    struct tally_row *row = key.data ? (struct tally_row *)strset_get(&table->index, key) : NULL;
    if (!row && table->count == LIMIT_TALLY_ROWS)
        row = &table->others;
    if (!row)
        row = new_row(table, &like);
    if (row)
        row->counts[result]++;
    return row != NULL;
}

/* ---- one decision: what is told of it ---- */

struct story {
    struct example_line *lines;
    size_t count;
    struct str reason; /* instead of lines; or empty */
};

static void tell_now(struct story *story, const struct violations *violations)
{
    for (size_t i = 0; i < violations->count; i++) {
        const struct violation *each = &violations->items[i];
        struct str rule = each->source.rule.len ? each->source.rule : STR("contract");
        story->lines[story->count++] = (struct example_line){
            rule, each->source.layer, str_from(violation_code_text(each->code)), each->pointer,
            each->message};
    }
}

static void tell_then(struct story *story, const struct recorded_decision *decision)
{
    for (size_t i = 0; i < decision->violation_count; i++) {
        const struct recorded_violation *each = &decision->violations[i];
        if (each->effect == EFFECT_ENFORCED)
            story->lines[story->count++] =
                (struct example_line){each->rule, each->layer, each->code, each->pointer, {0}};
    }
}

static void tell_gaps(struct story *story, const struct replayed *replayed)
{
    for (size_t i = 0; i < replayed->gap_count; i++) {
        const struct policy_setting *setting = replayed->gaps[i].setting;
        story->lines[story->count++] =
            (struct example_line){.rule = policy_rule_name(setting->rule),
                                  .layer = setting->layer->title,
                                  .sentence = replayed->gaps[i].why};
    }
}

/* What refuses now, what refused then, or what is not known. False: no memory. */
static bool tell(struct story *story, const struct recorded_decision *decision,
                 const struct replayed *replayed, struct arena *scratch)
{
    const struct violations *now = replayed->violations;
    size_t room = decision->violation_count + replayed->gap_count + (now ? now->count : 0);
    story->lines = arena_zalloc(scratch, room, sizeof(*story->lines));
    if (!story->lines)
        return false;
    story->reason = str_from(replayed->reason);
    if (replayed->result == REPLAY_NEWLY_DENIED && now)
        tell_now(story, now);
    if (replayed->result == REPLAY_NEWLY_ALLOWED)
        tell_then(story, decision);
    if (replayed->result == REPLAY_UNTOLD)
        tell_gaps(story, replayed);
    return true;
}

static struct str detail_of(const struct example_line *line)
{
    return line->code.len ? line->code : line->sentence;
}

static bool is_told_before(const struct story *story, size_t at)
{
    const struct example_line *line = &story->lines[at];
    for (size_t i = 0; i < at; i++) {
        const struct example_line *other = &story->lines[i];
        if (str_equal(other->rule, line->rule) && str_equal(other->layer, line->layer) &&
            str_equal(detail_of(other), detail_of(line)))
            return true;
    }
    return false;
}

/* Each rule once for a decision, however many blocks it refuses. */
static bool count_rules(struct tally *tally, const struct story *story, enum replay_result result,
                        struct arena *scratch)
{
    bool fine = true;
    for (size_t i = 0; i < story->count; i++) {
        const struct example_line *line = &story->lines[i];
        const struct tally_row row = {.parts = {line->rule, line->layer, detail_of(line)}};
        if (!is_told_before(story, i))
            fine = count_in(&tally->rules, row, result, scratch) && fine;
    }
    const struct tally_row row = {.parts = {{0}, {0}, story->reason}};
    return (story->reason.len == 0 || count_in(&tally->rules, row, result, scratch)) && fine;
}

/* ---- examples ---- */

#define EXAMPLE_LINES 5 /* of one decision; the tables count them all */

static const struct example_line *keep_lines(const struct story *story, struct arena *arena,
                                             size_t *ret_count)
{
    size_t count = story->count < EXAMPLE_LINES ? story->count : EXAMPLE_LINES;
    struct example_line *lines = arena_zalloc(arena, count, sizeof(*lines));
    for (size_t i = 0; lines && i < count; i++) {
        const struct example_line *line = &story->lines[i];
        lines[i] =
            (struct example_line){arena_copy(arena, line->rule), arena_copy(arena, line->layer),
                                  arena_copy(arena, line->code), arena_copy(arena, line->pointer),
                                  arena_copy(arena, line->sentence)};
    }
    *ret_count = lines ? count : 0;
    return lines;
}

static bool keep_example(struct tally *tally, const struct recorded_decision *decision,
                         enum replay_result result, const struct story *story)
{
    struct example_list *list = &tally->examples[result];
    if (list->count == tally->most_examples)
        return true;
    struct arena *arena = tally->arena;
    struct replay_example *example = arena_zalloc(arena, 1, sizeof(*example));
    if (!example)
        return false;
    example->id = arena_copy(arena, decision->id);
    example->team = arena_copy(arena, decision->team);
    example->campaign = arena_copy(arena, decision->campaign.name);
    example->time_unix_ms = decision->time_unix_ms;
    example->reason = arena_copy(arena, story->reason);
    example->lines = keep_lines(story, arena, &example->line_count);
    *list->end = example;
    list->end = &example->next;
    list->count++;
    return true;
}

/* ---- all of it ---- */

static void note_time(struct tally *tally, int64_t unix_ms)
{
    if (tally->timed == 0 || unix_ms < tally->first_unix_ms)
        tally->first_unix_ms = unix_ms;
    if (tally->timed == 0 || unix_ms > tally->last_unix_ms)
        tally->last_unix_ms = unix_ms;
    tally->timed++;
}

static bool differs(enum replay_result result)
{
    return result == REPLAY_NEWLY_DENIED || result == REPLAY_NEWLY_ALLOWED ||
           result == REPLAY_UNTOLD;
}

static bool add_different(struct tally *tally, const struct recorded_decision *decision,
                          const struct replayed *replayed, struct arena *scratch)
{
    const struct tally_row policy = {.parts = {decision->revision, decision->digest}};
    struct story story = {.count = 0};
    return tell(&story, decision, replayed, scratch) &&
           count_rules(tally, &story, replayed->result, scratch) &&
           keep_example(tally, decision, replayed->result, &story) &&
           (!replayed->lacks_old || count_in(&tally->policies, policy, replayed->result, scratch));
}

void tally_add(struct tally *tally, const struct recorded_decision *decision,
               const struct replayed *replayed, struct arena *scratch)
{
    const struct tally_row team = {.parts = {decision->team}};
    bool fine = true;
    tally->counts[replayed->result]++;
    if (replayed->result == REPLAY_NOT_POLICY)
        return;
    note_time(tally, decision->time_unix_ms);
    tally->fixed += replayed->is_fixed;
    tally->whole += replayed->is_whole;
    fine = count_in(&tally->teams, team, replayed->result, scratch);
    if (differs(replayed->result))
        fine = add_different(tally, decision, replayed, scratch) && fine;
    tally->failed |= !fine;
}

void tally_add_wrong(struct tally *tally, uint64_t seq, const char *why, struct arena *scratch)
{
    const struct recorded_decision nobody = {
        .id = arena_format(scratch, "record %llu", (unsigned long long)seq)};
    const struct story story = {.reason = str_from(why)};
    bool fine = count_rules(tally, &story, REPLAY_UNTOLD, scratch) &&
                keep_example(tally, &nobody, REPLAY_UNTOLD, &story);
    tally->counts[REPLAY_UNTOLD]++;
    tally->failed |= !fine;
}

/* ---- reading ---- */

static int compare_rows(const void *a, const void *b, void *arg)
{
    const struct tally_row *left = *(const struct tally_row *const *)a,
                           *right = *(const struct tally_row *const *)b;
    const enum replay_result *result = arg;
    uint64_t mine = left->counts[*result], other = right->counts[*result];
    if (mine != other)
        return mine < other ? 1 : -1;
    for (size_t i = 0; i < COUNT_OF(left->parts); i++) {
        int order = str_compare(left->parts[i], right->parts[i]);
        if (order != 0)
            return order;
    }
    return 0;
}

const struct tally_row **tally_sorted(const struct tally_table *table, enum replay_result result,
                                      struct arena *arena, size_t *ret_count)
{
    const struct tally_row **rows = arena_zalloc(arena, table->count + 1, sizeof(*rows));
    *ret_count = 0;
    for (size_t i = 0; rows && i < table->count; i++) {
        if (table->items[i]->counts[result])
            rows[(*ret_count)++] = table->items[i];
    }
    if (rows)
        qsort_r(rows, *ret_count, sizeof(*rows), compare_rows, &result);
    if (rows && table->others.counts[result])
        rows[(*ret_count)++] = &table->others;
    return rows;
}
