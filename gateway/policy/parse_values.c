/*
 * Reading single values and lists of a policy file, and saying what is wrong with them.
 */
#include "base/calendar.h"
#include "base/utf8.h"
#include "base/zones.h"
#include "policy/nearest.h"
#include "policy/parse.h"

#define NAME_BYTES 64 /* of a team or a revision: they stand in every answer and every record */

/* ---- sentences ---- */

bool compiler_out_of_memory(struct compiler *c)
{
    return error_set(c->err, "the policy needs more memory than the gateway gives it");
}

bool compiler_note(struct compiler *c)
{
    return problems_add(c->problems, c->err);
}

bool compiler_expect(struct compiler *c, const struct yaml_node *node, enum yaml_kind kind,
                     const char *what)
{
    if (yaml_is_null(node))
        return yaml_error(node, c->err, "%s must be %s, but nothing is written here%s", what,
                          yaml_kind_name(kind),
                          kind == YAML_MAPPING ? "; indent what belongs to it" : "");
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

bool compiler_is_name(struct str name)
{
    return name.len > 0 && name.len <= NAME_BYTES && utf8_control_at(name, false) == name.len;
}

struct str compiler_list_words(struct compiler *c, const struct str *items, size_t count)
{
    struct str text = STR("");
    for (size_t i = 0; i < count && i < LISTED; i++)
        text =
            arena_format(c->arena, "%.*s%s%.*s", STR_ARGS(text), i ? ", " : "", STR_ARGS(items[i]));
    if (count > LISTED)
        text = arena_format(c->arena, "%.*s and %zu more", STR_ARGS(text), count - LISTED);
    return text;
}

/* ---- mappings and lists ---- */

static struct str key_names(struct compiler *c, const struct compiler_key *keys, size_t count)
{
    struct str names = STR("");
    for (size_t i = 0; i < count; i++)
        names = arena_format(c->arena, "%.*s %s", STR_ARGS(names), keys[i].name);
    return names;
}

static bool parse_key(struct compiler *c, const struct yaml_node *node, const char *what,
                      const struct compiler_key *keys, size_t count, void *target)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(node->key, str_from(keys[i].name)))
            return keys[i].parse(c, node, target);
    }
    return yaml_key_error(node, c->err, "unknown key '%.*s'; %s has:%.*s", SHOW_ARGS(node->key),
                          what, STR_ARGS(key_names(c, keys, count)));
}

bool compiler_mapping(struct compiler *c, const struct yaml_node *node, const char *what,
                      const struct compiler_key *keys, size_t key_count, void *target)
{
    bool fine = true;
    if (!compiler_expect(c, node, YAML_MAPPING, what))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next)
        fine = (parse_key(c, each, what, keys, key_count, target) || compiler_note(c)) && fine;
    for (size_t i = 0; i < key_count; i++) {
        if (!keys[i].required || yaml_member(node, str_from(keys[i].name)))
            continue;
        (void)yaml_error(node, c->err, "%s needs '%s'", what, keys[i].name);
        fine = compiler_note(c);
    }
    return fine;
}

const struct yaml_node *compiler_member(const struct yaml_node *node, struct str key)
{
    return node && node->kind == YAML_MAPPING ? yaml_member(node, key) : NULL;
}

size_t compiler_count(const struct yaml_node *node)
{
    return node->kind == YAML_SEQUENCE ? node->count : 1;
}

bool compiler_expect_some(struct compiler *c, const struct yaml_node *node)
{
    return node->kind != YAML_SEQUENCE || node->count > 0 ||
           yaml_error(node, c->err,
                      "an empty list would refuse every campaign; name what is allowed or remove "
                      "the rule");
}

/* banned_words: loan, casino - most likely a list, and to YAML a single text with a comma in it. */
static bool expect_one(struct compiler *c, const struct yaml_node *node)
{
    struct str first, rest;
    if (node->quoted || !str_cut(node->text, ',', &first, &rest))
        return true;
    return yaml_error(node, c->err,
                      "this is one text with a comma in it; write [%.*s, ...] for a list, or put "
                      "the text in quotes",
                      SHOW_ARGS(first));
}

