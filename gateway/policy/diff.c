/*
 *     general -> shared layers (packs, organisation) -> teams with their layers -> exceptions
 *         each pair of layers: mode, scope, then rule by rule: facts of both, compared
 */
#include "policy/diff.h"

#include "base/buf.h"
#include "base/zones.h"
#include "policy/compare.h"
#include "policy/describe.h"
#include "policy/layout.h"
#include "policy/page.h"

/* What the walk along both policies carries. */
struct diff {
    const struct policy_set *before, *after;
    const struct zone *calendar_before, *calendar_after;
    struct scribe scribe;
    struct policy_differences *ret;
    /* where it is: */
    struct str who, where, rule;
    struct str prefix, remark; /* put around each sentence; may be empty */
    bool only_reports;         /* before and after: nobody may do more or less */
    bool team_only_reports;
    bool is_unclear; /* what would be more or less may be either */
    bool classes_are_ordered;
};

/* ---- telling ---- */

static bool make_room(struct diff *d)
{
    struct policy_differences *ret = d->ret;
    if (ret->count < ret->capacity)
        return true;
    size_t capacity = ret->capacity ? ret->capacity * 2 : 16;
    struct policy_difference *items = scribe_zalloc(&d->scribe, capacity, sizeof(*items));
    if (!items)
        return false;
    if (ret->count)
        memcpy(items, ret->items, ret->count * sizeof(*items));
    ret->items = items;
    ret->capacity = capacity;
    return true;
}

static void tell(struct diff *d, enum change change, struct str text)
{
    if (!make_room(d))
        return;
    struct str only = d->only_reports ? STR(" (this only reports)") : STR("");
    if (d->only_reports || d->prefix.len || d->remark.len)
        text = scribe_format(&d->scribe, "%.*s%.*s%.*s%.*s", STR_ARGS(d->prefix), STR_ARGS(text),
                             STR_ARGS(d->remark), STR_ARGS(only));
    if (d->only_reports || d->is_unclear)
        change = CHANGE_OTHER;
    d->ret->items[d->ret->count++] =
        (struct policy_difference){change, d->who, d->where, d->rule, text};
}

static void tell_compared(void *context, enum change change, struct str text)
{
    tell(context, change, text);
}

#define TELL(d, change, ...) tell((d), (change), scribe_format(&(d)->scribe, __VA_ARGS__))

/* ---- modes ---- */

static bool same_mode(struct policy_mode a, struct policy_mode b)
{
    return a.kind == b.kind && (a.kind == MODE_ENFORCE || a.enforce_from_ms == b.enforce_from_ms);
}

/* Until when it does not refuse. */
static int64_t lenient_until(struct policy_mode mode)
{
    return mode.kind == MODE_ENFORCE ? INT64_MIN : mode.enforce_from_ms;
}

/* Reporting and being off let the same pass; which of them it is changes what is recorded. */
static enum change mode_change(struct policy_mode before, struct policy_mode after)
{
    int64_t was = lenient_until(before), is = lenient_until(after);
    return is > was ? CHANGE_MORE : is < was ? CHANGE_LESS : CHANGE_OTHER;
}

static void diff_mode(struct diff *d, const char *what, struct policy_mode before,
                      struct policy_mode after)
{
    if (same_mode(before, after))
        return;
    struct str was = mode_words(before, d->calendar_before, &d->scribe);
    struct str is = mode_words(after, d->calendar_after, &d->scribe);
    TELL(d, mode_change(before, after), "%s is %.*s (was %.*s)", what, STR_ARGS(is), STR_ARGS(was));
}

/* ---- rules of a pair of layers ---- */

/* The facts of one thing in both policies. */
struct both {
    struct facts was, is;
};

static void begin_both(struct diff *d, struct both *both)
{
    facts_init(&both->was, &d->scribe, d->calendar_before);
    facts_init(&both->is, &d->scribe, d->calendar_after);
}

