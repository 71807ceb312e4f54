/*
 *     for each rule of rules.def, for each layer that has it and applies:
 *         mode off? part absent?  -> skipped
 *         check_<rule>            -> nothing: passed
 *                                 -> violations: refuse, or are only observed (mode, exception)
 *
 * The rules' own questions stand in check_who.c, check_when.c and check_what.c.
 */
#include "policy/check.h"

#include <assert.h>

#include "base/limits.h"

/* ---- the table of rules ---- */

/* One asker for each rule, so that the table below can hold them all. */
#define RULE(name, type, reads)                                                                    \
    static void ask_##name(const struct question *q, const void *setting)                          \
    {                                                                                              \
        check_##name(q, (const type *)setting);                                                    \
    }
#include "policy/rules.def"
#undef RULE

static const struct {
    struct str name;
    enum policy_part reads;
    void (*ask)(const struct question *q, const void *setting);
} rules[] = {
#define RULE(name, type, reads) {{#name, sizeof(#name) - 1}, reads, ask_##name},
#include "policy/rules.def"
#undef RULE
};

struct str policy_rule_name(enum policy_rule rule)
{
    return rules[rule].name;
}

bool policy_rule_parse(struct str name, enum policy_rule *ret)
{
    for (size_t i = 0; i < POLICY_RULES; i++) {
        if (str_equal(name, rules[i].name)) {
            *ret = (enum policy_rule)i;
            return true;
        }
    }
    return false;
}

const char *policy_answer_text(enum policy_answer answer)
{
    static const char *const texts[] = {
        [ANSWER_PASSED] = "passed",  [ANSWER_FAILED] = "failed",   [ANSWER_REPORTED] = "reported",
        [ANSWER_WAIVED] = "waived",  [ANSWER_SKIPPED] = "skipped", [ANSWER_UNKNOWN] = "unknown",
        [ANSWER_UNBOUND] = "unknown"};
    return texts[answer];
}

enum policy_part rule_reads(enum policy_rule rule)
{
    return rules[rule].reads;
}

/* ---- what the campaign has ---- */

static const char *const absences[POLICY_PARTS] = {
    [PART_CALLER_ID] = "the campaign has no valid caller ID",
    [PART_CONTACT_LISTS] = "the campaign has no valid contact list",
    [PART_DNC_LIST] = "the campaign has no valid do-not-contact list",
    [PART_PRIORITY] = "the campaign has no valid priority",
    [PART_NAME] = "the campaign has no valid name",
    [PART_DESCRIPTION] = "the campaign has no valid description",
    [PART_TIMEZONE] = "the campaign has no valid time zone",
    [PART_FREQUENCY] = "the campaign has no valid frequency",
    [PART_BLOCKS] = "the campaign has no valid block",
    [PART_SCHEDULE] = "the campaign has no valid schedule",
    [PART_TEMPLATE] = "the campaign has no valid template",
    [PART_MESSAGE] = "the campaign has no valid message",
};

static void find_parts(struct subject *s)
{
    const struct campaign *campaign = s->campaign;
    const struct policy_gaps *gaps = s->context->gaps;
    bool *has = s->has;
    has[PART_ALWAYS] = true;
    has[PART_CALLER_ID] = campaign->caller_id.len > 0;
    has[PART_CONTACT_LISTS] = campaign->contact_list_count > 0;
    has[PART_DNC_LIST] = campaign->dnc_list.len > 0;
    has[PART_PRIORITY] = campaign->priority > 0;
    has[PART_NAME] = campaign->name.len > 0;
    has[PART_DESCRIPTION] = campaign->description.len > 0;
    has[PART_TIMEZONE] = s->zone != NULL;
    has[PART_FREQUENCY] = campaign->frequency != FREQUENCY_ABSENT;
    has[PART_BLOCKS] = campaign->block_count > 0;
    has[PART_SCHEDULE] = campaign->has_schedule;
    has[PART_TEMPLATE] = campaign->template_name.len > 0;
    has[PART_MESSAGE] = campaign->message.len > 0;
    for (size_t part = 0; gaps && part < POLICY_PARTS; part++)
        has[part] |= gaps->parts[part] != GAP_NONE;
}

/* ---- message class and language ---- */

