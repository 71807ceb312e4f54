/*
 * What the gateway tells in metrics: the whole list of families. campaign-gateway(8) explains each.
 * Pure: facts in, text out.
 */
#pragma once

#include "audit/journal.h"
#include "base/counters.h"
#include "net/admission.h"
#include "net/resolve.h"
#include "telemetry/exposition.h"
#include "telemetry/process.h"
#include "telemetry/requests.h"

/* A point in time of a file; see certificates.h. */
struct metrics_expiry {
    const char *use;
    struct str file;
    int64_t until_unix_ms; /* INT64_MAX: never */
};

struct metrics_policy {
    struct str revision;
    const char *digest; /* NULL: there is none */
};

struct metrics_facts {
    uint64_t counters[COUNTERS];
    const struct request_metrics *requests;
    struct admission_usage usage;
    uint64_t upstream_idle;
    const char *const *upstream_results; /* all there can be: told also while they are 0 */
    size_t upstream_result_count;
    struct resolver_state resolver;
    struct journal_state journal;
    const struct journal_histograms *histograms;

    bool stale;
    int64_t adopted_unix_ms, failed_unix_ms; /* 0: never */
    const char *config_digest;
    struct metrics_policy policy, candidate;
    const struct metrics_expiry *expiries;
    size_t expiry_count;
    int64_t api_key_until_unix_ms; /* INT64_MAX: never, or there are none */

    const char *version, *build, *openssl, *libevent, *tzdata;
    int64_t started_unix_ms, now_us; /* now: as clock_mono_us */
    struct process_facts process;
    int64_t lag_us;
    const struct breakdown *admin; /* by page and status */
};

void metrics_write(const struct metrics_facts *facts, bool openmetrics, struct buf *out);
