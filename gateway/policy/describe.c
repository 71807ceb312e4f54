/*
 * What rules and control have in common when they are put into words: the table of rules, scopes,
 * exceptions, modes, periods, weeks.
 */
#include "policy/describe.h"

#include "base/calendar.h"
#include "base/glob.h"
#include "base/zones.h"
#include "policy/compare.h"

/* ---- the table of rules ---- */

/* One describer for each rule, so that the table below can hold them all. */
#define RULE(name, type, reads)                                                                    \
    static void tell_##name(const void *setting, struct facts *ret)                                \
    {                                                                                              \
        describe_##name((const type *)setting, ret);                                               \
    }
#include "policy/rules.def"
#undef RULE

static void (*const describers[])(const void *setting, struct facts *ret) = {
#define RULE(name, type, reads) tell_##name,
#include "policy/rules.def"
#undef RULE
};

void describe_rule(enum policy_rule rule, const void *value, struct facts *ret)
{
    describers[rule](value, ret);
}

/* ---- words: days, periods, modes ---- */

static struct str day_words(int64_t unix_ms, const struct zone *calendar, struct scribe *scribe)
{
    char text[DATE_SIZE];
    date_format(local_day(calendar, unix_ms), text);
    return scribe_format(scribe, "%s", text);
}

struct str period_words(int64_t from_ms, int64_t until_ms, const struct facts *facts)
{
    struct str from = STR(""), to = STR("");
    bool begins = from_ms != INT64_MIN, ends = until_ms != INT64_MAX;
    if (begins)
        from = day_words(from_ms, facts->calendar, facts->scribe);
    if (ends)
        to = day_words(until_ms - 1, facts->calendar, facts->scribe);
    if (begins && ends)
        return scribe_format(facts->scribe, "from %.*s to %.*s", STR_ARGS(from), STR_ARGS(to));
    if (begins)
        return scribe_format(facts->scribe, "from %.*s on", STR_ARGS(from));
    if (ends)
        return scribe_format(facts->scribe, "up to %.*s", STR_ARGS(to));
    return STR("always");
}

struct str mode_words(struct policy_mode mode, const struct zone *calendar, struct scribe *scribe)
{
    static const char *const words[] = {
        [MODE_ENFORCE] = "enforced", [MODE_REPORT] = "only reported", [MODE_OFF] = "switched off"};
    if (mode.kind == MODE_ENFORCE || mode.enforce_from_ms == INT64_MAX)
        return str_from(words[mode.kind]);
    struct str day = day_words(mode.enforce_from_ms, calendar, scribe);
    return scribe_format(scribe, "%s until %.*s, then enforced", words[mode.kind], STR_ARGS(day));
}

void compare_periods(struct comparison *c, const int64_t before[2], const int64_t after[2],
                     struct str before_words, struct str after_words)
{
    if (before[0] == after[0] && before[1] == after[1])
        return;
    bool wider = after[0] <= before[0] && before[1] <= after[1];
    bool narrower = before[0] <= after[0] && after[1] <= before[1];
    comparison_say(c,
                   wider      ? CHANGE_MORE
                   : narrower ? CHANGE_LESS
                              : CHANGE_OTHER,
                   "%.*s (was %.*s)", STR_ARGS(after_words), STR_ARGS(before_words));
}

/* ---- words: a week ---- */

const char *const day_names[WEEKDAYS] = {
    [MONDAY] = "Monday",     [TUESDAY] = "Tuesday", [WEDNESDAY] = "Wednesday",
    [THURSDAY] = "Thursday", [FRIDAY] = "Friday",   [SATURDAY] = "Saturday",
    [SUNDAY] = "Sunday"};

static bool same_windows(const struct day_windows *a, const struct day_windows *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = a->items[i].opens_min == b->items[i].opens_min &&
               a->items[i].closes_min == b->items[i].closes_min;
    return same;
}

/* "Monday to Friday", "Saturday, Sunday", "Monday to Wednesday, Friday": the days alike `day`. */
static void write_days_like(const struct week_windows *week, enum weekday day, struct buf *out)
{
    bool first = true;
    for (enum weekday from = day; from < WEEKDAYS; from++) {
        if (!same_windows(&week->days[from], &week->days[day]))
            continue;
        enum weekday last = from;
        while (last + 1 < WEEKDAYS && same_windows(&week->days[last + 1], &week->days[day]))
            last++;
        bool range = last >= from + 2;
        buf_format(out, "%s%s", first ? "" : ", ", day_names[from]);
        if (range)
            buf_format(out, " to %s", day_names[last]);
        first = false;
        from = range ? last : from;
    }
}

