/*
 *     YAML files -> layers (packs, organisation, teams, their cases), each with its settings
 *
 * Files are read before anything is compiled; included ones when they are met. What a rule's
 * setting looks like is the business of parse_who.c, parse_when.c and parse_what.c; what decides
 * when rules count (modes, scopes, exceptions) that of parse_control.c. Everything that is wrong
 * is noted, so that it can be mended in one go, and nothing of a policy with a problem takes
 * effect.
 */
#include "policy/parse.h"

#include <stdlib.h>

#include "base/zones.h"

/* ---- said twice ---- */

/* A pack's file speaks for itself: its revision is not the policy's. */
static bool is_pack(const struct yaml_node *root)
{
    return compiler_member(root, STR("pack")) != NULL;
}

/* Where the files first say `key`, at the top or, unless that is empty, within `section`. */
static const struct yaml_node *first_place(const struct compiler *c, struct str section,
                                           struct str key)
{
    const struct yaml_node *found = NULL;
    for (size_t i = 0; i < c->file_count && !found; i++) {
        const struct yaml_node *root = c->files[i];
        if (!is_pack(root))
            found = compiler_member(section.len ? compiler_member(root, section) : root, key);
    }
    return found;
}

static bool given_twice(struct compiler *c, const struct yaml_node *node,
                        const struct yaml_node *first)
{
    return yaml_key_error(node, c->err,
                          "'%.*s' is given twice; the other place is %s:%zu:%zu; keep one of them",
                          SHOW_ARGS(node->key), first->file, first->key_line, first->key_column);
}

/* ---- rules ---- */

