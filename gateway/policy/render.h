/*
 * A whole policy as sentences, for those who answer for it and read no YAML.
 *
 * Layer by layer (packs, organisation, teams, each followed by its cases, then exceptions), rule by
 * rule in the order of rules.def. The same policy gives the same text. Pure.
 */
#pragma once

#include "policy/page.h"
#include "policy/policy.h"

struct render_options {
    enum page_format format;
    bool digest; /* also tell the digest, which changes with every comment */
};

/* False when memory ran out: what is in `out` is then not complete. `scratch` lends memory. */
MUST_USE bool policy_render(const struct policy_set *set, const struct render_options *options,
                            struct arena *scratch, struct buf *out);
