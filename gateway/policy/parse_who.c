/*
 * Settings of the rules about the sender, the recipients and the campaign itself.
 */
#include "policy/parse.h"

#include "policy/pattern.h"

/* ---- kill_switch ---- */

bool parse_kill_switch(struct compiler *c, const struct yaml_node *node, const struct str **ret)
{
    struct str *reason = arena_zalloc(c->arena, 1, sizeof(*reason));
    if (!reason)
        return compiler_out_of_memory(c);
    if (!compiler_expect(c, node, YAML_SCALAR, "the reason why everything is stopped"))
        return false;
    if (node->text.len == 0 || node->text.len > 256)
        return yaml_error(node, c->err, "say in 1 to 256 bytes why everything is stopped");
    if (str_equal(node->text, STR("true")) || str_equal(node->text, STR("false")))
        return yaml_error(
            node, c->err,
            "write the reason why everything is stopped, or remove the line to go on");
    *reason = node->text;
    *ret = reason;
    return true;
}

/* ---- caller_ids ---- */

#define SENDER_ID_BYTES 15 /* as long as the longest number; operators allow 11 letters */
#define SHORT_CODE_DIGITS 6

static bool all_between(struct str text, char low, char high)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < low || text.data[i] > high)
            return false;
    }
    return true;
}

/* ITU-T E.164, as the campaign's own number is judged: + and 7 to 15 digits, no leading zero. */
static bool is_number(struct str text)
{
    struct str digits = str_slice(text, 1, text.len);
    return digits.len >= 7 && digits.len <= 15 && digits.data[0] != '0' &&
           all_between(digits, '0', '9');
}

static bool check_caller_id(struct compiler *c, const struct yaml_node *node)
{
    struct str text = node->text;
    if (str_starts(text, STR("+")))
        return is_number(text) ||
               yaml_error(node, c->err,
                          "'%.*s' is not a telephone number; write + and 7 to 15 digits without "
                          "spaces, such as \"+14155550100\"",
                          SHOW_ARGS(text));
    if (text.len > SHORT_CODE_DIGITS && all_between(text, '0', '9'))
        return yaml_error(node, c->err,
                          "a number starts with + and its country code; write \"+%.*s\"",
                          SHOW_ARGS(text));
    if (text.len == 0 || text.len > SENDER_ID_BYTES || !all_between(text, '!', '~'))
        return yaml_error(node, c->err,
                          "'%.*s' is not a sender ID: 1 to %d letters, digits and signs without "
                          "spaces; a number looks like \"+14155550100\"",
                          SHOW_ARGS(text), SENDER_ID_BYTES);
    return true;
}

static bool key_id(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct caller_binding *binding = target;
    if (!compiler_expect(c, node, YAML_SCALAR, "a caller ID") || !check_caller_id(c, node))
        return false;
    binding->id = node->text;
    return true;
}

static bool key_timezones(struct compiler *c, const struct yaml_node *node, void *target)
{
    return parse_zone_list(c, node, &((struct caller_binding *)target)->timezones);
}

static bool key_classes(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct caller_binding *binding = target;
    binding->bound_to_class = true;
    return parse_classes(c, node, binding->classes);
}

struct callers_target {
    struct caller_list *list;
    struct caller_binding *items;
    struct strset seen; /* -> where it was given */
};

/* "+919561612345", or {id: "+919561612345", timezones: [Asia/Kolkata], classes: [service]}. */
static bool add_caller(struct compiler *c, const struct yaml_node *node, void *target)
{
    static const struct compiler_key keys[] = {
        {"id", key_id, true}, {"timezones", key_timezones, false}, {"classes", key_classes, false}};
    struct callers_target *callers = target;
    struct caller_binding *binding = &callers->items[callers->list->count];
    if (node->kind == YAML_MAPPING) {
        if (!compiler_mapping(c, node, "a caller ID", keys, COUNT_OF(keys), binding))
            return false;
    } else if (!key_id(c, node, binding)) {
        return false;
    }
    if (strset_add(&callers->seen, binding->id, node) != STRSET_ADDED) {
        const struct yaml_node *before = strset_get(&callers->seen, binding->id);
        return yaml_error(node, c->err, "'%.*s' is in the list already, in line %zu",
                          SHOW_ARGS(binding->id), before->line);
    }
    callers->list->count++;
    return strset_add(&callers->list->by_id, binding->id, binding) == STRSET_ADDED ||
           compiler_out_of_memory(c);
}

