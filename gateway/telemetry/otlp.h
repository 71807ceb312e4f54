/*
 * What became of a request, as spans in OTLP's JSON (opentelemetry-proto,
 * ExportTraceServiceRequest):
 *
 *     POST create-campaign                    SERVER, of the caller's span
 *       receive | judge | record | POST | outcome    INTERNAL, but POST: CLIENT, the upstream's
 * parent
 *
 * Attributes are those of the semantic conventions, and campaign_gateway.*; never a path, a header
 * or a name that a client chose. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "telemetry/summary.h"

#define OTLP_SPANS_OF_REQUEST (1 + STAGES) /* at most */

/* Whom the CLIENT span is about. */
struct otlp_upstream {
    struct str host;
    uint16_t port;
};

/* Who tells. */
struct otlp_service {
    struct str name, instance;
};

/* Appends one request's spans with commas between, and a line feed. */
void otlp_put_spans(const struct request_summary *summary, const struct otlp_upstream *upstream,
                    struct buf *out);

/* Appends the body that tells of such lines. */
void otlp_put_body(const struct otlp_service *service, struct str lines, struct buf *out);

/* How many spans the collector did not take, as its answer to a body says; *ret_why is its word. */
uint64_t otlp_rejected(struct str answer, struct arena *arena, struct str *ret_why);
