#include "audit/hidden_names.h"

#include "audit/numbers.h"
#include "audit/privacy.h"

/* Keys are made monthly; of more, which no honest journal has, the names stay hidden. */
#define LIMIT_TABLES 1000

/* What one key makes of the names. */
struct hash_table {
    struct hash_table *next;
    struct str key_id;
    bool is_complete;    /* false: the key is not at hand, or memory was out */
    struct strset names; /* hash -> struct str */
};

struct hidden_names {
    struct arena *arena;
    const char *key_directory;
    struct strset texts;
    struct hash_table *tables;
    size_t table_count;
};

/* ---- the names in a policy ---- */

typedef void each_name(void *arg, struct str name);

static void each_plain(struct str name, each_name *each, void *arg)
{
    if (name.len && str_find(name, '*') == name.len)
        each(arg, name);
}

static void each_listed(const struct name_list *list, each_name *each, void *arg)
{
    for (size_t i = 0; list && i < list->count; i++)
        each_plain(list->items[i], each, arg);
}

static void each_in_setting(const struct policy_setting *setting, each_name *each, void *arg)
{
    if (setting->rule == RULE_contact_lists || setting->rule == RULE_dnc_lists)
        each_listed(setting->value, each, arg);
    if (setting->rule == RULE_caller_ids) {
        const struct caller_list *list = setting->value;
        for (size_t i = 0; i < list->count; i++)
            each(arg, list->items[i].id);
    }
    if (setting->rule == RULE_templates) {
        const struct template_registry *registry = setting->value;
        for (size_t i = 0; i < registry->count; i++)
            each(arg, registry->items[i]->name);
    }
}

static void each_in_layers(const struct policy_layer *const *layers, size_t count, each_name *each,
                           void *arg)
{
    for (size_t i = 0; i < count; i++) {
        const struct policy_scope *scope = layers[i]->scope;
        if (!scope)
            continue;
        each_listed(scope->caller_ids, each, arg);
        each_listed(scope->contact_lists, each, arg);
        each_listed(scope->other_contact_lists, each, arg);
    }
}

static void each_in_settings(const struct policy_settings *settings, each_name *each, void *arg)
{
    for (size_t i = 0; i < settings->count; i++)
        each_in_setting(&settings->items[i], each, arg);
}

static void each_in_policy(const struct policy_set *set, each_name *each, void *arg)
{
    each_in_settings(&set->shared, each, arg);
    each_in_layers(set->layers, set->layer_count, each, arg);
    for (size_t i = 0; i < set->teams.count; i++) {
        each_in_settings(&set->team_list[i].settings, each, arg);
        each_in_layers(set->team_list[i].layers, set->team_list[i].layer_count, each, arg);
    }
    for (size_t i = 0; i < set->exception_count; i++) {
        each_plain(set->exceptions[i].campaign, each, arg);
        each_plain(set->exceptions[i].caller_id, each, arg);
        each_plain(set->exceptions[i].template_name, each, arg);
    }
}

static void count_name(void *arg, struct str name)
{
    (void)name;
    ++*(size_t *)arg;
}

/* There is room for all: they were counted. */
static void add_name(void *arg, struct str name)
{
    (void)(strset_add(arg, name, NULL) == STRSET_ADDED);
}

struct hidden_names *hidden_names_of(const struct policy_set *const *policies, size_t count,
                                     const char *key_directory, struct arena *arena)
{
    struct hidden_names *names = arena_zalloc(arena, 1, sizeof(*names));
    size_t expected = 1;
    for (size_t i = 0; i < count; i++)
        each_in_policy(policies[i], count_name, &expected);
    if (!names || !strset_init(&names->texts, arena, expected))
        return NULL;
    names->arena = arena;
    names->key_directory = key_directory;
    for (size_t i = 0; i < count; i++)
        each_in_policy(policies[i], add_name, &names->texts);
    return names;
}

/* ---- one key's table ---- */

static bool add_hash(struct hidden_names *names, struct hash_table *table, const char *hash,
                     const struct str *text)
{
    struct str copy = arena_copy(names->arena, str_from(hash));
    return copy.data && strset_add(&table->names, copy, text) == STRSET_ADDED;
}

/* As record.c hashes it: any name as a whole, and as a caller ID a number's digits. */
static bool add_text(struct hidden_names *names, struct hash_table *table,
                     const struct hash_key *key, const struct str *text)
{
    char hash[PRIVACY_HASH_SIZE];
    bool fine = privacy_hash_body(key, *text, hash) && add_hash(names, table, hash, text);
    if (fine && number_calling_code(*text).len)
        fine = privacy_hash_number(key, *text, hash) && add_hash(names, table, hash, text);
    return fine;
}

static bool fill_table(struct hidden_names *names, struct hash_table *table)
{
    struct hash_key key;
    if (!names->key_directory || !hash_key_find(names->key_directory, table->key_id, &key) ||
        !strset_init(&table->names, names->arena, 2 * names->texts.count))
        return false;
    for (size_t i = 0; i < names->texts.capacity; i++) {
        const struct str *text = &names->texts.slots[i].key;
        if (text->data && !add_text(names, table, &key, text))
            return false;
    }
    return true;
}

/* NULL: there is none. */
static const struct hash_table *table_of(struct hidden_names *names, struct str key_id)
{
    for (const struct hash_table *each = names->tables; each; each = each->next) {
        if (str_equal(each->key_id, key_id))
            return each;
    }
    bool full = names->table_count == LIMIT_TABLES;
    struct hash_table *table = full ? NULL : arena_zalloc(names->arena, 1, sizeof(*table));
    if (!table)
        return NULL;
    *table = (struct hash_table){.next = names->tables, .key_id = arena_copy(names->arena, key_id)};
    table->is_complete = fill_table(names, table);
    names->tables = table;
    names->table_count++;
    return table;
}

/* ---- resolving ---- */

static void resolve(const struct hash_table *table, struct str hash, enum policy_gap *gap,
                    struct str *name)
{
    if (*gap == GAP_NONE || hash.len == 0)
        return;
    const struct str *known = strset_get(&table->names, hash);
    *gap = known ? GAP_NONE : GAP_UNLISTED;
    if (known)
        *name = *known;
}

static void resolve_lists(const struct hash_table *table, struct recorded_decision *decision)
{
    enum policy_gap worst = GAP_NONE;
    for (size_t i = 0; i < decision->campaign.contact_list_count; i++) {
        enum policy_gap *gap = &decision->list_gaps[i];
        resolve(table, decision->exact_lists[i], gap, &decision->campaign.contact_lists[i]);
        worst = *gap > worst ? *gap : worst;
    }
    decision->gaps[PART_CONTACT_LISTS] = worst;
}

void hidden_names_resolve(struct hidden_names *names, struct recorded_decision *decision)
{
    struct campaign *campaign = &decision->campaign;
    const struct {
        enum policy_part part;
        struct str *name;
    } parts[] = {{PART_CALLER_ID, &campaign->caller_id},
                 {PART_NAME, &campaign->name},
                 {PART_DNC_LIST, &campaign->dnc_list},
                 {PART_TEMPLATE, &campaign->template_name}};
    const struct hash_table *table =
        decision->hash_key.len ? table_of(names, decision->hash_key) : NULL;
    if (!table || !table->is_complete)
        return;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        resolve(table, decision->exact[parts[i].part], &decision->gaps[parts[i].part],
                parts[i].name);
    resolve_lists(table, decision);
}
