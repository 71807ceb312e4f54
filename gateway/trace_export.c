#include "trace_export.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "telemetry/line_queue.h"
#include "telemetry/otlp.h"
#include "upstream/ask.h"

#define LIMIT_SPANS_WAITING (4 * 1024 * 1024) /* bytes; the spans of 2000 requests */
#define LIMIT_REQUEST_SPANS (16 * 1024)       /* bytes; they have about 2 KB */
#define BATCH_REQUESTS (512 / OTLP_SPANS_OF_REQUEST)
#define BATCH_MS 5000
#define RESOLVE_REFRESH_MS 30000
#define RESOLVE_WAIT_MS 1000
#define STOP_MS 1000        /* for what waits to be sent */
#define STOP_HURRIED_MS 500 /* for the thread to end after that */
#define TELL_MS 60000       /* between two words about a collector that fails */

struct trace_export {
    struct snapshot *snapshot; /* whose collector it is, whatever later ones say */
    struct line_queue queue;
    atomic_uint_fast64_t unsent; /* requests that were lost after they were queued */
    struct otlp_upstream upstream;
    struct otlp_service service;
    char instance[256];
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct snapshot *fresh; /* whose CAs are to be used; NULL: no news */
    struct asker *asker;
    bool cancelled, ended;

    /* the thread's own */
    struct resolver *resolver;
    struct snapshot *trusted; /* that the asker was made with */
    struct buf taken, message;
    bool failing;
    int64_t told_us;
    uint64_t lost_told;
};

/* ---- what the log is told ---- */

static void tell_failure(struct trace_export *traces, const char *why, const char *detail)
{
    int64_t now_us = clock_mono_us();
    if (traces->failing && now_us - traces->told_us < TELL_MS * 1000)
        return;
    uint64_t lost = trace_export_lost(traces);
    LOG(LOG_WARN, "traces-failing",
        LOG_STR("endpoint", traces->snapshot->config->trace_endpoint.url.value),
        LOG_TEXT("error", why), LOG_TEXT("detail", detail),
        LOG_INT("requests_lost", lost - traces->lost_told));
    traces->failing = true;
    traces->told_us = now_us;
    traces->lost_told = lost;
}

static void tell_success(struct trace_export *traces)
{
    if (traces->failing)
        LOG(LOG_INFO, "traces-sent",
            LOG_STR("endpoint", traces->snapshot->config->trace_endpoint.url.value));
    traces->failing = false;
}

/* ---- one batch ---- */

static void close_asker(struct trace_export *traces)
{
    pthread_mutex_lock(&traces->lock);
    struct asker *asker = traces->asker;
    traces->asker = NULL;
    pthread_mutex_unlock(&traces->lock);
    asker_stop(asker);
}

static struct asker *start_asker(struct trace_export *traces)
{
    const struct config_endpoint *endpoint = &traces->snapshot->config->trace_endpoint;
    const struct upstream_options options = {
        .peer = {.tls = traces->trusted->trace_tls,
                 .host = endpoint->host.data,
                 .host_is_address = endpoint->host_is_address},
        .deadlines = {.connect_ms = 2000, .first_byte_ms = 5000, .total_ms = 5000, .idle_ms = 4000},
        .resolver = traces->resolver,
        .max_answer_bytes = LIMIT_ANSWER_BYTES};
    return asker_start(&options);
}

static bool is_cancelled(struct trace_export *traces)
{
    pthread_mutex_lock(&traces->lock);
    bool cancelled = traces->cancelled;
    pthread_mutex_unlock(&traces->lock);
    return cancelled;
}

/* One that trusts whom the latest snapshot trusts; NULL when the gateway does not wait any more. */
static struct asker *current_asker(struct trace_export *traces)
{
    pthread_mutex_lock(&traces->lock);
    struct snapshot *fresh = traces->fresh;
    traces->fresh = NULL;
    pthread_mutex_unlock(&traces->lock);
    if (fresh) {
        close_asker(traces);
        snapshot_release(traces->trusted);
        traces->trusted = fresh;
    }
    if (!traces->asker) {
        struct asker *asker = start_asker(traces);
        pthread_mutex_lock(&traces->lock);
        traces->asker = asker;
        pthread_mutex_unlock(&traces->lock);
    }
    return is_cancelled(traces) ? NULL : traces->asker;
}