bool compiler_each(struct compiler *c, const struct yaml_node *node, const char *what, bool or_one,
                   bool (*parse)(struct compiler *c, const struct yaml_node *node, void *target),
                   void *target)
{
    bool fine = true;
    if (or_one && node->kind == YAML_SCALAR && !yaml_is_null(node))
        return expect_one(c, node) && parse(c, node, target);
    if (!compiler_expect(c, node, YAML_SEQUENCE, what))
        return false;
    for (const struct yaml_node *each = node->first; each; each = each->next)
        fine = (parse(c, each, target) || compiler_note(c)) && fine;
    return fine;
}

/* ---- scalars ---- */

bool compiler_bool(struct compiler *c, const struct yaml_node *node, const char *what, bool *ret)
{
    bool yes = node->kind == YAML_SCALAR && str_equal(node->text, STR("true"));
    if (!yes && !(node->kind == YAML_SCALAR && str_equal(node->text, STR("false"))))
        return yaml_error(node, c->err, "%s is true or false", what);
    *ret = yes;
    return true;
}

bool compiler_int(struct compiler *c, const struct yaml_node *node, const char *what, int least,
                  int most, int *ret)
{
    uint64_t value;
    if (node->kind != YAML_SCALAR || node->text.len > 9 || !str_to_u64(node->text, &value) ||
        value < (uint64_t)least || value > (uint64_t)most)
        return yaml_error(node, c->err, "%s is a number from %d to %d", what, least, most);
    *ret = (int)value;
    return true;
}

static bool parse_day(struct compiler *c, const struct yaml_node *node, int64_t *ret_day)
{
    struct date date;
    if (node->kind != YAML_SCALAR || !date_parse(node->text, &date))
        return yaml_error(node, c->err, "this must be a day of the calendar, such as 2027-03-31");
    *ret_day = date_to_days(date);
    return true;
}

bool compiler_day_start(struct compiler *c, const struct yaml_node *node, int64_t *ret_ms)
{
    int64_t day = 0;
    if (!parse_day(c, node, &day))
        return false;
    *ret_ms = local_day_starts_ms(c->calendar, day);
    return true;
}

bool compiler_day_end(struct compiler *c, const struct yaml_node *node, int64_t *ret_ms)
{
    int64_t day = 0;
    if (!parse_day(c, node, &day))
        return false;
    *ret_ms = local_day_starts_ms(c->calendar, day + 1);
    return true;
}

/* ---- lists of names ---- */

struct names {
    const char *what;
    struct str *items;
    size_t count;
    struct strset seen; /* -> where it was given */
};

static bool add_name(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct names *names = target;
    if (!compiler_expect(c, node, YAML_SCALAR, names->what))
        return false;
    if (node->text.len == 0)
        return yaml_error(node, c->err, "%s is empty; write it, or remove it", names->what);
    if (strset_add(&names->seen, node->text, node) != STRSET_ADDED) {
        const struct yaml_node *before = strset_get(&names->seen, node->text);
        return yaml_error(node, c->err, "'%.*s' is in the list already, in line %zu",
                          SHOW_ARGS(node->text), before->line);
    }
    names->items[names->count++] = node->text;
    return true;
}

/* The texts of a list in the author's order, none empty and none twice. */
static bool read_names(struct compiler *c, const struct yaml_node *node, const char *what,
                       struct names *names)
{
    size_t count = compiler_count(node);
    *names = (struct names){.what = what};
    if (!compiler_expect_some(c, node))
        return false;
    names->items = arena_zalloc(c->arena, count, sizeof(struct str));
    if (!names->items || !strset_init(&names->seen, c->arena, count))
        return compiler_out_of_memory(c);
    return compiler_each(c, node, what, true, add_name, names);
}

static bool is_glob(struct str name)
{
    return str_find(name, '*') < name.len;
}

