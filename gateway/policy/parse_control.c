/*
 * What decides when rules count: modes, scopes, exceptions.
 */
#include "base/calendar.h"
#include "base/glob.h"
#include "policy/parse.h"

/* ---- modes ---- */

static struct str rule_name_at(size_t index)
{
    return policy_rule_name((enum policy_rule)index);
}

static bool parse_rule_name(struct compiler *c, const struct yaml_node *node, struct str name,
                            bool is_key, enum policy_rule *ret)
{
    if (policy_rule_parse(name, ret))
        return true;
    struct str hint = compiler_suggest(c, name, rule_name_at, POLICY_RULES);
    if (is_key)
        return yaml_key_error(node, c->err, "there is no rule '%.*s'%.*s", SHOW_ARGS(name),
                              STR_ARGS(hint));
    return yaml_error(node, c->err, "there is no rule '%.*s'%.*s", SHOW_ARGS(name), STR_ARGS(hint));
}

static bool parse_mode_kind(struct compiler *c, const struct yaml_node *node,
                            enum policy_mode_kind *ret)
{
    static const char *const names[] = {
        [MODE_ENFORCE] = "enforce", [MODE_REPORT] = "report", [MODE_OFF] = "off"};
    for (size_t i = 0; node->kind == YAML_SCALAR && i < COUNT_OF(names); i++) {
        if (str_equal(node->text, str_from(names[i]))) {
            *ret = (enum policy_mode_kind)i;
            return true;
        }
    }
    return yaml_error(node, c->err, "a mode is enforce, report or off");
}

static bool key_mode(struct compiler *c, const struct yaml_node *node, void *target)
{
    return parse_mode_kind(c, node, &((struct policy_mode *)target)->kind);
}

static bool key_enforce_from(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_day_start(c, node, &((struct policy_mode *)target)->enforce_from_ms);
}

/* Read when the include is. */
static bool key_file(struct compiler *c, const struct yaml_node *node, void *target)
{
    (void)target;
    return compiler_expect(c, node, YAML_SCALAR, "the file to include");
}

static bool read_mode(struct compiler *c, const struct yaml_node *node, const char *what,
                      const struct compiler_key *keys, size_t key_count, struct policy_mode *ret)
{
    struct policy_mode mode = POLICY_ENFORCED;
    if (!compiler_mapping(c, node, what, keys, key_count, &mode))
        return false;
    if (mode.kind == MODE_ENFORCE && mode.enforce_from_ms != INT64_MAX)
        return yaml_error(node, c->err,
                          "say what holds until 'enforce_from': add 'mode: report' or 'mode: off'");
    *ret = mode;
    return true;
}

/* "report", or {mode: report, enforce_from: 2027-01-01}. */
static bool parse_mode(struct compiler *c, const struct yaml_node *node, struct policy_mode *ret)
{
    static const struct compiler_key keys[] = {{"mode", key_mode, false},
                                               {"enforce_from", key_enforce_from, false}};
    if (node->kind != YAML_SCALAR || yaml_is_null(node))
        return read_mode(c, node, "a mode", keys, COUNT_OF(keys), ret);
    *ret = POLICY_ENFORCED;
    return parse_mode_kind(c, node, &ret->kind);
}

bool parse_include_mode(struct compiler *c, const struct yaml_node *node, struct policy_mode *ret)
{
    static const struct compiler_key keys[] = {{"file", key_file, false},
                                               {"mode", key_mode, false},
                                               {"enforce_from", key_enforce_from, false}};
    return read_mode(c, node, "an include", keys, COUNT_OF(keys), ret);
}

bool parse_modes(struct compiler *c, const struct yaml_node *node, struct policy_layer *layer)
{
    bool fine = true;
    struct policy_mode *modes = arena_zalloc(c->arena, POLICY_RULES, sizeof(*modes));
    if (!modes)
        return compiler_out_of_memory(c);
    if (!compiler_expect(c, node, YAML_MAPPING, "modes"))
        return false;
    for (size_t i = 0; i < POLICY_RULES; i++)
        modes[i] = POLICY_ENFORCED;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        enum policy_rule rule;
        bool done =
            parse_rule_name(c, each, each->key, true, &rule) && parse_mode(c, each, &modes[rule]);
        fine = (done || compiler_note(c)) && fine;
    }
    layer->modes = modes;
    return fine;
}

