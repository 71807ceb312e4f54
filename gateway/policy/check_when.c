/*
 * The rules about zones, days, hours and dates (policy.md D3).
 */
#include "base/calendar.h"
#include "campaign/daytime.h"
#include "policy/check.h"

#define ZONE_POINTER STR("/dialingStrategy/callingHours/timezone")
#define FREQUENCY_POINTER STR("/dialingStrategy/callingHours/frequency")
#define DAYS_POINTER STR("/dialingStrategy/callingHours/days")

static struct str block_pointer(const struct question *q, const struct calling_block *block)
{
    return arena_format(q->violations->arena, "/dialingStrategy/callingHours/days/%zu",
                        block->index);
}

/* ---- timezones ---- */

/* "US/Eastern (America/New_York)": a link is shown with what it stands for. */
static struct str zone_shown(const struct question *q)
{
    struct str written = q->campaign->timezone, canonical = q->subject->zone_name;
    if (str_equal(written, canonical))
        return written;
    return arena_format(q->violations->arena, "%.*s (%.*s)", STR_ARGS(written),
                        STR_ARGS(canonical));
}

#define DAY_S INT64_C(86400)
#define WEEK_S (7 * DAY_S)
#define YEAR_S (366 * DAY_S)

static bool keep_the_same_time(const struct zone *a, const struct zone *b, int64_t from_s,
                               int64_t end_s)
{
    for (int64_t at_s = from_s; at_s < end_s; at_s = zones_next_change(a, b, at_s, end_s)) {
        if (zone_offset_s(a, at_s) != zone_offset_s(b, at_s))
            return false;
    }
    return true;
}

/* The allowed zone whose clocks show the same all year, so that nothing else need be changed. */
static struct str zone_alike(const struct question *q, const struct zone_list *allowed)
{
    int64_t now_s = q->subject->context->now_unix_ms / 1000;
    for (size_t i = 0; i < allowed->count; i++) {
        if (keep_the_same_time(q->subject->zone, zone_find(allowed->items[i]), now_s,
                               now_s + YEAR_S))
            return arena_format(q->violations->arena, " (%.*s keeps the same time)",
                                STR_ARGS(allowed->items[i]));
    }
    return STR("");
}

void check_timezones(const struct question *q, const struct zone_list *allowed)
{
    if (strset_has(&allowed->names, q->subject->zone_name))
        return;
    violations_add_rule(q->violations, VIOLATION_TIMEZONE_NOT_ALLOWED, ZONE_POINTER, &q->source,
                        "the time zone %.*s is not allowed %.*s; allowed: %.*s%.*s",
                        STR_ARGS(zone_shown(q)), STR_ARGS(question_whose(q)),
                        STR_ARGS(allowed->listed), STR_ARGS(zone_alike(q, allowed)));
}

/* ---- frequencies ---- */

void check_frequencies(const struct question *q, const struct frequency_set *allowed)
{
    struct str listed = STR("");
    if (allowed->has[q->campaign->frequency])
        return;
    for (enum frequency each = FREQUENCY_WEEKLY; each <= FREQUENCY_CUSTOM; each++) {
        if (allowed->has[each])
            listed = arena_format(q->violations->arena, "%.*s%s%s", STR_ARGS(listed),
                                  listed.len ? ", " : "", frequency_text(each));
    }
    violations_add_rule(q->violations, VIOLATION_FREQUENCY_NOT_ALLOWED, FREQUENCY_POINTER,
                        &q->source, "the frequency %s is not allowed %.*s; allowed: %.*s",
                        frequency_text(q->campaign->frequency), STR_ARGS(question_whose(q)),
                        STR_ARGS(listed));
}

/* ---- days ---- */

static struct str listed_days(const struct question *q, const struct day_set *days)
{
    struct str text = STR("");
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (days->has[day])
            text = arena_format(q->violations->arena, "%.*s%s%s", STR_ARGS(text),
                                text.len ? ", " : "", weekday_code(day));
    }
    return text;
}

static bool has_all_days(const struct day_set *days)
{
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (!days->has[day])
            return false;
    }
    return true;
}

