/*
 *     YAML -> one struct policy_layer for the organisation, one for each team
 *
 * Each rule of rules.def has one parse_<name> here, which turns its YAML into the setting that
 * check.c reads. Nothing of a policy with an error takes effect.
 */
#include "base/yaml_read.h"
#include "base/zones.h"
#include "campaign/daytime.h"
#include "policy/policy.h"

struct compiler {
    struct arena *arena;
    struct error *err;
    struct policy_set *set;
    const struct yaml_node
        *revision; /* where it was given, to name the place when it comes again */
    const struct yaml_node *organisation_rules[16]; /* likewise, for each rule */
};

static bool out_of_memory(struct compiler *c)
{
    return error_set(c->err, "the policy needs more memory than the gateway gives it");
}

static bool expect_kind(struct compiler *c, const struct yaml_node *node, enum yaml_kind kind,
                        const char *what)
{
    if (node->kind == kind)
        return true;
    return yaml_error(node, c->err, "%s must be %s, not %s", what, yaml_kind_name(kind),
                      yaml_kind_name(node->kind));
}

/* ---- caller_ids ---- */

static bool parse_caller_ids(struct compiler *c, const struct yaml_node *node,
                             const struct strset **ret)
{
    if (!expect_kind(c, node, YAML_SEQUENCE, "caller_ids"))
        return false;
    if (node->count == 0)
        return yaml_error(node, c->err,
                          "an empty list would refuse every campaign; name at least one caller "
                          "ID or remove the rule");
    struct strset *set = arena_zalloc(c->arena, 1, sizeof(*set));
    if (!set || !strset_init(set, c->arena, node->count))
        return out_of_memory(c);
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (!expect_kind(c, each, YAML_SCALAR, "a caller ID"))
            return false;
        if (each->text.len == 0 || str_find(each->text, ' ') < each->text.len)
            return yaml_error(each, c->err,
                              "a caller ID is written without spaces, such as "
                              "\"+14155550100\"");
        if (str_to_u64(each->text, &(uint64_t){0}))
            return yaml_error(each, c->err,
                              "a number starts with + and its country code: write "
                              "\"+%.*s\"",
                              STR_ARGS(each->text));
        if (strset_add(set, each->text, each) != STRSET_ADDED)
            return yaml_error(each, c->err, "this caller ID is in the list already");
    }
    *ret = set;
    return true;
}

/* ---- timezones ---- */

static bool canonical_zone(struct compiler *c, const struct yaml_node *node, struct str name,
                           struct str *ret)
{
    if (zone_canonical(name, ret))
        return true;
    return yaml_error(node, c->err,
                      "'%.*s' is not an IANA time zone of tzdata %s; write it as there, such as "
                      "Asia/Kolkata",
                      STR_ARGS(name), zone_table_version());
}

static bool parse_timezones(struct compiler *c, const struct yaml_node *node,
                            const struct strset **ret)
{
    if (!expect_kind(c, node, YAML_SEQUENCE, "timezones"))
        return false;
    if (node->count == 0)
        return yaml_error(node, c->err,
                          "an empty list would refuse every campaign; name at least one zone or "
                          "remove the rule");
    struct strset *set = arena_zalloc(c->arena, 1, sizeof(*set));
    if (!set || !strset_init(set, c->arena, node->count))
        return out_of_memory(c);
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        struct str zone;
        if (!expect_kind(c, each, YAML_SCALAR, "a time zone") ||
            !canonical_zone(c, each, each->text, &zone))
            return false;
        if (strset_add(set, zone, each) != STRSET_ADDED)
            return yaml_error(each, c->err, "%.*s is in the list already (as %.*s)",
                              STR_ARGS(each->text), STR_ARGS(zone));
    }
    *ret = set;
    return true;
}

/* ---- business_hours ---- */

struct day_range {
    bool days[WEEKDAYS];
};

/* "MO", "MO-FR", "SA-MO" */
static bool add_days(struct day_range *range, struct str text)
{
    struct str first_code, last_code;
    enum weekday first, last;
    bool ranged = str_cut(text, '-', &first_code, &last_code);
    if (!weekday_parse(str_trim(first_code), &first) ||
        !weekday_parse(str_trim(ranged ? last_code : first_code), &last))
        return false;
    for (enum weekday day = first;; day = (day + 1) % WEEKDAYS) {
        if (range->days[day])
            return false;
        range->days[day] = true;
        if (day == last)
            return true;
    }
}

/* "MO-WE, FR": days and ranges of days with commas between them. */
static bool parse_day_key(struct compiler *c, const struct yaml_node *node, struct day_range *range)
{
    bool more = true;
    for (struct str item, rest = node->key; more;) {
        more = str_cut(rest, ',', &item, &rest);
        if (!add_days(range, str_trim(item)))
            return yaml_key_error(node, c->err,
                                  "'%.*s' is not a day or a range of days; write MO, MO-FR or "
                                  "\"MO,WE,FR\", each day once",
                                  STR_ARGS(node->key));
    }
    return true;
}