static struct policy_team *find_team(struct compiler *c, struct str name)
{
    const struct policy_team *team = policy_team(c->set, name);
    return team ? &c->teams[team - c->set->team_list] : NULL;
}

static bool unknown_team(struct compiler *c, const struct yaml_node *node, struct str name,
                         bool is_key)
{
    static const char sentence[] = "there is no team '%.*s'; the teams stand under 'teams'";
    return is_key ? yaml_key_error(node, c->err, sentence, SHOW_ARGS(name))
                  : yaml_error(node, c->err, sentence, SHOW_ARGS(name));
}

bool parse_team_modes(struct compiler *c, const struct yaml_node *node)
{
    bool fine = true;
    if (!compiler_expect(c, node, YAML_MAPPING, "team_modes"))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        struct policy_team *team = find_team(c, each->key);
        bool done =
            team ? parse_mode(c, each, &team->mode) : unknown_team(c, each, each->key, true);
        fine = (done || compiler_note(c)) && fine;
    }
    return fine;
}

static bool add_rule(struct compiler *c, const struct yaml_node *node, void *target)
{
    bool *rules = target;
    enum policy_rule rule;
    if (!compiler_expect(c, node, YAML_SCALAR, "a rule's name") ||
        !parse_rule_name(c, node, node->text, false, &rule))
        return false;
    if (rules[rule])
        return yaml_error(node, c->err, "'%.*s' is named twice", SHOW_ARGS(node->text));
    rules[rule] = true;
    return true;
}

bool parse_overridable(struct compiler *c, const struct yaml_node *node)
{
    return compiler_each(c, node, "overridable", true, add_rule, c->set->overridable);
}

/* ---- scopes ---- */

static bool key_timezones(struct compiler *c, const struct yaml_node *node, void *target)
{
    return parse_zone_list(c, node, &((struct policy_scope *)target)->timezones);
}

static bool key_classes(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct policy_scope *scope = target;
    scope->by_class = true;
    return parse_classes(c, node, scope->classes);
}

static bool key_languages(struct compiler *c, const struct yaml_node *node, void *target)
{
    return parse_name_list(c, node, "a language", &((struct policy_scope *)target)->languages);
}

static bool key_caller_ids(struct compiler *c, const struct yaml_node *node, void *target)
{
    return parse_name_list(c, node, "a caller ID", &((struct policy_scope *)target)->caller_ids);
}

static bool key_contact_lists(struct compiler *c, const struct yaml_node *node, void *target)
{
    return parse_name_list(c, node, "a contact list",
                           &((struct policy_scope *)target)->contact_lists);
}

static bool key_other_lists(struct compiler *c, const struct yaml_node *node, void *target)
{
    return parse_name_list(c, node, "a contact list",
                           &((struct policy_scope *)target)->other_contact_lists);
}

bool parse_scope(struct compiler *c, const struct yaml_node *node, const struct policy_scope **ret)
{
    static const struct compiler_key keys[] = {
        {"timezones", key_timezones, false},
        {"classes", key_classes, false},
        {"languages", key_languages, false},
        {"caller_ids", key_caller_ids, false},
        {"contact_lists", key_contact_lists, false},
        {"other_contact_lists", key_other_lists, false},
    };
    struct policy_scope *scope = arena_zalloc(c->arena, 1, sizeof(*scope));
    if (!scope)
        return compiler_out_of_memory(c);
    if (!compiler_mapping(c, node, "applies_to", keys, COUNT_OF(keys), scope))
        return false;
    if (!node->first)
        return yaml_error(node, c->err,
                          "this applies to nothing in particular; remove it, or name "
                          "time zones, classes, languages, caller IDs or lists");
    *ret = scope;
    return true;
}