/* A case cannot classify: whether it applies may depend on the class. */
static const struct template_entry *entry_of(const struct policy_setting *setting,
                                             struct str template_name)
{
    const struct template_registry *registry = setting->value;
    return setting->rule == RULE_templates && !policy_layer_is_scoped(setting->layer)
               ? strset_get(&registry->by_name, template_name)
               : NULL;
}

/*
 * Of several registries the strictest counts; the enum goes from strict to free. Of languages the
 * last one does, but a team's only where those above it have none.
 */
static bool classify_by(struct subject *s, const struct policy_settings *settings, bool bound)
{
    bool classified = false;
    struct str language = {0};
    for (size_t i = 0; i < settings->count; i++) {
        const struct template_entry *entry =
            entry_of(&settings->items[i], s->campaign->template_name);
        if (entry && entry->language.len)
            language = entry->language;
        if (!entry || !entry->classified)
            continue;
        if (!bound || entry->class < s->class)
            s->class = entry->class;
        bound = classified = true;
    }
    if (s->language.len == 0)
        s->language = language;
    return classified;
}

/* A team is bound by what stands above it: it may be stricter, and not freer. */
static void classify(struct subject *s)
{
    bool by_registry = classify_by(s, &s->set->shared, false);
    if (!by_registry)
        s->class = s->set->default_class;
    bool bound = by_registry || s->set->has_class;
    by_registry = classify_by(s, &s->team->settings, bound) || by_registry;
    if (!by_registry && s->team->has_class && (!bound || s->team->default_class < s->class))
        s->class = s->team->default_class;
}

/* ---- which layers apply ---- */

static enum certainty reverse(enum certainty certainty)
{
    return CERTAINLY - certainty;
}

static enum certainty either(enum certainty a, enum certainty b)
{
    return a > b ? a : b;
}

static enum certainty both(enum certainty a, enum certainty b)
{
    return a < b ? a : b;
}

static enum certainty fits_lists(const struct policy_scope *scope, const struct subject *s)
{
    const struct campaign *campaign = s->campaign;
    bool hidden = gap_of(s, PART_CONTACT_LISTS) != GAP_NONE;
    enum certainty named = scope->contact_lists ? CERTAINLY_NOT : CERTAINLY;
    enum certainty other = scope->other_contact_lists ? CERTAINLY_NOT : CERTAINLY;
    for (size_t i = 0; i < campaign->contact_list_count; i++) {
        struct str list = campaign->contact_lists[i];
        enum policy_gap gap = hidden ? s->context->gaps->lists[i] : GAP_NONE;
        if (named != CERTAINLY)
            named = either(named, name_is_listed(gap, list, scope->contact_lists));
        if (other != CERTAINLY)
            other = either(other, reverse(name_is_listed(gap, list, scope->other_contact_lists)));
    }
    return both(named, other);
}

static enum certainty fits_names(const struct policy_scope *scope, const struct subject *s)
{
    enum certainty caller = CERTAINLY;
    if (scope->caller_ids)
        caller =
            name_is_listed(gap_of(s, PART_CALLER_ID), s->campaign->caller_id, scope->caller_ids);
    return caller == CERTAINLY_NOT ? CERTAINLY_NOT : both(caller, fits_lists(scope, s));
}

static enum certainty fits_scope(const struct policy_scope *scope, const struct subject *s)
{
    if (!scope)
        return CERTAINLY;
    bool fits = (!scope->by_class || scope->classes[s->class]) &&
                (!scope->timezones || strset_has(&scope->timezones->names, s->zone_name)) &&
                (!scope->languages || name_list_has(scope->languages, s->language));
    return fits ? fits_names(scope, s) : CERTAINLY_NOT;
}

/* Where it stands whether a layer applies: the shared ones first, then the team's. */
static enum certainty *applies(const struct subject *s, const struct policy_layer *layer)
{
    return &s->applies[layer->index + (layer->kind == LAYER_TEAM ? s->set->layer_count : 0)];
}

/* A layer comes before its cases. */
static void find_applying(struct subject *s, const struct policy_layer *const *layers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct policy_layer *parent = layers[i]->parent;
        enum certainty of_parent = parent ? *applies(s, parent) : CERTAINLY;
        *applies(s, layers[i]) = of_parent == CERTAINLY_NOT
                                     ? CERTAINLY_NOT
                                     : both(of_parent, fits_scope(layers[i]->scope, s));
    }
}

