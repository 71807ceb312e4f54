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

/* What the upstream says, as the record would have it. NULL data: it cannot be said. */
static struct str as_recorded(struct str recorded, struct str text, const struct match_terms *terms,
                              struct arena *arena)
{
    if (!memmem(recorded.data, recorded.len, "hmac:", 5))
        return text;
    return terms->hide ? terms->hide(terms->arg, recorded, text, arena) : (struct str){0};
}

enum match_name match_name(const struct intent *intent, const struct listed *campaign,
                           const struct match_terms *terms, struct arena *arena)
{
    struct folded one, other;
    struct str name = as_recorded(intent->name, campaign->name, terms, arena);
    if (!name.data)
        return MATCH_NAME_UNCLEAR;
    if (str_equal(intent->name, name))
        return MATCH_NAME_SAME;
    if (!text_fold(intent->name, arena, &one) || !text_fold(name, arena, &other))
        return MATCH_NAME_UNCLEAR;
    return str_equal(str_trim(one.text), str_trim(other.text)) ? MATCH_NAME_SAME : MATCH_NAME_OTHER;
}

/* ---- everything else ---- */

/* One comparison of all that is not the name. */
struct comparison {
    const struct intent *intent;
    const struct listed *campaign;
    const struct match_terms *terms;
    struct arena *arena;
};

/* Both say something, and not the same. */
static bool differs(const struct comparison *c, struct str recorded, struct str listed)
{
    if (recorded.len == 0 || listed.len == 0)
        return false;
    listed = as_recorded(recorded, listed, c->terms, c->arena);
    return listed.data && !str_equal_nocase(str_trim(recorded), str_trim(listed));
}

static bool has_list(const struct comparison *c, struct str name)
{
    for (size_t i = 0; i < c->campaign->contact_list_count; i++) {
        if (!differs(c, name, c->campaign->contact_lists[i]))
            return true;
    }
    return false;
}

static bool lists_differ(const struct comparison *c)
{
    const struct intent *intent = c->intent;
    if (!c->campaign->has_contact_lists || intent->contact_list_count == 0)
        return false;
    if (c->campaign->contact_list_count != intent->contact_list_count)
        return true;
    for (size_t i = 0; i < intent->contact_list_count; i++) {
        if (!has_list(c, intent->contact_lists[i]))
            return true;
    }
    return false;
}

const char *match_contradiction(const struct intent *intent, const struct listed *campaign,
                                const struct match_terms *terms, struct arena *arena)
{
    const struct comparison c = {intent, campaign, terms, arena};
    const char digit[] = {(char)('0' + intent->priority), '\0'};
    const struct str priority = intent->priority ? str_from(digit) : STR("");
    const struct {
        const char *name;
        bool differs;
    } checks[] = {
        {"format", differs(&c, intent->format, campaign->format)},
        {"priority", differs(&c, priority, campaign->priority)},
        {"do-not-call list", differs(&c, intent->dnc_list, campaign->dnc_list)},
        {"template", differs(&c, intent->template, campaign->template)},
        {"contact lists", lists_differ(&c)},
        {"caller ID", differs(&c, intent->caller_id, campaign->caller_id)},
        {"time zone", differs(&c, intent->timezone, campaign->timezone)},
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
    const char *contradiction = match_contradiction(intent, campaign, terms, arena);
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
            !match_contradiction(rival, campaign, terms, arena))
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