/* ---- exceptions ---- */

static bool copy_text(struct compiler *c, const struct yaml_node *node, const char *what,
                      struct str *ret)
{
    if (!compiler_expect(c, node, YAML_SCALAR, what))
        return false;
    if (!compiler_is_name(node->text))
        return yaml_error(node, c->err, "%s has 1 to 64 bytes and no control characters", what);
    *ret = node->text;
    return true;
}

#define TEXT_KEY(name, member, what)                                                               \
    static bool key_##name(struct compiler *c, const struct yaml_node *node, void *target)         \
    {                                                                                              \
        return copy_text(c, node, what, &((struct policy_exception *)target)->member);             \
    }
TEXT_KEY(id, id, "an exception's id")
TEXT_KEY(approver, approver, "the approver")
TEXT_KEY(ticket, ticket, "the ticket")
TEXT_KEY(campaign, campaign, "the campaign's name, or a pattern with *,")
TEXT_KEY(caller_id, caller_id, "the caller ID, or a pattern with *,")
TEXT_KEY(template, template_name, "the template's name, or a pattern with *,")
#undef TEXT_KEY

static bool key_team(struct compiler *c, const struct yaml_node *node, void *target)
{
    if (!copy_text(c, node, "the team (or \"*\")", &((struct policy_exception *)target)->team))
        return false;
    return str_equal(node->text, STR("*")) || find_team(c, node->text) ||
           unknown_team(c, node, node->text, false);
}

static bool key_rule(struct compiler *c, const struct yaml_node *node, void *target)
{
    if (node->kind == YAML_SEQUENCE && node->count == 0)
        return yaml_error(node, c->err, "an exception without a rule lifts nothing; name one");
    return compiler_each(c, node, "rule", true, add_rule,
                         ((struct policy_exception *)target)->rules);
}

static bool key_pack(struct compiler *c, const struct yaml_node *node, void *target)
{
    if (!copy_text(c, node, "the pack's name", &((struct policy_exception *)target)->pack))
        return false;
    for (size_t i = 0; i < c->packs.count; i++) {
        if (str_equal(c->packs.items[i]->name, node->text))
            return true;
    }
    return yaml_error(node, c->err, "no pack '%.*s' is included", SHOW_ARGS(node->text));
}

static bool key_not_before(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_day_start(c, node, &((struct policy_exception *)target)->from_ms);
}

static bool key_expires(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_day_end(c, node, &((struct policy_exception *)target)->until_ms);
}

#define DAY_MS INT64_C(86400000)

/* Its last day is included. What is longer than a month is no exception but a rule. */
static bool check_period(struct compiler *c, const struct yaml_node *node,
                         struct policy_exception *exception)
{
    int64_t longest_ms = LIMIT_EXCEPTION_DAYS * DAY_MS + DAY_MS / 8; /* summer time may end */
    if (exception->from_ms == INT64_MIN)
        exception->from_ms = exception->until_ms - LIMIT_EXCEPTION_DAYS * DAY_MS;
    if (exception->from_ms >= exception->until_ms)
        return yaml_error(node, c->err, "this exception expires before it begins");
    return exception->until_ms - exception->from_ms <= longest_ms ||
           yaml_error(node, c->err,
                      "this exception lasts longer than %d days; what lasts longer belongs into a "
                      "rule",
                      LIMIT_EXCEPTION_DAYS);
}

static bool may_both_fit(struct str a, struct str b)
{
    return a.len == 0 || b.len == 0 || glob_intersect(a, b);
}

static bool share_a_rule(const struct policy_exception *a, const struct policy_exception *b)
{
    for (size_t i = 0; i < POLICY_RULES; i++) {
        if (a->rules[i] && b->rules[i])
            return true;
    }
    return false;
}