/* One reader for each rule, so that the table below can hold them all. */
#define RULE(name, type, reads)                                                                    \
    static bool read_##name(struct compiler *c, const struct yaml_node *node, const void **ret)    \
    {                                                                                              \
        const type *value = NULL;                                                                  \
        if (!parse_##name(c, node, &value))                                                        \
            return false;                                                                          \
        *ret = value;                                                                              \
        return true;                                                                               \
    }
#include "policy/rules.def"
#undef RULE

static bool (*const readers[])(struct compiler *c, const struct yaml_node *node,
                               const void **ret) = {
#define RULE(name, type, reads) read_##name,
#include "policy/rules.def"
#undef RULE
};

static bool add_setting(struct compiler *c, struct settings_builder *settings,
                        struct policy_setting setting)
{
    if (settings->count == settings->capacity) {
        size_t capacity = settings->capacity ? settings->capacity * 2 : 8;
        struct policy_setting *items = arena_zalloc(c->arena, capacity, sizeof(*items));
        if (!items)
            return compiler_out_of_memory(c);
        if (settings->count)
            memcpy(items, settings->items, settings->count * sizeof(*items));
        settings->items = items;
        settings->capacity = capacity;
    }
    settings->items[settings->count++] = setting;
    return true;
}

/* ---- layers ---- */

static struct policy_layer *new_layer(struct compiler *c, enum policy_layer_kind kind,
                                      struct str title, struct str name)
{
    struct policy_layer *layer = arena_zalloc(c->arena, 1, sizeof(*layer));
    if (!layer || !title.data) {
        (void)compiler_out_of_memory(c);
        return NULL;
    }
    *layer =
        (struct policy_layer){.kind = kind, .title = title, .name = name, .mode = POLICY_ENFORCED};
    return layer;
}

static bool add_layer(struct compiler *c, struct layers_builder *layers, struct policy_layer *layer)
{
    if (layers->count == layers->capacity) {
        size_t capacity = layers->capacity ? layers->capacity * 2 : 4;
        struct policy_layer **items =
            arena_zalloc(c->arena, capacity, sizeof(struct policy_layer *));
        if (!items)
            return compiler_out_of_memory(c);
        if (layers->count)
            memcpy(items, layers->items, layers->count * sizeof(struct policy_layer *));
        layers->items = items;
        layers->capacity = capacity;
    }
    layers->items[layers->count++] = layer;
    return true;
}

/* What a layer's mapping is read into. */
struct layer_target {
    struct policy_layer *layer;
    struct settings_builder *settings;
    struct layers_builder *cases; /* NULL within a case: cases have none */
    struct policy_team *team;     /* NULL unless it is a team's */
    bool *is_classified;          /* message_class was given */
    enum message_class *class;
    struct str section; /* the key under which the files spread it; empty when they may not */
};

static bool parse_layer(struct compiler *c, const struct yaml_node *node, const char *what,
                        struct layer_target *target);

static bool read_case_name(struct compiler *c, const struct yaml_node *node,
                           const struct layer_target *outer, struct str *ret_title)
{
    const struct yaml_node *name = yaml_member(node, STR("name"));
    if (!name)
        return yaml_error(node, c->err, "a case needs a 'name', such as 'promotional messages'");
    if (!compiler_expect(c, name, YAML_SCALAR, "a case's name"))
        return false;
    if (!compiler_is_name(name->text))
        return yaml_error(name, c->err,
                          "a case's name has 1 to 64 bytes and no control characters");
    *ret_title =
        arena_format(c->arena, "%.*s, %.*s", STR_ARGS(outer->layer->title), STR_ARGS(name->text));
    for (size_t i = 0; i < outer->cases->count; i++) {
        if (str_equal(outer->cases->items[i]->title, *ret_title))
            return yaml_error(name, c->err, "another case here has the name '%.*s'",
                              SHOW_ARGS(name->text));
    }
    return ret_title->data || compiler_out_of_memory(c);
}

static bool parse_case(struct compiler *c, const struct yaml_node *node, void *target)
{
    const struct layer_target *outer = target;
    struct str title = {0};
    if (!compiler_expect(c, node, YAML_MAPPING, "a case") ||
        !read_case_name(c, node, outer, &title))
        return false;
    struct policy_layer *layer = new_layer(c, outer->layer->kind, title, outer->layer->name);
    if (!layer)
        return false;
    layer->parent = outer->layer;
    layer->mode = outer->layer->mode;
    struct layer_target inner = {.layer = layer, .settings = outer->settings};
    return add_layer(c, outer->cases, layer) && parse_layer(c, node, "a case", &inner);
}

static bool parse_cases(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_each(c, node, "cases", false, parse_case, target);
}

static bool parse_applies_to(struct compiler *c, const struct yaml_node *node, void *target)
{
    return parse_scope(c, node, &((struct layer_target *)target)->layer->scope);
}

static bool parse_layer_modes(struct compiler *c, const struct yaml_node *node, void *target)
{
    return parse_modes(c, node, ((struct layer_target *)target)->layer);
}

static bool parse_message_class(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct layer_target *layer = target;
    if (!compiler_expect(c, node, YAML_SCALAR, "message_class"))
        return false;
    if (!message_class_parse(node->text, layer->class))
        return yaml_error(node, c->err,
                          "'%.*s' is not a message class; it is promotional, service or "
                          "transactional",
                          SHOW_ARGS(node->text));
    *layer->is_classified = true;
    return true;
}

static bool parse_include_list(struct compiler *c, const struct yaml_node *node, void *target);

static bool parse_layer_team_modes(struct compiler *c, const struct yaml_node *node, void *target)
{
    (void)target;
    c->team_modes = node; /* the teams are not known yet */
    return true;
}

static bool parse_layer_overridable(struct compiler *c, const struct yaml_node *node, void *target)
{
    (void)target;
    return parse_overridable(c, node);
}

/* Read before everything else, for the dates; see parse_calendar. */
static bool parse_nothing(struct compiler *c, const struct yaml_node *node, void *target)
{
    (void)c, (void)node, (void)target;
    return true;
}

static bool parse_disclose(struct compiler *c, const struct yaml_node *node, void *target)
{
    (void)target;
    return compiler_bool(c, node, "disclose_caller_ids", &c->set->disclose_caller_ids);
}

/* What a layer has besides rules. */
enum { IN_PACK = 1, IN_ORGANISATION = 2, IN_TEAM = 4, IN_CASE = 8 };

static const struct {
    const char *name;
    int where;
    bool (*parse)(struct compiler *c, const struct yaml_node *node, void *target);
} layer_keys[] = {
    {"name", IN_PACK | IN_CASE, parse_nothing}, /* read when the layer is made */
    {"title", IN_PACK, parse_nothing},
    {"applies_to", IN_PACK | IN_CASE, parse_applies_to},
    {"include", IN_PACK | IN_ORGANISATION, parse_include_list},
    {"cases", IN_PACK | IN_ORGANISATION | IN_TEAM, parse_cases},
    {"modes", IN_PACK | IN_ORGANISATION | IN_TEAM | IN_CASE, parse_layer_modes},
    {"team_modes", IN_ORGANISATION, parse_layer_team_modes},
    {"overridable", IN_ORGANISATION, parse_layer_overridable},
    {"message_class", IN_ORGANISATION | IN_TEAM, parse_message_class},
    {"calendar", IN_ORGANISATION, parse_nothing},
    {"disclose_caller_ids", IN_ORGANISATION, parse_disclose},
};

static int place_of(const struct layer_target *target)
{
    static const int places[] = {
        [LAYER_PACK] = IN_PACK, [LAYER_ORGANISATION] = IN_ORGANISATION, [LAYER_TEAM] = IN_TEAM};
    return target->cases ? places[target->layer->kind] : IN_CASE;
}

static struct str known_key(size_t index)
{
    return index < POLICY_RULES ? policy_rule_name((enum policy_rule)index)
                                : str_from(layer_keys[index - POLICY_RULES].name);
}

static bool refuse_key(struct compiler *c, const struct yaml_node *node)
{
    struct str hint =
        compiler_suggest(c, node->key, known_key, POLICY_RULES + COUNT_OF(layer_keys));
    struct str names = STR("");
    for (size_t i = 0; i < POLICY_RULES; i++)
        names = arena_format(c->arena, "%.*s %.*s", STR_ARGS(names),
                             STR_ARGS(policy_rule_name((enum policy_rule)i)));
    for (size_t i = 0; i < COUNT_OF(layer_keys); i++) {
        if (str_equal(node->key, str_from(layer_keys[i].name)))
            return yaml_key_error(node, c->err, "'%s' cannot stand here; see policies/README.md",
                                  layer_keys[i].name);
    }
    return yaml_key_error(node, c->err, "unknown rule '%.*s'%.*s; the rules are:%.*s",
                          SHOW_ARGS(node->key), STR_ARGS(hint), STR_ARGS(names));
}

static bool parse_layer_key(struct compiler *c, const struct yaml_node *node,
                            struct layer_target *target)
{
    enum policy_rule rule;
    const void *value = NULL;
    if (policy_rule_parse(node->key, &rule))
        return readers[rule](c, node, &value) &&
               add_setting(c, target->settings,
                           (struct policy_setting){rule, target->layer, value});
    for (size_t i = 0; i < COUNT_OF(layer_keys); i++) {
        if (str_equal(node->key, str_from(layer_keys[i].name)) &&
            (layer_keys[i].where & place_of(target)))
            return layer_keys[i].parse(c, node, target);
    }
    return refuse_key(c, node);
}

static bool parse_layer(struct compiler *c, const struct yaml_node *node, const char *what,
                        struct layer_target *target)
{
    bool fine = true;
    if (!compiler_expect(c, node, YAML_MAPPING, what))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        const struct yaml_node *first =
            target->section.len ? first_place(c, target->section, each->key) : each;
        bool done = first == each ? parse_layer_key(c, each, target) : given_twice(c, each, first);
        fine = (done || compiler_note(c)) && fine;
    }
    return fine;
}

