/*
 * Settings of the rules about zones, days, hours and dates.
 */
#include <stdio.h>

#include "base/calendar.h"
#include "base/zones.h"
#include "campaign/daytime.h"
#include "policy/parse.h"

bool parse_timezones(struct compiler *c, const struct yaml_node *node, const struct zone_list **ret)
{
    return parse_zone_list(c, node, ret);
}

/* ---- frequencies, days ---- */

static bool add_frequency(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct frequency_set *set = target;
    for (enum frequency each = FREQUENCY_WEEKLY; each <= FREQUENCY_CUSTOM; each++) {
        if (node->kind == YAML_SCALAR && str_equal(node->text, str_from(frequency_text(each)))) {
            set->has[each] = true;
            return true;
        }
    }
    return yaml_error(node, c->err, "a frequency is WEEKLY, DAILY or CUSTOM, in capitals");
}

bool parse_frequencies(struct compiler *c, const struct yaml_node *node,
                       const struct frequency_set **ret)
{
    struct frequency_set *set = arena_zalloc(c->arena, 1, sizeof(*set));
    if (!set)
        return compiler_out_of_memory(c);
    if (!compiler_expect_some(c, node))
        return false;
    if (!compiler_each(c, node, "frequencies", true, add_frequency, set))
        return false;
    *ret = set;
    return true;
}

/* "MO-FR", or [MO, WE, FR]. */
static bool add_day_ranges(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct day_set *days = target;
    return (node->kind == YAML_SCALAR && parse_day_ranges(node->text, days->has)) ||
           yaml_error(node, c->err,
                      "this is not a day or a range of days; write MO, MO-FR or \"MO,WE,FR\", each "
                      "day once");
}

bool parse_days(struct compiler *c, const struct yaml_node *node, const struct day_set **ret)
{
    struct day_set *days = arena_zalloc(c->arena, 1, sizeof(*days));
    if (!days)
        return compiler_out_of_memory(c);
    if (!compiler_expect_some(c, node))
        return false;
    bool fine = node->kind == YAML_SCALAR
                    ? add_day_ranges(c, node, days) /* MO, WE is one text */
                    : compiler_each(c, node, "days", false, add_day_ranges, days);
    if (!fine)
        return false;
    *ret = days;
    return true;
}

/* ---- business_hours: days ---- */

static bool parse_key_days(struct compiler *c, const struct yaml_node *node, bool days[WEEKDAYS])
{
    return parse_day_ranges(node->key, days) ||
           yaml_key_error(node, c->err,
                          "'%.*s' is not a day or a range of days; write MO, MO-FR or "
                          "\"MO,WE,FR\", each day once%s",
                          SHOW_ARGS(node->key),
                          yaml_is_null(node) ? ", and behind it a colon and a space" : "");
}

/* Which of two entries counts for a day is anybody's guess, so neither does. */
static bool claim_days(struct compiler *c, const struct yaml_node *node, const bool days[WEEKDAYS],
                       bool taken[WEEKDAYS])
{
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (days[day] && taken[day])
            return yaml_key_error(node, c->err,
                                  "%s is covered twice in this zone; give all its windows in one "
                                  "list",
                                  weekday_code(day));
        taken[day] = taken[day] || days[day];
    }
    return true;
}

/* ---- business_hours: windows ---- */

static bool parse_end(struct str text, int *ret_min)
{
    if (str_equal(text, STR("24:00"))) {
        *ret_min = MINUTES_PER_DAY;
        return true;
    }
    return daytime_parse(text, ret_min);
}

/* "9:00 AM - 8:00 PM". An end at 12:00 AM is the day's end: hours_add continues it by nothing. */
static bool parse_window(struct compiler *c, const struct yaml_node *node, int *ret_opens_min,
                         int *ret_closes_min)
{
    struct str opens, closes;
    if (!compiler_expect(c, node, YAML_SCALAR, "a window"))
        return false;
    if (!str_cut(node->text, '-', &opens, &closes) ||
        !daytime_parse(str_trim(opens), ret_opens_min) ||
        !parse_end(str_trim(closes), ret_closes_min))
        return yaml_error(node, c->err,
                          "'%.*s' is not a window; write it like 9:00 AM - 6:00 PM, with a plain "
                          "hyphen (24:00 is the day's end)",
                          SHOW_ARGS(node->text));
    if (*ret_opens_min == *ret_closes_min)
        return yaml_error(node, c->err,
                          "this window opens and closes at the same time; a whole day is "
                          "12:00 AM - 24:00");
    return true;
}

