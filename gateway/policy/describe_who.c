/*
 * What the rules about the sender, the recipients and the campaign itself say.
 */
#include "policy/compare.h"
#include "policy/describe.h"

/* ---- kill_switch ---- */

static const struct fact_kind stopped = {
    .lead = "No campaign may be created, because:",
    .one = "no campaign may be created, because:",
    .added = CHANGE_LESS,
};

void describe_kill_switch(const struct str *reason, struct facts *ret)
{
    facts_state(ret, &stopped, scribe_format(ret->scribe, "\"%.*s\"", STR_ARGS(*reason)), reason);
}

/* ---- caller_ids ---- */

static const struct fact_kind caller_zones = {
    .lead = "only in",
    .one = "in the time zone",
    .many = "in the time zones",
    .state = "allowed",
    .added = CHANGE_MORE,
    .given = CHANGE_LESS,
};
static const struct fact_kind caller_classes = {
    .lead = "only for messages of the class",
    .one = "for messages of the class",
    .many = "for messages of the classes",
    .state = "allowed",
    .added = CHANGE_MORE,
    .given = CHANGE_LESS,
};

static void describe_binding(struct facts *ret, const void *thing)
{
    const struct caller_binding *binding = thing;
    if (binding->timezones)
        facts_names(ret, &caller_zones, binding->timezones->items, binding->timezones->count, NULL);
    if (binding->bound_to_class)
        facts_classes(ret, &caller_classes, binding->classes);
}

static const struct fact_kind callers = {
    .lead = "The sender is one of:",
    .one = "the caller ID",
    .many = "the caller IDs",
    .state = "allowed",
    .added = CHANGE_MORE,
    .describe = describe_binding,
};

void describe_caller_ids(const struct caller_list *list, struct facts *ret)
{
    facts_open(ret, &callers, list->count);
    for (size_t i = 0; i < list->count; i++)
        facts_add(ret, list->items[i].id, STR(""), &list->items[i]);
}

/* ---- contact lists and do-not-contact lists ---- */

static const struct fact_kind contact_lists = {
    .lead = "Every contact list is one of (* stands for any text):",
    .one = "the contact list",
    .many = "the contact lists",
    .state = "allowed",
    .quoted = true,
    .added = CHANGE_MORE,
    .covers = names_cover,
};
static const struct fact_kind dnc_lists = {
    .lead = "A do-not-contact list, if one is named, is one of (* stands for any text):",
    .one = "the do-not-contact list",
    .many = "the do-not-contact lists",
    .state = "allowed",
    .quoted = true,
    .added = CHANGE_MORE,
    .covers = names_cover,
};
static const struct fact_kind dnc_needed = {
    .lead = "A do-not-contact list must be named",
    .one = "a do-not-contact list",
    .state = "required",
    .added = CHANGE_LESS,
};
static const struct fact_kind dnc_not_needed = {.lead = "No do-not-contact list need be named"};

void describe_contact_lists(const struct name_list *list, struct facts *ret)
{
    facts_names(ret, &contact_lists, list->items, list->count, list);
}

void describe_dnc_lists(const struct name_list *list, struct facts *ret)
{
    facts_names(ret, &dnc_lists, list->items, list->count, list);
}

void describe_dnc_required(const bool *required, struct facts *ret)
{
    facts_state(ret, *required ? &dnc_needed : &dnc_not_needed, STR(""), required);
    ret->asks_nothing = !*required;
}

/* ---- priority, name, description ---- */

static const struct fact_kind priority = {
    .lead = "The priority (1 to 5, 5 is the highest) is at most",
    .one = "priority at most",
    .added = CHANGE_LESS,
    .compare = compare_most,
};

void describe_priority_cap(const int *cap, struct facts *ret)
{
    facts_state(ret, &priority, scribe_format(ret->scribe, "%d", *cap), cap);
    ret->asks_nothing = *cap >= 5;
}

static const struct fact_kind name_pattern = {
    .lead = "The campaign's name fits the regular expression",
    .one = "the campaign's name fits the regular expression",
    .added = CHANGE_OTHER,
};
static const struct fact_kind description_pattern = {
    .lead = "The campaign's description fits the regular expression",
    .one = "the campaign's description fits the regular expression",
    .added = CHANGE_OTHER,
};
static const struct fact_kind pattern_hint = {
    .lead = "What does not fit is answered with the hint",
    .one = "what does not fit is answered with the hint",
    .added = CHANGE_OTHER,
};

static void describe_pattern(const struct fact_kind *kind, const struct text_pattern *pattern,
                             struct facts *ret)
{
    facts_state(ret, kind, scribe_format(ret->scribe, "\"%.*s\"", STR_ARGS(pattern->source)),
                pattern);
    if (pattern->hint.len)
        facts_state(ret, &pattern_hint,
                    scribe_format(ret->scribe, "\"%.*s\"", STR_ARGS(pattern->hint)), pattern);
}

void describe_name_pattern(const struct text_pattern *pattern, struct facts *ret)
{
    describe_pattern(&name_pattern, pattern, ret);
}

void describe_description_pattern(const struct text_pattern *pattern, struct facts *ret)
{
    describe_pattern(&description_pattern, pattern, ret);
}
