#include "observer.h"

#include <stdlib.h>

#include "admin/metrics.h"
#include "base/clock.h"
#include "versions.h"

/* ---- readiness ---- */

static void check_serving(enum serving serving, struct readiness *ret)
{
    if (serving == SERVING_NOT_YET)
        readiness_find(ret, CHECK_SERVING, CHECK_FAILED, "the gateway starts");
    else if (serving == SERVING_NO_MORE)
        readiness_find(ret, CHECK_SERVING, CHECK_FAILED, "the gateway drains and will end");
}

static void check_journal(const struct journal_state *journal, struct readiness *ret)
{
    enum check_result bad = journal->denying ? CHECK_FAILED : CHECK_WARNING;
    if (journal->failing)
        readiness_find(ret, CHECK_JOURNAL, bad, "%s", journal->why.text);
    if (journal->unconfirmed)
        readiness_find(ret, CHECK_CENTRAL, bad, "%s", journal->why.text);
    if (journal->space_is_low)
        readiness_find(ret, CHECK_JOURNAL, CHECK_WARNING,
                       "no room can be reserved for more records under '%s'", journal->directory);
}

/* Without the first one nobody can connect, or nobody who asks for another name than the others'.
 */
static void check_dates(const struct certificate_dates *item, bool first, int64_t now_unix_ms,
                        struct readiness *ret)
{
    char when[CLOCK_UTC_SIZE];
    enum check_result bad = first ? CHECK_FAILED : CHECK_WARNING;
    if (now_unix_ms < item->dates.from_unix_ms) {
        clock_format_utc(item->dates.from_unix_ms, when);
        readiness_find(ret, CHECK_CERTIFICATES, bad, "%s: '%.*s' is not valid before %s", item->use,
                       STR_ARGS(item->file), when);
    } else if (now_unix_ms >= item->dates.until_unix_ms) {
        clock_format_utc(item->dates.until_unix_ms, when);
        readiness_find(ret, CHECK_CERTIFICATES, bad, "%s: '%.*s' has expired at %s", item->use,
                       STR_ARGS(item->file), when);
    }
}

static void check_certificates(const struct certificate_list *list, struct readiness *ret)
{
    int64_t now_unix_ms = clock_unix_ms();
    for (size_t i = 0; i < list->count; i++)
        check_dates(&list->items[i], i == 0, now_unix_ms, ret);
}

static void check_upstream(struct resolver *resolver, struct str host, struct readiness *ret)
{
    struct resolver_state state;
    resolver_look(resolver, &state);
    if (state.answer.count == 0)
        readiness_find(ret, CHECK_UPSTREAM, CHECK_FAILED, "'%.*s' has not resolved yet",
                       STR_ARGS(host));
    else if (state.answer.is_failing)
        readiness_find(ret, CHECK_UPSTREAM, CHECK_WARNING,
                       "'%.*s' does not resolve; the addresses of before are used", STR_ARGS(host));
}

static void look(void *arg, struct readiness *ret)
{
    struct observer *observer = arg;
    struct journal_state journal;
    struct status_view view;
    status_look(observer->status, &view);
    journal_state(observer->journal, &journal);
    check_serving(atomic_load(observer->serving), ret);
    if (view.stale)
        readiness_find(ret, CHECK_CONFIGURATION, CHECK_WARNING,
                       "what was read before is in force, because: %s", view.err.text);
    check_journal(&journal, ret);
    check_certificates(&view.snapshot->certificates, ret);
    check_upstream(observer->resolver, view.snapshot->config->upstream_host, ret);
    snapshot_release(view.snapshot);
}

/* ---- metrics ---- */

#define X(name, code, sentence) code,
static const char *const upstream_results[] = {"2xx", "3xx", "4xx", "5xx", UPSTREAM_FAILURES(X)};
#undef X

