/*
 * The rules about the sender, the recipients and the campaign itself.
 */
#include "base/limits.h"
#include "policy/check.h"
#include "policy/pattern.h"

void check_kill_switch(const struct question *q, const struct str *reason)
{
    violations_add_rule(q->violations, VIOLATION_FROZEN, STR(""), &q->source,
                        "no campaign may be created at present %.*s: %.*s",
                        STR_ARGS(question_whose(q)), STR_ARGS(*reason));
}

/* ---- caller_ids ---- */

#define PHONE_POINTER STR("/dialingStrategy/callerId/phoneNumber")

/* The number itself may be personal data: two digits tell the person concerned enough. */
static struct str caller_shown(const struct question *q)
{
    struct str id = q->campaign->caller_id;
    if (gap_of(q->subject, PART_CALLER_ID) != GAP_NONE)
        return STR("the caller ID");
    return arena_format(q->violations->arena, "the caller ID ending in %.*s",
                        STR_ARGS(str_slice(id, id.len > 2 ? id.len - 2 : 0, id.len)));
}

static struct str disclosed(const struct question *q, const struct caller_list *allowed)
{
    if (!q->subject->set->disclose_caller_ids)
        return STR("");
    return arena_format(q->violations->arena, "; allowed: %.*s", STR_ARGS(allowed->listed));
}

static void refuse_caller(const struct question *q, const struct caller_list *allowed)
{
    struct str among = allowed->count == 1
                           ? STR("the one")
                           : arena_format(q->violations->arena, "one of the %zu", allowed->count);
    violations_add_rule(q->violations, VIOLATION_CALLER_ID_NOT_ALLOWED, PHONE_POINTER, &q->source,
                        "%.*s is not %.*s allowed %.*s%.*s", STR_ARGS(caller_shown(q)),
                        STR_ARGS(among), STR_ARGS(question_whose(q)),
                        STR_ARGS(disclosed(q, allowed)));
}

static struct str class_names(const struct question *q, const bool classes[MESSAGE_CLASSES])
{
    struct str text = STR("");
    for (size_t i = 0; i < MESSAGE_CLASSES; i++) {
        if (classes[i])
            text = arena_format(q->violations->arena, "%.*s%s%s", STR_ARGS(text),
                                text.len ? ", " : "", message_class_text((enum message_class)i));
    }
    return text;
}

static void check_binding(const struct question *q, const struct caller_binding *binding)
{
    struct str zone = q->subject->zone_name;
    if (binding->timezones && zone.len && !strset_has(&binding->timezones->names, zone))
        violations_add_rule(q->violations, VIOLATION_CALLER_ID_NOT_ALLOWED, PHONE_POINTER,
                            &q->source,
                            "%.*s is not allowed %.*s in the time zone %.*s; it is bound to: %.*s",
                            STR_ARGS(caller_shown(q)), STR_ARGS(question_whose(q)), STR_ARGS(zone),
                            STR_ARGS(binding->timezones->listed));
    if (binding->bound_to_class && !binding->classes[q->subject->class])
        violations_add_rule(
            q->violations, VIOLATION_CALLER_ID_NOT_ALLOWED, PHONE_POINTER, &q->source,
            "%.*s is not allowed %.*s for %s messages; it is bound to: %.*s",
            STR_ARGS(caller_shown(q)), STR_ARGS(question_whose(q)),
            message_class_text(q->subject->class), STR_ARGS(class_names(q, binding->classes)));
}

void check_caller_ids(const struct question *q, const struct caller_list *allowed)
{
    const struct caller_binding *binding = strset_get(&allowed->by_id, q->campaign->caller_id);
    if (binding)
        check_binding(q, binding);
    else
        refuse_caller(q, allowed);
}

/* ---- lists ---- */

void check_contact_lists(const struct question *q, const struct name_list *allowed)
{
    const struct campaign *campaign = q->campaign;
    for (size_t i = 0; i < campaign->contact_list_count && !q->violations->truncated; i++) {
        if (name_list_has(allowed, campaign->contact_lists[i]))
            continue;
        violations_add_rule(q->violations, VIOLATION_CONTACT_LIST_NOT_ALLOWED,
                            arena_format(q->violations->arena, "/contactLists/%zu", i), &q->source,
                            "the contact list '%.*s' is not allowed %.*s; allowed: %.*s",
                            SHOW_ARGS(campaign->contact_lists[i]), STR_ARGS(question_whose(q)),
                            STR_ARGS(allowed->listed));
    }
}

void check_dnc_required(const struct question *q, const bool *required)
{
    if (*required && q->campaign->dnc_list.len == 0)
        violations_add_rule(q->violations, VIOLATION_DNC_REQUIRED, STR("/dncLists"), &q->source,
                            "a do-not-contact list is required %.*s; name one in dncLists.name: "
                            "messages are checked only against lists that are named",
                            STR_ARGS(question_whose(q)));
}

void check_dnc_lists(const struct question *q, const struct name_list *allowed)
{
    if (!name_list_has(allowed, q->campaign->dnc_list))
        violations_add_rule(q->violations, VIOLATION_DNC_NOT_ALLOWED, STR("/dncLists/name"),
                            &q->source,
                            "the do-not-contact list '%.*s' is not one of those to use %.*s: %.*s",
                            SHOW_ARGS(q->campaign->dnc_list), STR_ARGS(question_whose(q)),
                            STR_ARGS(allowed->listed));
}

/* ---- priority, name, description ---- */

void check_priority_cap(const struct question *q, const int *cap)
{
    if (q->campaign->priority > *cap)
        violations_add_rule(q->violations, VIOLATION_PRIORITY_TOO_HIGH, STR("/priority"),
                            &q->source,
                            "the priority \"%d\" is too high %.*s; at most \"%d\" is allowed (5 is "
                            "the highest)",
                            q->campaign->priority, STR_ARGS(question_whose(q)), *cap);
}

static void check_pattern(const struct question *q, const struct text_pattern *wanted,
                          struct str text, struct str pointer, const char *what)
{
    enum pattern_answer answer = pattern_match(wanted->pattern, text, q->violations->arena);
    if (answer == PATTERN_FITS)
        return;
    if (answer == PATTERN_UNDECIDED)
        violations_add_rule(q->violations, VIOLATION_NAME_PATTERN, pointer, &q->source,
                            "whether the %s fits the pattern %.*s took too long to find out; "
                            "shorten it",
                            what, STR_ARGS(question_whose(q)));
    else if (wanted->hint.len)
        violations_add_rule(q->violations, VIOLATION_NAME_PATTERN, pointer, &q->source,
                            "the %s does not fit the pattern %.*s: %.*s", what,
                            STR_ARGS(question_whose(q)), STR_ARGS(wanted->hint));
    else
        violations_add_rule(q->violations, VIOLATION_NAME_PATTERN, pointer, &q->source,
                            "the %s does not fit the pattern %.*s, which is: %.*s", what,
                            STR_ARGS(question_whose(q)), SHOW_ARGS(wanted->source));
}

void check_name_pattern(const struct question *q, const struct text_pattern *wanted)
{
    check_pattern(q, wanted, q->campaign->name, STR("/name"), "name");
}

void check_description_pattern(const struct question *q, const struct text_pattern *wanted)
{
    check_pattern(q, wanted, q->campaign->description, STR("/description"), "description");
}
