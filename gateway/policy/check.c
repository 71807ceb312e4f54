/*
 * The rules at work: for each rule of rules.def one small function, asked for the organisation's
 * setting and then for the team's.
 */
#include "base/buf.h"
#include "base/limits.h"
#include "base/zones.h"
#include "campaign/daytime.h"
#include "policy/policy.h"

/* What a rule looks at, and in whose name it speaks. */
struct question {
    const struct campaign *campaign;
    struct violations *violations;
    struct str rule;
    struct str team; /* empty: the organisation */
};

static const char pointer_hours[] = "/dialingStrategy/callingHours";

/* "for team billing" or "for the organisation". */
static struct str whose(const struct question *q)
{
    if (q->team.len == 0)
        return STR("in the organisation");
    return arena_format(q->violations->arena, "for team %.*s", STR_ARGS(q->team));
}

/* ---- caller_ids ---- */

static void check_caller_ids(const struct question *q, const struct strset *allowed)
{
    struct str caller_id = q->campaign->caller_id;
    if (caller_id.len == 0 || strset_has(allowed, caller_id))
        return;
    /* the number itself may be personal data: two digits tell the person concerned enough */
    struct str ending = str_slice(caller_id, caller_id.len > 2 ? caller_id.len - 2 : 0, SIZE_MAX);
    violations_add_rule(q->violations, VIOLATION_CALLER_ID_NOT_ALLOWED,
                        STR("/dialingStrategy/callerId/phoneNumber"), q->rule, q->team,
                        "the caller ID ending in %.*s is not among the %zu allowed %.*s",
                        STR_ARGS(ending), allowed->count, STR_ARGS(whose(q)));
}

/* ---- timezones ---- */

#define ZONES_LISTED 8

/* "Asia/Kolkata, America/New_York and 3 more" */
static struct str list_zones(const struct strset *zones, struct arena *arena)
{
    struct buf text;
    buf_init(&text, LIMIT_ECHO_BYTES * (ZONES_LISTED + 1));
    size_t listed = 0;
    for (size_t i = 0; i < zones->capacity && listed < ZONES_LISTED; i++) {
        if (!zones->slots[i].key.data)
            continue;
        buf_format(&text, "%s%.*s", listed ? ", " : "", STR_ARGS(zones->slots[i].key));
        listed++;
    }
    if (listed < zones->count)
        buf_format(&text, " and %zu more", zones->count - listed);
    struct str copy = arena_copy(arena, buf_str(&text));
    buf_release(&text);
    return copy;
}

static void check_timezones(const struct question *q, const struct strset *allowed)
{
    struct str zone;
    if (!zone_canonical(q->campaign->timezone, &zone) || strset_has(allowed, zone))
        return;
    struct str list = list_zones(allowed, q->violations->arena);
    violations_add_rule(q->violations, VIOLATION_TIMEZONE_NOT_ALLOWED,
                        STR("/dialingStrategy/callingHours/timezone"), q->rule, q->team,
                        "the time zone %.*s is not allowed %.*s; allowed: %.*s",
                        STR_ARGS(q->campaign->timezone), STR_ARGS(whose(q)), STR_ARGS(list));
}

/* ---- business_hours ---- */

/* The part of a block that lies in the windows of its day, when there is one. */
static bool nearest_fit(const struct day_windows *day, const struct calling_block *block,
                        struct window *ret)
{
    int longest = 0;
    for (size_t i = 0; i < day->count; i++) {
        int opens = day->items[i].opens_min, closes = day->items[i].closes_min;
        if (opens < block->start_min)
            opens = block->start_min;
        if (closes > block->end_min)
            closes = block->end_min;
        if (closes - opens <= longest)
            continue;
        longest = closes - opens;
        *ret = (struct window){opens, closes};
    }
    return longest > 0;
}