static void look_at_workers(const struct observer *observer, struct request_metrics *sum,
                            struct metrics_facts *facts)
{
    for (enum counter counter = 0; counter < COUNTERS; counter++)
        facts->counters[counter] = counters_read(observer->counters, counter);
    for (size_t i = 0; i < observer->worker_count; i++) {
        struct worker *worker = &observer->workers[i];
        int64_t lag_us = worker_lag_us(worker);
        for (enum counter counter = 0; counter < COUNTERS; counter++)
            facts->counters[counter] += counters_read(&worker->counters, counter);
        request_metrics_add(sum, &worker->requests);
        facts->upstream_idle += pool_idle_count(worker->pool);
        facts->lag_us = lag_us > facts->lag_us ? lag_us : facts->lag_us;
    }
    facts->counters[COUNTER_LOG_LINES_LOST] += logs_lost(observer->logs);
    facts->counters[COUNTER_ACCESS_LOG_LINES_LOST] += access_log_lost(observer->logs->access);
    facts->counters[COUNTER_TRACES_LOST] += trace_export_lost(observer->traces);
    facts->requests = sum;
}

static struct metrics_policy policy_of(const struct policy_set *policy)
{
    return policy ? (struct metrics_policy){policy->revision, policy->digest}
                  : (struct metrics_policy){.digest = NULL};
}

static void look_at_snapshot(const struct status_view *view, struct metrics_facts *facts,
                             struct metrics_expiry *expiries)
{
    const struct snapshot *snapshot = view->snapshot;
    const struct certificate_list *list = &snapshot->certificates;
    facts->stale = view->stale;
    facts->started_unix_ms = view->started_ms;
    facts->adopted_unix_ms = view->adopted_ms;
    facts->failed_unix_ms = view->failed_ms;
    facts->config_digest = snapshot->config->digest;
    facts->policy = policy_of(snapshot->policy);
    facts->candidate = policy_of(snapshot->candidate);
    for (size_t i = 0; i < list->count; i++)
        expiries[i] = (struct metrics_expiry){list->items[i].use, list->items[i].file,
                                              list->items[i].dates.until_unix_ms};
    facts->expiries = expiries;
    facts->expiry_count = list->count;
    facts->api_key_until_unix_ms =
        snapshot->callers ? callers_next_expiry(snapshot->callers, clock_unix_ms()) : INT64_MAX;
}

static void write_facts(struct observer *observer, const struct status_view *view,
                        struct request_metrics *sum, struct metrics_expiry *expiries,
                        const struct breakdown *admin, bool openmetrics, struct buf *out)
{
    const struct versions of = versions();
    struct metrics_facts facts = {.usage = admission_usage(observer->admission),
                                  .histograms = journal_histograms(observer->journal),
                                  .version = of.gateway,
                                  .build = of.build,
                                  .openssl = of.openssl,
                                  .libevent = of.libevent,
                                  .tzdata = of.tzdata,
                                  .now_us = clock_mono_us(),
                                  .upstream_results = upstream_results,
                                  .upstream_result_count = COUNT_OF(upstream_results),
                                  .admin = admin};
    look_at_workers(observer, sum, &facts);
    resolver_look(observer->resolver, &facts.resolver);
    journal_state(observer->journal, &facts.journal);
    process_look(&observer->process, &facts.process);
    look_at_snapshot(view, &facts, expiries);
    metrics_write(&facts, openmetrics, out);
}

/* The sum is too large for the stack. Without memory the answer fails. */
static void write_metrics(void *arg, const struct breakdown *admin, bool openmetrics,
                          struct buf *out)
{
    struct observer *observer = arg;
    struct status_view view;
    status_look(observer->status, &view);
    struct request_metrics *sum = calloc(1, sizeof(*sum));
    struct metrics_expiry *expiries =
        calloc(view.snapshot->certificates.count + 1, sizeof(*expiries));
    if (sum && expiries)
        write_facts(observer, &view, sum, expiries, admin, openmetrics, out);
    else
        out->failed = true;
    free(expiries);
    free(sum);
    snapshot_release(view.snapshot);
}

/* ---- status ---- */

static void write_status(void *arg, struct buf *out)
{
    struct observer *observer = arg;
    struct status_view view;
    struct status_beside beside = {
        .journal = observer->journal,
        .workers = observer->worker_count,
        .sandbox = atomic_load(observer->serving) != SERVING_NOT_YET ? observer->sandbox : NULL,
        .now_unix_ms = clock_unix_ms()};
    status_look(observer->status, &view);
    resolver_look(observer->resolver, &beside.resolver);
    beside.usage = admission_usage(observer->admission);
    status_write(&view, &beside, out);
    snapshot_release(view.snapshot);
}

struct admin_options observer_options(struct observer *observer)
{
    return (struct admin_options){.look = look,
                                  .write_metrics = write_metrics,
                                  .write_status = write_status,
                                  .arg = observer};
}
