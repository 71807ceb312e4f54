/*
 * A policy: an organisation's rules, compiled from YAML into an immutable set.
 *
 * Two layers: the organisation's rules bind everybody, a team's rules narrow them further; a
 * campaign must satisfy both. A rule a layer does not mention asks nothing there. The set and all
 * it points to live in one arena; after compiling it is only read and safe on any thread.
 */
#pragma once

#include "base/error.h"
#include "base/strset.h"
#include "campaign/campaign.h"
#include "campaign/violation.h"
#include "policy/hours.h"

/* Time zones by canonical name. */
struct zone_list {
    struct strset names;
    struct str listed; /* "Asia/Kolkata, America/New_York and 3 more", in the author's order */
};

/* The settings of one layer; NULL where the layer says nothing. */
struct policy_layer {
    struct str team; /* empty for the organisation */
#define RULE(name, type) const type *name;
#include "policy/rules.def"
#undef RULE
};

#define POLICY_DIGEST_HEX 65 /* SHA-256 in hex and a NUL */

struct policy_set {
    struct str revision;            /* as the author wrote it */
    char digest[POLICY_DIGEST_HEX]; /* of the files it was compiled from; filled by the loader */
    struct policy_layer organisation;
    struct strset teams; /* team name -> struct policy_layer */
};

/* One file of a policy, already read. `name` is for messages. */
struct policy_source {
    const char *name;
    struct str text;
};

/*
 * Compiles the sources, in the order given, into a set in `arena`. NULL with `err` naming file,
 * line, column and remedy: then nothing of the policy may take effect. `revision` must be given
 * exactly once; the same rule or team in two places is a conflict and refused.
 */
MUST_USE struct policy_set *policy_compile(const struct policy_source *sources, size_t count,
                                           struct arena *arena, struct error *err);

/* The team's layer, or NULL when the policy does not know the team. */
const struct policy_layer *policy_team(const struct policy_set *set, struct str team);

/*
 * Judges a campaign: adds every violation of every rule, in the order of rules.def, the
 * organisation before the team. Fields that broke the contract are absent and not judged again.
 * `team` is never NULL: a team that the policy does not know is refused before, or its rules would
 * silently not be asked. Pure: the same arguments give the same violations.
 */
void policy_check(const struct policy_set *set, const struct policy_layer *team,
                  const struct campaign *campaign, struct violations *violations);