/* ---- packs ---- */

static bool parse_pack(struct compiler *c, const struct yaml_node *root, struct policy_mode mode);

static bool is_open(const struct compiler *c, const char *file)
{
    for (size_t i = 0; i < c->open_include_count; i++) {
        if (strcmp(c->open_includes[i], file) == 0)
            return true;
    }
    return false;
}

static bool same_mode(struct policy_mode a, struct policy_mode b)
{
    return a.kind == b.kind && a.enforce_from_ms == b.enforce_from_ms;
}

/* A file that came before, by another way: once is enough, if it is to count the same. */
static bool include_again(struct compiler *c, const struct yaml_node *node,
                          const struct policy_layer *pack, struct policy_mode mode)
{
    return same_mode(pack->mode, mode) ||
           yaml_error(node, c->err, "%.*s is included already, with another mode; include it once",
                      STR_ARGS(pack->title));
}

static bool require_pack(struct compiler *c, const struct yaml_node *root)
{
    return is_pack(root) ||
           yaml_error(root, c->err,
                      "this file is included, so it must be a pack: 'pack:' with its name and "
                      "rules beneath");
}

static bool include_file(struct compiler *c, const struct yaml_node *node, struct str path,
                         struct policy_mode mode)
{
    struct policy_source source;
    struct error why = {.text = ""};
    if (!c->includer)
        return yaml_error(node, c->err, "files cannot be included here");
    if (!c->includer->read(c->includer->context, node->file, path, &source, &why))
        return yaml_error(node, c->err, "%s", why.text);
    if (is_open(c, source.name))
        return yaml_error(node, c->err, "'%s' includes itself, here or by way of other files",
                          source.name);
    const struct policy_layer *before = strset_get(c->included, str_from(source.name));
    if (before)
        return include_again(c, node, before, mode);
    if (c->included->count == LIMIT_INCLUDES)
        return yaml_error(node, c->err, "more than %d files are included", LIMIT_INCLUDES);
    const struct yaml_node *root = yaml_read(source.name, source.text, c->arena, c->err);
    if (!root || !require_pack(c, root))
        return false;
    c->open_includes[c->open_include_count++] = source.name;
    bool fine = parse_pack(c, root, mode);
    c->open_include_count--;
    return fine;
}

