#include "reconcile_match.h"

#include <stdio.h>

#include "base/limits.h"
#include "policy/text.h"

void match_window(const struct intent *intent, const struct match_terms *terms,
                  int64_t *ret_from_unix_ms, int64_t *ret_to_unix_ms)
{
    *ret_from_unix_ms = intent->time_unix_ms - MATCH_SKEW_MS;
    *ret_to_unix_ms =
        intent->time_unix_ms + terms->total_timeout_ms + MATCH_SLACK_MS + MATCH_SKEW_MS;
}

static bool is_within(const struct intent *intent, const struct listed *campaign,
                      const struct match_terms *terms)
{
    int64_t from_unix_ms, to_unix_ms;
    match_window(intent, terms, &from_unix_ms, &to_unix_ms);
    return campaign->created_unix_ms >= from_unix_ms && campaign->created_unix_ms <= to_unix_ms;
}

/* ---- names ---- */

static bool is_hidden(struct str recorded)
{
    return memmem(recorded.data, recorded.len, "{hmac:", 6) != NULL;
}

enum match_name match_name(const struct intent *intent, const struct listed *campaign,
                           const struct match_terms *terms, struct arena *arena)
{
    struct folded one, other;
    struct str name = campaign->name;
    if (is_hidden(intent->name)) {
        name = terms->hide ? terms->hide(terms->arg, intent->name, name, arena) : (struct str){0};
        if (!name.data)
            return MATCH_NAME_UNCLEAR;
    }
    if (str_equal(intent->name, name))
        return MATCH_NAME_SAME;
    if (!text_fold(intent->name, arena, &one) || !text_fold(name, arena, &other))
        return MATCH_NAME_UNCLEAR;
    return str_equal(str_trim(one.text), str_trim(other.text)) ? MATCH_NAME_SAME : MATCH_NAME_OTHER;
}

/* ---- everything else ---- */

/* Both say something, in the clear, and not the same. */
static bool differs(struct str recorded, struct str listed)
{
    return recorded.len && listed.len && !is_hidden(recorded) &&
           !str_equal_nocase(str_trim(recorded), str_trim(listed));
}

static bool has_list(const struct listed *campaign, struct str name)
{
    for (size_t i = 0; i < campaign->contact_list_count; i++) {
        if (!differs(name, campaign->contact_lists[i]))
            return true;
    }
    return false;
}

static bool lists_differ(const struct intent *intent, const struct listed *campaign)
{
    if (!campaign->has_contact_lists || intent->contact_list_count == 0)
        return false;
    if (campaign->contact_list_count != intent->contact_list_count)
        return true;
    for (size_t i = 0; i < intent->contact_list_count; i++) {
        if (!has_list(campaign, intent->contact_lists[i]))
            return true;
    }
    return false;
}

const char *match_contradiction(const struct intent *intent, const struct listed *campaign)
{
    const char priority[] = {(char)('0' + intent->priority), '\0'};
    const struct {
        const char *name;
        bool differs;
    } checks[] = {
        {"format", differs(intent->format, campaign->format)},
        {"priority", intent->priority && differs(str_from(priority), campaign->priority)},
        {"do-not-call list", differs(intent->dnc_list, campaign->dnc_list)},
        {"template", differs(intent->template, campaign->template)},
        {"contact lists", lists_differ(intent, campaign)},
        {"caller ID", differs(intent->caller_id, campaign->caller_id)},
        {"time zone", differs(intent->timezone, campaign->timezone)},
    };
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        if (checks[i].differs)
            return checks[i].name;
    }
    return NULL;
}

/* ---- the answer ---- */

/* What was found in the list for one decision. */
struct traces {
    const struct listed *match;
    size_t matches;
    const struct listed *other; /* of the name and time, but with something else in it */
    const char *contradiction;
    const struct listed *elsewhen; /* of the name, from another time */
    const struct listed *unclear;  /* perhaps of the name */
};

static void note_trace(const struct intent *intent, const struct listed *campaign,
                       const struct match_terms *terms, struct arena *arena, struct traces *ret)
{
    enum match_name name = match_name(intent, campaign, terms, arena);
    if (name == MATCH_NAME_UNCLEAR)
        ret->unclear = campaign;
    if (name != MATCH_NAME_SAME)
        return;
    const char *contradiction = match_contradiction(intent, campaign);
    if (!is_within(intent, campaign, terms)) {
        ret->elsewhen = campaign;
    } else if (contradiction) {
        ret->other = campaign;
        ret->contradiction = contradiction;
    } else {
        ret->match = campaign;
        ret->matches++;
    }
}