static bool is_first_alike(const struct week_windows *week, enum weekday day)
{
    for (enum weekday before = MONDAY; before < day; before++) {
        if (same_windows(&week->days[before], &week->days[day]))
            return false;
    }
    return true;
}

static bool is_whole_day(const struct day_windows *day)
{
    return day->count == 1 && day->items[0].opens_min == 0 &&
           day->items[0].closes_min == MINUTES_PER_DAY;
}

static void write_day_group(const struct week_windows *week, enum weekday day,
                            struct scribe *scribe, struct buf *out)
{
    struct str windows = hours_describe(&week->days[day], scribe->arena);
    scribe->failed = scribe->failed || !windows.data;
    if (out->len)
        buf_append(out, STR("; "));
    write_days_like(week, day, out);
    buf_format(out, " %.*s", STR_ARGS(is_whole_day(&week->days[day]) ? STR("all day") : windows));
}

struct str week_words(const struct week_windows *week, bool closed, struct scribe *scribe)
{
    struct buf text;
    buf_init(&text, SCRIBE_BYTES);
    for (int open = 1; open >= !closed; open--) { /* what is closed comes last */
        for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
            if (is_first_alike(week, day) && (week->days[day].count > 0) == (open == 1))
                write_day_group(week, day, scribe, &text);
        }
    }
    return scribe_take(scribe, &text);
}

/* ---- scopes ---- */

/* Of a list with more patterns a name may be told once too often: 100,000 names times 100 take
 * long. */
#define PATTERNS_TRIED 100

bool names_cover(const void *whole, struct str name)
{
    const struct name_list *list = whole;
    return list->glob_count <= PATTERNS_TRIED && name_list_has(list, name);
}

/* More campaigns in a scope: the layer asks more of them, so they may do less. */
static const struct fact_kind scope_zones = {
    .lead = "only in the time zones",
    .one = "the time zone",
    .many = "the time zones",
    .state = "covered",
    .added = CHANGE_LESS,
    .given = CHANGE_MORE,
};
static const struct fact_kind scope_classes = {
    .lead = "only with messages of the class",
    .one = "the message class",
    .many = "the message classes",
    .state = "covered",
    .added = CHANGE_LESS,
    .given = CHANGE_MORE,
};
static const struct fact_kind scope_languages = {
    .lead = "only with templates in the language",
    .one = "the language",
    .many = "the languages",
    .state = "covered",
    .quoted = true,
    .added = CHANGE_LESS,
    .given = CHANGE_MORE,
    .covers = names_cover,
};
static const struct fact_kind scope_callers = {
    .lead = "only from caller IDs like",
    .one = "caller IDs like",
    .many = "caller IDs like",
    .state = "covered",
    .added = CHANGE_LESS,
    .given = CHANGE_MORE,
    .covers = names_cover,
};
static const struct fact_kind scope_lists = {
    .lead = "only if a contact list is like",
    .one = "contact lists like",
    .many = "contact lists like",
    .state = "covered",
    .quoted = true,
    .added = CHANGE_LESS,
    .given = CHANGE_MORE,
    .covers = names_cover,
};
static const struct fact_kind scope_other_lists = {
    .lead = "only if a contact list is unlike",
    .one = "contact lists like",
    .many = "contact lists like",
    .state = "left out",
    .quoted = true,
    .added = CHANGE_MORE,
    .given = CHANGE_MORE,
    .covers = names_cover,
};

void facts_classes(struct facts *ret, const struct fact_kind *kind,
                   const bool classes[MESSAGE_CLASSES])
{
    facts_open(ret, kind, MESSAGE_CLASSES);
    for (size_t i = 0; i < MESSAGE_CLASSES; i++) {
        if (classes[i])
            facts_add(ret, str_from(message_class_text((enum message_class)i)), STR(""), NULL);
    }
}

static void add_names(struct facts *ret, const struct fact_kind *kind,
                      const struct name_list *names)
{
    if (names)
        facts_names(ret, kind, names->items, names->count, names);
}