/* The whole request in traces->message. */
static void compose(struct trace_export *traces, struct str lines)
{
    const struct config_endpoint *endpoint = &traces->snapshot->config->trace_endpoint;
    struct buf body;
    buf_init(&body, traces->message.max / 2);
    otlp_put_body(&traces->service, lines, &body);
    buf_clear(&traces->message);
    buf_format(&traces->message,
               "POST %.*s HTTP/1.1\r\nhost: %.*s\r\nuser-agent: campaign-gateway/%s\r\n"
               "content-type: application/json\r\ncontent-length: %zu\r\n\r\n",
               STR_ARGS(endpoint->path), STR_ARGS(endpoint->authority), GATEWAY_VERSION, body.len);
    buf_append(&traces->message, buf_str(&body));
    traces->message.failed |= body.failed;
    buf_release(&body);
}

/* A kept connection that the collector closed just then is no failure; spans may come twice. */
static bool ask(struct trace_export *traces, struct asker *asker, struct asker_answer *ret)
{
    const struct str message = buf_str(&traces->message);
    return asker_ask(asker, message, ret) &&
           (ret->failure != UPSTREAM_RESET || asker_ask(asker, message, ret));
}

/* NULL: it was taken; otherwise why not. `detail` may say more. */
static const char *send_message(struct trace_export *traces, const char **detail)
{
    struct asker_answer answer;
    *detail = "";
    if (traces->message.failed)
        return "out of memory";
    (void)resolver_wait(traces->resolver, RESOLVE_WAIT_MS);
    struct asker *asker = current_asker(traces);
    if (!asker || !ask(traces, asker, &answer))
        return "the gateway ends";
    *detail = answer.detail;
    if (answer.failure != UPSTREAM_ANSWERED)
        return upstream_failure_code(answer.failure);
    *detail = http_reason(answer.response->status);
    if (answer.response->status < 200 || answer.response->status > 299)
        return "the collector refused them";
    struct arena arena;
    struct str why;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    bool whole = otlp_rejected(answer.body, &arena, &why) == 0;
    arena_release(&arena);
    return whole ? NULL : "the collector took only a part of them";
}

static void send_batch(struct trace_export *traces, struct str lines, uint64_t requests)
{
    const char *detail = "", *why = "the gateway ends";
    if (!is_cancelled(traces)) { /* else the asker may still read the message before */
        compose(traces, lines);
        why = send_message(traces, &detail);
    }
    if (!why) {
        tell_success(traces);
        return;
    }
    atomic_fetch_add_explicit(&traces->unsent, requests, memory_order_relaxed);
    tell_failure(traces, why, detail);
}

/* ---- the thread ---- */

static void send_taken(struct trace_export *traces)
{
    struct str rest = buf_str(&traces->taken), line;
    while (rest.len > 0) {
        struct str batch = rest;
        uint64_t requests = 0;
        while (rest.len > 0 && requests < BATCH_REQUESTS) {
            (void)str_cut(rest, '\n', &line, &rest);
            requests++;
        }
        send_batch(traces, str_slice(batch, 0, batch.len - rest.len), requests);
    }
}

static void *export_main(void *arg)
{
    struct trace_export *traces = arg;
    while (line_queue_take(&traces->queue, BATCH_REQUESTS, BATCH_MS, &traces->taken))
        send_taken(traces);
    close_asker(traces);
    resolver_stop(traces->resolver);
    pthread_mutex_lock(&traces->lock);
    traces->ended = true;
    pthread_cond_signal(&traces->changed);
    pthread_mutex_unlock(&traces->lock);
    return NULL;
}

