/*
 * Settings of the rules about the template and the text of the message.
 */
#include "policy/parse.h"

#include "policy/pattern.h"
#include "policy/text.h"

/* ---- templates: one version ---- */

#define SLOT_CHARACTERS 30 /* what India's registry (TCCCPR, DLT) lets a variable hold */
#define LIMIT_SLOTS 32

/* What a version is read into; the slots are needed for its text, wherever they are written. */
struct version_target {
    struct template_version version;
    const struct yaml_node *text, *slots;
};

static bool key_sha256(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct version_target *version = target;
    bool fine = node->kind == YAML_SCALAR && node->text.len == 64;
    for (size_t i = 0; fine && i < node->text.len; i++)
        fine = hex_digit(node->text.data[i]) >= 0 &&
               !(node->text.data[i] >= 'A' && node->text.data[i] <= 'F');
    if (!fine)
        return yaml_error(node, c->err,
                          "sha256 has 64 digits 0-9 and a-f: of the text in UTF-8, as "
                          "`campaign-gateway judge` shows it");
    version->version.sha256 = node->text;
    return true;
}

static bool key_text(struct compiler *c, const struct yaml_node *node, void *target)
{
    if (!compiler_expect(c, node, YAML_SCALAR, "the text of a template"))
        return false;
    if (node->text.len == 0)
        return yaml_error(node, c->err, "the text of a template is empty");
    ((struct version_target *)target)->text = node;
    return true;
}

static bool key_slots(struct compiler *c, const struct yaml_node *node, void *target)
{
    ((struct version_target *)target)->slots = node;
    return compiler_expect(c, node, YAML_MAPPING, "slots");
}

static bool key_valid_from(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_day_start(c, node, &((struct version_target *)target)->version.valid_from_ms);
}

static bool key_valid_to(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_day_end(c, node, &((struct version_target *)target)->version.valid_until_ms);
}

static bool key_slot_most(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_int(c, node, "most", 1, 500, &((struct pattern_slot *)target)->most);
}

static bool key_slot_kind(struct compiler *c, const struct yaml_node *node, void *target)
{
    bool digits = node->kind == YAML_SCALAR && str_equal(node->text, STR("digits"));
    if (!digits && !(node->kind == YAML_SCALAR && str_equal(node->text, STR("text"))))
        return yaml_error(node, c->err, "a slot's kind is text or digits");
    ((struct pattern_slot *)target)->digits = digits;
    return true;
}

/* slots: {name: , amount: {kind: digits, most: 8}} */
static bool read_slot(struct compiler *c, const struct yaml_node *node, struct pattern_slot *slot)
{
    static const struct compiler_key keys[] = {{"most", key_slot_most, false},
                                               {"kind", key_slot_kind, false}};
    *slot = (struct pattern_slot){node->key, false, SLOT_CHARACTERS};
    return yaml_is_null(node) || compiler_mapping(c, node, "a slot", keys, COUNT_OF(keys), slot);
}

static bool compile_text(struct compiler *c, struct version_target *target)
{
    struct pattern_slot slots[LIMIT_SLOTS];
    struct error why = {.text = ""};
    size_t count = 0, offset = 0;
    for (const struct yaml_node *each = target->slots ? target->slots->first : NULL; each;
         each = each->next) {
        if (count == LIMIT_SLOTS)
            return yaml_error(each, c->err, "a template has at most %d slots", LIMIT_SLOTS);
        if (!read_slot(c, each, &slots[count++]))
            return false;
    }
    struct pattern_slot *kept = arena_zalloc(c->arena, count, sizeof(*kept));
    if (!kept)
        return compiler_out_of_memory(c);
    if (count)
        memcpy(kept, slots, count * sizeof(*kept));
    target->version.slots = kept;
    target->version.slot_count = count;
    target->version.text = target->text->text;
    target->version.pattern =
        pattern_of_text(target->text->text, slots, count, c->arena, &why, &offset);
    return target->version.pattern ||
           yaml_error(target->text, c->err, "at byte %zu of this text: %s", offset, why.text);
}

/* What is read is complete and makes sense. */
static bool finish_version(struct compiler *c, const struct yaml_node *node,
                           struct version_target *target)
{
    struct template_version *version = &target->version;
    if ((target->text != NULL) == (version->sha256.len > 0))
        return yaml_error(node, c->err,
                          "a version of a template has either a 'sha256' or a 'text'");
    if (target->slots && !target->text)
        return yaml_error(target->slots, c->err, "'slots' belong to a 'text'");
    if (version->valid_from_ms >= version->valid_until_ms)
        return yaml_error(node, c->err, "this version's validity ends before it begins");
    return !target->text || compile_text(c, target);
}