static void compare_both(struct diff *d, const struct both *both)
{
    struct comparison c = {&d->scribe, tell_compared, d, d->classes_are_ordered};
    facts_compare(&c, &both->was, &both->is);
}

/* Does more than narrow: it also says what messages are. */
static bool classifies(const struct layer_rules *rules, enum policy_rule rule)
{
    if (rule != RULE_templates || policy_layer_is_scoped(rules->layer))
        return false;
    const struct template_registry *registry = rules->values[rule];
    bool does = false;
    for (size_t i = 0; registry && i < registry->count && !does; i++)
        does = registry->items[i]->classified || registry->items[i]->language.len > 0;
    return does;
}

/* A team's own rule that stands in for the organisation's: without it that one counts again. */
static bool may_replace(const struct policy_set *set, const struct layer_rules *rules,
                        enum policy_rule rule)
{
    return rules->layer->kind == LAYER_TEAM && !rules->layer->parent && set->overridable[rule];
}

static void tell_whole_rule(struct diff *d, enum policy_rule rule, const struct layer_rules *rules,
                            const struct facts *facts, bool joined)
{
    const struct policy_set *set = joined ? d->after : d->before;
    bool unclear = facts->asks_nothing || classifies(rules, rule) || may_replace(set, rules, rule);
    enum change change = unclear ? CHANGE_OTHER : joined ? CHANGE_LESS : CHANGE_MORE;
    struct policy_mode mode = layer_mode_of(rules, rule);
    const struct zone *calendar = joined ? d->calendar_after : d->calendar_before;
    struct str mode_text = mode_is_plain(mode) ? STR("") : mode_words(mode, calendar, &d->scribe);
    struct str summary = facts_summary(facts, NAMES_TOLD);
    TELL(d, change, "the rule %.*s is %s%s%.*s%s: %.*s", STR_ARGS(policy_rule_name(rule)),
         joined ? "new" : "gone", mode_text.len ? " (" : "", STR_ARGS(mode_text),
         mode_text.len ? ")" : "", STR_ARGS(summary));
}

static struct str names_of_teams(struct diff *d, const struct policy_set *set,
                                 enum policy_rule rule)
{
    struct buf text;
    size_t count = 0;
    buf_init(&text, SCRIBE_BYTES);
    for (size_t i = 0; i < set->teams.count; i++) {
        const struct policy_team *team = &set->team_list[i];
        if (!team->replaces[rule])
            continue;
        if (count < NAMES_TOLD)
            buf_format(&text, "%s%.*s", count ? ", " : "", STR_ARGS(team->name));
        count++;
    }
    if (count > NAMES_TOLD)
        buf_format(&text, " and %zu more", count - NAMES_TOLD);
    return scribe_take(&d->scribe, &text);
}

/* "everybody" does not mean those whose own rule takes the place of the organisation's. */
static struct str remark_for(struct diff *d, const struct layer_rules *rules, enum policy_rule rule)
{
    if (rules->layer->kind != LAYER_ORGANISATION || !d->after->overridable[rule])
        return STR("");
    struct str teams = names_of_teams(d, d->after, rule);
    return teams.len ? scribe_format(&d->scribe,
                                     " (but for teams whose own rule takes its place: "
                                     "%.*s)",
                                     STR_ARGS(teams))
                     : STR("");
}

static void diff_rule(struct diff *d, enum policy_rule rule, const struct layer_rules *before,
                      const struct layer_rules *after)
{
    struct both both;
    const void *value_before = before->values[rule], *value_after = after->values[rule];
    if (!value_before && !value_after)
        return;
    d->rule = policy_rule_name(rule);
    d->remark = remark_for(d, after, rule);
    /* a registry that a team replaces says what class its messages have all the same */
    d->is_unclear = rule == RULE_templates && d->remark.len > 0;
    begin_both(d, &both);
    if (value_before)
        describe_rule(rule, value_before, &both.was);
    if (value_after)
        describe_rule(rule, value_after, &both.is);
    bool enforced_before = value_before && layer_enforces_ever(before, rule);
    bool enforced_after = value_after && layer_enforces_ever(after, rule);
    if (value_before && value_after)
        diff_mode(d, "the rule", layer_mode_of(before, rule), layer_mode_of(after, rule));
    d->only_reports = d->team_only_reports || (!enforced_before && !enforced_after);
    if (value_before && value_after)
        compare_both(d, &both);
    else
        tell_whole_rule(d, rule, value_after ? after : before, value_after ? &both.is : &both.was,
                        value_after != NULL);
    d->only_reports = d->is_unclear = false;
    d->rule = d->remark = STR("");
}