/* The file's name alone, or a mapping; what a pack includes counts as the pack does. */
static bool parse_include(struct compiler *c, const struct yaml_node *node, void *target)
{
    const struct layer_target *outer = target;
    struct policy_mode mode = outer->layer->mode;
    const struct yaml_node *file = node;
    if (node->kind == YAML_MAPPING) {
        file = yaml_member(node, STR("file"));
        if (!file)
            return yaml_error(node, c->err, "an include needs a 'file'");
        if (node->count > 1 && !parse_include_mode(c, node, &mode))
            return false;
    }
    return compiler_expect(c, file, YAML_SCALAR, "the file to include") &&
           include_file(c, file, file->text, mode);
}

static bool parse_include_list(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_each(c, node, "include", true, parse_include, target);
}

static struct str text_member(const struct yaml_node *mapping, const char *key)
{
    const struct yaml_node *node = compiler_member(mapping, str_from(key));
    return node && node->kind == YAML_SCALAR ? node->text : (struct str){0};
}

static bool is_taken(const struct compiler *c, struct str pack)
{
    for (size_t i = 0; i < c->packs.count; i++) {
        if (str_equal(c->packs.items[i]->name, pack))
            return true;
    }
    return false;
}

/* A pack's layer stands behind those it includes and before its own cases. */
static bool parse_pack(struct compiler *c, const struct yaml_node *root, struct policy_mode mode)
{
    static const char *const keys[] = {"pack", "revision"};
    const struct yaml_node *node = yaml_member(root, STR("pack"));
    struct str name = text_member(node, "name");
    for (const struct yaml_node *each = root->first; each; each = each->next) {
        if (!str_equal(each->key, str_from(keys[0])) && !str_equal(each->key, str_from(keys[1])))
            return yaml_key_error(each, c->err,
                                  "'%.*s' cannot stand beside 'pack'; a pack's file holds its pack "
                                  "and, if you like, a revision",
                                  SHOW_ARGS(each->key));
    }
    if (!compiler_is_name(name))
        return yaml_error(node, c->err, "a pack needs a 'name' of 1 to 64 bytes");
    if (is_taken(c, name))
        return yaml_error(node, c->err, "another pack has the name '%.*s'", SHOW_ARGS(name));
    struct policy_layer *layer =
        new_layer(c, LAYER_PACK, arena_format(c->arena, "pack %.*s", STR_ARGS(name)), name);
    if (!layer)
        return false;
    layer->mode = mode;
    layer->description = text_member(node, "title");
    struct layers_builder cases = {0};
    struct layer_target target = {.layer = layer, .settings = &c->shared, .cases = &cases};
    if (strset_add(c->included, str_from(root->file), layer) == STRSET_FULL)
        return yaml_error(node, c->err, "more than %d packs are included", LIMIT_INCLUDES);
    bool fine = parse_layer(c, node, "a pack", &target);
    bool added = add_layer(c, &c->packs, layer);
    for (size_t i = 0; added && i < cases.count; i++)
        added = add_layer(c, &c->packs, cases.items[i]);
    return fine && added;
}