bool policy_layer_is_scoped(const struct policy_layer *layer)
{
    return layer->scope || (layer->parent && layer->parent->scope);
}

/* ---- modes ---- */

static enum policy_mode_kind mode_now(struct policy_mode mode, int64_t now_unix_ms)
{
    return now_unix_ms >= mode.enforce_from_ms ? MODE_ENFORCE : mode.kind;
}

static enum policy_mode_kind weaker(enum policy_mode_kind a, enum policy_mode_kind b)
{
    return a > b ? a : b;
}

/* The weakest of what the layer says of the rule, of itself, and the organisation of the team. */
static enum policy_mode_kind mode_of(const struct subject *s, const struct policy_setting *setting)
{
    int64_t now = s->context->now_unix_ms;
    enum policy_mode_kind mode =
        weaker(mode_now(setting->layer->mode, now), mode_now(s->team->mode, now));
    if (setting->layer->modes)
        mode = weaker(mode, mode_now(setting->layer->modes[setting->rule], now));
    return mode;
}

static bool is_replaced(const struct subject *s, const struct policy_setting *setting)
{
    return setting->layer->kind == LAYER_ORGANISATION && s->team->replaces[setting->rule];
}

/* ---- exceptions ---- */

static enum certainty concerns(const struct policy_exception *exception,
                               const struct policy_setting *setting, const struct subject *s)
{
    const struct campaign *campaign = s->campaign;
    bool same_layer = setting->layer->kind == LAYER_PACK
                          ? str_equal(exception->pack, setting->layer->name)
                          : exception->pack.len == 0;
    if (!exception->rules[setting->rule] || !same_layer)
        return CERTAINLY_NOT;
    enum certainty fits = name_fits(gap_of(s, PART_NAME), campaign->name, exception->campaign);
    fits =
        both(fits, name_fits(gap_of(s, PART_CALLER_ID), campaign->caller_id, exception->caller_id));
    return both(fits, name_fits(gap_of(s, PART_TEMPLATE), campaign->template_name,
                                exception->template_name));
}

/* What exceptions do about one setting now. */
struct lifting {
    enum certainty lifted;
    const struct policy_exception *by;      /* when it is certain */
    const struct policy_exception *expired; /* one that did so before; or NULL */
};

static struct lifting find_exception(const struct subject *s, const struct policy_setting *setting)
{
    int64_t now = s->context->now_unix_ms;
    struct lifting ret = {CERTAINLY_NOT, NULL, NULL};
    for (size_t i = 0; i < s->team->exception_count; i++) {
        const struct policy_exception *exception = s->team->exceptions[i];
        enum certainty concerned = concerns(exception, setting, s);
        if (concerned == CERTAINLY_NOT || now < exception->from_ms)
            continue;
        if (now >= exception->until_ms) {
            ret.expired = exception;
            continue;
        }
        ret.lifted = concerned;
        ret.by = exception;
        if (concerned == CERTAINLY)
            return ret;
    }
    return ret;
}

static void note_used(struct policy_findings *findings, const struct policy_exception *exception)
{
    for (size_t i = 0; i < findings->used_count; i++) {
        if (findings->used[i] == exception)
            return;
    }
    if (findings->used_count < POLICY_EXCEPTIONS_USED)
        findings->used[findings->used_count++] = exception;
}

/* ---- asking ---- */

/* One verdict under way. */
struct inquiry {
    struct subject subject;
    struct policy_findings *findings;
    struct violations found; /* by the setting that is being asked */
    const struct policy_trace *trace;
};

static void trace_note(struct inquiry *inquiry, const struct policy_setting *setting,
                       enum policy_answer answer, struct str why)
{
    if (inquiry->trace)
        inquiry->trace->note(inquiry->trace->context, setting, answer, why, inquiry->found.items,
                             inquiry->found.count);
}

/* Hands on what was found to those who refuse, or to those who only look. */
static void deliver(struct inquiry *inquiry, enum violation_effect effect, struct str exception)
{
    struct violations *found = &inquiry->found;
    struct violations *to =
        effect == EFFECT_ENFORCED ? inquiry->findings->violations : &inquiry->findings->observed;
    for (size_t i = 0; i < found->count; i++) {
        found->items[i].effect = effect;
        found->items[i].exception = exception;
        violations_take(to, &found->items[i]);
    }
    /* too many are still known not to refuse; what is not known does */
    if (found->truncated)
        violations_lose(found->count == LIMIT_VIOLATIONS ? to : inquiry->findings->violations);
}