/* ---- layers ---- */

static void diff_scope(struct diff *d, const struct layer_rules *before,
                       const struct layer_rules *after)
{
    struct both both;
    begin_both(d, &both);
    describe_scope(before->layer->scope, &both.was);
    describe_scope(after->layer->scope, &both.is);
    d->prefix = STR("what it applies to: ");
    compare_both(d, &both);
    d->prefix = STR("");
    if (classifies(before, RULE_templates) != classifies(after, RULE_templates) &&
        before->values[RULE_templates] && after->values[RULE_templates])
        TELL(d, CHANGE_OTHER, "its templates %s messages their class and language",
             classifies(after, RULE_templates) ? "now give" : "no longer give");
}

static void diff_layer(struct diff *d, const struct layer_rules *before,
                       const struct layer_rules *after)
{
    if (!before->layer->parent) /* a case has the mode of its pack */
        diff_mode(d, "all of it", before->layer->mode, after->layer->mode);
    diff_scope(d, before, after);
    for (enum policy_rule rule = 0; rule < POLICY_RULES; rule++)
        diff_rule(d, rule, before, after);
}

/* "; banned_words: The message holds none of …" for what is new, only the names of what is gone. */
static void write_rules(struct diff *d, const struct layer_rules *rules, bool joined,
                        struct buf *out)
{
    bool first = true;
    for (enum policy_rule rule = 0; rule < POLICY_RULES; rule++) {
        struct facts facts;
        if (!rules->values[rule])
            continue;
        buf_format(out, "%s%.*s", first || joined ? "; " : ", ", STR_ARGS(policy_rule_name(rule)));
        first = false;
        if (!joined)
            continue;
        facts_init(&facts, &d->scribe, d->calendar_after);
        describe_rule(rule, rules->values[rule], &facts);
        buf_append(out, STR(": "));
        buf_append(out, facts_summary(&facts, NAMES_TOLD));
    }
    if (first)
        buf_append(out, STR("; it has no rules"));
}

static struct str list_rules(struct diff *d, const struct layer_rules *rules, bool joined)
{
    struct buf text;
    buf_init(&text, SCRIBE_BYTES);
    write_rules(d, rules, joined, &text);
    return scribe_take(&d->scribe, &text);
}

static bool asks_ever(const struct layer_rules *rules)
{
    bool asks = false;
    for (enum policy_rule rule = 0; rule < POLICY_RULES && !asks; rule++)
        asks = rules->values[rule] && layer_enforces_ever(rules, rule);
    return asks;
}

static void tell_whole_layer(struct diff *d, const struct layer_rules *rules, bool joined)
{
    struct facts scope;
    const struct zone *calendar = joined ? d->calendar_after : d->calendar_before;
    facts_init(&scope, &d->scribe, calendar);
    describe_scope(rules->layer->scope, &scope);
    bool unclear = !asks_ever(rules) || classifies(rules, RULE_templates);
    struct str applies = facts_summary(&scope, NAMES_TOLD), listed = list_rules(d, rules, joined);
    struct str mode = mode_words(rules->layer->mode, calendar, &d->scribe);
    TELL(d,
         unclear  ? CHANGE_OTHER
         : joined ? CHANGE_LESS
                  : CHANGE_MORE,
         "this %s is %s; it is %.*s for %s%.*s%.*s",
         rules->layer->parent               ? "case"
         : rules->layer->kind == LAYER_PACK ? "pack"
                                            : "layer",
         joined ? "new" : "gone", STR_ARGS(mode), scope.count ? "campaigns " : "all campaigns",
         STR_ARGS(applies), STR_ARGS(listed));
}

