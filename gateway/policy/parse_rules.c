/*
 * The settings of the rules, out of their YAML: one parse_<name> for each line of rules.def.
 */
#include "base/zones.h"
#include "campaign/daytime.h"
#include "policy/parse.h"

/* ---- lists of names: caller_ids, timezones ---- */

static bool start_list(struct compiler *c, const struct yaml_node *node, const char *what,
                       struct strset *set)
{
    if (!compiler_expect(c, node, YAML_SEQUENCE, what))
        return false;
    if (node->count == 0)
        return yaml_error(node, c->err,
                          "an empty list would refuse every campaign; name what is allowed or "
                          "remove the rule");
    return strset_init(set, c->arena, node->count) || compiler_out_of_memory(c);
}

/* The value beside a name is where it was first given. */
static bool add_to_list(struct compiler *c, const struct yaml_node *node, struct str name,
                        struct strset *set)
{
    if (strset_add(set, name, node) == STRSET_ADDED)
        return true;
    const struct yaml_node *before = strset_get(set, name);
    return yaml_error(node, c->err, "'%.*s' is in the list already, in line %zu as '%.*s'",
                      SHOW_ARGS(node->text), before->line, SHOW_ARGS(before->text));
}

/* ---- caller_ids ---- */

#define SENDER_ID_BYTES 15 /* as long as the longest number; operators allow 11 letters */
#define SHORT_CODE_DIGITS 6

static bool all_between(struct str text, char low, char high)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < low || text.data[i] > high)
            return false;
    }
    return true;
}

/* ITU-T E.164, as the campaign's own number is judged: + and 7 to 15 digits, no leading zero. */
static bool is_number(struct str text)
{
    struct str digits = str_slice(text, 1, text.len);
    return digits.len >= 7 && digits.len <= 15 && digits.data[0] != '0' &&
           all_between(digits, '0', '9');
}

static bool check_caller_id(struct compiler *c, const struct yaml_node *node)
{
    struct str text = node->text;
    if (str_starts(text, STR("+")))
        return is_number(text) ||
               yaml_error(node, c->err,
                          "'%.*s' is not a telephone number; write + and 7 to 15 digits without "
                          "spaces, such as \"+14155550100\"",
                          SHOW_ARGS(text));
    if (text.len > SHORT_CODE_DIGITS && all_between(text, '0', '9'))
        return yaml_error(node, c->err,
                          "a number starts with + and its country code; write \"+%.*s\"",
                          SHOW_ARGS(text));
    if (text.len == 0 || text.len > SENDER_ID_BYTES || !all_between(text, '!', '~'))
        return yaml_error(node, c->err,
                          "'%.*s' is not a sender ID: 1 to %d letters, digits and signs without "
                          "spaces; a number looks like \"+14155550100\"",
                          SHOW_ARGS(text), SENDER_ID_BYTES);
    return true;
}

bool parse_caller_ids(struct compiler *c, const struct yaml_node *node, const struct strset **ret)
{
    struct strset *set = arena_zalloc(c->arena, 1, sizeof(*set));
    if (!set)
        return compiler_out_of_memory(c);
    if (!start_list(c, node, "caller_ids", set))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (!compiler_expect(c, each, YAML_SCALAR, "a caller ID") || !check_caller_id(c, each) ||
            !add_to_list(c, each, each->text, set))
            return false;
    }
    *ret = set;
    return true;
}

/* ---- timezones ---- */

#define ZONES_LISTED 10 /* in a sentence; the author can look up the rest */

/* Puts the names into words once, so that a refusal need not. */
static bool list_zones(struct compiler *c, const struct yaml_node *node, struct zone_list *list)
{
    size_t listed = 0;
    struct str zone, text = STR("");
    for (const struct yaml_node *each = node->first; each && listed < ZONES_LISTED;
         each = each->next) {
        if (zone_canonical(each->text, &zone))
            text = arena_format(c->arena, "%.*s%s%.*s", STR_ARGS(text), listed++ ? ", " : "",
                                STR_ARGS(zone));
    }
    if (node->count > listed)
        text = arena_format(c->arena, "%.*s and %zu more", STR_ARGS(text), node->count - listed);
    list->listed = text;
    return text.data || compiler_out_of_memory(c);
}

static bool add_zone(struct compiler *c, const struct yaml_node *node, struct zone_list *list)
{
    struct str zone;
    if (!compiler_expect(c, node, YAML_SCALAR, "a time zone"))
        return false;
    if (zone_canonical(node->text, &zone))
        return add_to_list(c, node, zone, &list->names);
    struct str hint = compiler_suggest(c, node->text, zone_name, zone_count());
    return yaml_error(node, c->err,
                      "'%.*s' is not an IANA time zone of tzdata %s%.*s; write it exactly as "
                      "there, such as Asia/Kolkata",
                      SHOW_ARGS(node->text), zone_table_version(), STR_ARGS(hint));
}

bool parse_timezones(struct compiler *c, const struct yaml_node *node, const struct zone_list **ret)
{
    struct zone_list *list = arena_zalloc(c->arena, 1, sizeof(*list));
    if (!list)
        return compiler_out_of_memory(c);
    if (!start_list(c, node, "timezones", &list->names))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (!add_zone(c, each, list))
            return false;
    }
    if (!list_zones(c, node, list))
        return false;
    *ret = list;
    return true;
}