void check_days(const struct question *q, const struct day_set *allowed)
{
    const struct campaign *campaign = q->campaign;
    if (campaign->frequency != FREQUENCY_WEEKLY && !has_all_days(allowed)) {
        violations_add_rule(q->violations, VIOLATION_DAY_NOT_ALLOWED, FREQUENCY_POINTER, &q->source,
                            "%s may run on any day, and only these are allowed %.*s: %.*s; use "
                            "WEEKLY",
                            frequency_text(campaign->frequency), STR_ARGS(question_whose(q)),
                            STR_ARGS(listed_days(q, allowed)));
        return;
    }
    for (size_t i = 0; i < campaign->block_count && !q->violations->truncated; i++) {
        const struct calling_block *block = &campaign->blocks[i];
        if (!allowed->has[block->day])
            violations_add_rule(q->violations, VIOLATION_DAY_NOT_ALLOWED, block_pointer(q, block),
                                &q->source, "the day %s is not allowed %.*s; allowed: %.*s",
                                weekday_code(block->day), STR_ARGS(question_whose(q)),
                                STR_ARGS(listed_days(q, allowed)));
    }
}

/* ---- business_hours: which week counts ---- */

static int minute_of_week(const struct zone *zone, int64_t unix_ms)
{
    return date_weekday(local_day(zone, unix_ms)) * MINUTES_PER_DAY + local_minute(zone, unix_ms);
}

/*
 * Hours by another zone's clock: how far the two are apart changes with either's summer time, so
 * only what is open at every distance of the coming year is open (D3.9). A distance of less than a
 * week, such as the hour in which New York has changed its clocks and Chicago has not, counts for
 * the minutes in which it holds.
 */
static void see_by_clock(const struct subject *s, const struct week_windows *week,
                         const struct zone *clock, struct week_windows *ret)
{
    int64_t now_s = s->context->now_unix_ms / 1000, end_s = now_s + YEAR_S, until_s;
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++)
        ret->days[day] = (struct day_windows){{{0, MINUTES_PER_DAY}}, 1};
    for (int64_t from_s = now_s; from_s < end_s; from_s = until_s) {
        struct week_windows seen;
        int ahead_s = zone_offset_s(s->zone, from_s) - zone_offset_s(clock, from_s);
        until_s = zones_next_change(s->zone, clock, from_s, end_s);
        hours_shift(week, ahead_s / 60, &seen);
        if (until_s - from_s >= WEEK_S || until_s == end_s)
            hours_intersect(ret, &seen);
        else
            hours_intersect_during(ret, &seen, minute_of_week(s->zone, from_s * 1000),
                                   (int)((until_s - from_s) / 60));
    }
}

/* The week of one layer's setting as the campaign's own clock sees it; false: none applies. */
static bool hours_seen_by(const struct subject *subject, const struct hours_table *table,
                          struct week_windows *ret)
{
    const struct week_windows *week = hours_for_zone(table, subject->zone_name);
    if (!week)
        return false;
    const struct zone *clock = table->clock.len ? zone_find(table->clock) : NULL;
    if (clock && clock != subject->zone)
        see_by_clock(subject, week, clock, ret);
    else
        *ret = *week;
    return true;
}

static void narrow_open(struct subject *subject, const struct policy_setting *setting, void *arg)
{
    struct week_windows seen;
    bool *known = arg;
    if (hours_seen_by(subject, setting->value, &seen))
        hours_intersect(subject->open, &seen);
    else
        *known = false;
}

/* What is open by all layers together, for "would be accepted"; NULL when that cannot be said. */
static const struct week_windows *open_hours(struct subject *subject)
{
    bool known = true;
    if (subject->open)
        return subject->open;
    subject->open = arena_zalloc(subject->arena, 1, sizeof(*subject->open));
    if (!subject->open)
        return NULL;
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++)
        subject->open->days[day] = (struct day_windows){{{0, MINUTES_PER_DAY}}, 1};
    subject_each_setting(subject, RULE_business_hours, narrow_open, &known);
    return known ? subject->open : NULL;
}

/* ---- business_hours: sentences ---- */

/* The hours' own question: what this layer's setting opens, and by whose clock. */
struct hours_question {
    const struct question *q;
    const struct week_windows *week;
    struct str clock; /* " (by the clock of America/Chicago, summer time allowed for)", or empty */
};

/* What every layer leaves open, or this one when another does not know the zone. */
static const struct week_windows *open_week(const struct hours_question *h)
{
    const struct week_windows *open = open_hours(h->q->subject);
    return open ? open : h->week;
}