static bool parse_time(struct str text, bool is_end, int *ret_min)
{
    if (is_end && str_equal(text, STR("24:00"))) {
        *ret_min = MINUTES_PER_DAY;
        return true;
    }
    return daytime_parse(text, ret_min);
}

/* "9:00 AM - 8:00 PM"; an end at midnight is the day's end. */
static bool parse_window(struct compiler *c, const struct yaml_node *node, struct window *ret)
{
    struct str opens = {0}, closes = {0};
    if (!expect_kind(c, node, YAML_SCALAR, "a window"))
        return false;
    if (!str_cut(node->text, '-', &opens, &closes) ||
        !parse_time(str_trim(opens), false, &ret->opens_min) ||
        !parse_time(str_trim(closes), true, &ret->closes_min))
        return yaml_error(node, c->err,
                          "'%.*s' is not a window; write it like 9:00 AM - 6:00 PM (24:00 is the "
                          "day's end)",
                          STR_ARGS(node->text));
    if (ret->closes_min == 0)
        ret->closes_min = MINUTES_PER_DAY;
    if (ret->opens_min == ret->closes_min)
        return yaml_error(node, c->err, "this window opens and closes at the same time");
    return true;
}

static bool add_window(struct compiler *c, const struct yaml_node *node,
                       const struct day_range *range, struct week_windows *week)
{
    struct window window = {0};
    if (!parse_window(c, node, &window))
        return false;
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        if (range->days[day] && !hours_add(week, day, window.opens_min, window.closes_min))
            return yaml_error(node, c->err, "a day cannot have more than %d windows",
                              WINDOWS_PER_DAY);
    }
    return true;
}

/* The windows of some days: one, a list of them, or "closed". */
static bool parse_windows(struct compiler *c, const struct yaml_node *node,
                          const struct day_range *range, struct week_windows *week)
{
    if (node->kind == YAML_SCALAR)
        return str_equal(node->text, STR("closed")) || add_window(c, node, range, week);
    if (!expect_kind(c, node, YAML_SEQUENCE, "the hours of a day"))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (!add_window(c, each, range, week))
            return false;
    }
    return true;
}

static bool parse_week(struct compiler *c, const struct yaml_node *node, struct week_windows *week)
{
    struct day_range seen = {0};
    if (!expect_kind(c, node, YAML_MAPPING, "the hours of a zone"))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        struct day_range range = {0};
        if (!parse_day_key(c, each, &range))
            return false;
        for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
            if (range.days[day] && seen.days[day])
                return yaml_key_error(each, c->err, "%s is given twice in this zone",
                                      weekday_code(day));
            seen.days[day] = seen.days[day] || range.days[day];
        }
        if (!parse_windows(c, each, &range, week))
            return false;
    }
    return true;
}

static bool parse_business_hours(struct compiler *c, const struct yaml_node *node,
                                 const struct hours_table **ret)
{
    if (!expect_kind(c, node, YAML_MAPPING, "business_hours"))
        return false;
    struct hours_table *table = arena_zalloc(c->arena, 1, sizeof(*table));
    if (!table || !strset_init(&table->zones, c->arena, node->count))
        return out_of_memory(c);
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        struct week_windows *week = arena_zalloc(c->arena, 1, sizeof(*week));
        struct str zone;
        if (!week)
            return out_of_memory(c);
        if (!parse_week(c, each, week))
            return false;
        if (str_equal(each->key, STR("*"))) {
            table->fallback = week;
            continue;
        }
        if (!zone_canonical(each->key, &zone))
            return yaml_key_error(each, c->err,
                                  "'%.*s' is neither an IANA time zone nor \"*\" (all others)",
                                  STR_ARGS(each->key));
        if (strset_add(&table->zones, zone, week) != STRSET_ADDED)
            return yaml_key_error(each, c->err, "%.*s is given twice (under another name of it)",
                                  STR_ARGS(zone));
    }
    *ret = table;
    return true;
}

/* ---- layers ---- */

enum {
#define RULE(name, type) RULE_##name,
#include "policy/rules.def"
#undef RULE
    RULE_COUNT
};

static const char known_rules[] = ""
#define RULE(name, type) " " #name
#include "policy/rules.def"
#undef RULE
    ;