static struct str advice(const struct day_windows *day, const struct calling_block *block,
                         struct arena *arena)
{
    struct window fit;
    char opens[DAYTIME_SIZE], closes[DAYTIME_SIZE];
    if (!nearest_fit(day, block, &fit))
        return STR("no part of this block would be accepted");
    daytime_format(fit.opens_min, opens);
    daytime_format(fit.closes_min >= MINUTES_PER_DAY ? MINUTES_PER_DAY - 1 : fit.closes_min,
                   closes);
    return arena_format(arena, "%s - %s would be accepted", opens, closes);
}

static void refuse_block(const struct question *q, const struct week_windows *week,
                         const struct calling_block *block, enum weekday day)
{
    struct arena *arena = q->violations->arena;
    struct str pointer = arena_format(arena, "%s/days/%zu", pointer_hours, block->index);
    struct str open = hours_describe(&week->days[day], arena);
    struct str hint = advice(&week->days[day], block, arena);
    violations_add_rule(q->violations, VIOLATION_OUTSIDE_HOURS, pointer, q->rule, q->team,
                        "the block %.*s - %.*s is outside the business hours of %s %.*s in %.*s, "
                        "which are: %.*s; %.*s",
                        STR_ARGS(block->start_text), STR_ARGS(block->end_text), weekday_code(day),
                        STR_ARGS(whose(q)), STR_ARGS(q->campaign->timezone), STR_ARGS(open),
                        STR_ARGS(hint));
}

/* A WEEKLY block counts on its day. What days DAILY ignores is unknown: on every day (D3.8). */
static void check_block(const struct question *q, const struct week_windows *week,
                        const struct calling_block *block)
{
    bool daily = q->campaign->frequency == FREQUENCY_DAILY;
    enum weekday first = daily ? MONDAY : block->day, last = daily ? SUNDAY : block->day;
    for (enum weekday day = first; day <= last; day++) {
        if (!hours_contain(week, day, block->start_min, block->end_min)) {
            refuse_block(q, week, block, day);
            return;
        }
    }
}

static void check_business_hours(const struct question *q, const struct hours_table *hours)
{
    const struct campaign *campaign = q->campaign;
    struct str zone;
    if (campaign->frequency == FREQUENCY_CUSTOM) {
        violations_add_rule(q->violations, VIOLATION_FREQUENCY_NOT_JUDGEABLE,
                            STR("/dialingStrategy/callingHours/frequency"), q->rule, q->team,
                            "what CUSTOM does to the hours is not documented, so they cannot be "
                            "judged; use WEEKLY");
        return;
    }
    if (campaign->frequency == FREQUENCY_ABSENT || !zone_canonical(campaign->timezone, &zone))
        return;
    const struct week_windows *week = hours_for_zone(hours, zone);
    if (!week) {
        violations_add_rule(q->violations, VIOLATION_OUTSIDE_HOURS,
                            STR("/dialingStrategy/callingHours/timezone"), q->rule, q->team,
                            "no business hours are defined %.*s for the time zone %.*s",
                            STR_ARGS(whose(q)), STR_ARGS(campaign->timezone));
        return;
    }
    for (size_t i = 0; i < campaign->block_count; i++)
        check_block(q, week, &campaign->blocks[i]);
}

/* ---- the walk ---- */

const struct policy_layer *policy_team(const struct policy_set *set, struct str team)
{
    return strset_get(&set->teams, team);
}

void policy_check(const struct policy_set *set, const struct policy_layer *team,
                  const struct campaign *campaign, struct violations *violations)
{
    const struct policy_layer *layers[] = {&set->organisation, team};
#define RULE(name, type)                                                                           \
    for (size_t i = 0; i < COUNT_OF(layers); i++) {                                                \
        if (layers[i] && layers[i]->name)                                                          \
            check_##name(&(struct question){campaign, violations, STR(#name), layers[i]->team},    \
                         layers[i]->name);                                                         \
    }
#include "policy/rules.def"
#undef RULE
}
