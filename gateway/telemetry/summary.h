/*
 * What is known of a request once it is over: what metrics, the access log and traces tell of it.
 * It holds nothing that the audit record hides: no path, no header, no byte of the body.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "campaign/violation.h"

/* The parts of a request's life, in order; each ends where the next one begins. */
enum stage {
    STAGE_RECEIVE,  /* from the head to the last byte of the body */
    STAGE_JUDGE,    /* until the verdict is on its way to the journal */
    STAGE_RECORD,   /* until the verdict is durable */
    STAGE_UPSTREAM, /* until the upstream's answer is whole, or will not come */
    STAGE_OUTCOME,  /* until the outcome is durable */
    STAGES,
};

struct request_summary {
    const char *id;    /* the decision's */
    const char *route; /* as in records; NULL: its head was not accepted */
    struct str team;   /* empty: not known */
    struct str caller; /* who sent it, by certificate or API key; empty: not known */
    struct str peer;   /* numeric address and port; empty: the client was gone */
    struct str method; /* empty: its head was not accepted */

    int status;          /* that the client was answered; 0: it left before */
    const char *verdict; /* as in x-campaign-gateway; NULL: it left before there was one */
    const char *type;    /* the refusal's type and code; NULL: allowed */
    const char *code;
    const struct violations *violations; /* all that was found, also where another code was told */

    bool forwarded;           /* bytes may have left for the upstream */
    int upstream_status;      /* 0: no answer */
    const char *upstream_why; /* the failure's code; NULL: it answered, or was not asked */

    size_t body_bytes;
    size_t answer_bytes; /* with its head */
    int64_t started_unix_ms;
    int64_t started_us;       /* monotonic, as all below */
    int64_t ended_us[STAGES]; /* 0: it never got that far */
    int64_t answered_us;      /* handed to the connection; 0: never */
};
