/*
 * What the admin listener tells, gathered from all parts of the running gateway. All functions run
 * on the admin thread; what they look at may be looked at by any.
 */
#pragma once

#include "admin/admin.h"
#include "bookkeeper.h"
#include "logs.h"
#include "net/resolve.h"
#include "sandbox.h"
#include "status.h"
#include "telemetry/process.h"
#include "trace_export.h"
#include "worker.h"

enum serving { SERVING_NOT_YET, SERVING, SERVING_NO_MORE };

/* Everything must outlive the admin listener. */
struct observer {
    struct status *status;
    struct journal *journal;
    struct resolver *resolver;
    struct admission *admission;
    struct worker *workers;
    size_t worker_count;
    const struct counters *counters; /* of the main thread */
    const struct logs *logs;
    struct trace_export *traces; /* NULL: nobody is told of them */
    const _Atomic(enum serving) *serving;
    const struct sandbox *sandbox; /* complete once it serves */
    struct process_watch process;
};

/* What the admin listener is to be given. `observer` stays where it is. */
struct admin_options observer_options(struct observer *observer);