static struct day_windows accepted_part(const struct hours_question *h,
                                        const struct calling_block *block, enum weekday first,
                                        enum weekday last)
{
    struct day_windows part = {{{block->start_min, block->end_min}}, 1};
    for (enum weekday day = first; day <= last; day++)
        hours_intersect_day(&part, &open_week(h)->days[day]);
    return part;
}

/* "MO, TU": the days on which anything would pass. */
static struct str days_with_hours(const struct hours_question *h)
{
    struct str text = STR("");
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (open_week(h)->days[day].count)
            text = arena_format(h->q->violations->arena, "%.*s%s%s", STR_ARGS(text),
                                text.len ? ", " : "", weekday_code(day));
    }
    return text.len ? text : STR("none");
}

/* What would pass every layer: of the block, or else on its day, or else on which days. */
static struct str accepted(const struct hours_question *h, const struct calling_block *block)
{
    struct arena *arena = h->q->violations->arena;
    struct day_windows part = accepted_part(h, block, block->day, block->day);
    const struct day_windows *day = &open_week(h)->days[block->day];
    if (part.count)
        return arena_format(arena, "%.*s would be accepted",
                            STR_ARGS(hours_describe_blocks(&part, arena)));
    if (day->count)
        return arena_format(arena, "no part of this block would be accepted, and %.*s would",
                            STR_ARGS(hours_describe_blocks(day, arena)));
    return arena_format(arena, "nothing is accepted on %s; days with hours: %.*s",
                        weekday_code(block->day), STR_ARGS(days_with_hours(h)));
}

static void refuse_block(const struct hours_question *h, const struct calling_block *block)
{
    const struct question *q = h->q;
    struct str open = hours_describe(&h->week->days[block->day], q->violations->arena);
    violations_add_rule(q->violations, VIOLATION_OUTSIDE_HOURS, block_pointer(q, block), &q->source,
                        "the block %.*s - %.*s is outside the business hours of %s %.*s in %.*s, "
                        "which are: %.*s%.*s; %.*s",
                        STR_ARGS(block->start_text), STR_ARGS(block->end_text),
                        weekday_code(block->day), STR_ARGS(question_whose(q)),
                        STR_ARGS(q->campaign->timezone), STR_ARGS(open), STR_ARGS(h->clock),
                        STR_ARGS(accepted(h, block)));
}

/* "SA (9:00 AM - 4:00 PM), SU (closed)": the days that a block does not fit. */
static struct str failing_days(const struct hours_question *h, const struct calling_block *block)
{
    struct str text = {0};
    struct arena *arena = h->q->violations->arena;
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (hours_contain(h->week, day, block->start_min, block->end_min))
            continue;
        struct str open = hours_describe(&h->week->days[day], arena);
        text = arena_format(arena, "%.*s%s%s (%.*s)", STR_ARGS(text), text.len ? ", " : "",
                            weekday_code(day), STR_ARGS(open));
    }
    return text;
}

static void refuse_daily(const struct hours_question *h, const struct calling_block *block)
{
    const struct question *q = h->q;
    struct str days = failing_days(h, block);
    struct day_windows part = accepted_part(h, block, MONDAY, SUNDAY);
    struct str or_this =
        part.count ? arena_format(q->violations->arena, "%.*s would be accepted, or ",
                                  STR_ARGS(hours_describe_blocks(&part, q->violations->arena)))
                   : STR("");
    violations_add_rule(q->violations, VIOLATION_OUTSIDE_HOURS, block_pointer(q, block), &q->source,
                        "DAILY may run the block %.*s - %.*s on any day, and it is outside the "
                        "business hours %.*s in %.*s on %.*s%.*s; %.*suse WEEKLY",
                        STR_ARGS(block->start_text), STR_ARGS(block->end_text),
                        STR_ARGS(question_whose(q)), STR_ARGS(q->campaign->timezone),
                        STR_ARGS(days), STR_ARGS(h->clock), STR_ARGS(or_this));
}

/* ---- business_hours: the questions ---- */

/* Whether the API looks at `day` when the frequency is DAILY is unknown: assume every day. */
static void check_daily(const struct hours_question *h, const struct calling_block *block)
{
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (!hours_contain(h->week, day, block->start_min, block->end_min)) {
            refuse_daily(h, block);
            return;
        }
    }
}