/* Two exceptions for the same campaign and rule: whose approval let it pass? */
static bool overlap(const struct policy_exception *a, const struct policy_exception *b)
{
    return (str_equal(a->team, b->team) || str_equal(a->team, STR("*")) ||
            str_equal(b->team, STR("*"))) &&
           str_equal(a->pack, b->pack) && a->from_ms < b->until_ms && b->from_ms < a->until_ms &&
           share_a_rule(a, b) && may_both_fit(a->campaign, b->campaign) &&
           may_both_fit(a->caller_id, b->caller_id) &&
           may_both_fit(a->template_name, b->template_name);
}

static bool check_others(struct compiler *c, const struct yaml_node *node,
                         const struct policy_exception *exception)
{
    for (size_t i = 0; i < c->set->exception_count; i++) {
        const struct policy_exception *other = &c->exceptions[i];
        if (str_equal(other->id, exception->id))
            return yaml_error(node, c->err, "another exception has the id '%.*s'",
                              SHOW_ARGS(other->id));
        if (overlap(other, exception))
            return yaml_error(node, c->err,
                              "exception %.*s overlaps exception %.*s: both lift the same rule for "
                              "the same campaigns on the same days; keep one, or part their days",
                              SHOW_ARGS(exception->id), SHOW_ARGS(other->id));
    }
    return true;
}

static bool parse_exception(struct compiler *c, const struct yaml_node *node, void *target)
{
    static const struct compiler_key keys[] = {
        {"id", key_id, true},
        {"team", key_team, true},
        {"rule", key_rule, true},
        {"expires", key_expires, true},
        {"approver", key_approver, true},
        {"ticket", key_ticket, true},
        {"not_before", key_not_before, false},
        {"campaign", key_campaign, false},
        {"caller_id", key_caller_id, false},
        {"template", key_template, false},
        {"pack", key_pack, false},
    };
    (void)target;
    struct policy_exception *exception = &c->exceptions[c->set->exception_count];
    *exception = (struct policy_exception){.from_ms = INT64_MIN};
    if (!compiler_mapping(c, node, "an exception", keys, COUNT_OF(keys), exception) ||
        !check_period(c, node, exception) || !check_others(c, node, exception))
        return false;
    c->set->exception_count++;
    return true;
}

static bool concerns(const struct policy_exception *exception, const struct policy_team *team)
{
    return str_equal(exception->team, team->name) || str_equal(exception->team, STR("*"));
}

static bool give_exceptions(struct compiler *c, struct policy_team *team)
{
    const struct policy_set *set = c->set;
    size_t count = 0;
    for (size_t i = 0; i < set->exception_count; i++)
        count += concerns(&set->exceptions[i], team);
    const struct policy_exception **mine =
        arena_zalloc(c->arena, count, sizeof(struct policy_exception *));
    if (!mine)
        return compiler_out_of_memory(c);
    for (size_t i = 0; i < set->exception_count; i++) {
        if (concerns(&set->exceptions[i], team))
            mine[team->exception_count++] = &set->exceptions[i];
    }
    team->exceptions = mine;
    return true;
}

/* Every team gets its own and those for all, so that judging looks at no others. */
static bool hand_out(struct compiler *c)
{
    for (size_t i = 0; i < c->set->teams.count && c->set->exception_count; i++) {
        if (!give_exceptions(c, &c->teams[i]))
            return false;
    }
    return true;
}

/* Those of one file, or NULL. */
static const struct yaml_node *exceptions_of(const struct yaml_node *root)
{
    return compiler_member(root, STR("exceptions"));
}

bool parse_exceptions(struct compiler *c)
{
    bool fine = true;
    size_t count = 0;
    for (size_t i = 0; i < c->file_count; i++)
        count += exceptions_of(c->files[i]) ? exceptions_of(c->files[i])->count : 0;
    c->set->exceptions = c->exceptions = arena_zalloc(c->arena, count + 1, sizeof(*c->exceptions));
    if (!c->exceptions)
        return compiler_out_of_memory(c);
    for (size_t i = 0; i < c->file_count; i++) {
        const struct yaml_node *node = exceptions_of(c->files[i]);
        bool done = !node || compiler_each(c, node, "exceptions", false, parse_exception, NULL);
        fine = (done || compiler_note(c)) && fine;
    }
    return hand_out(c) && fine;
}
