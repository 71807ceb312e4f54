#include "cli/coverage.h"

struct coverage_table *coverage_table_new(struct str policy, struct arena *arena)
{
    struct coverage_table *table = arena_zalloc(arena, 1, sizeof(*table));
    if (table) {
        table->policy = policy;
        table->end = &table->first;
    }
    return table;
}

/* ---- the rows of a policy ---- */

struct filling {
    struct coverage *coverage;
    struct arena *arena;
    struct coverage_row **known_end;         /* rows before it were there before this policy */
    const struct policy_setting **addresses; /* what the hash set's keys look into */
    size_t count;
};

/* Within one policy a layer has a rule once, so only older rows need to be looked at. */
static struct coverage_row *find_row(const struct filling *filling,
                                     const struct policy_setting *setting)
{
    struct coverage_row **at = &filling->coverage->table->first;
    for (; at != filling->known_end; at = &(*at)->next) {
        if ((*at)->rule == setting->rule && str_equal((*at)->layer, setting->layer->title))
            return *at;
    }
    return NULL;
}

static struct coverage_row *add_row(const struct filling *filling,
                                    const struct policy_setting *setting)
{
    struct coverage_table *table = filling->coverage->table;
    struct coverage_row *row = arena_zalloc(filling->arena, 1, sizeof(*row));
    if (!row)
        return NULL;
    row->layer = setting->layer->title;
    row->rule = setting->rule;
    *table->end = row;
    table->end = &row->next;
    return row;
}

static struct str address_key(const struct policy_setting *const *address)
{
    return (struct str){(const char *)address, sizeof(*address)};
}

static bool add_setting(struct filling *filling, const struct policy_setting *setting)
{
    struct coverage_row *row = find_row(filling, setting);
    const struct policy_setting **address = &filling->addresses[filling->count++];
    if (!row)
        row = add_row(filling, setting);
    *address = setting;
    return row && strset_add(&filling->coverage->rows, address_key(address), row) == STRSET_ADDED;
}

/* Layer by layer, each layer's rules in their order. */
static bool add_layers(struct filling *filling, const struct policy_layer *const *layers,
                       size_t count, const struct policy_settings *settings)
{
    bool fine = true;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < settings->count; k++) {
            if (settings->items[k].layer == layers[i])
                fine = fine && add_setting(filling, &settings->items[k]);
        }
    }
    return fine;
}

bool coverage_init(struct coverage *coverage, struct coverage_table *table,
                   const struct policy_set *policy, struct arena *arena)
{
    size_t settings = policy->shared.count, teams = policy->teams.count;
    for (size_t i = 0; i < teams; i++)
        settings += policy->team_list[i].settings.count;
    struct filling filling = {coverage, arena, table->end, NULL, 0};
    *coverage = (struct coverage){.table = table};
    filling.addresses = arena_zalloc(arena, settings + 1, sizeof(*filling.addresses));
    bool fine = filling.addresses && strset_init(&coverage->rows, arena, settings) &&
                add_layers(&filling, policy->layers, policy->layer_count, &policy->shared);
    for (size_t i = 0; fine && i < teams; i++) {
        const struct policy_team *team = &policy->team_list[i];
        fine = add_layers(&filling, team->layers, team->layer_count, &team->settings);
    }
    return fine;
}

/* ---- counting ---- */

void coverage_count(const struct coverage *coverage, const struct trial *trial)
{
    for (size_t i = 0; i < trial->row_count; i++) {
        const struct trial_row *asked = &trial->rows[i];
        struct coverage_row *row =
            (struct coverage_row *)strset_get(&coverage->rows, address_key(&asked->setting));
        row->passed += asked->answer == ANSWER_PASSED;
        row->refused += asked->answer == ANSWER_FAILED;
        row->observed += asked->answer == ANSWER_REPORTED || asked->answer == ANSWER_WAIVED;
    }
}

bool coverage_is_untested(const struct coverage_row *row)
{
    return row->refused + row->observed == 0;
}
