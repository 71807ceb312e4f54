#include "worker.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/listener.h"

/* A draining worker ends when neither a connection nor an exchange is left. */
static void check_ended(void *arg)
{
    struct worker *worker = arg;
    if (worker->listener_drained && desk_busy(worker->desk) == 0)
        loop_stop(worker->loop);
}

static void on_drained(void *arg)
{
    struct worker *worker = arg;
    worker->listener_drained = true;
    check_ended(worker);
}

/* Every request is told of here, once it is over. */
static void count_request(void *arg, const struct request_summary *summary)
{
    struct worker *worker = arg;
    request_metrics_count(&worker->requests, worker->teams, summary);
    counters_count(&worker->counters,
                   summary->status == 0 ? COUNTER_CLIENTS_GONE : COUNTER_ANSWERS);
    access_log_put(worker->access_log, summary);
    trace_export_put(worker->traces, summary);
}

static void run_drain(void *arg)
{
    struct worker *worker = arg;
    listener_drain(worker->listener);
}

/* Requests under way keep the snapshot they began with. */
static void run_adopt(void *arg)
{
    struct worker *worker = arg;
    struct snapshot *snapshot = atomic_exchange(&worker->offered, NULL);
    listener_set_tls(worker->listener, snapshot->server_tls);
    pool_set_tls(worker->pool, snapshot->client_tls);
    desk_adopt(worker->desk, snapshot);
    snapshot_release(snapshot);
}

static void run_lag(void *arg)
{
    struct worker *worker = arg;
    atomic_store(&worker->lag_us, clock_mono_us() - atomic_load(&worker->lag_asked_us));
    atomic_store(&worker->lag_asked_us, 0);
}

int64_t worker_lag_us(struct worker *worker)
{
    int64_t now_us = clock_mono_us(), asked_us = atomic_load(&worker->lag_asked_us);
    if (asked_us)
        return now_us - asked_us;
    int64_t lag_us = atomic_load(&worker->lag_us);
    atomic_store(&worker->lag_asked_us, now_us);
    loop_post(worker->loop, &worker->lag_task);
    return lag_us;
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    const uint64_t one = 1;
    loop_run(worker->loop);
    if (write(worker->ended_fd, &one, sizeof(one)) < 0)
        LOG(LOG_ERROR, "worker-end-untold");
    return NULL;
}

bool worker_init(struct worker *worker, const struct worker_options *options)
{
    const struct config *config = options->snapshot->config;
    worker->ended_fd = options->ended_fd;
    worker->access_log = options->access_log;
    worker->traces = options->traces;
    worker->drain_task = (struct task){.run = run_drain, .arg = worker};
    worker->adopt_task = (struct task){.run = run_adopt, .arg = worker};
    worker->lag_task = (struct task){.run = run_lag, .arg = worker};
    worker->teams = options->teams;
    worker->loop = loop_new();
    struct upstream_options upstream = *options->upstream;
    upstream.counters = &worker->counters;
    worker->pool = worker->loop ? pool_new(worker->loop, &upstream) : NULL;
    if (!worker->pool)
        return false;
    worker->desk = desk_new(&(struct desk_options){.loop = worker->loop,
                                                   .snapshot = options->snapshot,
                                                   .journal = options->journal,
                                                   .hash_keys = options->hash_keys,
                                                   .pool = worker->pool,
                                                   .admission = options->admission,
                                                   .counters = &worker->counters,
                                                   .ended = count_request,
                                                   .idle = check_ended,
                                                   .arg = worker});
    if (!worker->desk)
        return false;
    const struct listener_options listener = {.framing = config->framing,
                                              .deadlines = config->deadlines,
                                              .tls = options->snapshot->server_tls,
                                              .handler = desk_handler(worker->desk),
                                              .admission = options->admission,
                                              .counters = &worker->counters,
                                              .is_inherited = options->is_inherited,
                                              .drained = on_drained,
                                              .drained_arg = worker};
    worker->listener = listener_new(worker->loop, options->listen_fd, &listener);
    return worker->listener != NULL;
}

bool worker_start(struct worker *worker)
{
    worker->runs = pthread_create(&worker->thread, NULL, worker_main, worker) == 0;
    return worker->runs;
}

void worker_offer(struct worker *worker, struct snapshot *snapshot)
{
    struct snapshot *missed = atomic_exchange(&worker->offered, snapshot_hold(snapshot));
    if (!missed)
        loop_post(worker->loop, &worker->adopt_task); /* otherwise it is on its way already */
    snapshot_release(missed);
}

void worker_drain(struct worker *worker)
{
    loop_post(worker->loop, &worker->drain_task);
}

void worker_stop(struct worker *worker)
{
    if (!worker->runs)
        return;
    loop_stop(worker->loop);
    pthread_join(worker->thread, NULL);
    worker->runs = false;
}

void worker_release(struct worker *worker)
{
    listener_free(worker->listener);
    pool_free(worker->pool);
    desk_free(worker->desk);
    loop_free(worker->loop);
    snapshot_release(worker->offered);
}
