/*
 * Counters and gauges as OpenMetrics text (openmetrics.io, version 1.0.0). Pure.
 */
#pragma once

#include "audit/journal.h"
#include "base/buf.h"
#include "base/counters.h"
#include "net/admission.h"

#define METRICS_CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Appends the whole exposition. */
void metrics_write(const uint64_t counters[COUNTERS], const struct admission_usage *usage,
                   const struct journal_state *journal, bool stale, struct buf *out);
