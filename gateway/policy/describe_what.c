/*
 * What the rules about the template and the text of the message say.
 */
#include "policy/compare.h"
#include "policy/describe.h"
#include "policy/links.h"
#include "policy/pattern.h"

/* ---- templates: versions ---- */

static void compare_versions(struct comparison *c, const struct fact *before,
                             const struct fact *after)
{
    const struct template_version *was = before->thing, *is = after->thing;
    compare_periods(c, (const int64_t[]){was->valid_from_ms, was->valid_until_ms},
                    (const int64_t[]){is->valid_from_ms, is->valid_until_ms},
                    before->detail.len ? before->detail : STR("always"),
                    after->detail.len ? after->detail : STR("always"));
}

static const struct fact_kind versions = {
    .lead = "the text is",
    .one = "the text",
    .many = "the texts",
    .state = "approved",
    .added = CHANGE_MORE,
    .given = CHANGE_LESS,
    .compare = compare_versions,
};
static const struct fact_kind any_text = {.lead = "any text"};

static void write_slots(const struct template_version *version, struct buf *out)
{
    for (size_t i = 0; i < version->slot_count; i++) {
        const struct pattern_slot *slot = &version->slots[i];
        buf_format(out, "%s{%.*s} up to %d %s", i ? ", " : " with ", STR_ARGS(slot->name),
                   slot->most, slot->digits ? "digits" : "characters");
    }
}

static struct str version_name(const struct template_version *version, struct scribe *scribe)
{
    struct buf text;
    buf_init(&text, SCRIBE_BYTES);
    if (version->pattern) {
        buf_format(&text, "\"%.*s\"", STR_ARGS(version->text));
        write_slots(version, &text);
    } else {
        buf_format(&text, "the one with SHA-256 %.*s", STR_ARGS(version->sha256));
    }
    return scribe_take(scribe, &text);
}

/* The same text may be approved for several periods: from the second on they are part of the name.
 */
static void add_version(const struct template_version *version, struct strset *seen,
                        struct facts *ret)
{
    struct str name = version_name(version, ret->scribe);
    struct str period = period_words(version->valid_from_ms, version->valid_until_ms, ret);
    enum strset_added added = strset_add(seen, name, version);
    if (added == STRSET_FULL)
        ret->scribe->failed = true;
    if (added == STRSET_PRESENT)
        name = scribe_format(ret->scribe, "%.*s, %.*s", STR_ARGS(name), STR_ARGS(period));
    bool always = version->valid_from_ms == INT64_MIN && version->valid_until_ms == INT64_MAX;
    facts_add(ret, name, always ? STR("") : period, version);
}

static void describe_versions(const struct template_entry *entry, struct facts *ret)
{
    struct strset seen;
    if (!strset_init(&seen, ret->scribe->arena, entry->version_count)) {
        ret->scribe->failed = true;
        return;
    }
    facts_open(ret, &versions, entry->version_count);
    for (size_t i = 0; i < entry->version_count; i++)
        add_version(&entry->versions[i], &seen, ret);
}

/* ---- templates: entries ---- */

/* The classes go from the most restricted to the least. */
static void compare_classes(struct comparison *c, const struct fact *before,
                            const struct fact *after)
{
    const struct template_entry *was = before->thing, *is = after->thing;
    enum change change = is->class > was->class ? CHANGE_MORE : CHANGE_LESS;
    if (was->class != is->class)
        comparison_say(c, c->classes_are_ordered ? change : CHANGE_OTHER, "%.*s (was %.*s)",
                       STR_ARGS(after->detail), STR_ARGS(before->detail));
}

static const struct fact_kind entry_class = {
    .lead = "of the class",
    .one = "its class is",
    .added = CHANGE_OTHER,
    .compare = compare_classes,
};
static const struct fact_kind entry_language = {
    .lead = "in the language",
    .one = "its language is",
    .added = CHANGE_OTHER,
};

static void describe_properties(struct facts *ret, const void *thing)
{
    const struct template_entry *entry = thing;
    if (entry->classified)
        facts_state(ret, &entry_class, str_from(message_class_text(entry->class)), entry);
    if (entry->language.len)
        facts_state(ret, &entry_language, entry->language, entry);
}

static void describe_entry(struct facts *ret, const void *thing)
{
    const struct template_entry *entry = thing;
    describe_properties(ret, thing);
    if (entry->version_count)
        describe_versions(entry, ret);
    else
        facts_state(ret, &any_text, STR(""), entry);
}

static const struct fact_kind entries = {
    .lead = "The template is one of:",
    .one = "the template",
    .many = "the templates",
    .state = "approved",
    .quoted = true,
    .by_line = true,
    .added = CHANGE_MORE,
    .describe = describe_entry,
};
static const struct fact_kind retired_entries = {
    .lead = "These templates are retired:",
    .one = "the template",
    .many = "the templates",
    .state = "among the retired ones",
    .quoted = true,
    .by_line = true,
    .added = CHANGE_OTHER,
    .describe = describe_properties,
};

static const struct fact_kind no_entries = {.lead = "No template is approved"};

static void add_entries(const struct template_registry *registry, bool retired, size_t count,
                        struct facts *ret)
{
    if (count == 0)
        return;
    facts_open(ret, retired ? &retired_entries : &entries, count);
    for (size_t i = 0; i < registry->count; i++) {
        if (registry->items[i]->retired == retired)
            facts_add(ret, registry->items[i]->name, STR(""), registry->items[i]);
    }
}