/* ---- templates: one entry ---- */

struct entry_target {
    struct template_entry *entry;
    struct template_version *versions;
    struct version_target single; /* when the version is written into the entry itself */
    bool has_single;
};

static bool add_version(struct compiler *c, const struct yaml_node *node, void *target)
{
    static const struct compiler_key keys[] = {
        {"sha256", key_sha256, false},     {"text", key_text, false},
        {"slots", key_slots, false},       {"valid_from", key_valid_from, false},
        {"valid_to", key_valid_to, false},
    };
    struct entry_target *entry = target;
    struct version_target version = {
        .version = {.valid_from_ms = INT64_MIN, .valid_until_ms = INT64_MAX}};
    if (!compiler_mapping(c, node, "a version", keys, COUNT_OF(keys), &version) ||
        !finish_version(c, node, &version))
        return false;
    entry->versions[entry->entry->version_count++] = version.version;
    return true;
}

static bool key_versions(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct entry_target *entry = target;
    if (node->kind == YAML_SEQUENCE && node->count == 0)
        return yaml_error(node, c->err, "this list of versions is empty; remove it for any text");
    entry->versions = arena_zalloc(c->arena, node->count, sizeof(struct template_version));
    if (!entry->versions)
        return compiler_out_of_memory(c);
    return compiler_each(c, node, "versions", false, add_version, target);
}

static bool key_class(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct template_entry *entry = ((struct entry_target *)target)->entry;
    if (node->kind != YAML_SCALAR || !message_class_parse(node->text, &entry->class))
        return yaml_error(node, c->err,
                          "a template's class is promotional, service or transactional");
    entry->classified = true;
    return true;
}

static bool key_language(struct compiler *c, const struct yaml_node *node, void *target)
{
    if (!compiler_expect(c, node, YAML_SCALAR, "a language"))
        return false;
    if (node->text.len == 0 || node->text.len > 35)
        return yaml_error(node, c->err, "a language is a short tag such as hi or en-GB");
    ((struct entry_target *)target)->entry->language = node->text;
    return true;
}

static bool key_retired(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_bool(c, node, "retired", &((struct entry_target *)target)->entry->retired);
}

/* The keys of a version, when they stand in the entry itself. */
#define SINGLE_KEY(key)                                                                            \
    static bool single_##key(struct compiler *c, const struct yaml_node *node, void *target)       \
    {                                                                                              \
        struct entry_target *entry = target;                                                       \
        entry->has_single = true;                                                                  \
        return key_##key(c, node, &entry->single);                                                 \
    }
SINGLE_KEY(sha256)
SINGLE_KEY(text)
SINGLE_KEY(slots)
SINGLE_KEY(valid_from)
SINGLE_KEY(valid_to)
#undef SINGLE_KEY

static bool finish_entry(struct compiler *c, const struct yaml_node *node,
                         struct entry_target *target)
{
    if (!target->has_single)
        return true;
    if (target->versions)
        return yaml_error(node, c->err, "give either 'versions' or a single text, not both");
    target->versions = arena_zalloc(c->arena, 1, sizeof(struct template_version));
    if (!target->versions)
        return compiler_out_of_memory(c);
    if (!finish_version(c, node, &target->single))
        return false;
    target->versions[target->entry->version_count++] = target->single.version;
    return true;
}

/* {class: service, language: en, sha256: …}; nothing behind the name: any text. */
static bool read_entry(struct compiler *c, const struct yaml_node *node,
                       struct template_entry *entry)
{
    static const struct compiler_key keys[] = {
        {"class", key_class, false},          {"language", key_language, false},
        {"retired", key_retired, false},      {"versions", key_versions, false},
        {"sha256", single_sha256, false},     {"text", single_text, false},
        {"slots", single_slots, false},       {"valid_from", single_valid_from, false},
        {"valid_to", single_valid_to, false},
    };
    struct entry_target target = {
        .entry = entry,
        .single = {.version = {.valid_from_ms = INT64_MIN, .valid_until_ms = INT64_MAX}}};
    if (yaml_is_null(node))
        return true;
    if (!compiler_mapping(c, node, "a template", keys, COUNT_OF(keys), &target) ||
        !finish_entry(c, node, &target))
        return false;
    entry->versions = target.versions;
    return true;
}

/* ---- templates: the registry ---- */

struct registry_target {
    struct template_registry *registry;
    const struct template_entry **items;
};

