#include "cli/recall.h"

#include "policy/setting_change.h"

/* What one setting of the old policy said. */
struct remembered {
    const struct policy_setting *setting;
    const struct recorded_violation *refusal; /* the first; NULL: it passed */
};

/* ---- how two settings differ ---- */

struct recall_pair {
    const void *before, *after;
    enum change change;
};

void recall_init(struct recall *recall, struct arena *memory)
{
    *recall = (struct recall){.memory = memory};
}

static struct recall_pair *slot_for(const struct recall *recall, const void *before,
                                    const void *after)
{
    size_t mask = recall->pair_capacity - 1;
    size_t hash = (size_t)(uintptr_t)before / 16 * 31 + (size_t)(uintptr_t)after / 16;
    for (size_t i = (hash ^ hash >> 7) & mask;; i = (i + 1) & mask) {
        struct recall_pair *pair = &recall->pairs[i];
        if (!pair->before || (pair->before == before && pair->after == after))
            return pair;
    }
}

static bool make_room(struct recall *recall)
{
    struct recall old = *recall;
    if (recall->pair_count * 2 < recall->pair_capacity)
        return true;
    size_t capacity = old.pair_capacity ? old.pair_capacity * 2 : 64;
    struct recall_pair *pairs = arena_zalloc(recall->memory, capacity, sizeof(*pairs));
    if (!pairs)
        return false;
    recall->pairs = pairs;
    recall->pair_capacity = capacity;
    for (size_t i = 0; i < old.pair_capacity; i++) {
        if (old.pairs[i].before)
            *slot_for(recall, old.pairs[i].before, old.pairs[i].after) = old.pairs[i];
    }
    return true;
}

/* Long lists take a while to compare, and the same two are compared for every decision. */
static enum change change_between(struct recall *recall, enum policy_rule rule, const void *before,
                                  const void *after)
{
    if (before == after)
        return CHANGE_NONE;
    if (!make_room(recall))
        return CHANGE_OTHER;
    struct recall_pair *pair = slot_for(recall, before, after);
    if (pair->before)
        return pair->change;
    struct arena scratch;
    arena_init(&scratch, SCRIBE_BYTES);
    enum change change = rule == RULE_templates ? template_change(before, after, &scratch)
                                                : setting_change(rule, before, after, &scratch);
    arena_release(&scratch);
    *pair = (struct recall_pair){before, after, change};
    recall->pair_count++;
    return change;
}

/* ---- what was said ---- */

static const struct recorded_violation *recorded_refusal(const struct recorded_decision *decision,
                                                         const struct policy_setting *setting)
{
    const struct policy_layer *layer = setting->layer;
    struct str team = layer->kind == LAYER_TEAM ? layer->name : (struct str){0};
    for (size_t i = 0; i < decision->violation_count; i++) {
        const struct recorded_violation *each = &decision->violations[i];
        if (str_equal(each->rule, policy_rule_name(setting->rule)) &&
            str_equal(each->layer, layer->title) && str_equal(each->team, team))
            return each;
    }
    return NULL;
}

/* Of a rule that could be asked again the answer is known twice: a contradiction ends all trust. */
static void remember(void *context, const struct policy_setting *setting, enum policy_answer answer,
                     struct str why, const struct violation *violations, size_t count)
{
    struct recall *recall = context;
    const struct recorded_violation *refusal = recorded_refusal(recall->decision, setting);
    bool was_asked = answer != ANSWER_SKIPPED && answer != ANSWER_UNBOUND;
    (void)why, (void)violations;
    if (answer == ANSWER_PASSED)
        recall->is_consistent = recall->is_consistent && !refusal;
    if (was_asked && count > 0)
        recall->is_consistent = recall->is_consistent && refusal;
    if (was_asked && recall->row_count < recall->row_capacity)
        recall->rows[recall->row_count++] = (struct remembered){setting, refusal};
}

bool recall_decision(struct recall *recall, const struct policy_set *policy,
                     const struct recorded_decision *decision, const struct policy_context *context,
                     enum message_class new_class, struct arena *arena)
{
    const struct policy_team *team = policy_team(policy, decision->team);
    const struct policy_trace trace = {recall, remember};
    struct violations violations;
    struct policy_findings findings;
    if (!team || !decision->has_all_violations)
        return false;
    recall->decision = decision;
    recall->row_count = 0;
    recall->row_capacity = policy->shared.count + team->settings.count;
    recall->rows = arena_zalloc(arena, recall->row_capacity, sizeof(*recall->rows));
    recall->is_consistent = recall->rows != NULL;
    violations_init(&violations, arena);
    policy_check(policy, team, &decision->campaign, context, &violations, &findings, &trace);
    recall->class = findings.class;
    recall->new_class = new_class;
    return recall->is_consistent && !violations.truncated;
}

/* ---- what holds ---- */

/* What a bound caller ID may send depends on what the policy takes the message for. */
static bool minds_class(enum policy_rule rule)
{
    return rule == RULE_caller_ids;
}

static enum change change_since(struct recall *recall, const struct policy_setting *before,
                                const struct policy_setting *after)
{
    const void *was = before->value, *is = after->value;
    if (minds_class(after->rule) && recall->class != recall->new_class)
        return CHANGE_OTHER;
    if (after->rule == RULE_templates) {
        struct str name = recall->decision->campaign.template_name;
        was = strset_get(&((const struct template_registry *)was)->by_name, name);
        is = strset_get(&((const struct template_registry *)is)->by_name, name);
    }
    return was && is ? change_between(recall, after->rule, was, is) : CHANGE_OTHER;
}

static bool refuse_again(const struct recorded_violation *refusal,
                         const struct violation_source *source, struct violations *violations)
{
    enum violation_code code;
    if (!violation_code_parse(refusal->code, &code))
        return false;
    violations_add_rule(violations, code, refusal->pointer, source,
                        "the record says that this was refused then, and the rule has not become "
                        "freer since");
    return true;
}

bool recall_setting(void *context, const struct policy_setting *setting,
                    const struct violation_source *source, struct violations *violations)
{
    struct recall *recall = context;
    for (size_t i = 0; i < recall->row_count; i++) {
        const struct remembered *row = &recall->rows[i];
        if (row->setting->rule != setting->rule)
            continue;
        enum change change = change_since(recall, row->setting, setting);
        bool same = change == CHANGE_NONE;
        if (!row->refusal && (same || change == CHANGE_MORE))
            return true;
        if (row->refusal && (same || change == CHANGE_LESS) &&
            refuse_again(row->refusal, source, violations))
            return true;
    }
    return false;
}