struct windows_target {
    const bool *days;
    struct week_windows *week;
};

static bool add_window(struct compiler *c, const struct yaml_node *node, void *target)
{
    const struct windows_target *windows = target;
    int opens_min = 0, closes_min = 0;
    if (!parse_window(c, node, &opens_min, &closes_min))
        return false;
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (windows->days[day] && !hours_add(windows->week, day, opens_min, closes_min))
            return yaml_error(node, c->err, "a day cannot have more than %d windows",
                              WINDOWS_PER_DAY);
    }
    return true;
}

/* One window, a list of them, or "closed". */
static bool parse_windows(struct compiler *c, const struct yaml_node *node,
                          const bool days[WEEKDAYS], struct week_windows *week)
{
    struct windows_target target = {days, week};
    if (yaml_is_null(node))
        return yaml_key_error(node, c->err,
                              "'%.*s' has no hours; write a window, a list of them, or closed "
                              "(several days between { } need quotes: {\"MO,WE\": closed})",
                              SHOW_ARGS(node->key));
    if (node->kind == YAML_SCALAR && str_equal(node->text, STR("closed")))
        return true;
    if (node->kind == YAML_SEQUENCE && node->count == 0)
        return yaml_error(node, c->err, "this list of windows is empty; write closed instead");
    return compiler_each(c, node, "the hours of several windows", true, add_window, &target);
}

static bool parse_week(struct compiler *c, const struct yaml_node *node, struct week_windows *week)
{
    bool fine = true;
    bool taken[WEEKDAYS] = {0};
    if (node->kind != YAML_MAPPING)
        return yaml_error(node, c->err,
                          "the hours of a zone name days, such as {MO-FR: 9:00 AM - 6:00 PM}");
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        bool days[WEEKDAYS] = {0};
        bool done = parse_key_days(c, each, days) && claim_days(c, each, days, taken) &&
                    parse_windows(c, each, days, week);
        fine = (done || compiler_note(c)) && fine;
    }
    return fine;
}

/* ---- business_hours: zones ---- */

#define HOURS_WANTED                                                                               \
    "business hours name a zone first (\"*\" for all), then days: "                                \
    "{\"*\": {MO-FR: 9:00 AM - 6:00 PM}}"

struct hours_target {
    struct hours_table *table;
    struct str *items;
};

/* Under the zone that is meant: Asia/Calcutta and Asia/Kolkata are one and have one week. */
static bool file_week(struct compiler *c, const struct yaml_node *node,
                      const struct week_windows *week, struct hours_target *target)
{
    struct hours_table *table = target->table;
    struct str zone;
    if (str_equal(node->key, STR("*"))) {
        table->fallback = week;
        return true;
    }
    if (!zone_canonical(node->key, &zone)) {
        struct str hint = compiler_suggest(c, node->key, zone_name, zone_count());
        return yaml_key_error(node, c->err,
                              "'%.*s' is neither an IANA time zone nor \"*\" (all others)%.*s",
                              SHOW_ARGS(node->key), STR_ARGS(hint));
    }
    if (strset_add(&table->zones, zone, week) != STRSET_ADDED)
        return yaml_key_error(node, c->err,
                              "'%.*s' is %.*s, and that zone has its hours already; keep one of "
                              "them",
                              SHOW_ARGS(node->key), STR_ARGS(zone));
    target->items[table->count++] = zone;
    return true;
}

/* clock: America/Chicago, by which all the windows are meant, wherever the campaign is. */
static bool parse_clock(struct compiler *c, const struct yaml_node *node, struct str *ret)
{
    if (!compiler_expect(c, node, YAML_SCALAR, "clock"))
        return false;
    if (zone_canonical(node->text, ret))
        return true;
    struct str hint = compiler_suggest(c, node->text, zone_name, zone_count());
    return yaml_error(node, c->err, "'%.*s' is not an IANA time zone%.*s", SHOW_ARGS(node->text),
                      STR_ARGS(hint));
}