static bool add_entry(struct compiler *c, const struct yaml_node *node, struct str name,
                      bool has_body, struct registry_target *target)
{
    struct template_entry *entry = arena_zalloc(c->arena, 1, sizeof(*entry));
    if (!entry)
        return compiler_out_of_memory(c);
    if (name.len == 0)
        return yaml_error(node, c->err, "a template's name is empty");
    entry->name = name;
    if (has_body && !read_entry(c, node, entry))
        return false;
    if (strset_add(&target->registry->by_name, name, entry) != STRSET_ADDED)
        return yaml_error(node, c->err, "the template '%.*s' is here twice", SHOW_ARGS(name));
    target->items[target->registry->count++] = entry;
    return true;
}

static bool add_bare_entry(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_expect(c, node, YAML_SCALAR, "a template's name") &&
           add_entry(c, node, node->text, false, target);
}

static bool add_entries(struct compiler *c, const struct yaml_node *node,
                        struct registry_target *target)
{
    bool fine = true;
    if (node->kind != YAML_MAPPING)
        return compiler_each(c, node, "templates", false, add_bare_entry, target);
    for (const struct yaml_node *each = node->first; each; each = each->next)
        fine = (add_entry(c, each, each->key, true, target) || compiler_note(c)) && fine;
    return fine;
}

/* What a refusal may offer: none that is retired. */
static bool list_templates(struct compiler *c, struct template_registry *registry)
{
    struct str names[LISTED];
    size_t in_use = 0;
    for (size_t i = 0; i < registry->count; i++) {
        if (registry->items[i]->retired)
            continue;
        if (in_use < LISTED)
            names[in_use] = registry->items[i]->name;
        in_use++;
    }
    registry->listed = in_use ? compiler_list_words(c, names, in_use) : STR("none");
    return registry->listed.data || compiler_out_of_memory(c);
}

/* {Welcome: {class: service, sha256: …}}, or only [Welcome, Reminder]. */
bool parse_templates(struct compiler *c, const struct yaml_node *node,
                     const struct template_registry **ret)
{
    struct template_registry *registry = arena_zalloc(c->arena, 1, sizeof(*registry));
    struct registry_target target = {
        registry, arena_zalloc(c->arena, node->count, sizeof(struct template_entry *))};
    if (!registry || !target.items || !strset_init(&registry->by_name, c->arena, node->count))
        return compiler_out_of_memory(c);
    if (node->kind != YAML_SCALAR && node->count == 0)
        return yaml_error(node, c->err,
                          "without any template every campaign would be refused; name one, or "
                          "remove the rule");
    if (!add_entries(c, node, &target))
        return false;
    registry->items = target.items;
    if (!list_templates(c, registry))
        return false;
    *ret = registry;
    return true;
}

/* ---- words and phrases ---- */

struct phrases_target {
    struct phrases *phrases;
    struct phrase_list *list;
    struct str *items;
};

static bool add_phrase(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct phrases_target *phrases = target;
    if (!compiler_expect(c, node, YAML_SCALAR, "a word or phrase"))
        return false;
    switch (phrases_add(phrases->phrases, c->arena, node->text)) {
    case PHRASES_ADDED:
        phrases->items[phrases->list->count++] = node->text;
        return true;
    case PHRASES_PRESENT:
        return yaml_error(node, c->err,
                          "'%.*s' is in the list already (case and the like do not count)",
                          SHOW_ARGS(node->text));
    case PHRASES_EMPTY:
        return yaml_error(node, c->err, "'%.*s' holds no word: no letter and no digit",
                          SHOW_ARGS(node->text));
    case PHRASES_TOO_LONG:
        return yaml_error(node, c->err, "'%.*s' has too many words; give a shorter part of it",
                          SHOW_ARGS(node->text));
    default:
        return compiler_out_of_memory(c);
    }
}

static bool parse_phrases(struct compiler *c, const struct yaml_node *node, const char *what,
                          const struct phrase_list **ret)
{
    size_t count = compiler_count(node);
    struct phrase_list *list = arena_zalloc(c->arena, 1, sizeof(*list));
    struct phrases_target target = {arena_zalloc(c->arena, 1, sizeof(struct phrases)), list,
                                    arena_zalloc(c->arena, count, sizeof(struct str))};
    if (!list || !target.phrases || !target.items || !phrases_init(target.phrases, c->arena, count))
        return compiler_out_of_memory(c);
    if (node->kind == YAML_SEQUENCE && node->count == 0)
        return yaml_error(node, c->err,
                          "this list is empty; name a word or phrase, or remove the "
                          "rule");
    if (!compiler_each(c, node, what, true, add_phrase, &target))
        return false;
    list->phrases = target.phrases;
    list->items = target.items;
    list->listed = compiler_list_words(c, list->items, list->count);
    if (!list->listed.data)
        return compiler_out_of_memory(c);
    *ret = list;
    return true;
}

