/*
 * What is known of a request once it is over: what metrics, the access log and traces tell of it.
 * It holds nothing that the audit record hides: no path, no header, no byte of the body.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "campaign/violation.h"
#include "http/trace_context.h"

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
    const char *id;        /* the decision's */
    const char *trace_id;  /* W3C Trace Context; of its trace, */
    const char *span_id;   /* of the gateway's part in it, */
    const char *parent_id; /* and of who called; empty: the gateway began it */
    bool sampled;          /* its spans are to be told */
    const char *route;     /* as in records; NULL: its head was not accepted */
    struct str team;       /* empty: not known */
    struct str caller;     /* who sent it, by certificate or API key, as in records: without phone
                              numbers; empty: not known */
    struct str peer;       /* numeric address and port; empty: the client was gone */
    struct str method;     /* empty: its head was not accepted */

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
    int64_t over_us;
};

/* The span of one stage; the upstream is told that of STAGE_UPSTREAM. */
static inline void stage_span_id(const char *span_id, enum stage stage, char out[SPAN_ID_SIZE])
{
    span_id_of_part(span_id, (unsigned)stage + 1, out);
}

/* When the stage began: at the end of the last one before it that was reached. */
static inline int64_t stage_began_us(const struct request_summary *summary, enum stage stage)
{
    for (unsigned i = stage; i-- > 0;) {
        if (summary->ended_us[i])
            return summary->ended_us[i];
    }
    return summary->started_us;
}
