#include "policy/setting_change.h"

#include "base/zones.h"
#include "policy/compare.h"
#include "policy/describe.h"

static enum change together(enum change a, enum change b)
{
    return a == CHANGE_NONE || a == b ? b : b == CHANGE_NONE ? a : CHANGE_OTHER;
}

static void take(void *context, enum change change, struct str text)
{
    enum change *all = context;
    (void)text;
    *all = together(*all, change);
}

enum change setting_change(enum policy_rule rule, const void *before, const void *after,
                           struct arena *scratch)
{
    struct scribe scribe = {.arena = scratch};
    struct facts was, is;
    enum change all = CHANGE_NONE;
    struct comparison comparison = {.scribe = &scribe, .say = take, .context = &all};
    const struct zone *calendar = zone_find(STR("Etc/UTC")); /* of words that nobody reads */
    facts_init(&was, &scribe, calendar);
    facts_init(&is, &scribe, calendar);
    describe_rule(rule, before, &was);
    describe_rule(rule, after, &is);
    facts_compare(&comparison, &was, &is);
    return scribe.failed ? CHANGE_OTHER : all;
}

enum change template_change(const struct template_entry *before, const struct template_entry *after,
                            struct arena *scratch)
{
    const struct template_registry was = {.items = &before, .count = 1},
                                   is = {.items = &after, .count = 1};
    return setting_change(RULE_templates, &was, &is, scratch);
}