bool parse_banned_words(struct compiler *c, const struct yaml_node *node,
                        const struct phrase_list **ret)
{
    return parse_phrases(c, node, "banned_words", ret);
}

bool parse_opt_out(struct compiler *c, const struct yaml_node *node, const struct phrase_list **ret)
{
    return parse_phrases(c, node, "opt_out", ret);
}

bool parse_sender_identity(struct compiler *c, const struct yaml_node *node,
                           const struct phrase_list **ret)
{
    return parse_phrases(c, node, "sender_identity", ret);
}

/* ---- urls ---- */

struct urls_target {
    struct url_rules *rules;
    struct str *hosts, *schemes;
};

/* A host name as it stands in a folded text: lower case, labels with dots between. */
static bool is_host(struct str host)
{
    bool has_dot = str_find(host, '.') < host.len;
    for (size_t i = 0; i < host.len; i++) {
        char byte = host.data[i];
        bool edge = i == 0 || i + 1 == host.len;
        bool fine = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                    (unsigned char)byte >= 0x80 || (!edge && (byte == '-' || byte == '.'));
        if (!fine || (byte == '.' && host.data[i + 1] == '.'))
            return false;
    }
    return has_dot && host.len <= 253;
}

static bool add_host(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct urls_target *urls = target;
    if (!compiler_expect(c, node, YAML_SCALAR, "a host"))
        return false;
    bool below = str_starts(node->text, STR("*."));
    struct str host = below ? str_slice(node->text, 2, node->text.len) : node->text;
    if (!is_host(host))
        return yaml_error(node, c->err,
                          "'%.*s' is not a host; write acme.com or *.acme.com, in small letters, "
                          "without https:// and path",
                          SHOW_ARGS(node->text));
    if (strset_add(below ? &urls->rules->below : &urls->rules->hosts, host, node) != STRSET_ADDED)
        return yaml_error(node, c->err, "'%.*s' is in the list already", SHOW_ARGS(node->text));
    urls->hosts[urls->rules->count++] = node->text;
    return true;
}

static bool key_hosts(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct urls_target *urls = target;
    size_t count = compiler_count(node);
    urls->hosts = arena_zalloc(c->arena, count, sizeof(struct str));
    if (!urls->hosts || !strset_init(&urls->rules->hosts, c->arena, count) ||
        !strset_init(&urls->rules->below, c->arena, count))
        return compiler_out_of_memory(c);
    return compiler_each(c, node, "hosts", true, add_host, target);
}

static bool add_scheme(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct urls_target *urls = target;
    for (size_t i = 0; node->kind == YAML_SCALAR && i < node->text.len; i++) {
        char byte = node->text.data[i];
        if (!((byte >= 'a' && byte <= 'z') || (i > 0 && byte >= '0' && byte <= '9')))
            return yaml_error(node, c->err, "a scheme is a word in small letters, such as https");
    }
    if (node->kind != YAML_SCALAR || node->text.len == 0)
        return yaml_error(node, c->err, "a scheme is a word in small letters, such as https");
    urls->schemes[urls->rules->scheme_count++] = node->text;
    return true;
}

static bool key_schemes(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct urls_target *urls = target;
    size_t count = compiler_count(node);
    urls->schemes = arena_zalloc(c->arena, count, sizeof(struct str));
    if (!urls->schemes)
        return compiler_out_of_memory(c);
    urls->rules->scheme_count = 0;
    return compiler_each(c, node, "schemes", true, add_scheme, target);
}

static bool key_shorteners(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_bool(c, node, "shorteners", &((struct urls_target *)target)->rules->shorteners);
}

static const struct str https_only[] = {{"https", 5}};

