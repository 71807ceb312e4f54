/*
 * What metrics tell of requests: how many ended how, and how long each part took. Each worker
 * counts for itself; whoever reads adds them up.
 *
 * Cardinality is bounded: routes, verdicts and codes come from tables, teams from a list that only
 * grows up to a limit, and a breakdown has a limit of its own.
 */
#pragma once

#include "base/histogram.h"
#include "base/limits.h"
#include "telemetry/breakdown.h"
#include "telemetry/summary.h"

/*
 * Team names as labels. Policies come and go, the labels stay: what was counted for a team remains
 * after it is gone, and a team that comes back is the same one. One thread adds, any may look.
 */
struct team_labels {
    atomic_size_t count;
    struct {
        uint8_t len;
        char text[LIMIT_TEAM_LABEL_BYTES + 1];
    } items[LIMIT_TEAM_LABELS];
};

/* Nothing happens when it is there, too long, or the list is full. `labels` begins zeroed. */
void team_labels_add(struct team_labels *labels, struct str name);

/* "none" for the empty name, "other" for one that is not in the list. */
const char *team_label(const struct team_labels *labels, struct str name);

struct request_metrics {
    struct breakdown requests; /* by route, verdict, code and team */
    struct breakdown upstream; /* by result */
    atomic_uint_fast64_t violations[VIOLATION_COUNT];
    struct histogram duration;
    struct histogram stages[STAGES];
};

/* The worker's own thread. `metrics` begins zeroed. */
void request_metrics_count(struct request_metrics *metrics, const struct team_labels *labels,
                           const struct request_summary *summary);

void request_metrics_add(struct request_metrics *into, const struct request_metrics *from);

/* "receive" … */
const char *stage_name(enum stage stage);
