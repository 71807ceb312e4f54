/*
 * The admin listener: probes and metrics, on a thread and a port of its own, so that they answer
 * however busy the workers are.
 *
 *     GET /livez     200 while the process runs
 *     GET /readyz    200 while it takes requests, 503 once it drains
 *     GET /metrics   counters in OpenMetrics text
 *     GET /status    which policy is in force, why a newer one is not, how the journal does, and
 *                    which campaigns are open; JSON
 */
#pragma once

#include "audit/journal.h"
#include "base/buf.h"
#include "base/counters.h"
#include "base/error.h"
#include "net/admission.h"

struct admin;

struct admin_options {
    int listen_fd;               /* bound; the caller may close it when admin_start is back */
    struct admission *admission; /* of the data port; for metrics */

    /* All are called on the admin thread. */
    void (*sum_counters)(void *arg, uint64_t ret[COUNTERS]);
    void (*look_at_journal)(void *arg, struct journal_state *ret);
    bool (*ready)(void *arg);
    bool (*stale)(void *arg); /* the files on disk are not in force, because they are wrong */
    void (*write_status)(void *arg, struct buf *out);
    void *arg;
};

/* Starts the thread. NULL with `err`. */
MUST_USE struct admin *admin_start(const struct admin_options *options, struct error *err);

/* Closes its connections and ends the thread. Accepts NULL. */
void admin_stop(struct admin *admin);