/* The sentence costs memory, so it is written only for somebody who asked. */
static void trace_exception(struct inquiry *inquiry, const struct policy_setting *setting,
                            enum policy_answer answer, const struct policy_exception *exception)
{
    struct str why = {0};
    if (inquiry->trace && exception && answer == ANSWER_WAIVED)
        why = arena_format(inquiry->subject.arena, "exception %.*s, approved by %.*s",
                           STR_ARGS(exception->id), STR_ARGS(exception->approver));
    else if (inquiry->trace && exception)
        why = arena_format(inquiry->subject.arena, "exception %.*s has expired",
                           STR_ARGS(exception->id));
    trace_note(inquiry, setting, answer, why);
}

/* What nobody knows does not refuse. */
static void conclude_unknown(struct inquiry *inquiry, const struct policy_setting *setting,
                             enum policy_answer answer, const char *why)
{
    inquiry->findings->unknown_count++;
    trace_note(inquiry, setting, answer, str_from(why));
}

/* It refuses, or `gap` says why that is not known: what that counts for. */
static void conclude(struct inquiry *inquiry, const struct policy_setting *setting, const char *gap)
{
    struct lifting lifting = find_exception(&inquiry->subject, setting);
    enum certainty applying = *applies(&inquiry->subject, setting->layer);
    bool reports = mode_of(&inquiry->subject, setting) == MODE_REPORT;
    if (applying == PERHAPS && (reports || lifting.lifted == CERTAINLY)) {
        trace_note(inquiry, setting, ANSWER_SKIPPED, STR("whether it applies makes no difference"));
    } else if (reports) {
        deliver(inquiry, EFFECT_REPORTED, (struct str){0});
        trace_note(inquiry, setting, ANSWER_REPORTED, STR("its mode only reports"));
    } else if (lifting.lifted == CERTAINLY) {
        if (!gap)
            note_used(inquiry->findings, lifting.by);
        deliver(inquiry, EFFECT_WAIVED, lifting.by->id);
        trace_exception(inquiry, setting, ANSWER_WAIVED, lifting.by);
    } else if (applying == PERHAPS || lifting.lifted == PERHAPS) {
        conclude_unknown(inquiry, setting, ANSWER_UNBOUND,
                         "whether it counts depends on a name of which only a hash is known");
    } else if (gap) {
        conclude_unknown(inquiry, setting, ANSWER_UNKNOWN, gap);
    } else {
        inquiry->findings->expired_count += lifting.expired != NULL;
        deliver(inquiry, EFFECT_ENFORCED, (struct str){0});
        trace_exception(inquiry, setting, ANSWER_FAILED, lifting.expired);
    }
}

/* Why a setting is not asked; NULL: it is. */
static const char *reason_to_skip(const struct subject *s, const struct policy_setting *setting)
{
    enum policy_part reads = rules[setting->rule].reads;
    if (*applies(s, setting->layer) == CERTAINLY_NOT)
        return "does not apply to this campaign";
    if (is_replaced(s, setting))
        return "the team's own rule takes its place";
    if (mode_of(s, setting) == MODE_OFF)
        return "its mode is off";
    return s->has[reads] ? NULL : absences[reads];
}

/* Asks what can be answered, or takes what is known to have been the answer; or says why neither.
 */
static const char *answer_with_gaps(const struct question *q, const struct policy_setting *setting)
{
    const struct policy_gaps *gaps = q->subject->context->gaps;
    const char *gap = gap_before(q->subject, setting);
    if (!gap)
        rules[setting->rule].ask(q, setting->value);
    else if (gaps->recall && gaps->recall(gaps->context, setting, &q->source, q->violations))
        gap = NULL;
    return gap;
}