static bool parse_zone_hours(struct compiler *c, const struct yaml_node *node,
                             struct hours_target *target)
{
    if (str_equal(node->key, STR("clock")))
        return parse_clock(c, node, &target->table->clock);
    struct week_windows *week = arena_zalloc(c->arena, 1, sizeof(*week));
    if (!week)
        return compiler_out_of_memory(c);
    if (node->kind != YAML_MAPPING && parse_day_ranges(node->key, (bool[WEEKDAYS]){0}))
        return yaml_key_error(node, c->err, HOURS_WANTED);
    bool fine = parse_week(c, node, week) || compiler_note(c);
    return file_week(c, node, week, target) && fine;
}

bool parse_business_hours(struct compiler *c, const struct yaml_node *node,
                          const struct hours_table **ret)
{
    bool fine = true;
    if (node->kind != YAML_MAPPING)
        return yaml_error(node, c->err, HOURS_WANTED);
    if (node->count == 0)
        return yaml_error(node, c->err,
                          "without any zone every campaign would be refused; name a zone, or "
                          "\"*\" for all, or remove the rule");
    struct hours_table *table = arena_zalloc(c->arena, 1, sizeof(*table));
    struct hours_target target = {table, arena_zalloc(c->arena, node->count, sizeof(struct str))};
    if (!table || !target.items || !strset_init(&table->zones, c->arena, node->count))
        return compiler_out_of_memory(c);
    for (const struct yaml_node *each = node->first; each; each = each->next)
        fine = (parse_zone_hours(c, each, &target) || compiler_note(c)) && fine;
    table->items = target.items;
    if (fine && table->count == 0 && !table->fallback)
        return yaml_error(node, c->err, "name a zone with its hours, or \"*\" for all");
    if (fine)
        *ret = table;
    return fine;
}

/* ---- blocks ---- */

static bool key_shortest(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_int(c, node, "shortest_minutes", 1, MINUTES_PER_DAY,
                        &((struct block_limits *)target)->shortest_min);
}

static bool key_most_per_day(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_int(c, node, "most_per_day", 1, 16,
                        &((struct block_limits *)target)->most_per_day);
}

static bool key_most_hours(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct block_limits *limits = target;
    if (!compiler_int(c, node, "most_hours_per_week", 1, 168, &limits->most_week_min))
        return false;
    limits->most_week_min *= 60;
    return true;
}

bool parse_blocks(struct compiler *c, const struct yaml_node *node, const struct block_limits **ret)
{
    static const struct compiler_key keys[] = {{"shortest_minutes", key_shortest, false},
                                               {"most_per_day", key_most_per_day, false},
                                               {"most_hours_per_week", key_most_hours, false}};
    struct block_limits *limits = arena_zalloc(c->arena, 1, sizeof(*limits));
    if (!limits)
        return compiler_out_of_memory(c);
    if (!compiler_mapping(c, node, "blocks", keys, COUNT_OF(keys), limits))
        return false;
    *ret = limits;
    return true;
}

/* ---- blackout ---- */

static bool parse_date(struct str text, int64_t *ret_day)
{
    struct date date;
    if (!date_parse(text, &date))
        return false;
    *ret_day = date_to_days(date);
    return true;
}

static bool parse_small(struct str text, int least, int most, int *ret)
{
    uint64_t value;
    if (text.len > 3 || !str_to_u64(text, &value) || value < (uint64_t)least ||
        value > (uint64_t)most)
        return false;
    *ret = (int)value;
    return true;
}

/* "12-25": a day of every year; 02-29 is not one. */
static bool parse_yearly(struct str text, struct closed_date *date)
{
    int64_t day;
    char common_year[11];
    struct str month, rest;
    if (text.len != 5 || !str_cut(text, '-', &month, &rest))
        return false;
    (void)snprintf(common_year, sizeof(common_year), "2001-%.*s", STR_ARGS(text));
    date->kind = CLOSED_YEARLY;
    return parse_date((struct str){common_year, 10}, &day) &&
           parse_small(month, 1, 12, &date->month) && parse_small(rest, 1, 31, &date->day);
}

/* "easter", "easter+39", "easter-2": days from Easter Sunday. */
static bool parse_easter(struct str text, struct closed_date *date)
{
    struct str rest = str_slice(text, 6, text.len);
    if (!str_starts(text, STR("easter")))
        return false;
    date->kind = CLOSED_EASTER;
    if (rest.len == 0)
        return true;
    if ((rest.data[0] != '+' && rest.data[0] != '-') ||
        !parse_small(str_slice(rest, 1, rest.len), 1, 100, &date->offset_days))
        return false;
    if (rest.data[0] == '-')
        date->offset_days = -date->offset_days;
    return true;
}