static struct str key_of(const struct layer_rules *rules, struct scribe *scribe)
{
    return scribe_format(scribe, "%d\n%.*s\n%.*s", (int)rules->layer->kind,
                         STR_ARGS(rules->layer->name), STR_ARGS(rules->layer->title));
}

static bool index_layers(struct diff *d, const struct layer_table *table, struct strset *ret)
{
    bool fine = strset_init(ret, d->scribe.arena, table->count);
    for (size_t i = 0; fine && i < table->count; i++)
        fine =
            strset_add(ret, key_of(&table->items[i], &d->scribe), &table->items[i]) != STRSET_FULL;
    d->scribe.failed = d->scribe.failed || !fine;
    return fine;
}

static void stand_at(struct diff *d, const struct layer_rules *rules)
{
    bool base = rules->layer->kind != LAYER_PACK && !rules->layer->parent;
    d->where = base ? STR("") : rules->layer->title;
}

/* Layers that are gone come first, then the rest in the order of the new policy. */
static void diff_layers(struct diff *d, const struct layer_table *before,
                        const struct layer_table *after)
{
    struct strset were, are;
    if (!index_layers(d, before, &were) || !index_layers(d, after, &are))
        return;
    for (size_t i = 0; i < before->count; i++) {
        stand_at(d, &before->items[i]);
        if (!strset_has(&are, key_of(&before->items[i], &d->scribe)))
            tell_whole_layer(d, &before->items[i], false);
    }
    for (size_t i = 0; i < after->count; i++) {
        const struct layer_rules *is = &after->items[i];
        const struct layer_rules *was = strset_get(&were, key_of(is, &d->scribe));
        stand_at(d, is);
        if (was)
            diff_layer(d, was, is);
        else
            tell_whole_layer(d, is, true);
    }
    d->where = STR("");
}

/* ---- whether a less restricted class means more ---- */

static bool scope_is_ordered(const struct policy_scope *scope)
{
    bool fine = true;
    for (size_t i = 0; scope && scope->by_class && i + 1 < MESSAGE_CLASSES; i++)
        fine = fine && (!scope->classes[i + 1] || scope->classes[i]);
    return fine;
}

static bool callers_are_ordered(const struct caller_list *list)
{
    bool fine = true;
    for (size_t i = 0; fine && i < list->count; i++) {
        const struct caller_binding *binding = &list->items[i];
        for (size_t k = 0; binding->bound_to_class && k + 1 < MESSAGE_CLASSES; k++)
            fine = fine && (!binding->classes[k] || binding->classes[k + 1]);
    }
    return fine;
}

static bool layers_are_ordered(const struct policy_layer *const *layers, size_t count,
                               const struct policy_settings *settings)
{
    bool fine = true;
    for (size_t i = 0; fine && i < count; i++)
        fine = scope_is_ordered(layers[i]->scope);
    for (size_t i = 0; fine && i < settings->count; i++) {
        if (settings->items[i].rule == RULE_caller_ids)
            fine = callers_are_ordered(settings->items[i].value);
    }
    return fine;
}

static bool set_is_ordered(const struct policy_set *set)
{
    bool fine = layers_are_ordered(set->layers, set->layer_count, &set->shared);
    for (size_t i = 0; fine && i < set->teams.count; i++) {
        const struct policy_team *team = &set->team_list[i];
        fine = layers_are_ordered(team->layers, team->layer_count, &team->settings);
    }
    return fine;
}

static enum change class_change(const struct diff *d, enum message_class was, enum message_class is)
{
    enum change change = is > was ? CHANGE_MORE : CHANGE_LESS;
    return is != was && d->classes_are_ordered ? change : CHANGE_OTHER;
}