static void ask(struct inquiry *inquiry, const struct policy_setting *setting)
{
    struct subject *s = &inquiry->subject;
    const struct policy_layer *layer = setting->layer;
    const char *reason = reason_to_skip(s, setting);
    inquiry->found.count = 0;
    inquiry->found.truncated = false;
    if (reason) {
        trace_note(inquiry, setting, ANSWER_SKIPPED, str_from(reason));
        return;
    }
    const struct question q = {
        .subject = s,
        .campaign = s->campaign,
        .violations = &inquiry->found,
        .layer = layer,
        .source = {rules[setting->rule].name,
                   layer->kind == LAYER_TEAM ? layer->name : (struct str){0}, layer->title},
    };
    const char *gap = s->context->gaps ? answer_with_gaps(&q, setting) : NULL;
    if (!s->context->gaps)
        rules[setting->rule].ask(&q, setting->value);
    if (gap || inquiry->found.count || inquiry->found.truncated)
        conclude(inquiry, setting, gap);
    else
        trace_note(inquiry, setting, ANSWER_PASSED, (struct str){0});
}

/* Both lists are by rule: one walk along the two, the shared layers first. */
static void ask_all(struct inquiry *inquiry)
{
    const struct policy_settings *shared = &inquiry->subject.set->shared;
    const struct policy_settings *own = &inquiry->subject.team->settings;
    size_t i = 0, k = 0;
    while (i < shared->count || k < own->count) {
        bool from_shared =
            i < shared->count && (k == own->count || shared->items[i].rule <= own->items[k].rule);
        ask(inquiry, from_shared ? &shared->items[i++] : &own->items[k++]);
    }
}

bool policy_is_shadow_denied(const struct policy_findings *findings)
{
    for (size_t i = 0; i < findings->observed.count; i++) {
        if (findings->observed.items[i].effect == EFFECT_REPORTED)
            return violations_clean(findings->violations);
    }
    return false;
}

const struct policy_team *policy_team(const struct policy_set *set, struct str team)
{
    return strset_get(&set->teams, team);
}

void policy_check(const struct policy_set *set, const struct policy_team *team,
                  const struct campaign *campaign, const struct policy_context *context,
                  struct violations *violations, struct policy_findings *ret,
                  const struct policy_trace *trace)
{
    struct arena *arena = violations->arena;
    struct reading reading;
    struct inquiry inquiry = {
        .subject = {.set = set,
                    .team = team,
                    .campaign = campaign,
                    .context = context,
                    .arena = arena,
                    .reading = context->reading ? context->reading : &reading,
                    .applies = arena_zalloc(arena, set->layer_count + team->layer_count,
                                            sizeof(enum certainty))},
        .findings = ret,
        .trace = trace};
    struct subject *s = &inquiry.subject;
    assert(team);
    *ret = (struct policy_findings){.violations = violations};
    violations_init(&ret->observed, arena);
    violations_init(&inquiry.found, arena);
    reading_init(&reading, campaign->message, arena);
    if (!s->applies) {
        violations_lose(violations);
        return;
    }
    if (zone_canonical(campaign->timezone, &s->zone_name))
        s->zone = zone_find(s->zone_name);
    find_parts(s);
    classify(s);
    find_applying(s, set->layers, set->layer_count);
    find_applying(s, team->layers, team->layer_count);
    ask_all(&inquiry);
    ret->class = s->class;
    ret->language = s->language;
}

/* ---- what the rules share ---- */

struct str question_whose(const struct question *q)
{
    struct str title = q->layer->title;
    if (q->layer->kind == LAYER_TEAM)
        return arena_format(q->subject->arena, "for %.*s", STR_ARGS(title));
    if (q->layer->kind == LAYER_PACK)
        return arena_format(q->subject->arena, "by %.*s", STR_ARGS(title));
    return str_equal(title, STR("organisation"))
               ? STR("in the organisation")
               : arena_format(q->subject->arena, "in the %.*s", STR_ARGS(title));
}

static void
each_of(struct subject *s, const struct policy_settings *settings, enum policy_rule rule,
        void (*each)(struct subject *subject, const struct policy_setting *setting, void *arg),
        void *arg)
{
    for (size_t i = 0; i < settings->count; i++) {
        const struct policy_setting *setting = &settings->items[i];
        if (setting->rule == rule && !reason_to_skip(s, setting))
            each(s, setting, arg);
    }
}

void subject_each_setting(struct subject *subject, enum policy_rule rule,
                          void (*each)(struct subject *subject,
                                       const struct policy_setting *setting, void *arg),
                          void *arg)
{
    each_of(subject, &subject->set->shared, rule, each, arg);
    each_of(subject, &subject->team->settings, rule, each, arg);
}
