/*
 * What the rules about zones, days, hours and dates say.
 */
#include "base/calendar.h"
#include "policy/compare.h"
#include "policy/describe.h"

/* ---- timezones, frequencies, days ---- */

static const struct fact_kind zones = {
    .lead = "The campaign's time zone is one of:",
    .one = "the time zone",
    .many = "the time zones",
    .state = "allowed",
    .added = CHANGE_MORE,
};
static const struct fact_kind frequencies = {
    .lead = "The frequency is one of:",
    .one = "the frequency",
    .many = "the frequencies",
    .state = "allowed",
    .added = CHANGE_MORE,
};
static const struct fact_kind days = {
    .lead = "Messages go out only on:",
    .one = "the day",
    .many = "the days",
    .state = "allowed",
    .added = CHANGE_MORE,
};

void describe_timezones(const struct zone_list *list, struct facts *ret)
{
    facts_names(ret, &zones, list->items, list->count, NULL);
}

void describe_frequencies(const struct frequency_set *set, struct facts *ret)
{
    size_t count = 0;
    facts_open(ret, &frequencies, FREQUENCY_CUSTOM);
    for (enum frequency each = FREQUENCY_WEEKLY; each <= FREQUENCY_CUSTOM; each++) {
        if (set->has[each]) {
            facts_add(ret, str_from(frequency_text(each)), STR(""), NULL);
            count++;
        }
    }
    ret->asks_nothing = count == FREQUENCY_CUSTOM;
}

void describe_days(const struct day_set *set, struct facts *ret)
{
    size_t count = 0;
    facts_open(ret, &days, WEEKDAYS);
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (set->has[day]) {
            facts_add(ret, str_from(day_names[day]), STR(""), NULL);
            count++;
        }
    }
    ret->asks_nothing = count == WEEKDAYS;
}

/* ---- business_hours ---- */

static const struct week_windows closed_week;

/* What is open in the one week and not in the other, in words; empty when nothing is. */
static struct str extra_words(struct comparison *c, const struct week_windows *week,
                              const struct week_windows *than)
{
    struct week_windows extra = *week;
    hours_subtract(&extra, than);
    return week_words(&extra, false, c->scribe);
}

static void compare_weeks(struct comparison *c, const struct fact *before, const struct fact *after)
{
    const struct week_windows *was = before ? before->thing : &closed_week;
    const struct week_windows *is = after ? after->thing : &closed_week;
    struct str opened = extra_words(c, is, was), closed = extra_words(c, was, is);
    if (opened.len)
        comparison_say(c, CHANGE_MORE, "also %.*s", STR_ARGS(opened));
    if (closed.len)
        comparison_say(c, CHANGE_LESS, "no longer %.*s", STR_ARGS(closed));
}

#define EVERY_OTHER_ZONE "every time zone not named"

static const struct fact_kind hours = {
    .lead = "Messages go out only in these hours:",
    .one = "hours in",
    .many = "hours in",
    .by_line = true,
    .added = CHANGE_MORE,
    .stands_in = {EVERY_OTHER_ZONE, sizeof(EVERY_OTHER_ZONE) - 1},
    .compare = compare_weeks,
};
static const struct fact_kind own_clock = {
    .lead = "The hours are by the clock of",
    .one = "the hours are by the clock of",
    .added = CHANGE_OTHER,
};

void describe_business_hours(const struct hours_table *table, struct facts *ret)
{
    facts_open(ret, &hours, table->count + 1);
    for (size_t i = 0; i < table->count; i++) {
        const struct week_windows *week = strset_get(&table->zones, table->items[i]);
        facts_add(ret, table->items[i], week_words(week, true, ret->scribe), week);
    }
    if (table->fallback)
        facts_add(ret, STR(EVERY_OTHER_ZONE), week_words(table->fallback, true, ret->scribe),
                  table->fallback);
    facts_state(ret, &own_clock,
                table->clock.len ? table->clock : STR("the campaign's own time zone"), NULL);
}

/* ---- blocks ---- */

static const struct fact_kind shortest = {
    .lead = "A block lasts at least",
    .one = "a block lasts at least",
    .added = CHANGE_LESS,
    .compare = compare_least,
};
static const struct fact_kind most_per_day = {
    .lead = "The number of blocks a day is at most",
    .one = "blocks a day at most",
    .added = CHANGE_LESS,
    .compare = compare_most,
};
static const struct fact_kind most_per_week = {
    .lead = "All blocks of a week make at most",
    .one = "all blocks of a week make at most",
    .added = CHANGE_LESS,
    .compare = compare_most,
};
static const struct fact_kind no_block_limits = {.lead = "Blocks have no limits"};

