/*
 * Two policies -> who may do more, who less, in sentences that their author and a reviewer read.
 *
 * Layers are compared with their likes: a pack with the pack of its name, a team with itself. A
 * campaign must satisfy every layer, so "may do more" means "as far as this layer is concerned".
 * What changes no verdict (comments, order, the revision) is no difference. What does and cannot be
 * classified is told as "different": nothing that changes behaviour goes unmentioned. Pure.
 */
#pragma once

#include "policy/facts.h"

struct policy_difference {
    enum change change; /* never CHANGE_NONE */
    struct str who;     /* "everybody", "team billing" */
    struct str where;   /* the pack or case that asks, "pack us-states, Texas"; or empty */
    struct str rule;    /* "caller_ids"; empty when it is about more than one */
    struct str text;    /* "the caller ID +919561612345 is no longer allowed" */
};

struct policy_differences {
    struct policy_difference *items; /* everybody first, then the teams, then the exceptions */
    size_t count, capacity;
};

/* Everything lives in the arena and looks into both sets. False when the arena is full. */
MUST_USE bool policy_diff(const struct policy_set *before, const struct policy_set *after,
                          struct arena *arena, struct policy_differences *ret);

/* "team billing may do less: …", one a line. */
void policy_differences_write(const struct policy_differences *differences, struct buf *out);

/* "more", "less", "different" */
const char *change_text(enum change change);
