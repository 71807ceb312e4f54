/*
 * One campaign judged as the gateway would, without a gateway: what `judge` and `test` share.
 *
 *     body --campaign_decode--> campaign --policy_check--> violations, findings, and what became of
 *                                                          every rule of every layer
 */
#pragma once

#include "campaign/decode.h"
#include "policy/policy.h"

struct trial_question {
    struct str body;
    struct decode_options contract;
    const struct policy_set *policy;
    const struct policy_team *team;
    int64_t now_unix_ms;
};

/* What became of one setting, in the order they speak. */
struct trial_row {
    const struct policy_setting *setting;
    enum policy_answer answer;
    struct str why; /* may be empty */
    const struct violation *violations;
    size_t count;
};

/* Lives as long as its arena; it points into itself, so it is not to be copied. */
struct trial {
    bool decoded;
    struct json_fault fault; /* when not decoded; nothing below is then filled */
    struct campaign campaign;
    struct violations violations; /* what refuses */
    struct policy_findings findings;
    char message_sha256[POLICY_DIGEST_HEX]; /* empty: no message */
    struct trial_row *rows;
    size_t row_count, row_capacity;
};

/* Everything is in `arena`. Memory that runs out shows as a truncated list of violations. */
void trial_run(const struct trial_question *question, struct arena *arena, struct trial *ret);

/* What the gateway would answer: 400, 403, 422, 503, or 200 for what it would forward. */
int trial_status(const struct trial *trial);

/*
 * The team of that name or, when `name` is empty, the policy's only one. NULL with a sentence
 * without place that names the teams.
 */
const struct policy_team *trial_team(const struct policy_set *policy, struct str name,
                                     struct arena *arena, struct error *err);
