/*
 * The request as the upstream gets it, and its answer as the client gets it: heads rebuilt,
 * hop-by-hop headers gone, bodies untouched. Pure.
 */
#pragma once

#include "base/buf.h"
#include "http/trace_context.h"

/* What is put in, whatever the client said. */
struct forward_target {
    struct str authority;      /* for Host */
    struct str account_id;     /* header accountid, and the query's accountId when it has none */
    struct str stream_id;      /* header iid */
    struct str api_key_header; /* for the gateway alone */
    bool add_account_id;       /* the query has no accountId; it has another parameter */
    const struct trace_context *trace; /* what the request belongs to, */
    const char *span_id;               /* and our own part in it */
};

/*
 * Appends head and body of a judged campaign. Client copies of accountid and iid are dropped in any
 * case; so is whatever could make another server see another method, path, length or sender.
 * A name counts as one of these also when it is written with _ for -, as CGI and its heirs do.
 * traceparent is ours; the client's tracestate goes with it when it is valid.
 */
void forward_request(const struct http_request *request, const struct forward_target *target,
                     struct str body, struct buf *out);

/*
 * Appends the answer's status line and headers, with a Content-Length for a body of `body_len`
 * bytes. Left open: the caller adds its own headers and the empty line.
 */
void forward_answer_head(const struct http_response *response, size_t body_len, struct buf *out);
