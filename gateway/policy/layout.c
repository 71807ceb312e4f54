#include "policy/layout.h"

/* Settings are by rule, layers numbered from `first`: one pass fills the table. */
static struct layer_table lay_out(const struct policy_layer *const *layers, size_t count,
                                  const struct policy_settings *settings, struct scribe *scribe)
{
    struct layer_table table = {scribe_zalloc(scribe, count, sizeof(struct layer_rules)), 0};
    if (!table.items || count == 0)
        return table;
    table.count = count;
    for (size_t i = 0; i < count; i++)
        table.items[i].layer = layers[i];
    for (size_t i = 0; i < settings->count; i++) {
        const struct policy_setting *setting = &settings->items[i];
        table.items[setting->layer->index].values[setting->rule] = setting->value;
    }
    return table;
}

struct layer_table layout_shared(const struct policy_set *set, struct scribe *scribe)
{
    return lay_out(set->layers, set->layer_count, &set->shared, scribe);
}

struct layer_table layout_team(const struct policy_team *team, struct scribe *scribe)
{
    return lay_out(team->layers, team->layer_count, &team->settings, scribe);
}

bool mode_is_plain(struct policy_mode mode)
{
    return mode.kind == MODE_ENFORCE;
}

bool mode_enforces_ever(struct policy_mode mode)
{
    return mode.kind == MODE_ENFORCE || mode.enforce_from_ms != INT64_MAX;
}

struct policy_mode layer_mode_of(const struct layer_rules *rules, enum policy_rule rule)
{
    return rules->layer->modes ? rules->layer->modes[rule] : POLICY_ENFORCED;
}

bool layer_enforces_ever(const struct layer_rules *rules, enum policy_rule rule)
{
    return mode_enforces_ever(rules->layer->mode) && mode_enforces_ever(layer_mode_of(rules, rule));
}