/* Another decision without outcome that the campaign may just as well have come of. */
static const struct intent *find_rival(const struct intent *intent, const struct intents *intents,
                                       const struct listed *campaign,
                                       const struct match_terms *terms, struct arena *arena)
{
    for (size_t i = 0; i < intents->count; i++) {
        const struct intent *rival = &intents->items[i];
        if (rival == intent || rival->seq == 0 || !is_within(rival, campaign, terms))
            continue;
        arena_reset(arena);
        if (match_name(rival, campaign, terms, arena) != MATCH_NAME_OTHER &&
            !match_contradiction(rival, campaign))
            return rival;
    }
    return NULL;
}

#define UNKNOWN(ret, ...)                                                                          \
    do {                                                                                           \
        (ret)->verdict = MATCH_UNKNOWN;                                                            \
        (void)snprintf((ret)->reason, sizeof((ret)->reason), __VA_ARGS__);                         \
    } while (0)

static void judge_one(const struct intent *intent, const struct intents *intents,
                      const struct match_listing *listing, const struct match_terms *terms,
                      struct arena *arena, const struct traces *traces, struct match *ret)
{
    const struct intent *rival = find_rival(intent, intents, traces->match, terms, arena);
    if (rival)
        UNKNOWN(ret, "%.*s may as well have come of the decision %s, which is open, too",
                SHOW_ARGS(traces->match->id), rival->id);
    else if (traces->other)
        UNKNOWN(ret, "two campaigns of its name were created then: %.*s, and %.*s with another %s",
                SHOW_ARGS(traces->match->id), SHOW_ARGS(traces->other->id), traces->contradiction);
    else if (listing->nameless)
        UNKNOWN(ret,
                "an outcome of that time does not say which campaign it is about: %.*s may be "
                "its",
                SHOW_ARGS(traces->match->id));
    else if (listing->incomplete)
        UNKNOWN(ret, "%.*s fits, but there may be others: %s", SHOW_ARGS(traces->match->id),
                listing->incomplete);
    else
        ret->verdict = MATCH_CREATED;
    ret->campaign = traces->match;
}

static void judge_none(const struct match_listing *listing, const struct traces *traces,
                       struct match *ret)
{
    if (listing->incomplete)
        UNKNOWN(ret, "%s", listing->incomplete);
    else if (traces->other)
        UNKNOWN(ret, "%.*s has its name and was created then, but has another %s",
                SHOW_ARGS(traces->other->id), traces->contradiction);
    else if (traces->elsewhen)
        UNKNOWN(ret,
                "%.*s has its name, but was created at another time (%.*s), and no record "
                "says by whom",
                SHOW_ARGS(traces->elsewhen->id), SHOW_ARGS(traces->elsewhen->created_text));
    else
        ret->verdict = MATCH_NOT_CREATED;
}

void match_find(const struct intent *intent, const struct intents *intents,
                const struct match_listing *listing, const struct match_terms *terms,
                struct arena *arena, struct match *ret)
{
    struct traces traces = {0};
    *ret = (struct match){0};
    if (intent->seq == 0) {
        UNKNOWN(ret, "its decision is no longer among the segments that are here");
        return;
    }
    if (intent->name.len == 0) {
        UNKNOWN(ret, "its decision does not say the campaign's name");
        return;
    }
    for (size_t i = 0; i < listing->count; i++) {
        const struct listed *campaign = &listing->items[i];
        bool is_sms = campaign->type.len == 0 || str_equal_nocase(campaign->type, STR("sms"));
        arena_reset(arena);
        if (is_sms && !listing->claims[i].taken)
            note_trace(intent, campaign, terms, arena, &traces);
    }
    if (traces.unclear)
        UNKNOWN(ret, "names cannot be compared: a key that hides phone numbers is gone, or memory "
                     "is out");
    else if (traces.matches > 1)
        UNKNOWN(ret, "%zu campaigns of its name were created then; one of them is %.*s",
                traces.matches, SHOW_ARGS(traces.match->id));
    else if (traces.matches == 1)
        judge_one(intent, intents, listing, terms, arena, &traces, ret);
    else
        judge_none(listing, &traces, ret);
}