static bool list_callers(struct compiler *c, struct caller_list *list)
{
    struct str ids[LISTED];
    for (size_t i = 0; i < list->count && i < LISTED; i++)
        ids[i] = list->items[i].id;
    list->listed = compiler_list_words(c, ids, list->count);
    return list->listed.data || compiler_out_of_memory(c);
}

bool parse_caller_ids(struct compiler *c, const struct yaml_node *node,
                      const struct caller_list **ret)
{
    size_t count = compiler_count(node);
    struct callers_target target = {arena_zalloc(c->arena, 1, sizeof(struct caller_list)),
                                    arena_zalloc(c->arena, count, sizeof(struct caller_binding)),
                                    {0}};
    if (!target.list || !target.items || !strset_init(&target.seen, c->arena, count) ||
        !strset_init(&target.list->by_id, c->arena, count))
        return compiler_out_of_memory(c);
    if (!compiler_expect_some(c, node))
        return false;
    if (!compiler_each(c, node, "caller_ids", true, add_caller, &target))
        return false;
    target.list->items = target.items;
    if (!list_callers(c, target.list))
        return false;
    *ret = target.list;
    return true;
}

/* ---- contact lists and do-not-contact lists ---- */

bool parse_contact_lists(struct compiler *c, const struct yaml_node *node,
                         const struct name_list **ret)
{
    return parse_name_list(c, node, "a contact list", ret);
}

bool parse_dnc_lists(struct compiler *c, const struct yaml_node *node, const struct name_list **ret)
{
    return parse_name_list(c, node, "a do-not-contact list", ret);
}

static bool parse_flag(struct compiler *c, const struct yaml_node *node, const char *what,
                       const bool **ret)
{
    bool *flag = arena_zalloc(c->arena, 1, sizeof(*flag));
    if (!flag)
        return compiler_out_of_memory(c);
    if (!compiler_bool(c, node, what, flag))
        return false;
    *ret = flag;
    return true;
}

bool parse_dnc_required(struct compiler *c, const struct yaml_node *node, const bool **ret)
{
    return parse_flag(c, node, "dnc_required", ret);
}

bool parse_scheduling_allowed(struct compiler *c, const struct yaml_node *node, const bool **ret)
{
    return parse_flag(c, node, "scheduling_allowed", ret);
}

bool parse_priority_cap(struct compiler *c, const struct yaml_node *node, const int **ret)
{
    int *cap = arena_zalloc(c->arena, 1, sizeof(*cap));
    if (!cap)
        return compiler_out_of_memory(c);
    if (!compiler_int(c, node, "priority_cap", 1, 5, cap))
        return false;
    *ret = cap;
    return true;
}

/* ---- patterns ---- */

static bool key_pattern(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct text_pattern *text = target;
    struct error why = {.text = ""};
    size_t offset = 0;
    if (!compiler_expect(c, node, YAML_SCALAR, "a pattern"))
        return false;
    text->source = node->text;
    text->pattern = pattern_compile(node->text, c->arena, &why, &offset);
    return text->pattern ||
           yaml_error(node, c->err, "'%.*s' is not a regular expression, at its byte %zu: %s",
                      SHOW_ARGS(node->text), offset, why.text);
}

static bool key_hint(struct compiler *c, const struct yaml_node *node, void *target)
{
    if (!compiler_expect(c, node, YAML_SCALAR, "a hint"))
        return false;
    ((struct text_pattern *)target)->hint = str_slice(node->text, 0, 256);
    return true;
}

/* "^BIL-", or {pattern: "^BIL-", hint: "begin with BIL-"}. */
static bool parse_text_pattern(struct compiler *c, const struct yaml_node *node, const char *what,
                               const struct text_pattern **ret)
{
    static const struct compiler_key keys[] = {{"pattern", key_pattern, true},
                                               {"hint", key_hint, false}};
    struct text_pattern *text = arena_zalloc(c->arena, 1, sizeof(*text));
    if (!text)
        return compiler_out_of_memory(c);
    bool fine = node->kind == YAML_MAPPING
                    ? compiler_mapping(c, node, what, keys, COUNT_OF(keys), text)
                    : key_pattern(c, node, text);
    if (fine)
        *ret = text;
    return fine;
}

bool parse_name_pattern(struct compiler *c, const struct yaml_node *node,
                        const struct text_pattern **ret)
{
    return parse_text_pattern(c, node, "name_pattern", ret);
}

bool parse_description_pattern(struct compiler *c, const struct yaml_node *node,
                               const struct text_pattern **ret)
{
    return parse_text_pattern(c, node, "description_pattern", ret);
}
