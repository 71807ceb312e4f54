/*
 * A policy's settings by layer, as its author wrote them: what render walks along and diff matches.
 */
#pragma once

#include "policy/facts.h"

struct layer_rules {
    const struct policy_layer *layer;
    const void *values[POLICY_RULES]; /* NULL: the layer does not mention the rule */
};

struct layer_table {
    struct layer_rules *items;
    size_t count;
};

/* The layers that all teams share, or those of one team, in the order they speak. */
struct layer_table layout_shared(const struct policy_set *set, struct scribe *scribe);
struct layer_table layout_team(const struct policy_team *team, struct scribe *scribe);

/* What the layer's own modes make of a rule: the weaker of the rule's and the whole layer's. */
bool layer_enforces_ever(const struct layer_rules *rules, enum policy_rule rule);

/* The mode that the layer gives the rule, apart from that of the whole layer. */
struct policy_mode layer_mode_of(const struct layer_rules *rules, enum policy_rule rule);

bool mode_enforces_ever(struct policy_mode mode);
bool mode_is_plain(struct policy_mode mode); /* enforced, at all times */
