/*
 * The gateway's own noes, as a table: status, problem type, code and sentence. Pure.
 */
#pragma once

#include "campaign/violation.h"

enum refusal_kind {
    REFUSAL_NONE, /* status 0: allowed */
#define REFUSAL(name, status, type, code, detail) REFUSAL_##name,
#include "http/refusals.def"
#undef REFUSAL
};

struct refusal {
    int status;
    const char *type; /* the end of the problem's type URI */
    const char *code; /* NULL when the violations say it all */
    const char *detail;
};

/* The row of the table. */
struct refusal refusal_of(enum refusal_kind kind);

/* The row with words of its own; both static. */
struct refusal refusal_because(enum refusal_kind kind, const char *code, const char *detail);

/* What they come to; REFUSAL_NONE when they are clean. */
enum refusal_kind refusal_of_violations(const struct violations *violations);

/* One short sentence, the same for every refusal of the type (RFC 9457 3.1.3). */
const char *refusal_title(const struct refusal *refusal);

/* True when it is not the request's fault: the gateway or the upstream failed. */
bool refusal_is_failure(const struct refusal *refusal);