/* ---- business_hours: days ---- */

struct days {
    bool has[WEEKDAYS];
};

/* "MO", "MO-FR", "SA-MO": the week is a ring. A day named twice: false. */
static bool add_days(struct days *days, struct str text)
{
    struct str first_code, last_code;
    enum weekday first, last;
    bool is_range = str_cut(text, '-', &first_code, &last_code);
    if (!weekday_parse(str_trim(first_code), &first) ||
        !weekday_parse(str_trim(is_range ? last_code : first_code), &last))
        return false;
    for (enum weekday day = first;; day = (day + 1) % WEEKDAYS) {
        if (days->has[day])
            return false;
        days->has[day] = true;
        if (day == last)
            return true;
    }
}

/* "MO-WE, FR": days and ranges of days with commas between them. */
static bool parse_days(struct compiler *c, const struct yaml_node *node, struct days *days)
{
    struct str item, rest = node->key;
    bool more = true;
    while (more) {
        more = str_cut(rest, ',', &item, &rest);
        if (!add_days(days, str_trim(item)))
            return yaml_key_error(node, c->err,
                                  "'%.*s' is not a day or a range of days; write MO, MO-FR or "
                                  "\"MO,WE,FR\", each day once",
                                  SHOW_ARGS(node->key));
    }
    return true;
}

/* Which of two entries counts for a day is anybody's guess, so neither does. */
static bool claim_days(struct compiler *c, const struct yaml_node *node, const struct days *days,
                       struct days *taken)
{
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (days->has[day] && taken->has[day])
            return yaml_key_error(node, c->err,
                                  "%s is covered twice in this zone; give all its windows in one "
                                  "list",
                                  weekday_code(day));
        taken->has[day] = taken->has[day] || days->has[day];
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
                          "'%.*s' is not a window; write it like 9:00 AM - 6:00 PM (24:00 is the "
                          "day's end)",
                          SHOW_ARGS(node->text));
    if (*ret_opens_min == *ret_closes_min)
        return yaml_error(node, c->err,
                          "this window opens and closes at the same time; a whole day is "
                          "12:00 AM - 24:00");
    return true;
}

static bool add_window(struct compiler *c, const struct yaml_node *node, const struct days *days,
                       struct week_windows *week)
{
    int opens_min = 0, closes_min = 0;
    if (!parse_window(c, node, &opens_min, &closes_min))
        return false;
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (days->has[day] && !hours_add(week, day, opens_min, closes_min))
            return yaml_error(node, c->err, "a day cannot have more than %d windows",
                              WINDOWS_PER_DAY);
    }
    return true;
}

/* One window, a list of them, or "closed". */
static bool parse_windows(struct compiler *c, const struct yaml_node *node, const struct days *days,
                          struct week_windows *week)
{
    if (yaml_is_null(node))
        return yaml_key_error(node, c->err,
                              "'%.*s' has no hours; write a window, a list of them, or closed "
                              "(several days between { } need quotes: {\"MO,WE\": closed})",
                              SHOW_ARGS(node->key));
    if (node->kind == YAML_SCALAR)
        return str_equal(node->text, STR("closed")) || add_window(c, node, days, week);
    if (!compiler_expect(c, node, YAML_SEQUENCE, "the hours of several windows"))
        return false;
    if (node->count == 0)
        return yaml_error(node, c->err, "this list of windows is empty; write closed instead");
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (!add_window(c, each, days, week))
            return false;
    }
    return true;
}

static bool parse_week(struct compiler *c, const struct yaml_node *node, struct week_windows *week)
{
    struct days taken = {0};
    if (!compiler_expect(c, node, YAML_MAPPING, "the hours of a zone"))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        struct days days = {0};
        if (!parse_days(c, each, &days) || !claim_days(c, each, &days, &taken) ||
            !parse_windows(c, each, &days, week))
            return false;
    }
    return true;
}

/* ---- business_hours: zones ---- */

/* Under the zone that is meant: Asia/Calcutta and Asia/Kolkata are one and have one week. */
static bool file_week(struct compiler *c, const struct yaml_node *node,
                      const struct week_windows *week, struct hours_table *table)
{
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
    return true;
}

bool parse_business_hours(struct compiler *c, const struct yaml_node *node,
                          const struct hours_table **ret)
{
    if (!compiler_expect(c, node, YAML_MAPPING, "business_hours"))
        return false;
    if (node->count == 0)
        return yaml_error(node, c->err,
                          "without any zone every campaign would be refused; name a zone, or "
                          "\"*\" for all, or remove the rule");
    struct hours_table *table = arena_zalloc(c->arena, 1, sizeof(*table));
    if (!table || !strset_init(&table->zones, c->arena, node->count))
        return compiler_out_of_memory(c);
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        struct week_windows *week = arena_zalloc(c->arena, 1, sizeof(*week));
        if (!week)
            return compiler_out_of_memory(c);
        if (!parse_week(c, each, week) || !file_week(c, each, week, table))
            return false;
    }
    *ret = table;
    return true;
}