void describe_templates(const struct template_registry *registry, struct facts *ret)
{
    size_t retired = 0;
    for (size_t i = 0; i < registry->count; i++)
        retired += registry->items[i]->retired;
    if (retired == registry->count)
        facts_state(ret, &no_entries, STR(""), registry);
    add_entries(registry, false, registry->count - retired, ret);
    add_entries(registry, true, retired, ret);
}

/* ---- words ---- */

static const struct fact_kind banned = {
    .lead = "The message holds none of these words and phrases:",
    .one = "the phrase",
    .many = "the phrases",
    .state = "banned",
    .quoted = true,
    .added = CHANGE_LESS,
};
static const struct fact_kind opt_outs = {
    .lead = "The message tells how to opt out by one of:",
    .one = "the opt-out phrase",
    .many = "the opt-out phrases",
    .state = "accepted",
    .quoted = true,
    .added = CHANGE_MORE,
};
static const struct fact_kind identities = {
    .lead = "The message says who sends it by one of:",
    .one = "the sender's name",
    .many = "the sender's names",
    .state = "accepted",
    .quoted = true,
    .added = CHANGE_MORE,
};

void describe_banned_words(const struct phrase_list *list, struct facts *ret)
{
    facts_names(ret, &banned, list->items, list->count, NULL);
}

void describe_opt_out(const struct phrase_list *list, struct facts *ret)
{
    facts_names(ret, &opt_outs, list->items, list->count, NULL);
}

void describe_sender_identity(const struct phrase_list *list, struct facts *ret)
{
    facts_names(ret, &identities, list->items, list->count, NULL);
}

/* ---- urls ---- */

/* "go.acme.com" and "*.go.acme.com" are let through by "*.acme.com". */
static bool covered_by_hosts(const void *whole, struct str host)
{
    const struct url_rules *rules = whole;
    host = str_starts(host, STR("*.")) ? str_slice(host, 2, host.len) : host;
    for (size_t dot = str_find(host, '.'); dot < host.len; dot = str_find(host, '.')) {
        host = str_slice(host, dot + 1, host.len);
        if (strset_has(&rules->below, host))
            return true;
    }
    return false;
}

static const struct fact_kind hosts = {
    .lead = "A link leads to one of (*. stands for all below):",
    .one = "a link to",
    .many = "links to",
    .state = "allowed",
    .added = CHANGE_MORE,
    .covers = covered_by_hosts,
};
static const struct fact_kind no_links = {.lead = "The message holds no link"};
static const struct fact_kind schemes = {
    .lead = "A link that names its scheme has one of:",
    .one = "the scheme",
    .many = "the schemes",
    .state = "allowed",
    .added = CHANGE_MORE,
};
static const struct fact_kind shorteners = {
    .lead = "A public link shortener may be used if it is listed",
    .one = "a listed public link shortener",
    .state = "allowed",
    .added = CHANGE_MORE,
};

void describe_urls(const struct url_rules *rules, struct facts *ret)
{
    if (rules->count == 0) {
        facts_state(ret, &no_links, STR(""), rules);
        return;
    }
    facts_names(ret, &hosts, rules->items, rules->count, rules);
    facts_names(ret, &schemes, rules->schemes, rules->scheme_count, NULL);
    if (rules->shorteners)
        facts_state(ret, &shorteners, STR(""), rules);
}

/* ---- markup, segments ---- */

static const struct fact_kind placeholders = {
    .lead = "The message holds no HTML, and of placeholders between < and > only:",
    .one = "the placeholder",
    .many = "the placeholders",
    .state = "allowed",
    .quoted = true,
    .added = CHANGE_MORE,
};
static const struct fact_kind no_placeholders = {
    .lead = "The message holds no HTML and no placeholder between < and >"};

void describe_markup(const struct markup_rules *rules, struct facts *ret)
{
    if (rules->count)
        facts_names(ret, &placeholders, rules->placeholders, rules->count, NULL);
    else
        facts_state(ret, &no_placeholders, STR(""), rules);
}

static const struct fact_kind parts = {
    .lead = "The number of SMS that a message takes is at most",
    .one = "SMS in a message at most",
    .added = CHANGE_LESS,
    .compare = compare_most,
};
static const struct fact_kind gsm_only = {
    .lead = "Every character is of the GSM alphabet",
    .one = "the GSM alphabet",
    .state = "required",
    .added = CHANGE_LESS,
};
static const struct fact_kind placeholder_size = {
    .lead = "The number of characters that each placeholder counts is",
    .one = "characters that each placeholder counts:",
    .added = CHANGE_OTHER, /* the placeholder itself may be longer or shorter */
    .compare = compare_least,
};

void describe_segments(const struct segment_limits *limits, struct facts *ret)
{
    if (limits->most)
        facts_state(ret, &parts, scribe_format(ret->scribe, "%d", limits->most), &limits->most);
    if (limits->gsm_only)
        facts_state(ret, &gsm_only, STR(""), limits);
    if (limits->placeholder_characters)
        facts_state(ret, &placeholder_size,
                    scribe_format(ret->scribe, "%d", limits->placeholder_characters),
                    &limits->placeholder_characters);
}
