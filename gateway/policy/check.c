/*
 * The rules at work: for each rule of rules.def one small function, asked for the organisation's
 * setting and then for the team's. A rule looks only at what the campaign has: a field that broke
 * the contract is absent and was reported there.
 */
#include "policy/policy.h"

#include <assert.h>

#include "base/zones.h"
#include "campaign/daytime.h"

/* What a rule looks at, and in whose name it speaks. */
struct question {
    const struct campaign *campaign;
    struct violations *violations;
    struct str rule;
    struct str team; /* empty: the organisation */
};

/* "for team billing" or "in the organisation". */
static struct str whose(const struct question *q)
{
    if (q->team.len == 0)
        return STR("in the organisation");
    return arena_format(q->violations->arena, "for team %.*s", STR_ARGS(q->team));
}

/* ---- caller_ids ---- */

/* The number itself may be personal data: two digits tell the person concerned enough. */
static struct str last_two(struct str caller_id)
{
    return str_slice(caller_id, caller_id.len > 2 ? caller_id.len - 2 : 0, caller_id.len);
}

static void check_caller_ids(const struct question *q, const struct strset *allowed)
{
    struct str caller_id = q->campaign->caller_id;
    if (caller_id.len == 0 || strset_has(allowed, caller_id))
        return;
    struct str among = allowed->count == 1
                           ? STR("the one")
                           : arena_format(q->violations->arena, "one of the %zu", allowed->count);
    violations_add_rule(q->violations, VIOLATION_CALLER_ID_NOT_ALLOWED,
                        STR("/dialingStrategy/callerId/phoneNumber"), q->rule, q->team,
                        "the caller ID ending in %.*s is not %.*s allowed %.*s",
                        STR_ARGS(last_two(caller_id)), STR_ARGS(among), STR_ARGS(whose(q)));
}

/* ---- timezones ---- */

static void check_timezones(const struct question *q, const struct zone_list *allowed)
{
    struct str zone;
    if (!zone_canonical(q->campaign->timezone, &zone) || strset_has(&allowed->names, zone))
        return;
    violations_add_rule(q->violations, VIOLATION_TIMEZONE_NOT_ALLOWED,
                        STR("/dialingStrategy/callingHours/timezone"), q->rule, q->team,
                        "the time zone %.*s is not allowed %.*s; allowed: %.*s",
                        STR_ARGS(q->campaign->timezone), STR_ARGS(whose(q)),
                        STR_ARGS(allowed->listed));
}

/* ---- business_hours: sentences ---- */

static struct str block_pointer(const struct question *q, const struct calling_block *block)
{
    return arena_format(q->violations->arena, "/dialingStrategy/callingHours/days/%zu",
                        block->index);
}

/* The most of the block that fits the days: "9:00 AM - 4:00 PM". Empty when nothing of it does. */
static struct str fitting_part(const struct question *q, const struct week_windows *week,
                               const struct calling_block *block, enum weekday first,
                               enum weekday last)
{
    struct window fit, wanted = {block->start_min, block->end_min};
    char opens[DAYTIME_SIZE], closes[DAYTIME_SIZE];
    if (!hours_longest_fit(week, first, last, wanted, &fit))
        return (struct str){0};
    daytime_format(fit.opens_min, opens);
    /* a policy may say 24:00, the API cannot: its last time is 11:59 PM */
    daytime_format(fit.closes_min < MINUTES_PER_DAY ? fit.closes_min : MINUTES_PER_DAY - 1, closes);
    return arena_format(q->violations->arena, "%s - %s", opens, closes);
}

static void refuse_block(const struct question *q, const struct week_windows *week,
                         const struct calling_block *block)
{
    struct str open = hours_describe(&week->days[block->day], q->violations->arena);
    struct str part = fitting_part(q, week, block, block->day, block->day);
    violations_add_rule(
        q->violations, VIOLATION_OUTSIDE_HOURS, block_pointer(q, block), q->rule, q->team,
        "the block %.*s - %.*s is outside the business hours of %s %.*s in %.*s, "
        "which are: %.*s; %.*s would be accepted",
        STR_ARGS(block->start_text), STR_ARGS(block->end_text), weekday_code(block->day),
        STR_ARGS(whose(q)), STR_ARGS(q->campaign->timezone), STR_ARGS(open),
        STR_ARGS(part.len ? part : STR("no part of this block")));
}