/* ---- what holds for the whole policy ---- */

static const char *class_words(bool has_class, enum message_class class)
{
    return has_class ? message_class_text(class) : "promotional (as nothing is said)";
}

static void diff_default_class(struct diff *d)
{
    const struct policy_set *was = d->before, *is = d->after;
    if (was->default_class == is->default_class && was->has_class == is->has_class)
        return;
    TELL(d, class_change(d, was->default_class, is->default_class),
         "messages whose template has no class count as %s (was %s), unless the team's own class "
         "is stricter",
         class_words(is->has_class, is->default_class),
         class_words(was->has_class, was->default_class));
}

static void diff_overridable(struct diff *d)
{
    for (enum policy_rule rule = 0; rule < POLICY_RULES; rule++) {
        bool was = d->before->overridable[rule], is = d->after->overridable[rule];
        d->rule = policy_rule_name(rule);
        if (was != is)
            TELL(d, is ? CHANGE_MORE : CHANGE_LESS,
                 "a team's own %.*s may %s the place of the organisation's", STR_ARGS(d->rule),
                 is ? "now take" : "no longer take");
    }
    d->rule = STR("");
}

static void diff_general(struct diff *d)
{
    if (!str_equal(d->before->calendar, d->after->calendar))
        TELL(d, CHANGE_OTHER, "the policy's own dates are days in %.*s (was %.*s)",
             STR_ARGS(d->after->calendar), STR_ARGS(d->before->calendar));
    if (d->before->disclose_caller_ids != d->after->disclose_caller_ids)
        TELL(d, CHANGE_OTHER, "a refusal %s which caller IDs are allowed",
             d->after->disclose_caller_ids ? "now tells" : "no longer tells");
    diff_default_class(d);
    diff_overridable(d);
}

/* ---- which registry's word on language is the last ---- */

static bool names_a_language(const struct layer_rules *rules)
{
    const struct template_registry *registry = rules->values[RULE_templates];
    bool does = false;
    for (size_t i = 0; registry && i < registry->count && !does; i++)
        does = registry->items[i]->language.len > 0;
    return does && classifies(rules, RULE_templates);
}

static struct str languages_in_order(struct diff *d, const struct layer_table *table)
{
    struct buf text;
    buf_init(&text, SCRIBE_BYTES);
    for (size_t i = 0; i < table->count; i++) {
        const struct layer_rules *rules = &table->items[i];
        if (names_a_language(rules))
            buf_format(&text, "%s%.*s", text.len ? ", " : "", STR_ARGS(rules->layer->title));
    }
    return scribe_take(&d->scribe, &text);
}

/* Of two registries that give one template a language, the later one counts. */
static void diff_order(struct diff *d, const struct layer_table *before,
                       const struct layer_table *after)
{
    struct str was = languages_in_order(d, before), is = languages_in_order(d, after);
    if (was.len == is.len && !str_equal(was, is))
        TELL(d, CHANGE_OTHER,
             "the layers that give templates a language come in another order, and the last one "
             "counts: %.*s (was %.*s)",
             STR_ARGS(is), STR_ARGS(was));
}

static void diff_shared(struct diff *d)
{
    struct layer_table before = layout_shared(d->before, &d->scribe);
    struct layer_table after = layout_shared(d->after, &d->scribe);
    diff_layers(d, &before, &after);
    diff_order(d, &before, &after);
}

/* ---- teams ---- */

/* As policy_check decides it. */
static enum message_class class_of(const struct policy_set *set, const struct policy_team *team)
{
    bool own = team->has_class && (!set->has_class || team->default_class < set->default_class);
    return own ? team->default_class : set->default_class;
}

static const char *own_class(const struct policy_team *team)
{
    return team->has_class ? message_class_text(team->default_class) : "the organisation's";
}