/* Reads one rule into a layer; *which is its number. */
static bool parse_rule(struct compiler *c, const struct yaml_node *node, struct policy_layer *layer,
                       size_t *which)
{
#define RULE(name, type)                                                                           \
    if (str_equal(node->key, STR(#name))) {                                                        \
        *which = RULE_##name;                                                                      \
        return parse_##name(c, node, &layer->name);                                                \
    }
#include "policy/rules.def"
#undef RULE
    return yaml_key_error(node, c->err, "unknown rule '%.*s'; the rules are:%s",
                          STR_ARGS(node->key), known_rules);
}

static bool parse_organisation(struct compiler *c, const struct yaml_node *node)
{
    _Static_assert(RULE_COUNT <= COUNT_OF(c->organisation_rules), "make room for the rules");
    if (!expect_kind(c, node, YAML_MAPPING, "organisation"))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        size_t which = 0;
        if (!parse_rule(c, each, &c->set->organisation, &which))
            return false;
        const struct yaml_node *before = c->organisation_rules[which];
        if (before)
            return yaml_key_error(each, c->err,
                                  "'%.*s' is given twice for the organisation, also at %s:%zu",
                                  STR_ARGS(each->key), before->file, before->key_line);
        c->organisation_rules[which] = each;
    }
    return true;
}

static bool parse_team(struct compiler *c, const struct yaml_node *node)
{
    struct policy_layer *layer = arena_zalloc(c->arena, 1, sizeof(*layer));
    if (!layer)
        return out_of_memory(c);
    layer->team = node->key;
    bool silent = node->kind == YAML_SCALAR && node->text.len == 0; /* "support:" asks nothing */
    if (!silent && !expect_kind(c, node, YAML_MAPPING, "a team's rules"))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        size_t which = 0;
        if (!parse_rule(c, each, layer, &which))
            return false;
    }
    if (strset_add(&c->set->teams, layer->team, layer) != STRSET_ADDED)
        return yaml_key_error(node, c->err,
                              "the team '%.*s' is given twice, here and in another "
                              "file of the policy",
                              STR_ARGS(layer->team));
    return true;
}

static bool parse_teams(struct compiler *c, const struct yaml_node *node)
{
    if (!expect_kind(c, node, YAML_MAPPING, "teams"))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (!parse_team(c, each))
            return false;
    }
    return true;
}

static bool parse_revision(struct compiler *c, const struct yaml_node *node)
{
    if (!expect_kind(c, node, YAML_SCALAR, "revision"))
        return false;
    if (c->revision)
        return yaml_key_error(node, c->err, "'revision' is given twice, also at %s:%zu",
                              c->revision->file, c->revision->key_line);
    if (node->text.len == 0 || node->text.len > 64)
        return yaml_error(node, c->err, "a revision is a short text such as 2026-11-23.1");
    c->revision = node;
    c->set->revision = node->text;
    return true;
}

static const struct {
    const char *key;
    bool (*parse)(struct compiler *c, const struct yaml_node *node);
} top_keys[] = {
    {"revision", parse_revision},
    {"organisation", parse_organisation},
    {"teams", parse_teams},
};

static bool parse_top(struct compiler *c, const struct yaml_node *node)
{
    for (size_t i = 0; i < COUNT_OF(top_keys); i++) {
        if (str_equal(node->key, str_from(top_keys[i].key)))
            return top_keys[i].parse(c, node);
    }
    return yaml_key_error(node, c->err,
                          "unknown key '%.*s'; a policy file has revision, organisation and teams",
                          STR_ARGS(node->key));
}

static bool parse_source(struct compiler *c, const struct yaml_node *root)
{
    if (!expect_kind(c, root, YAML_MAPPING, "a policy file"))
        return false;
    for (const struct yaml_node *each = root->first; each; each = each->next) {
        if (!parse_top(c, each))
            return false;
    }
    return true;
}

/* Reads every file before the set is built: the table of teams must know how many there are. */
static const struct yaml_node **read_sources(struct compiler *c,
                                             const struct policy_source *sources, size_t count,
                                             size_t *ret_teams)
{
    const struct yaml_node **roots = arena_zalloc(c->arena, count, sizeof(struct yaml_node *));
    *ret_teams = 0;
    if (!roots)
        (void)out_of_memory(c);
    for (size_t i = 0; roots && i < count; i++) {
        roots[i] = yaml_read(sources[i].name, sources[i].text, c->arena, c->err);
        if (!roots[i])
            return NULL;
        const struct yaml_node *teams =
            roots[i]->kind == YAML_MAPPING ? yaml_member(roots[i], STR("teams")) : NULL;
        *ret_teams += teams ? teams->count : 0;
    }
    return roots;
}

struct policy_set *policy_compile(const struct policy_source *sources, size_t count,
                                  struct arena *arena, struct error *err)
{
    struct compiler c = {.arena = arena, .err = err};
    size_t teams;
    const struct yaml_node **roots = read_sources(&c, sources, count, &teams);
    if (!roots)
        return NULL;
    c.set = arena_zalloc(arena, 1, sizeof(*c.set));
    if (!c.set || !strset_init(&c.set->teams, arena, teams)) {
        (void)out_of_memory(&c);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!parse_source(&c, roots[i]))
            return NULL;
    }
    if (!c.revision) {
        error_set(err, "%s: the policy has no 'revision'; give it one in one of its files",
                  count ? sources[0].name : "policy");
        return NULL;
    }
    return c.set;
}
