/*
 * A worker: one thread with a loop, a listener on the shared socket, upstream connections and a
 * desk of exchanges. Workers share the snapshot, the journal, the resolver and the admission.
 */
#pragma once

#include <pthread.h>

#include "exchange.h"
#include "snapshot.h"
#include "telemetry/access_log.h"
#include "telemetry/requests.h"
#include "trace_export.h"

struct worker {
    pthread_t thread;
    bool runs;
    int ended_fd;
    struct loop *loop;
    struct listener *listener;
    struct upstream_pool *pool;
    struct desk *desk;
    struct counters counters;
    struct request_metrics requests;
    const struct team_labels *teams;
    struct access_log *access_log;
    struct trace_export *traces;
    struct task drain_task;
    bool listener_drained;
    struct task adopt_task;
    _Atomic(struct snapshot *) offered; /* to be adopted, with a reference; NULL: nothing new */
    struct task lag_task;
    _Atomic int64_t lag_asked_us, lag_us; /* 0: not asked; what came of it the last time */
};

/* What all workers use; everything must outlive them. */
struct worker_options {
    struct snapshot *snapshot; /* to begin with; a reference is taken */
    int listen_fd;
    bool is_inherited; /* the socket; see listener.h */
    int ended_fd;      /* an eventfd that counts workers that ended by themselves */
    struct journal *journal;
    const struct hash_keys *hash_keys; /* as in exchange.h */
    struct admission *admission;
    const struct upstream_options *upstream;
    const struct team_labels *teams; /* for metrics */
    struct access_log *access_log;   /* NULL: none is kept */
    struct trace_export *traces;     /* NULL: nobody is told of them */
};

/* Makes everything but the thread. `worker` must be zeroed. False when memory ran out. */
MUST_USE bool worker_init(struct worker *worker, const struct worker_options *options);

MUST_USE bool worker_start(struct worker *worker);

/* From another thread: later requests are judged by `snapshot`; a reference is taken. */
void worker_offer(struct worker *worker, struct snapshot *snapshot);

/* From one other thread: how long the loop took to come round when this was asked before, or has
 * taken since then; asks anew. */
int64_t worker_lag_us(struct worker *worker);

/* From another thread: takes no more connections, finishes what is under way, then ends. */
void worker_drain(struct worker *worker);

/* From another thread: ends the loop now and waits for the thread. */
void worker_stop(struct worker *worker);

/* After worker_stop and after the journal was closed. Accepts a zeroed worker. */
void worker_release(struct worker *worker);
