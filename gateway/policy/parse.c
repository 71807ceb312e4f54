/*
 *     YAML files -> one struct policy_layer for the organisation, one for each team
 *
 * Every file is read before anything is compiled. What a rule's setting looks like is the business
 * of parse_rules.c. Nothing of a policy with an error takes effect.
 */
#include "policy/parse.h"

#include "base/utf8.h"
#include "policy/nearest.h"

#define NAME_BYTES 64 /* of a team or a revision: they stand in every answer and every record */

bool compiler_out_of_memory(struct compiler *c)
{
    return error_set(c->err, "the policy needs more memory than the gateway gives it");
}

bool compiler_expect(struct compiler *c, const struct yaml_node *node, enum yaml_kind kind,
                     const char *what)
{
    if (yaml_is_null(node))
        return yaml_error(node, c->err, "%s must be %s, but nothing is written here", what,
                          yaml_kind_name(kind));
    if (node->kind != kind)
        return yaml_error(node, c->err, "%s must be %s, not %s", what, yaml_kind_name(kind),
                          yaml_kind_name(node->kind));
    return true;
}

struct str compiler_suggest(struct compiler *c, struct str word,
                            struct str (*candidate)(size_t index), size_t count)
{
    struct str known = nearest_word(word, candidate, count);
    return known.len ? arena_format(c->arena, " (did you mean '%.*s'?)", STR_ARGS(known)) : known;
}

/* ---- said twice ---- */

/* Where the files first say `key`, at the top or, unless that is empty, within `section`. */
static const struct yaml_node *first_place(const struct compiler *c, struct str section,
                                           struct str key)
{
    const struct yaml_node *found = NULL;
    for (size_t i = 0; i < c->file_count && !found; i++) {
        const struct yaml_node *around = c->files[i];
        if (section.len)
            around = yaml_member(around, section);
        found = around ? yaml_member(around, key) : NULL;
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

/* ---- layers ---- */

/* One reader for each rule, so that the table below can hold them all. */
#define RULE(name, type)                                                                           \
    static bool read_##name(struct compiler *c, const struct yaml_node *node,                      \
                            struct policy_layer *layer)                                            \
    {                                                                                              \
        return parse_##name(c, node, &layer->name);                                                \
    }
#include "policy/rules.def"
#undef RULE

static const struct {
    const char *name;
    bool (*read)(struct compiler *c, const struct yaml_node *node, struct policy_layer *layer);
} rules[] = {
#define RULE(name, type) {#name, read_##name},
#include "policy/rules.def"
#undef RULE
};

static const char rule_names[] = ""
#define RULE(name, type) " " #name
#include "policy/rules.def"
#undef RULE
    ;

static struct str rule_name(size_t index)
{
    return str_from(rules[index].name);
}

static bool parse_rule(struct compiler *c, const struct yaml_node *node, struct policy_layer *layer)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (str_equal(node->key, rule_name(i)))
            return rules[i].read(c, node, layer);
    }
    struct str hint = compiler_suggest(c, node->key, rule_name, COUNT_OF(rules));
    return yaml_key_error(node, c->err, "unknown rule '%.*s'%.*s; the rules are:%s",
                          SHOW_ARGS(node->key), STR_ARGS(hint), rule_names);
}

/* The organisation may be spread over several files; a rule of it may not. */
static bool parse_organisation(struct compiler *c, const struct yaml_node *node)
{
    if (!compiler_expect(c, node, YAML_MAPPING, "organisation"))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        const struct yaml_node *first = first_place(c, node->key, each->key);
        if (first != each)
            return given_twice(c, each, first);
        if (!parse_rule(c, each, &c->set->organisation))
            return false;
    }
    return true;
}

/* A name of the author's own choice: nothing but short and printable. */
static bool is_name(struct str name)
{
    return name.len > 0 && name.len <= NAME_BYTES && utf8_control_at(name, false) == name.len;
}

static bool parse_team(struct compiler *c, const struct yaml_node *node)
{
    if (!is_name(node->key))
        return yaml_key_error(node, c->err,
                              "a team's name has 1 to %d bytes and no control "
                              "characters",
                              NAME_BYTES);
    struct policy_layer *layer = arena_zalloc(c->arena, 1, sizeof(*layer));
    if (!layer)
        return compiler_out_of_memory(c);
    layer->team = node->key;
    if (strset_add(&c->set->teams, layer->team, layer) != STRSET_ADDED)
        return given_twice(c, node, first_place(c, STR("teams"), node->key));
    if (yaml_is_null(node))
        return true; /* "support:" is a team without rules of its own */
    if (!compiler_expect(c, node, YAML_MAPPING, "a team's rules"))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (!parse_rule(c, each, layer))
            return false;
    }
    return true;
}

static bool parse_teams(struct compiler *c, const struct yaml_node *node)
{
    if (!compiler_expect(c, node, YAML_MAPPING, "teams"))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (!parse_team(c, each))
            return false;
    }
    return true;
}

/* ---- files ---- */

static bool parse_revision(struct compiler *c, const struct yaml_node *node)
{
    const struct yaml_node *first = first_place(c, STR(""), node->key);
    if (first != node)
        return given_twice(c, node, first);
    if (!compiler_expect(c, node, YAML_SCALAR, "revision"))
        return false;
    if (!is_name(node->text))
        return yaml_error(node, c->err, "a revision is a short text such as 2026-11-23.1");
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
                          "unknown key '%.*s'%.*s; a policy file has revision, organisation and "
                          "teams",
                          SHOW_ARGS(node->key), STR_ARGS(hint));
}

static bool parse_file(struct compiler *c, const struct yaml_node *root)
{
    if (!compiler_expect(c, root, YAML_MAPPING, "a policy file"))
        return false;
    for (const struct yaml_node *each = root->first; each; each = each->next) {
        if (!parse_top(c, each))
            return false;
    }
    return true;
}

static bool read_files(struct compiler *c, const struct policy_source *sources, size_t count)
{
    c->files = arena_zalloc(c->arena, count, sizeof(*c->files));
    if (!c->files)
        return compiler_out_of_memory(c);
    for (; c->file_count < count; c->file_count++) {
        const struct policy_source *source = &sources[c->file_count];
        const struct yaml_node *root = yaml_read(source->name, source->text, c->arena, c->err);
        if (!root)
            return false;
        c->files[c->file_count] = root;
    }
    return true;
}

/* An empty set with room for every team; a hash set must know how many will come. */
static bool make_set(struct compiler *c)
{
    size_t teams = 0;
    for (size_t i = 0; i < c->file_count; i++) {
        const struct yaml_node *node = yaml_member(c->files[i], STR("teams"));
        teams += node ? node->count : 0;
    }
    c->set = arena_zalloc(c->arena, 1, sizeof(*c->set));
    return (c->set && strset_init(&c->set->teams, c->arena, teams)) || compiler_out_of_memory(c);
}

struct policy_set *policy_compile(const struct policy_source *sources, size_t count,
                                  struct arena *arena, struct error *err)
{
    struct compiler c = {.arena = arena, .err = err};
    if (!read_files(&c, sources, count) || !make_set(&c))
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (!parse_file(&c, c.files[i]))
            return NULL;
    }
    if (c.set->revision.len)
        return c.set;
    error_set(err, "%s: the policy has no 'revision'; give it one in one of its files",
              count ? sources[0].name : "policy");
    return NULL;
}