static void check_weekly(const struct hours_question *h, const struct calling_block *block)
{
    if (!hours_contain(h->week, block->day, block->start_min, block->end_min))
        refuse_block(h, block);
}

static void refuse_frequency(const struct question *q)
{
    violations_add_rule(q->violations, VIOLATION_FREQUENCY_NOT_JUDGEABLE, FREQUENCY_POINTER,
                        &q->source,
                        "what CUSTOM does to the hours is not documented, so they cannot be "
                        "judged; use WEEKLY");
}

static void refuse_zone(const struct question *q, const struct hours_table *hours)
{
    struct str zones = STR("");
    for (size_t i = 0; i < hours->count && i < 10; i++)
        zones = arena_format(q->violations->arena, "%.*s%s%.*s", STR_ARGS(zones), i ? ", " : "",
                             STR_ARGS(hours->items[i]));
    if (hours->count > 10)
        zones = arena_format(q->violations->arena, "%.*s and %zu more", STR_ARGS(zones),
                             hours->count - 10);
    violations_add_rule(q->violations, VIOLATION_OUTSIDE_HOURS, ZONE_POINTER, &q->source,
                        "no business hours are defined %.*s for the time zone %.*s; zones that "
                        "have some: %.*s",
                        STR_ARGS(question_whose(q)), STR_ARGS(q->campaign->timezone),
                        STR_ARGS(zones));
}

void check_business_hours(const struct question *q, const struct hours_table *hours)
{
    const struct campaign *campaign = q->campaign;
    struct week_windows week;
    struct hours_question h = {.q = q, .week = &week};
    bool daily = campaign->frequency == FREQUENCY_DAILY;
    if (campaign->frequency == FREQUENCY_CUSTOM) {
        refuse_frequency(q);
        return;
    }
    if (campaign->frequency == FREQUENCY_ABSENT)
        return;
    if (!hours_seen_by(q->subject, hours, &week)) {
        refuse_zone(q, hours);
        return;
    }
    if (hours->clock.len)
        h.clock = arena_format(q->violations->arena,
                               " (they follow the clock of %.*s; what is open all year counts)",
                               STR_ARGS(hours->clock));
    /* a list that is truncated takes no more, so there is no use in working for it */
    for (size_t i = 0; i < campaign->block_count && !q->violations->truncated; i++)
        (daily ? check_daily : check_weekly)(&h, &campaign->blocks[i]);
}

/* ---- blocks ---- */

static void check_length(const struct question *q, const struct block_limits *limits)
{
    for (size_t i = 0; i < q->campaign->block_count && !q->violations->truncated; i++) {
        const struct calling_block *block = &q->campaign->blocks[i];
        int length = block->end_min - block->start_min;
        if (i + 1 < q->campaign->block_count && block[1].index == block->index)
            length += block[1].end_min - block[1].start_min; /* it crosses midnight */
        else if (i > 0 && block[-1].index == block->index)
            continue;
        if (length < limits->shortest_min)
            violations_add_rule(q->violations, VIOLATION_BLOCK_TOO_SHORT, block_pointer(q, block),
                                &q->source,
                                "the block %.*s - %.*s lasts %d minutes; at least %d are needed "
                                "%.*s",
                                STR_ARGS(block->start_text), STR_ARGS(block->end_text), length,
                                limits->shortest_min, STR_ARGS(question_whose(q)));
    }
}

/* Each block may run every day. */
static void check_daily_number(const struct question *q, const struct block_limits *limits)
{
    if (q->campaign->block_count > (size_t)limits->most_per_day)
        violations_add_rule(q->violations, VIOLATION_TOO_MANY_BLOCKS, DAYS_POINTER, &q->source,
                            "DAILY may run all %zu blocks on any day; at most %d a day are allowed "
                            "%.*s",
                            q->campaign->block_count, limits->most_per_day,
                            STR_ARGS(question_whose(q)));
}

static void check_number(const struct question *q, const struct block_limits *limits)
{
    int counts[WEEKDAYS] = {0};
    for (size_t i = 0; i < q->campaign->block_count; i++)
        counts[q->campaign->blocks[i].day]++;
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (counts[day] > limits->most_per_day)
            violations_add_rule(q->violations, VIOLATION_TOO_MANY_BLOCKS, DAYS_POINTER, &q->source,
                                "%s has %d blocks; at most %d a day are allowed %.*s",
                                weekday_code(day), counts[day], limits->most_per_day,
                                STR_ARGS(question_whose(q)));
    }
}

