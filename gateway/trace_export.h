/*
 * Spans of sampled requests on their way to an OpenTelemetry collector: OTLP over HTTP, as JSON, in
 * batches, by a thread of its own.
 *
 *     workers -> line_queue (bounded) -> [batches of 510 spans or 5 s] -> upstream/ask.h ->
 * collector
 *
 * Lossy by design and never in the way: what does not fit, or what the collector does not take at
 * once, is lost and counted; while it fails, the log is told once a minute.
 */
#pragma once

#include "snapshot.h"
#include "telemetry/summary.h"

struct trace_export;

/* For the collector that `snapshot` names (a reference is taken). NULL with `err`. */
MUST_USE struct trace_export *trace_export_start(struct snapshot *snapshot, struct error *err);

/* Tells of a request if it is sampled. Any thread; never waits. Accepts NULL, as all below. */
void trace_export_put(struct trace_export *traces, const struct request_summary *summary);

/* The collector is verified by the CAs of this snapshot from now on. */
void trace_export_adopt(struct trace_export *traces, struct snapshot *snapshot);

/* Requests whose spans were lost so far. */
uint64_t trace_export_lost(const struct trace_export *traces);

/* Sends what waits, for a second at most; a thread that hangs in a lookup is left behind. */
void trace_export_stop(struct trace_export *traces);