/* ---- organisation ---- */

/* The organisation may be spread over several files; a rule of it may not. */
static bool parse_organisation(struct compiler *c, const struct yaml_node *node)
{
    struct layer_target target = {.layer = c->organisation,
                                  .settings = &c->shared,
                                  .cases = &c->organisation_cases,
                                  .is_classified = &c->set->has_class,
                                  .class = &c->set->default_class,
                                  .section = STR("organisation")};
    return parse_layer(c, node, "organisation", &target);
}

/* ---- teams ---- */

static int by_rule_and_layer(const void *a, const void *b)
{
    const struct policy_setting *left = a, *right = b;
    if (left->rule != right->rule)
        return left->rule < right->rule ? -1 : 1;
    return (left->layer->index > right->layer->index) - (left->layer->index < right->layer->index);
}

static struct policy_settings finish_settings(const struct settings_builder *settings)
{
    if (settings->count)
        qsort(settings->items, settings->count, sizeof(settings->items[0]), by_rule_and_layer);
    return (struct policy_settings){settings->items, settings->count};
}

static bool finish_team(struct compiler *c, struct policy_team *team, struct policy_layer *base,
                        const struct layers_builder *cases, const struct settings_builder *settings)
{
    const struct policy_layer **layers =
        arena_zalloc(c->arena, 1 + cases->count, sizeof(struct policy_layer *));
    if (!layers)
        return compiler_out_of_memory(c);
    layers[0] = base;
    for (size_t i = 0; i < cases->count; i++) {
        cases->items[i]->index = 1 + i;
        layers[1 + i] = cases->items[i];
    }
    team->layers = layers;
    team->layer_count = 1 + cases->count;
    team->settings = finish_settings(settings);
    return true;
}

static bool parse_team_rules(struct compiler *c, const struct yaml_node *node,
                             struct policy_team *team, struct policy_layer *base)
{
    struct settings_builder settings = {0};
    struct layers_builder cases = {0};
    struct layer_target target = {.layer = base,
                                  .settings = &settings,
                                  .cases = &cases,
                                  .team = team,
                                  .is_classified = &team->has_class,
                                  .class = &team->default_class};
    /* "support:" is a team without rules of its own */
    bool fine = yaml_is_null(node) || parse_layer(c, node, "a team's rules", &target);
    return finish_team(c, team, base, &cases, &settings) && fine;
}

static bool parse_team(struct compiler *c, const struct yaml_node *node)
{
    if (!compiler_is_name(node->key) || str_equal(node->key, STR("*")))
        return yaml_key_error(node, c->err,
                              "a team's name has 1 to 64 bytes and no control characters (\"*\" "
                              "stands for all teams)");
    struct policy_team *team = &c->teams[c->set->teams.count];
    struct policy_layer *base = new_layer(
        c, LAYER_TEAM, arena_format(c->arena, "team %.*s", STR_ARGS(node->key)), node->key);
    if (!base)
        return false;
    *team = (struct policy_team){.name = node->key, .mode = POLICY_ENFORCED};
    if (strset_add(&c->set->teams, team->name, team) != STRSET_ADDED)
        return given_twice(c, node, first_place(c, STR("teams"), node->key));
    return parse_team_rules(c, node, team, base);
}

static bool parse_teams(struct compiler *c, const struct yaml_node *node)
{
    bool fine = true;
    if (!compiler_expect(c, node, YAML_MAPPING, "teams"))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next)
        fine = (parse_team(c, each) || compiler_note(c)) && fine;
    return fine;
}