void describe_blocks(const struct block_limits *limits, struct facts *ret)
{
    if (limits->shortest_min)
        facts_state(ret, &shortest, scribe_format(ret->scribe, "%d minutes", limits->shortest_min),
                    &limits->shortest_min);
    if (limits->most_per_day)
        facts_state(ret, &most_per_day, scribe_format(ret->scribe, "%d", limits->most_per_day),
                    &limits->most_per_day);
    if (limits->most_week_min)
        facts_state(ret, &most_per_week,
                    scribe_format(ret->scribe, "%d hours", limits->most_week_min / 60),
                    &limits->most_week_min);
    ret->asks_nothing = ret->count == 0;
    if (ret->asks_nothing)
        facts_state(ret, &no_block_limits, STR(""), NULL);
}

/* ---- blackout ---- */

static struct str yearly_words(const struct closed_date *date, struct scribe *scribe)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    static const char *const nths[] = {"first", "second", "third", "fourth", "fifth"};
    const char *month = months[date->month - 1];
    if (date->kind == CLOSED_YEARLY)
        return scribe_format(scribe, "every year on %s %d", month, date->day);
    return scribe_format(scribe, "every year on the %s %s of %s",
                         date->nth < 0 ? "last" : nths[date->nth - 1], day_names[date->weekday],
                         month);
}

static struct str easter_words(const struct closed_date *date, struct scribe *scribe)
{
    int days_off = date->offset_days;
    if (days_off == 0)
        return STR("every year on Easter Sunday");
    int number = days_off < 0 ? -days_off : days_off;
    return scribe_format(scribe, "every year %d day%s %s Easter Sunday", number,
                         number == 1 ? "" : "s", days_off < 0 ? "before" : "after");
}

static struct str range_words(const struct closed_date *date, struct scribe *scribe)
{
    char first[DATE_SIZE], last[DATE_SIZE];
    date_format(date->first_day, first);
    date_format(date->last_day, last);
    if (date->first_day == date->last_day)
        return scribe_format(scribe, "on %s", first);
    return scribe_format(scribe, "from %s to %s", first, last);
}

static struct str date_words(const struct closed_date *date, struct scribe *scribe)
{
    struct str words = date->kind == CLOSED_RANGE    ? range_words(date, scribe)
                       : date->kind == CLOSED_EASTER ? easter_words(date, scribe)
                                                     : yearly_words(date, scribe);
    if (!date->notice_days)
        return words;
    return scribe_format(scribe, "%.*s, and %d day%s before", STR_ARGS(words), date->notice_days,
                         date->notice_days == 1 ? "" : "s");
}

/* Name and date together make the fact's name: another date under the name is another day. */
static const struct fact_kind closed_dates = {
    .lead =
        "On these days, by the calendar of the campaign's time zone, no campaign may be created:",
    .one = "the day",
    .many = "the days",
    .state = "closed",
    .by_line = true,
    .added = CHANGE_LESS,
};
static const struct fact_kind no_closed_dates = {.lead = "No day is closed"};

void describe_blackout(const struct blackout *blackout, struct facts *ret)
{
    facts_open(ret, &closed_dates, blackout->count);
    for (size_t i = 0; i < blackout->count; i++) {
        const struct closed_date *date = &blackout->items[i];
        struct str words = date_words(date, ret->scribe);
        facts_add(ret,
                  scribe_format(ret->scribe, "%.*s, %.*s", STR_ARGS(date->name), STR_ARGS(words)),
                  STR(""), date);
    }
    ret->asks_nothing = blackout->count == 0;
    if (ret->asks_nothing) {
        ret->count = 0;
        facts_state(ret, &no_closed_dates, STR(""), NULL);
    }
}

/* ---- scheduling_allowed ---- */

static const struct fact_kind no_scheduling = {
    .lead = "Scheduling must not be enabled",
    .one = "scheduling",
    .state = "refused",
    .added = CHANGE_LESS,
};
static const struct fact_kind scheduling = {.lead = "Scheduling may be enabled"};

void describe_scheduling_allowed(const bool *allowed, struct facts *ret)
{
    facts_state(ret, *allowed ? &scheduling : &no_scheduling, STR(""), allowed);
    ret->asks_nothing = *allowed;
}
