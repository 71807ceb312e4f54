/*
 * One recorded decision, judged again by a candidate policy: at its own time, for its own team.
 *
 *     record --recorded.h--> campaign, with gaps --hidden_names.h--> fewer gaps
 *         refused whatever a policy says?                        -> as it was
 *         the whole body was kept, and can be opened             -> judged in full
 *         otherwise judged by what is known                      -> refused, allowed, or gaps
 * matter: what the old policy said is recalled (recall.h)    -> fewer gaps matter
 *                                                                -> cannot be told
 */
#pragma once

#include "audit/hidden_names.h"
#include "campaign/decode.h"
#include "cli/recall.h"

enum replay_result {
    REPLAY_STILL_ALLOWED,
    REPLAY_STILL_DENIED,
    REPLAY_NEWLY_DENIED,
    REPLAY_NEWLY_ALLOWED,
    REPLAY_UNTOLD,     /* the record does not hold what the candidate asks */
    REPLAY_NOT_POLICY, /* no policy was asked, or it was not what refused */
    REPLAY_RESULTS
};

/* Opens what was kept of whole bodies. */
struct replay_bodies {
    /* The decision's body in *ret, in the arena; false when it cannot be had. */
    bool (*open)(void *context, const struct recorded_decision *decision, struct arena *arena,
                 struct str *ret);
    void *context;
};

struct replay {
    const struct policy_set *candidate;
    const struct policy_set *const *old; /* policies that decided, as far as they are at hand */
    size_t old_count;
    struct hidden_names *names;
    struct recall recall;
    struct decode_options contract; /* for whole bodies */
    struct replay_bodies bodies;    /* open NULL: there are none */
};

/* One of the candidate's settings that may refuse, for all that is known. */
struct replay_gap {
    const struct policy_setting *setting;
    struct str why;
};

struct replayed {
    enum replay_result result;
    bool is_fixed;      /* refused whatever a policy says: by the contract, or for its tenant */
    bool is_whole;      /* judged by the whole body */
    bool lacks_old;     /* it might be told if the policy that decided were at hand */
    const char *reason; /* instead of violations and gaps; or NULL */
    const struct violations *violations; /* the candidate's; NULL when it was not asked */
    const struct replay_gap *gaps;
    size_t gap_count;
};

/* *ret and all that is new in *decision live in `arena`, which should be empty. */
void replay_judge(struct replay *replay, struct recorded_decision *decision, struct arena *arena,
                  struct replayed *ret);