static void free_export(struct trace_export *traces)
{
    snapshot_release(traces->fresh);
    snapshot_release(traces->trusted);
    snapshot_release(traces->snapshot);
    buf_release(&traces->taken);
    buf_release(&traces->message);
    line_queue_release(&traces->queue);
    (void)pthread_cond_destroy(&traces->changed);
    (void)pthread_mutex_destroy(&traces->lock);
    free(traces);
}

/* ---- for everybody ---- */

struct trace_export *trace_export_start(struct snapshot *snapshot, struct error *err)
{
    const struct config *config = snapshot->config;
    struct trace_export *traces = calloc(1, sizeof(*traces));
    if (!traces) {
        (void)error_set(err, "out of memory");
        return NULL;
    }
    traces->snapshot = snapshot_hold(snapshot);
    traces->trusted = snapshot_hold(snapshot);
    line_queue_init(&traces->queue, LIMIT_SPANS_WAITING);
    buf_init(&traces->taken, LIMIT_SPANS_WAITING);
    buf_init(&traces->message, 4 * BATCH_REQUESTS * LIMIT_REQUEST_SPANS);
    (void)pthread_mutex_init(&traces->lock, NULL);
    clock_mono_cond_init(&traces->changed);
    (void)gethostname(traces->instance, sizeof(traces->instance) - 1);
    traces->upstream = (struct otlp_upstream){config->upstream_host, config->upstream_port};
    traces->service = (struct otlp_service){config->trace_service_name, str_from(traces->instance)};
    const struct resolver_options where = {.host = config->trace_endpoint.host.data,
                                           .port = config->trace_endpoint.port,
                                           .refresh_ms = RESOLVE_REFRESH_MS};
    traces->resolver = resolver_start(&where, err);
    if (traces->resolver && pthread_create(&traces->thread, NULL, export_main, traces) == 0)
        return traces;
    if (traces->resolver)
        (void)error_set(err, "cannot start the thread that sends traces");
    resolver_stop(traces->resolver);
    free_export(traces);
    return NULL;
}

void trace_export_put(struct trace_export *traces, const struct request_summary *summary)
{
    struct buf line;
    if (!traces || !summary->sampled)
        return;
    buf_init(&line, LIMIT_REQUEST_SPANS);
    otlp_put_spans(summary, &traces->upstream, &line);
    if (line.failed)
        atomic_fetch_add_explicit(&traces->unsent, 1, memory_order_relaxed);
    else
        (void)line_queue_put(&traces->queue, buf_str(&line));
    buf_release(&line);
}

void trace_export_adopt(struct trace_export *traces, struct snapshot *snapshot)
{
    if (!traces)
        return;
    pthread_mutex_lock(&traces->lock);
    struct snapshot *old = traces->fresh;
    traces->fresh = snapshot_hold(snapshot);
    pthread_mutex_unlock(&traces->lock);
    snapshot_release(old);
}

uint64_t trace_export_lost(const struct trace_export *traces)
{
    return traces ? atomic_load_explicit(&traces->queue.lost, memory_order_relaxed) +
                        atomic_load_explicit(&traces->unsent, memory_order_relaxed)
                  : 0;
}

/* Under the lock. Whether the thread has ended by then. */
static bool wait_for_end(struct trace_export *traces, int64_t wait_ms)
{
    const struct timespec until = clock_mono_from_now(wait_ms);
    while (!traces->ended && pthread_cond_timedwait(&traces->changed, &traces->lock, &until) == 0)
        ; /* woken for nothing */
    return traces->ended;
}

void trace_export_stop(struct trace_export *traces)
{
    if (!traces)
        return;
    line_queue_close(&traces->queue);
    pthread_mutex_lock(&traces->lock);
    bool ended = wait_for_end(traces, STOP_MS);
    traces->cancelled = true;
    if (!ended && traces->asker)
        asker_cancel(traces->asker);
    ended = wait_for_end(traces, STOP_HURRIED_MS);
    pthread_mutex_unlock(&traces->lock);
    if (!ended) {
        pthread_detach(traces->thread); /* it hangs in a lookup: its memory stays with it */
        return;
    }
    pthread_join(traces->thread, NULL);
    free_export(traces);
}
