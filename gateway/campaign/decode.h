/*
 * Body bytes -> struct campaign, plus everything that breaks the contract. Pure.
 *
 * The contract is the seed's "Body Parameters" table with its contradictions settled as in
 * kore-api.md A6; decode.c holds it as a table of fields in the seed's order.
 */
#pragma once

#include "base/json_read.h"
#include "campaign/campaign.h"
#include "campaign/violation.h"

/*
 * What a block that ends at or after midnight means; the API does not say (policy.md D3.3, D3.4).
 * One that starts and ends at the same time is refused in any case.
 */
enum decode_midnight {
    MIDNIGHT_REJECT, /* it is refused */
    MIDNIGHT_END,    /* an end of 12:00 AM is the day's end */
    MIDNIGHT_SPLIT,  /* and a block that crosses midnight goes on the next day: judged on both */
};

/* What the operator configured about the contract. */
struct decode_options {
    const struct str *sender_ids; /* caller IDs accepted though not E.164, exactly as written */
    size_t sender_id_count;
    bool allow_unknown_fields; /* false: a field the API does not know is a violation */
    enum decode_midnight midnight;
};

enum decode_result {
    DECODE_DONE,     /* *campaign holds what was understood; look at the violations */
    DECODE_NOT_JSON, /* *fault says where and why; nothing was decoded */
};

/*
 * Decodes `body`. The campaign's views and the violations live in `arena`, which must be the one
 * the violations were initialised with. Memory that runs out shows as JSON_MEMORY or as a
 * truncated list of violations, never as a clean one.
 */
MUST_USE enum decode_result campaign_decode(struct str body, const struct decode_options *options,
                                            struct arena *arena, struct campaign *campaign,
                                            struct violations *violations,
                                            struct json_fault *fault);
