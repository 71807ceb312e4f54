/*
 * W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context/): which trace a request belongs
 * to, so that what several hosts say of it can be put together. Pure.
 *
 *     traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *                  version, trace, the caller's span, flags (01: sampled)
 *
 * What is not exactly as the standard wants it begins a trace of our own, and tracestate, which
 * belongs to the caller's, is dropped then.
 */
#pragma once

#include "base/buf.h"
#include "http/message.h"

#define TRACE_ID_SIZE 33 /* 32 hex digits and a NUL */
#define SPAN_ID_SIZE 17
#define TRACE_RANDOM_BYTES 16
#define SPAN_RANDOM_BYTES 8
#define TRACE_SAMPLE_ALL 1000000 /* of a million traces */

struct trace_context {
    char trace_id[TRACE_ID_SIZE];
    char parent_id[SPAN_ID_SIZE]; /* the caller's span; empty: the trace begins here */
    bool sampled;                 /* somebody tells of this trace */
    bool has_state;               /* the caller's tracestate is valid, and goes on as it is */
};

/* The caller's. False when there is none that is valid; *ret is then untouched. */
bool trace_context_read(const struct http_header *headers, size_t count, struct trace_context *ret);

/* A new trace; of a million, so many are sampled. */
void trace_context_begin(const uint8_t random[TRACE_RANDOM_BYTES], uint64_t sample,
                         struct trace_context *ret);

/* An identifier of a span of ours; never all zeros. */
void span_id_format(const uint8_t random[SPAN_RANDOM_BYTES], char out[SPAN_ID_SIZE]);

/* That of a part of it, 1 to 15: it differs from the span's own and from the other parts'. */
void span_id_of_part(const char *span_id, unsigned part, char out[SPAN_ID_SIZE]);

/* Appends the header traceparent for the next host, whose caller is our span, and tracestate as it
 * came in `headers`. */
void trace_context_put(const struct trace_context *trace, const char *span_id,
                       const struct http_header *headers, size_t count, struct buf *out);