/* none, [acme.com, "*.acme.com"], or {hosts: […], schemes: [https], shorteners: false}. */
bool parse_urls(struct compiler *c, const struct yaml_node *node, const struct url_rules **ret)
{
    static const struct compiler_key keys[] = {{"hosts", key_hosts, true},
                                               {"schemes", key_schemes, false},
                                               {"shorteners", key_shorteners, false}};
    struct url_rules *rules = arena_zalloc(c->arena, 1, sizeof(*rules));
    struct urls_target target = {.rules = rules};
    if (!rules)
        return compiler_out_of_memory(c);
    rules->scheme_count = COUNT_OF(https_only);
    bool none = node->kind == YAML_SCALAR && str_equal(node->text, STR("none"));
    bool fine = none || (node->kind == YAML_MAPPING
                             ? compiler_mapping(c, node, "urls", keys, COUNT_OF(keys), &target)
                             : key_hosts(c, node, &target));
    if (!fine)
        return false;
    rules->items = target.hosts;
    rules->schemes = target.schemes ? target.schemes : https_only;
    rules->listed =
        rules->count ? compiler_list_words(c, rules->items, rules->count) : STR("no link at all");
    if (!rules->listed.data)
        return compiler_out_of_memory(c);
    *ret = rules;
    return true;
}

/* ---- markup, segments ---- */

struct placeholders_target {
    struct markup_rules *rules;
    struct str *items;
};

static bool add_placeholder(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct placeholders_target *placeholders = target;
    if (!compiler_expect(c, node, YAML_SCALAR, "a placeholder"))
        return false;
    if (node->text.len == 0 || str_find(node->text, '<') < node->text.len ||
        str_find(node->text, '>') < node->text.len)
        return yaml_error(node, c->err, "a placeholder is written without < and >: First Name");
    if (strset_add(&placeholders->rules->names, node->text, node) != STRSET_ADDED)
        return yaml_error(node, c->err, "'%.*s' is in the list already", SHOW_ARGS(node->text));
    placeholders->items[placeholders->rules->count++] = node->text;
    return true;
}

static bool key_placeholders(struct compiler *c, const struct yaml_node *node, void *target)
{
    struct markup_rules *rules = target;
    size_t count = compiler_count(node);
    struct placeholders_target placeholders = {rules,
                                               arena_zalloc(c->arena, count, sizeof(struct str))};
    if (!placeholders.items || !strset_init(&rules->names, c->arena, count))
        return compiler_out_of_memory(c);
    if (!compiler_each(c, node, "placeholders", true, add_placeholder, &placeholders))
        return false;
    rules->placeholders = placeholders.items;
    rules->listed = compiler_list_words(c, rules->placeholders, rules->count);
    return rules->listed.data || compiler_out_of_memory(c);
}

/* none, or {placeholders: [First Name]}. */
bool parse_markup(struct compiler *c, const struct yaml_node *node, const struct markup_rules **ret)
{
    static const struct compiler_key keys[] = {{"placeholders", key_placeholders, true}};
    struct markup_rules *rules = arena_zalloc(c->arena, 1, sizeof(*rules));
    if (!rules)
        return compiler_out_of_memory(c);
    rules->listed = STR("none");
    bool none = node->kind == YAML_SCALAR && str_equal(node->text, STR("none"));
    if (!none && !compiler_mapping(c, node, "markup", keys, COUNT_OF(keys), rules))
        return false;
    *ret = rules;
    return true;
}

static bool key_most(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_int(c, node, "most", 1, 255, &((struct segment_limits *)target)->most);
}

static bool key_gsm_only(struct compiler *c, const struct yaml_node *node, void *target)
{
    return compiler_bool(c, node, "gsm_only", &((struct segment_limits *)target)->gsm_only);
}

static bool key_placeholder_characters(struct compiler *c, const struct yaml_node *node,
                                       void *target)
{
    return compiler_int(c, node, "placeholder_characters", 1, 500,
                        &((struct segment_limits *)target)->placeholder_characters);
}

/* 3, or {most: 3, gsm_only: true, placeholder_characters: 20}. */
bool parse_segments(struct compiler *c, const struct yaml_node *node,
                    const struct segment_limits **ret)
{
    static const struct compiler_key keys[] = {
        {"most", key_most, false},
        {"gsm_only", key_gsm_only, false},
        {"placeholder_characters", key_placeholder_characters, false}};
    struct segment_limits *limits = arena_zalloc(c->arena, 1, sizeof(*limits));
    if (!limits)
        return compiler_out_of_memory(c);
    bool fine = node->kind == YAML_SCALAR && !yaml_is_null(node)
                    ? key_most(c, node, limits)
                    : compiler_mapping(c, node, "segments", keys, COUNT_OF(keys), limits);
    if (!fine)
        return false;
    if (limits->most == 0 && !limits->gsm_only)
        return yaml_error(node, c->err, "say how many segments ('most'), or 'gsm_only: true'");
    *ret = limits;
    return true;
}