/* Told for teams that name a class; for all others it was told for everybody. */
static void diff_team_class(struct diff *d, const struct policy_team *before,
                            const struct policy_team *after)
{
    enum message_class was = class_of(d->before, before), is = class_of(d->after, after);
    bool same_words = before->has_class == after->has_class &&
                      (!after->has_class || before->default_class == after->default_class);
    if ((!before->has_class && !after->has_class) || (same_words && was == is))
        return;
    TELL(d, class_change(d, was, is),
         "its class of messages whose template has none is %s (was %s), so they count as %s (was "
         "%s)",
         own_class(after), own_class(before), message_class_text(is), message_class_text(was));
}

static void diff_replaced(struct diff *d, const struct policy_team *before,
                          const struct policy_team *after)
{
    for (enum policy_rule rule = 0; rule < POLICY_RULES; rule++) {
        bool was = before->replaces[rule], is = after->replaces[rule];
        d->rule = policy_rule_name(rule);
        if (was != is)
            TELL(d, is ? CHANGE_MORE : CHANGE_LESS,
                 "its own %.*s %s the place of the organisation's", STR_ARGS(d->rule),
                 is ? "now takes" : "no longer takes");
    }
    d->rule = STR("");
}

static void diff_team(struct diff *d, const struct policy_team *before,
                      const struct policy_team *after)
{
    struct layer_table was = layout_team(before, &d->scribe), is = layout_team(after, &d->scribe);
    diff_mode(d, "everything it does", before->mode, after->mode);
    diff_team_class(d, before, after);
    diff_replaced(d, before, after);
    d->team_only_reports = !mode_enforces_ever(before->mode) && !mode_enforces_ever(after->mode);
    diff_layers(d, &was, &is);
    d->team_only_reports = false;
}

/* What binds a new team of its own, its cases included. */
static struct str own_rules(struct diff *d, const struct policy_team *team)
{
    struct buf text;
    struct layer_table table = layout_team(team, &d->scribe);
    buf_init(&text, SCRIBE_BYTES);
    for (size_t i = 0; i < table.count; i++) {
        if (i > 0)
            buf_format(&text, "; in its case %.*s", STR_ARGS(table.items[i].layer->title));
        write_rules(d, &table.items[i], true, &text);
    }
    if (!mode_is_plain(team->mode))
        buf_format(&text, "; everything it does is %.*s",
                   STR_ARGS(mode_words(team->mode, d->calendar_after, &d->scribe)));
    return scribe_take(&d->scribe, &text);
}

static void tell_whole_team(struct diff *d, const struct policy_team *team, bool joined)
{
    if (joined)
        TELL(d, CHANGE_MORE, "it is new, and may create campaigns%.*s",
             STR_ARGS(own_rules(d, team)));
    else
        tell(d, CHANGE_LESS, STR("it is gone, and may create no campaigns any more"));
}

static void stand_at_team(struct diff *d, const struct policy_team *team)
{
    d->who = scribe_format(&d->scribe, "team %.*s", STR_ARGS(team->name));
}

static void diff_teams(struct diff *d)
{
    for (size_t i = 0; i < d->before->teams.count; i++) {
        const struct policy_team *was = &d->before->team_list[i];
        if (policy_team(d->after, was->name))
            continue;
        stand_at_team(d, was);
        tell_whole_team(d, was, false);
    }
    for (size_t i = 0; i < d->after->teams.count; i++) {
        const struct policy_team *is = &d->after->team_list[i];
        const struct policy_team *was = policy_team(d->before, is->name);
        stand_at_team(d, is);
        if (was)
            diff_team(d, was, is);
        else
            tell_whole_team(d, is, true);
    }
}

/* ---- exceptions ---- */

static bool index_exceptions(struct diff *d, const struct policy_set *set, struct strset *ret)
{
    bool fine = strset_init(ret, d->scribe.arena, set->exception_count);
    for (size_t i = 0; fine && i < set->exception_count; i++)
        fine = strset_add(ret, set->exceptions[i].id, &set->exceptions[i]) != STRSET_FULL;
    d->scribe.failed = d->scribe.failed || !fine;
    return fine;
}