/* ---- files ---- */

/* It stands in a header of every answer, so it is plain. */
static bool is_revision(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                     (byte >= 'A' && byte <= 'Z') || strchr("._-:+/", byte);
        if (!plain)
            return false;
    }
    return compiler_is_name(text);
}

static bool parse_revision(struct compiler *c, const struct yaml_node *node)
{
    const struct yaml_node *first = first_place(c, STR(""), node->key);
    if (first != node)
        return given_twice(c, node, first);
    if (!compiler_expect(c, node, YAML_SCALAR, "revision"))
        return false;
    if (!is_revision(node->text))
        return yaml_error(node, c->err,
                          "a revision is 1 to 64 letters, digits and . _ - : + / such as "
                          "2026-11-23.1");
    c->set->revision = node->text;
    return true;
}

/* A pack that stands among the policy's own files counts as included. */
static bool parse_own_pack(struct compiler *c, const struct yaml_node *root)
{
    if (strset_has(c->included, str_from(root->file)))
        return true;
    c->open_includes[c->open_include_count++] = root->file;
    bool fine = parse_pack(c, root, POLICY_ENFORCED);
    c->open_include_count--;
    return fine;
}

static bool parse_later(struct compiler *c, const struct yaml_node *node)
{
    (void)c, (void)node;
    return true;
}

static const struct {
    const char *key;
    bool (*parse)(struct compiler *c, const struct yaml_node *node);
} top_keys[] = {
    {"revision", parse_revision},
    {"organisation", parse_organisation},
    {"teams", parse_teams},
    {"exceptions", parse_later}, /* when everything else is known */
};

static struct str top_key(size_t index)
{
    return str_from(top_keys[index].key);
}

static bool parse_top(struct compiler *c, const struct yaml_node *node)
{
    for (size_t i = 0; i < COUNT_OF(top_keys); i++) {
        if (str_equal(node->key, top_key(i)))
            return top_keys[i].parse(c, node);
    }
    struct str hint = compiler_suggest(c, node->key, top_key, COUNT_OF(top_keys));
    return yaml_key_error(node, c->err,
                          "unknown key '%.*s'%.*s; a policy has: revision organisation teams "
                          "exceptions (or pack)",
                          SHOW_ARGS(node->key), STR_ARGS(hint));
}

static bool parse_file(struct compiler *c, const struct yaml_node *root)
{
    bool fine = true;
    if (!compiler_expect(c, root, YAML_MAPPING, "a policy file"))
        return compiler_note(c);
    if (is_pack(root))
        return parse_own_pack(c, root) || compiler_note(c);
    for (const struct yaml_node *each = root->first; each; each = each->next)
        fine = (parse_top(c, each) || compiler_note(c)) && fine;
    return fine;
}

static bool read_files(struct compiler *c, const struct policy_source *sources, size_t count)
{
    bool fine = true;
    c->files = arena_zalloc(c->arena, count + 1, sizeof(*c->files));
    if (!c->files)
        return compiler_out_of_memory(c);
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *root =
            yaml_read(sources[i].name, sources[i].text, c->arena, c->err);
        if (root)
            c->files[c->file_count++] = root;
        else
            fine = compiler_note(c);
    }
    return fine;
}

/* ---- the set ---- */

/* An empty set with room for every team; a hash set must know how many will come. */
static bool make_set(struct compiler *c)
{
    size_t teams = 0;
    for (size_t i = 0; i < c->file_count; i++) {
        const struct yaml_node *node = compiler_member(c->files[i], STR("teams"));
        teams += node ? node->count : 0;
    }
    c->set = arena_zalloc(c->arena, 1, sizeof(*c->set));
    c->included = arena_zalloc(c->arena, 1, sizeof(*c->included));
    c->organisation = new_layer(c, LAYER_ORGANISATION, STR("organisation"), (struct str){0});
    if (!c->set || !c->included || !c->organisation)
        return compiler_out_of_memory(c);
    c->set->default_class = CLASS_PROMOTIONAL;
    c->set->team_list = c->teams = arena_zalloc(c->arena, teams + 1, sizeof(*c->teams));
    return (c->teams && strset_init(&c->set->teams, c->arena, teams) &&
            strset_init(c->included, c->arena, LIMIT_INCLUDES)) ||
           compiler_out_of_memory(c);
}

