/*
 * Compiling policies and judging by them, for tests.
 */
#pragma once

#include "policy/policy.h"
#include "test.h"

/* A moment when nothing special is: Wednesday 2026-11-25, 12:00 in UTC. */
#define ORDINARY_MS INT64_C(1795608000000)

/* As policy_compile; *err is the first problem. */
static inline const struct policy_set *compile_sources(const struct policy_source *sources,
                                                       size_t count,
                                                       const struct policy_includer *includer,
                                                       struct arena *arena, struct error *err)
{
    struct problems problems;
    struct str first, rest;
    problems_init(&problems);
    const struct policy_set *set = policy_compile(sources, count, includer, arena, &problems);
    assert_int_equal(set == NULL, problems.count > 0);
    (void)str_cut(buf_str(&problems.lines), '\n', &first, &rest);
    error_set(err, "%.*s", STR_ARGS(first));
    problems_release(&problems);
    return set;
}

/* What a layer's settings hold for a rule; NULL when they do not mention it. */
static inline const void *find_setting(const struct policy_settings *settings,
                                       enum policy_rule rule, const struct policy_layer *layer)
{
    for (size_t i = 0; i < settings->count; i++) {
        if (settings->items[i].rule == rule && settings->items[i].layer == layer)
            return settings->items[i].value;
    }
    return NULL;
}

/* The organisation's own layer, behind the packs. */
static inline const struct policy_layer *organisation_of(const struct policy_set *set)
{
    for (size_t i = 0; i < set->layer_count; i++) {
        if (set->layers[i]->kind == LAYER_ORGANISATION)
            return set->layers[i];
    }
    return NULL;
}

#define ORGANISATION(set, rule, type)                                                              \
    ((const type *)find_setting(&(set)->shared, RULE_##rule, organisation_of(set)))
#define TEAM(team, rule, type)                                                                     \
    ((const type *)find_setting(&(team)->settings, RULE_##rule, (team)->layers[0]))
