/*
 * Judging a campaign of which a record holds only a part: which questions can be answered all the
 * same. What cannot is never guessed.
 *
 *     what is asked for                      when it is hidden
 *     a name or caller ID in a list          not there if it is `unlisted` and the list has no
 * pattern description, name by a pattern         unknown blocks: shortest unknown templates unknown
 * only if a text with slots may fit: the digest tells the others words: banned, opt-out, sender
 * unknown links, tags, SMS                       known when the reading has them all else a record
 * holds it
 */
#include "base/glob.h"
#include "policy/check.h"

enum policy_gap gap_of(const struct subject *subject, enum policy_part part)
{
    const struct policy_gaps *gaps = subject->context->gaps;
    return gaps ? gaps->parts[part] : GAP_NONE;
}

/* ---- names ---- */

/* `any`: whatever the name is, it fits. `by_pattern`: it may fit though it is not written in full.
 */
static enum certainty hidden_name(enum policy_gap gap, bool any, bool by_pattern)
{
    if (any)
        return CERTAINLY;
    return gap == GAP_UNLISTED && !by_pattern ? CERTAINLY_NOT : PERHAPS;
}

enum certainty name_is_listed(enum policy_gap gap, struct str name, const struct name_list *list)
{
    if (gap != GAP_NONE)
        return hidden_name(gap, name_list_has(list, STR("")), list->glob_count > 0);
    return name_list_has(list, name) ? CERTAINLY : CERTAINLY_NOT;
}

enum certainty name_fits(enum policy_gap gap, struct str name, struct str pattern)
{
    if (pattern.len == 0)
        return CERTAINLY;
    if (gap != GAP_NONE)
        return hidden_name(gap, glob_match(pattern, STR("")), str_find(pattern, '*') < pattern.len);
    return glob_match(pattern, name) ? CERTAINLY : CERTAINLY_NOT;
}

/* Whether a rule that lists names can be asked about hidden ones. */
static bool knows_names(const struct subject *s, const struct policy_setting *setting)
{
    enum policy_gap gap = gap_of(s, rule_reads(setting->rule));
    if (setting->rule == RULE_contact_lists || setting->rule == RULE_dnc_lists)
        return name_is_listed(gap, STR(""), setting->value) != PERHAPS;
    return gap == GAP_UNLISTED; /* caller IDs and templates: without patterns */
}

/* ---- the message ---- */

static bool is_fixed_text(const struct subject *s, const struct template_version *version)
{
    int64_t now = s->context->now_unix_ms;
    return version->sha256.len && str_equal(version->sha256, s->context->message_sha256) &&
           version->valid_from_ms <= now && now < version->valid_until_ms;
}

/* A fixed text that fits decides; otherwise one with slots may fit. */
static bool knows_template_text(const struct subject *s, const struct template_registry *registry)
{
    const struct template_entry *entry = strset_get(&registry->by_name, s->campaign->template_name);
    bool may_fit = false;
    for (size_t i = 0; entry && !entry->retired && i < entry->version_count; i++) {
        if (is_fixed_text(s, &entry->versions[i]))
            return true;
        may_fit |= entry->versions[i].pattern || s->context->message_sha256.len == 0;
    }
    return !may_fit;
}

/* Whether every size that is possible gets the same answer. */
static bool knows_segments(const struct subject *s, const struct segment_limits *limits)
{
    struct segments least, most;
    if (!s->reading->has_size)
        return false;
    segments_range(&s->reading->size, (size_t)limits->placeholder_characters, &least, &most);
    size_t allowed = limits->most ? (size_t)limits->most : SIZE_MAX;
    return (least.count > allowed) == (most.count > allowed);
}

static bool knows_message(const struct subject *s, const struct policy_setting *setting)
{
    switch (setting->rule) {
    case RULE_urls:
        return s->reading->has_links;
    case RULE_markup:
        return s->reading->has_spans;
    case RULE_segments:
        return knows_segments(s, setting->value);
    default: /* words */
        return false;
    }
}

/* ---- every rule ---- */

static const char *const gaps[POLICY_PARTS] = {
    [PART_CALLER_ID] = "the record holds a hash of the caller ID, whose key is not at hand",
    [PART_CONTACT_LISTS] = "the record holds a hash of a part of a contact list's name",
    [PART_DNC_LIST] = "the record holds a hash of a part of the do-not-contact list's name",
    [PART_NAME] = "the record holds a hash of a part of the name",
    [PART_DESCRIPTION] = "the record does not hold the description",
    [PART_BLOCKS] = "the record does not tell whether two blocks are one across midnight",
    [PART_TEMPLATE] = "the record holds a hash of a part of the template's name",
    [PART_MESSAGE] = "the record does not hold the message",
};

static bool knows(const struct subject *s, const struct policy_setting *setting)
{
    switch (rule_reads(setting->rule)) {
    case PART_CALLER_ID:
    case PART_CONTACT_LISTS:
    case PART_DNC_LIST:
    case PART_TEMPLATE:
        return knows_names(s, setting);
    case PART_BLOCKS:
        return setting->rule != RULE_blocks; /* days do not mind */
    case PART_MESSAGE:
        return knows_message(s, setting);
    default:
        return false;
    }
}

const char *gap_before(const struct subject *subject, const struct policy_setting *setting)
{
    enum policy_part part = rule_reads(setting->rule);
    if (gap_of(subject, part) != GAP_NONE && !knows(subject, setting))
        return gaps[part];
    if (setting->rule == RULE_templates && gap_of(subject, PART_MESSAGE) != GAP_NONE &&
        !knows_template_text(subject, setting->value))
        return "the record holds only the message's digest, and the template has texts with slots";
    return NULL;
}