/* Dates mean days somewhere; where is known before the first date is read. */
static bool start_calendar(struct compiler *c)
{
    c->set->calendar = STR("Etc/UTC");
    c->calendar = zone_find(c->set->calendar);
    return c->calendar || compiler_out_of_memory(c);
}

static bool parse_calendar(struct compiler *c)
{
    const struct yaml_node *node = first_place(c, STR("organisation"), STR("calendar"));
    if (!node)
        return true;
    if (!compiler_expect(c, node, YAML_SCALAR, "calendar"))
        return false;
    if (!zone_canonical(node->text, &c->set->calendar)) {
        struct str hint = compiler_suggest(c, node->text, zone_name, zone_count());
        return yaml_error(node, c->err,
                          "'%.*s' is not an IANA time zone%.*s, such as Asia/Kolkata; the calendar "
                          "is the zone in which the policy's dates are days",
                          SHOW_ARGS(node->text), STR_ARGS(hint));
    }
    c->calendar = zone_find(c->set->calendar);
    return true;
}

static bool finish_shared(struct compiler *c)
{
    const struct layers_builder *packs = &c->packs, *cases = &c->organisation_cases;
    size_t count = packs->count + 1 + cases->count;
    const struct policy_layer **layers =
        arena_zalloc(c->arena, count, sizeof(struct policy_layer *));
    if (!layers)
        return compiler_out_of_memory(c);
    for (size_t i = 0; i < count; i++) {
        struct policy_layer *layer = i < packs->count    ? packs->items[i]
                                     : i == packs->count ? c->organisation
                                                         : cases->items[i - packs->count - 1];
        layer->index = i;
        layers[i] = layer;
    }
    c->set->layers = layers;
    c->set->layer_count = count;
    c->set->shared = finish_settings(&c->shared);
    return true;
}

/* What could only be known at the end: which rules a team replaces. */
static void finish_teams(struct compiler *c)
{
    for (size_t i = 0; i < c->set->teams.count; i++) {
        struct policy_team *team = &c->teams[i];
        for (size_t k = 0; k < team->settings.count; k++) {
            const struct policy_setting *setting = &team->settings.items[k];
            if (setting->layer == team->layers[0] && c->set->overridable[setting->rule])
                team->replaces[setting->rule] = true;
        }
    }
}

static bool require_revision(struct compiler *c, const struct policy_source *sources, size_t count)
{
    if (count == 1 && c->file_count == 1 && is_pack(c->files[0]))
        c->set->revision = STR("-"); /* a pack on its own, to look at */
    return c->set->revision.len ||
           error_set(c->err, "%s: the policy has no 'revision'; give it one in one of its files",
                     count ? sources[0].name : "policy");
}

static bool compile(struct compiler *c, const struct policy_source *sources, size_t count)
{
    bool fine = read_files(c, sources, count);
    if (!make_set(c) || !start_calendar(c))
        return compiler_note(c);
    fine = (parse_calendar(c) || compiler_note(c)) && fine;
    for (size_t i = 0; i < c->file_count; i++)
        fine = parse_file(c, c->files[i]) && fine;
    fine = (!fine || require_revision(c, sources, count) || compiler_note(c)) && fine;
    fine = (!c->team_modes || parse_team_modes(c, c->team_modes) || compiler_note(c)) && fine;
    fine = (parse_exceptions(c) || compiler_note(c)) && fine;
    if (!finish_shared(c))
        return compiler_note(c);
    finish_teams(c);
    return fine;
}

struct policy_set *policy_compile(const struct policy_source *sources, size_t count,
                                  const struct policy_includer *includer, struct arena *arena,
                                  struct problems *problems)
{
    struct error err = {.text = ""};
    struct compiler c = {.arena = arena, .err = &err, .problems = problems, .includer = includer};
    return compile(&c, sources, count) && problems->count == 0 ? c.set : NULL;
}