static bool parse_nth(struct str text, int *ret)
{
    static const char *const names[] = {"last", "1st", "2nd", "3rd", "4th"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!str_equal(text, str_from(names[i])))
            continue;
        *ret = i ? (int)i : -1;
        return true;
    }
    return false;
}

/* "4th TH in 11", "last MO in 05". */
static bool parse_nth_weekday(struct str text, struct closed_date *date)
{
    struct str nth, weekday, in, month, rest;
    date->kind = CLOSED_NTH;
    return str_cut(text, ' ', &nth, &rest) && str_cut(rest, ' ', &weekday, &rest) &&
           str_cut(rest, ' ', &in, &month) && str_equal(in, STR("in")) &&
           parse_nth(nth, &date->nth) && weekday_parse(weekday, &date->weekday) && month.len == 2 &&
           parse_small(month, 1, 12, &date->month);
}

static bool parse_single(struct str text, struct closed_date *date)
{
    date->kind = CLOSED_RANGE;
    if (!parse_date(text, &date->first_day))
        return false;
    date->last_day = date->first_day;
    return true;
}

static bool key_on(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct closed_date *date = target;
    struct str text = node->kind == YAML_SCALAR ? node->text : (struct str){0};
    return parse_single(text, date) || parse_yearly(text, date) || parse_easter(text, date) ||
           parse_nth_weekday(text, date) ||
           yaml_error(node, c->err,
                      "this is not a date; write 2026-12-25, 12-25 (every year), easter+1 or "
                      "'4th TH in 11'");
}

static bool key_from(struct compiler *c, const struct yaml_node *node, void *target)
{
    return (node->kind == YAML_SCALAR &&
            parse_date(node->text, &((struct closed_date *)target)->first_day)) ||
           yaml_error(node, c->err, "this must be a day of the calendar, such as 2026-12-24");
}

static bool key_to(struct compiler *c, const struct yaml_node *node, void *target)
{
    return (node->kind == YAML_SCALAR &&
            parse_date(node->text, &((struct closed_date *)target)->last_day)) ||
           yaml_error(node, c->err, "this must be a day of the calendar, such as 2026-12-26");
}

static bool key_notice(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_int(c, node, "notice_days", 0, 90,
                        &((struct closed_date *)target)->notice_days);
}

static bool key_name(struct compiler *c, const struct yaml_node *node, void *target)
{
    if (!compiler_expect(c, node, YAML_SCALAR, "the name of a date"))
        return false;
    if (!compiler_is_name(node->text))
        return yaml_error(node, c->err, "a date's name has 1 to 64 bytes");
    ((struct closed_date *)target)->name = node->text;
    return true;
}

struct blackout_target {
    struct closed_date *items;
    size_t count;
};

static bool add_closed_date(struct compiler *c, const struct yaml_node *node, void *target)
{
    static const struct compiler_key keys[] = {
        {"name", key_name, true},           {"on", key_on, false},
        {"from", key_from, false},          {"to", key_to, false},
        {"notice_days", key_notice, false},
    };
    struct blackout_target *blackout = target;
    struct closed_date *date = &blackout->items[blackout->count];
    if (!compiler_mapping(c, node, "a blackout date", keys, COUNT_OF(keys), date))
        return false;
    bool on = yaml_member(node, STR("on")), from = yaml_member(node, STR("from")),
         to = yaml_member(node, STR("to"));
    if (on ? from || to : !from || !to)
        return yaml_error(node, c->err, "give either 'on', or both 'from' and 'to'");
    if (date->kind == CLOSED_RANGE && date->last_day < date->first_day)
        return yaml_error(node, c->err, "this ends before it begins");
    blackout->count++;
    return true;
}

bool parse_blackout(struct compiler *c, const struct yaml_node *node, const struct blackout **ret)
{
    struct blackout *blackout = arena_zalloc(c->arena, 1, sizeof(*blackout));
    struct blackout_target target = {
        arena_zalloc(c->arena, node->count, sizeof(struct closed_date)), 0};
    if (!blackout || !target.items)
        return compiler_out_of_memory(c);
    if (!compiler_each(c, node, "blackout", false, add_closed_date, &target))
        return false;
    blackout->items = target.items;
    blackout->count = target.count;
    *ret = blackout;
    return true;
}