static void check_total(const struct question *q, const struct block_limits *limits)
{
    int total_min = 0;
    for (size_t i = 0; i < q->campaign->block_count; i++)
        total_min += q->campaign->blocks[i].end_min - q->campaign->blocks[i].start_min;
    if (q->campaign->frequency == FREQUENCY_DAILY)
        total_min *= WEEKDAYS;
    if (limits->most_week_min && total_min > limits->most_week_min)
        violations_add_rule(q->violations, VIOLATION_TOO_MANY_HOURS, DAYS_POINTER, &q->source,
                            "the blocks make %d hours and %d minutes a week; at most %d hours are "
                            "allowed %.*s",
                            total_min / 60, total_min % 60, limits->most_week_min / 60,
                            STR_ARGS(question_whose(q)));
}

void check_blocks(const struct question *q, const struct block_limits *limits)
{
    check_length(q, limits);
    if (limits->most_per_day)
        (q->campaign->frequency == FREQUENCY_DAILY ? check_daily_number : check_number)(q, limits);
    check_total(q, limits);
}

/* ---- blackout ---- */

static bool is_closed(const struct closed_date *date, int64_t today)
{
    int year = date_from_days(today).year;
    for (int each = year; each <= year + 1; each++) { /* notice may reach back over New Year */
        int64_t first, last;
        closed_date_in_year(date, each, &first, &last);
        if (first - date->notice_days <= today && today <= last)
            return true;
    }
    return false;
}

#define DAYS_AHEAD 60 /* how far a refusal looks for a day that is open */

static bool any_closed(const struct blackout *blackout, int64_t day)
{
    for (size_t i = 0; i < blackout->count; i++) {
        if (is_closed(&blackout->items[i], day))
            return true;
    }
    return false;
}

/* "; try again on 2026-12-03", as far as this layer's dates are concerned. */
static struct str next_open_day(const struct question *q, const struct blackout *blackout,
                                int64_t today)
{
    char text[DATE_SIZE];
    for (int64_t day = today + 1; day <= today + DAYS_AHEAD; day++) {
        if (any_closed(blackout, day))
            continue;
        date_format(day, text);
        return arena_format(q->violations->arena, "; try again on %s", text);
    }
    return STR("");
}

static struct str notice_words(const struct question *q, const struct closed_date *date)
{
    if (date->notice_days == 0)
        return STR("");
    if (date->notice_days == 1)
        return STR(" or on the day before");
    return arena_format(q->violations->arena, " or in the %d days before", date->notice_days);
}

static void refuse_today(const struct question *q, const struct closed_date *date, int64_t today,
                         struct str then)
{
    char text[DATE_SIZE];
    date_format(today, text);
    violations_add_rule(q->violations, VIOLATION_BLACKOUT, ZONE_POINTER, &q->source,
                        "today is %s in %.*s, and no campaign may be created on %.*s%.*s %.*s%.*s",
                        text, STR_ARGS(q->campaign->timezone), STR_ARGS(date->name),
                        STR_ARGS(notice_words(q, date)), STR_ARGS(question_whose(q)),
                        STR_ARGS(then));
}

/* A campaign can be started as soon as it exists, so the day of its creation is what counts. */
void check_blackout(const struct question *q, const struct blackout *blackout)
{
    int64_t today = local_day(q->subject->zone, q->subject->context->now_unix_ms);
    struct str then = {0};
    for (size_t i = 0; i < blackout->count && !q->violations->truncated; i++) {
        if (!is_closed(&blackout->items[i], today))
            continue;
        if (!then.data)
            then = next_open_day(q, blackout, today);
        refuse_today(q, &blackout->items[i], today, then);
    }
}

/* ---- scheduling_allowed ---- */

void check_scheduling_allowed(const struct question *q, const bool *allowed)
{
    if (!*allowed && q->campaign->scheduling_enabled)
        violations_add_rule(q->violations, VIOLATION_SCHEDULE_NOT_ALLOWED,
                            STR("/schedule/isSchedulingEnabled"), &q->source,
                            "scheduling is not allowed %.*s: a schedule can run outside the "
                            "business hours; use false",
                            STR_ARGS(question_whose(q)));
}