bool parse_name_list(struct compiler *c, const struct yaml_node *node, const char *what,
                     const struct name_list **ret)
{
    struct names names;
    struct name_list *list = arena_zalloc(c->arena, 1, sizeof(*list));
    if (!list)
        return compiler_out_of_memory(c);
    if (!read_names(c, node, what, &names))
        return false;
    struct str *globs = arena_zalloc(c->arena, names.count, sizeof(struct str));
    if (!globs || !strset_init(&list->exact, c->arena, names.count))
        return compiler_out_of_memory(c);
    for (size_t i = 0; i < names.count; i++) {
        if (is_glob(names.items[i]))
            globs[list->glob_count++] = names.items[i];
        else if (strset_add(&list->exact, names.items[i], NULL) == STRSET_FULL)
            return compiler_out_of_memory(c);
    }
    list->items = names.items;
    list->count = names.count;
    list->globs = globs;
    list->listed = compiler_list_words(c, list->items, list->count);
    if (!list->listed.data)
        return compiler_out_of_memory(c);
    *ret = list;
    return true;
}

/* ---- zones ---- */

struct zones_target {
    struct zone_list *list;
    struct str *items;
};

static bool add_zone(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct zones_target *zones = target;
    struct str zone;
    if (!compiler_expect(c, node, YAML_SCALAR, "a time zone"))
        return false;
    if (!zone_canonical(node->text, &zone)) {
        struct str hint = compiler_suggest(c, node->text, zone_name, zone_count());
        return yaml_error(node, c->err,
                          "'%.*s' is not an IANA time zone of tzdata %s%.*s; write it exactly as "
                          "there, such as Asia/Kolkata",
                          SHOW_ARGS(node->text), zone_table_version(), STR_ARGS(hint));
    }
    if (strset_add(&zones->list->names, zone, node) != STRSET_ADDED) {
        const struct yaml_node *before = strset_get(&zones->list->names, zone);
        return yaml_error(node, c->err, "'%.*s' is in the list already, in line %zu as '%.*s'",
                          SHOW_ARGS(node->text), before->line, SHOW_ARGS(before->text));
    }
    zones->items[zones->list->count++] = zone;
    return true;
}

bool parse_zone_list(struct compiler *c, const struct yaml_node *node, const struct zone_list **ret)
{
    struct zone_list *list = arena_zalloc(c->arena, 1, sizeof(*list));
    size_t count = compiler_count(node);
    struct zones_target target = {list, arena_zalloc(c->arena, count, sizeof(struct str))};
    if (!list || !target.items || !strset_init(&list->names, c->arena, count))
        return compiler_out_of_memory(c);
    if (!compiler_expect_some(c, node))
        return false;
    if (!compiler_each(c, node, "the list of time zones", true, add_zone, &target))
        return false;
    list->items = target.items;
    list->listed = compiler_list_words(c, list->items, list->count);
    if (!list->listed.data)
        return compiler_out_of_memory(c);
    *ret = list;
    return true;
}

/* ---- message classes and days ---- */

static bool add_class(struct compiler *c, const struct yaml_node *node, void *target)
{
    bool *classes = target;
    enum message_class class;
    if (node->kind != YAML_SCALAR || !message_class_parse(node->text, &class))
        return yaml_error(node, c->err,
                          "this is not a message class; it is promotional, service or "
                          "transactional");
    classes[class] = true;
    return true;
}

bool parse_classes(struct compiler *c, const struct yaml_node *node,
                   bool ret_classes[MESSAGE_CLASSES])
{
    if (node->kind == YAML_SEQUENCE && node->count == 0)
        return yaml_error(node, c->err, "this list of message classes is empty");
    return compiler_each(c, node, "the list of message classes", true, add_class, ret_classes);
}

/* "MO", "MO-FR", "SA-MO": the week is a ring. A day named twice: false. */
static bool add_days(struct str text, bool days[WEEKDAYS])
{
    struct str first_code, last_code;
    enum weekday first, last;
    bool is_range = str_cut(text, '-', &first_code, &last_code);
    if (!weekday_parse(str_trim(first_code), &first) ||
        !weekday_parse(str_trim(is_range ? last_code : first_code), &last))
        return false;
    for (enum weekday day = first;; day = (day + 1) % WEEKDAYS) {
        if (days[day])
            return false;
        days[day] = true;
        if (day == last)
            return true;
    }
}

bool parse_day_ranges(struct str text, bool ret_days[WEEKDAYS])
{
    struct str item, rest = text;
    bool more = true;
    while (more) {
        more = str_cut(rest, ',', &item, &rest);
        if (!add_days(str_trim(item), ret_days))
            return false;
    }
    return true;
}
