/*
 * The gateway's own refusals: application/problem+json (RFC 9457), with `errors` in the shape of
 * Kore.ai's own ({"errors":[{"msg":…,"code":…}]}), so that a client needs one parser.
 */
#pragma once

#include "base/buf.h"
#include "base/json_read.h"
#include "campaign/violation.h"

/* What a refusal says. Views are borrowed for the call. */
struct problem {
    int status;
    const char *type;  /* the end of the type URI, such as "contract"; see product.md */
    const char *title; /* one short sentence, the same for every problem of the type */
    struct str detail; /* one sentence about this request */
    struct str decision_id;
    struct str policy_revision; /* empty when no policy was involved */
    struct str policy_digest;
    const struct violations *violations; /* NULL or empty when one error below says it all */
    const char *code;                    /* the single error, when there are no violations */
    const struct json_fault *json_fault; /* NULL, or the place in the body for the single error */
    const char *created;                 /* NULL, "no" or "unknown" (upstream failures) */
};

/* Appends the body. `out->failed` tells that it did not fit. */
void problem_write(const struct problem *problem, struct buf *out);