static void stand_at_exception(struct diff *d, const struct policy_exception *exception)
{
    bool all = str_equal(exception->team, STR("*"));
    d->who =
        all ? STR("everybody") : scribe_format(&d->scribe, "team %.*s", STR_ARGS(exception->team));
    d->where = scribe_format(&d->scribe, "exception %.*s", STR_ARGS(exception->id));
}

static void tell_whole_exception(struct diff *d, const struct policy_exception *exception,
                                 bool joined)
{
    struct facts facts;
    facts_init(&facts, &d->scribe, joined ? d->calendar_after : d->calendar_before);
    describe_exception(exception, &facts);
    stand_at_exception(d, exception);
    struct str summary = facts_summary(&facts, NAMES_TOLD);
    TELL(d, joined ? CHANGE_MORE : CHANGE_LESS, "it is %s: %.*s", joined ? "new" : "gone",
         STR_ARGS(summary));
}

static void diff_exception(struct diff *d, const struct policy_exception *before,
                           const struct policy_exception *after)
{
    struct both both;
    begin_both(d, &both);
    describe_exception(before, &both.was);
    describe_exception(after, &both.is);
    stand_at_exception(d, after);
    compare_both(d, &both);
}

/* Given to another team it is another exception. */
static const struct policy_exception *same_exception(const struct strset *others,
                                                     const struct policy_exception *exception)
{
    const struct policy_exception *other = strset_get(others, exception->id);
    return other && str_equal(other->team, exception->team) ? other : NULL;
}

static void diff_exceptions(struct diff *d)
{
    struct strset were, are;
    if (!index_exceptions(d, d->before, &were) || !index_exceptions(d, d->after, &are))
        return;
    for (size_t i = 0; i < d->before->exception_count; i++) {
        const struct policy_exception *was = &d->before->exceptions[i];
        if (!same_exception(&are, was))
            tell_whole_exception(d, was, false);
    }
    for (size_t i = 0; i < d->after->exception_count; i++) {
        const struct policy_exception *is = &d->after->exceptions[i];
        const struct policy_exception *was = same_exception(&were, is);
        if (was)
            diff_exception(d, was, is);
        else
            tell_whole_exception(d, is, true);
    }
}

/* ---- everything ---- */

bool policy_diff(const struct policy_set *before, const struct policy_set *after,
                 struct arena *arena, struct policy_differences *ret)
{
    struct diff d = {.before = before,
                     .after = after,
                     .calendar_before = zone_find(before->calendar),
                     .calendar_after = zone_find(after->calendar),
                     .scribe = {arena, false},
                     .ret = ret,
                     .who = STR("everybody"),
                     .classes_are_ordered = set_is_ordered(before) && set_is_ordered(after)};
    *ret = (struct policy_differences){0};
    diff_general(&d);
    diff_shared(&d);
    diff_teams(&d);
    diff_exceptions(&d);
    return !d.scribe.failed;
}

const char *change_text(enum change change)
{
    static const char *const texts[] = {[CHANGE_NONE] = "",
                                        [CHANGE_MORE] = "more",
                                        [CHANGE_LESS] = "less",
                                        [CHANGE_OTHER] = "different"};
    return texts[change];
}

void policy_differences_write(const struct policy_differences *differences, struct buf *out)
{
    static const char *const verbs[] = {[CHANGE_NONE] = "",
                                        [CHANGE_MORE] = " may do more",
                                        [CHANGE_LESS] = " may do less",
                                        [CHANGE_OTHER] = " is bound differently"};
    for (size_t i = 0; i < differences->count; i++) {
        const struct policy_difference *each = &differences->items[i];
        page_show(each->who, out);
        buf_append(out, str_from(verbs[each->change]));
        if (each->where.len) {
            buf_append(out, STR(" ("));
            page_show(each->where, out);
            buf_append_byte(out, ')');
        }
        buf_append(out, STR(": "));
        page_show(each->text, out);
        buf_append_byte(out, '\n');
    }
}