void describe_scope(const struct policy_scope *scope, struct facts *ret)
{
    if (!scope)
        return;
    if (scope->by_class)
        facts_classes(ret, &scope_classes, scope->classes);
    if (scope->timezones)
        facts_names(ret, &scope_zones, scope->timezones->items, scope->timezones->count, NULL);
    add_names(ret, &scope_languages, scope->languages);
    add_names(ret, &scope_callers, scope->caller_ids);
    add_names(ret, &scope_lists, scope->contact_lists);
    add_names(ret, &scope_other_lists, scope->other_contact_lists);
}

/* ---- exceptions ---- */

static void compare_exception_days(struct comparison *c, const struct fact *before,
                                   const struct fact *after)
{
    const struct policy_exception *was = before->thing, *is = after->thing;
    compare_periods(c, (const int64_t[]){was->from_ms, was->until_ms},
                    (const int64_t[]){is->from_ms, is->until_ms}, before->detail, after->detail);
}

/* A pattern that lets through what the former did is wider. */
static void compare_globs(struct comparison *c, const struct fact *before, const struct fact *after)
{
    const struct str *was = before->thing, *is = after->thing;
    if (str_equal(*was, *is))
        return;
    comparison_say(c,
                   glob_match(*is, *was)   ? CHANGE_MORE
                   : glob_match(*was, *is) ? CHANGE_LESS
                                           : CHANGE_OTHER,
                   "%.*s (was %.*s)", STR_ARGS(after->detail), STR_ARGS(before->detail));
}

static const struct fact_kind lifted_rules = {
    .lead = "it lifts",
    .one = "the rule",
    .many = "the rules",
    .state = "lifted",
    .added = CHANGE_MORE,
};
static const struct fact_kind lifted_where = {
    .lead = "as asked by",
    .one = "it lifts what is asked by",
    .added = CHANGE_OTHER,
};
#define GLOB_KIND(kind_name, words)                                                                \
    static const struct fact_kind kind_name = {                                                    \
        .lead = words,                                                                             \
        .one = "it holds " words,                                                                  \
        .added = CHANGE_LESS,                                                                      \
        .given = CHANGE_LESS,                                                                      \
        .compare = compare_globs,                                                                  \
    };
GLOB_KIND(lifted_campaigns, "only for campaigns with names like")
GLOB_KIND(lifted_callers, "only from caller IDs like")
GLOB_KIND(lifted_templates, "only for templates like")
#undef GLOB_KIND
static const struct fact_kind lifted_days = {
    .lead = "in force",
    .one = "it is in force",
    .added = CHANGE_OTHER,
    .compare = compare_exception_days,
};
static const struct fact_kind lifted_by = {
    .lead = "approved by", .one = "it is approved by", .added = CHANGE_OTHER};
static const struct fact_kind lifted_ticket = {
    .lead = "in ticket", .one = "its ticket is", .added = CHANGE_OTHER};

static void add_glob(struct facts *ret, const struct fact_kind *kind, const struct str *pattern)
{
    if (pattern->len)
        facts_state(ret, kind, scribe_format(ret->scribe, "\"%.*s\"", STR_ARGS(*pattern)), pattern);
}

void describe_exception(const struct policy_exception *exception, struct facts *ret)
{
    struct str pack = scribe_format(ret->scribe, "pack %.*s", STR_ARGS(exception->pack));
    facts_open(ret, &lifted_rules, POLICY_RULES);
    for (size_t i = 0; i < POLICY_RULES; i++) {
        if (exception->rules[i])
            facts_add(ret, policy_rule_name((enum policy_rule)i), STR(""), NULL);
    }
    facts_state(ret, &lifted_where,
                exception->pack.len ? pack : STR("the organisation and the team"), NULL);
    add_glob(ret, &lifted_campaigns, &exception->campaign);
    add_glob(ret, &lifted_callers, &exception->caller_id);
    add_glob(ret, &lifted_templates, &exception->template_name);
    facts_state(ret, &lifted_days, period_words(exception->from_ms, exception->until_ms, ret),
                exception);
    facts_state(ret, &lifted_by, exception->approver, NULL);
    facts_state(ret, &lifted_ticket, exception->ticket, NULL);
}