/* "SA (9:00 AM - 4:00 PM), SU (closed)": the days that a block does not fit. */
static struct str failing_days(const struct question *q, const struct week_windows *week,
                               const struct calling_block *block)
{
    struct str text = {0};
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (hours_contain(week, day, block->start_min, block->end_min))
            continue;
        struct str open = hours_describe(&week->days[day], q->violations->arena);
        text = arena_format(q->violations->arena, "%.*s%s%s (%.*s)", STR_ARGS(text),
                            text.len ? ", " : "", weekday_code(day), STR_ARGS(open));
    }
    return text;
}

static void refuse_daily(const struct question *q, const struct week_windows *week,
                         const struct calling_block *block)
{
    struct str days = failing_days(q, week, block);
    struct str part = fitting_part(q, week, block, MONDAY, SUNDAY);
    violations_add_rule(q->violations, VIOLATION_OUTSIDE_HOURS, block_pointer(q, block), q->rule,
                        q->team,
                        "DAILY may run the block %.*s - %.*s on any day, and it is outside the "
                        "business hours %.*s in %.*s on %.*s; %.*s would be accepted, or use "
                        "WEEKLY",
                        STR_ARGS(block->start_text), STR_ARGS(block->end_text), STR_ARGS(whose(q)),
                        STR_ARGS(q->campaign->timezone), STR_ARGS(days),
                        STR_ARGS(part.len ? part : STR("no part of this block")));
}

/* ---- business_hours: the questions ---- */

/* Whether the API looks at `day` when the frequency is DAILY is unknown: assume every day. */
static void check_daily(const struct question *q, const struct week_windows *week,
                        const struct calling_block *block)
{
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (!hours_contain(week, day, block->start_min, block->end_min)) {
            refuse_daily(q, week, block);
            return;
        }
    }
}

static void check_weekly(const struct question *q, const struct week_windows *week,
                         const struct calling_block *block)
{
    if (!hours_contain(week, block->day, block->start_min, block->end_min))
        refuse_block(q, week, block);
}

static void check_blocks(const struct question *q, const struct week_windows *week)
{
    const struct campaign *campaign = q->campaign;
    bool daily = campaign->frequency == FREQUENCY_DAILY;
    /* a list that is truncated takes no more, so there is no use in working for it */
    for (size_t i = 0; i < campaign->block_count && !q->violations->truncated; i++)
        (daily ? check_daily : check_weekly)(q, week, &campaign->blocks[i]);
}

static void refuse_frequency(const struct question *q)
{
    violations_add_rule(q->violations, VIOLATION_FREQUENCY_NOT_JUDGEABLE,
                        STR("/dialingStrategy/callingHours/frequency"), q->rule, q->team,
                        "what CUSTOM does to the hours is not documented, so they cannot be "
                        "judged; use WEEKLY");
}

static void refuse_zone(const struct question *q)
{
    violations_add_rule(q->violations, VIOLATION_OUTSIDE_HOURS,
                        STR("/dialingStrategy/callingHours/timezone"), q->rule, q->team,
                        "no business hours are defined %.*s for the time zone %.*s",
                        STR_ARGS(whose(q)), STR_ARGS(q->campaign->timezone));
}

static void check_business_hours(const struct question *q, const struct hours_table *hours)
{
    const struct campaign *campaign = q->campaign;
    struct str zone;
    if (campaign->frequency == FREQUENCY_CUSTOM) {
        refuse_frequency(q);
        return;
    }
    if (campaign->frequency == FREQUENCY_ABSENT || !zone_canonical(campaign->timezone, &zone))
        return;
    const struct week_windows *week = hours_for_zone(hours, zone);
    if (week)
        check_blocks(q, week);
    else
        refuse_zone(q);
}

/* ---- the walk ---- */

/* One asker for each rule, so that the table below can hold them all. */
#define RULE(name, type)                                                                           \
    static void ask_##name(const struct question *q, const struct policy_layer *layer)             \
    {                                                                                              \
        if (layer->name)                                                                           \
            check_##name(q, layer->name);                                                          \
    }
#include "policy/rules.def"
#undef RULE

static const struct {
    struct str name;
    void (*ask)(const struct question *q, const struct policy_layer *layer);
} rules[] = {
#define RULE(name, type) {{#name, sizeof(#name) - 1}, ask_##name},
#include "policy/rules.def"
#undef RULE
};

const struct policy_layer *policy_team(const struct policy_set *set, struct str team)
{
    return strset_get(&set->teams, team);
}

void policy_check(const struct policy_set *set, const struct policy_layer *team,
                  const struct campaign *campaign, struct violations *violations)
{
    const struct policy_layer *layers[] = {&set->organisation, team};
    assert(team);
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        for (size_t k = 0; k < COUNT_OF(layers); k++) {
            const struct question q = {campaign, violations, rules[i].name, layers[k]->team};
            rules[i].ask(&q, layers[k]);
        }
    }
}
