#include "admin/metrics.h"

/* ---- single samples ---- */

static void put_gauge(struct exposition *e, const char *name, const char *unit, const char *help,
                      uint64_t value)
{
    exposition_begin(e, METRIC_GAUGE, name, unit, help);
    exposition_put(e, NULL, 0, value);
}

static void put_seconds(struct exposition *e, const char *name, const char *help, int64_t us)
{
    exposition_begin(e, METRIC_GAUGE, name, "seconds", help);
    exposition_put_us(e, NULL, 0, us);
}

static void put_count(struct exposition *e, const char *name, const char *help, uint64_t value)
{
    exposition_begin(e, METRIC_COUNTER, name, NULL, help);
    exposition_put(e, NULL, 0, value);
}

static void put_histogram(struct exposition *e, const char *name, const char *help,
                          const struct histogram_scale *scale, const struct histogram *histogram)
{
    exposition_begin(e, METRIC_HISTOGRAM, name, scale == &histogram_durations ? "seconds" : NULL,
                     help);
    exposition_put_histogram(e, NULL, 0, scale, histogram);
}

/* ---- counters.def ---- */

static const struct {
    const char *metric, *label, *help;
} rows[] = {
#define COUNTER(name, metric, label, help) {metric, label, help},
#include "base/counters.def"
#undef COUNTER
};

/* `label` is empty or name="value". */
static void put_row(struct exposition *e, size_t row, uint64_t value)
{
    struct str name, quoted;
    char key[32] = "";
    if (row == 0 || strcmp(rows[row].metric, rows[row - 1].metric) != 0)
        exposition_begin(e, METRIC_COUNTER, rows[row].metric, NULL, rows[row].help);
    bool labelled = str_cut(str_from(rows[row].label), '=', &name, &quoted);
    if (labelled && name.len < sizeof(key))
        memcpy(key, name.data, name.len);
    const struct metric_label label = {key, str_slice(quoted, 1, quoted.len ? quoted.len - 1 : 0)};
    exposition_put(e, &label, labelled, value);
}

/* ---- breakdowns ---- */

static void put_breakdown_row(struct exposition *e, const char *const names[BREAKDOWN_LABELS],
                              const char *const values[BREAKDOWN_LABELS], uint64_t count)
{
    struct metric_label labels[BREAKDOWN_LABELS];
    size_t used = 0;
    for (; used < BREAKDOWN_LABELS && names[used]; used++)
        labels[used] = (struct metric_label){names[used], str_from(values[used])};
    exposition_put(e, labels, used, count);
}

static void put_breakdown(struct exposition *e, const struct breakdown *breakdown,
                          const char *const names[BREAKDOWN_LABELS])
{
    static const char *const others[BREAKDOWN_LABELS] = {"other", "other", "other", "other"};
    for (size_t i = 0; i < BREAKDOWN_SLOTS; i++) {
        uint64_t count = atomic_load_explicit(&breakdown->slots[i].count, memory_order_acquire);
        if (count > 0)
            put_breakdown_row(e, names, breakdown->slots[i].labels, count);
    }
    uint64_t other = atomic_load_explicit(&breakdown->other, memory_order_relaxed);
    if (other > 0)
        put_breakdown_row(e, names, others, other);
}

/* ---- the groups, as campaign-gateway(8) has them ---- */

static void put_violations(struct exposition *e, const struct request_metrics *requests)
{
    exposition_begin(e, METRIC_COUNTER, "violations", NULL,
                     "Requests in which this code was found, whatever they were answered.");
    for (size_t code = 0; code < VIOLATION_COUNT; code++) {
        const struct metric_label label = {
            "code", str_from(violation_code_text((enum violation_code)code))};
        exposition_put(e, &label, 1,
                       atomic_load_explicit(&requests->violations[code], memory_order_relaxed));
    }
}

static void put_requests(struct exposition *e, const struct metrics_facts *facts)
{
    static const char *const names[BREAKDOWN_LABELS] = {"route", "verdict", "code", "team"};
    const struct request_metrics *requests = facts->requests;
    exposition_begin(e, METRIC_COUNTER, "requests", NULL, "Requests that have ended.");
    put_breakdown(e, &requests->requests, names);
    put_violations(e, requests);
    put_histogram(e, "request_duration_seconds",
                  "From the head to the answer, of requests that were answered.",
                  &histogram_durations, &requests->duration);
    exposition_begin(e, METRIC_HISTOGRAM, "request_stage_duration_seconds", "seconds",
                     "How long each part took.");
    for (size_t stage = 0; stage < STAGES; stage++) {
        const struct metric_label label = {"stage", str_from(stage_name((enum stage)stage))};
        exposition_put_histogram(e, &label, 1, &histogram_durations, &requests->stages[stage]);
    }
    put_gauge(e, "requests_under_way", NULL, "Requests being judged or forwarded now.",
              facts->usage.requests);
    put_gauge(e, "open_connections", NULL, "Client connections open now.",
              facts->usage.connections);
    put_gauge(e, "buffer_bytes", "bytes", "Bytes held for clients and answers now.",
              facts->usage.buffer_bytes);
}

static bool has_result(const struct breakdown *breakdown, const char *result)
{
    for (size_t i = 0; i < BREAKDOWN_SLOTS; i++) {
        const struct breakdown_slot *slot = &breakdown->slots[i];
        if (atomic_load_explicit(&slot->count, memory_order_acquire) > 0 &&
            strcmp(slot->labels[0], result) == 0)
            return true;
    }
    return false;
}

/* A first failure is an increase only to those who have seen 0 before. */
static void put_results(struct exposition *e, const struct metrics_facts *facts)
{
    static const char *const names[BREAKDOWN_LABELS] = {"result"};
    const struct breakdown *upstream = &facts->requests->upstream;
    put_breakdown(e, upstream, names);
    for (size_t i = 0; i < facts->upstream_result_count; i++) {
        const char *const row[BREAKDOWN_LABELS] = {facts->upstream_results[i]};
        if (!has_result(upstream, row[0]))
            put_breakdown_row(e, names, row, 0);
    }
}

static void put_upstream(struct exposition *e, const struct metrics_facts *facts)
{
    const struct resolver_state *resolver = &facts->resolver;
    exposition_begin(e, METRIC_COUNTER, "upstream_requests", NULL,
                     "Requests that were to be forwarded, by answer or failure.");
    put_results(e, facts);
    put_gauge(e, "upstream_connections_idle", NULL, "Connections kept for the next requests.",
              facts->upstream_idle);
    put_gauge(e, "upstream_addresses", NULL,
              "Addresses that the name led to when it last resolved; 0: it never did.",
              resolver->answer.count);
    put_seconds(e, "upstream_resolve_last_success_timestamp_seconds",
                "When it last resolved; 0: never.", resolver->succeeded_unix_ms * 1000);
    put_count(e, "upstream_resolve_failures", "Times that it did not.", resolver->failures);
}

static void put_space(struct exposition *e, const struct journal_state *journal)
{
    exposition_begin(e, METRIC_GAUGE, "audit_disk_free_bytes", "bytes",
                     "What the file systems of the journal have left for it.");
    for (size_t i = 0; i < JOURNAL_DIRECTORIES && journal->space[i].directory; i++) {
        const struct metric_label label = {"directory", str_from(journal->space[i].directory)};
        exposition_put(e, &label, 1, journal->space[i].free_bytes);
    }
    exposition_begin(e, METRIC_GAUGE, "audit_disk_size_bytes", "bytes", "Their size.");
    for (size_t i = 0; i < JOURNAL_DIRECTORIES && journal->space[i].directory; i++) {
        const struct metric_label label = {"directory", str_from(journal->space[i].directory)};
        exposition_put(e, &label, 1, journal->space[i].all_bytes);
    }
}

static void put_shipping(struct exposition *e, const struct journal_state *journal)
{
    if (!journal->ships)
        return;
    put_gauge(e, "audit_receipt_seq", NULL,
              "Number of the last record the central database has confirmed.",
              journal->receipt_seq);
    put_gauge(e, "audit_unshipped_records", NULL, "Durable records that it has not confirmed.",
              journal->last_seq > journal->receipt_seq ? journal->last_seq - journal->receipt_seq
                                                       : 0);
    put_seconds(e, "audit_oldest_unshipped_seconds",
                "How long the first of them has waited; 0: there is none.", journal->unshipped_us);
}

static void put_journal(struct exposition *e, const struct metrics_facts *facts)
{
    const struct journal_state *journal = &facts->journal;
    const struct {
        const char *name, *help;
        uint64_t value;
    } gauges[] = {
        {"audit_failing", "1 while no record can be made durable.", journal->failing},
        {"audit_unconfirmed", "1 while the central database does not confirm records in time.",
         journal->unconfirmed},
        {"audit_denying", "1 while campaigns are refused for want of a record.", journal->denying},
        {"audit_space_is_low", "1 while no room can be reserved for more records.",
         journal->space_is_low},
        {"audit_waiting_records", "Records that somebody waits for now.", journal->waiting},
        {"audit_last_seq", "Number of the last durable record.", journal->last_seq},
        {"audit_checkpoint_seq", "Records under the last checkpoint.", journal->checkpoint_seq},
        {"audit_open_intents", "Campaigns of which nobody knows whether they were created.",
         journal->open_intents},
        {"audit_passed", "Requests that passed without a durable record, until it is written.",
         journal->passed},
    };
    for (size_t i = 0; i < COUNT_OF(gauges); i++)
        put_gauge(e, gauges[i].name, NULL, gauges[i].help, gauges[i].value);
    put_seconds(e, "audit_checkpoint_age_seconds", "Since the last checkpoint, or the start.",
                facts->now_us - journal->checkpoint_us);
    put_count(e, "audit_retracted", "Decisions taken back: durable, or confirmed, too late.",
              journal->retracted);
    put_histogram(e, "audit_append_seconds",
                  "From a record's coming to the journal until it counts.", &histogram_durations,
                  &facts->histograms->append);
    put_histogram(e, "audit_write_seconds", "One write with its fdatasync.", &histogram_durations,
                  &facts->histograms->write);
    put_histogram(e, "audit_batch_records", "Records in one write.", &histogram_numbers,
                  &facts->histograms->records);
    put_space(e, journal);
    put_shipping(e, journal);
}

static void put_policy(struct exposition *e, const char *which, const struct metrics_policy *policy)
{
    const struct metric_label labels[] = {{"policy", str_from(which)},
                                          {"revision", policy->revision},
                                          {"digest", str_from(policy->digest)}};
    if (policy->digest)
        exposition_put(e, labels, COUNT_OF(labels), 1);
}

static void put_expiries(struct exposition *e, const struct metrics_facts *facts)
{
    exposition_begin(e, METRIC_GAUGE, "certificate_expiry_timestamp_seconds", "seconds",
                     "When the first certificate of the file expires, or the first CRL was to be "
                     "replaced.");
    for (size_t i = 0; i < facts->expiry_count; i++) {
        const struct metrics_expiry *expiry = &facts->expiries[i];
        const struct metric_label labels[] = {{"use", str_from(expiry->use)},
                                              {"file", expiry->file}};
        if (expiry->until_unix_ms != INT64_MAX)
            exposition_put_us(e, labels, COUNT_OF(labels), expiry->until_unix_ms * 1000);
    }
    if (facts->api_key_until_unix_ms != INT64_MAX)
        put_seconds(e, "api_key_expiry_timestamp_seconds", "When the next API key expires.",
                    facts->api_key_until_unix_ms * 1000);
}

static void put_configuration(struct exposition *e, const struct metrics_facts *facts)
{
    const struct metric_label digest = {"digest", str_from(facts->config_digest)};
    put_gauge(e, "configuration_stale", NULL,
              "1 while the files on disk are wrong, and what was read before is in force.",
              facts->stale);
    put_seconds(e, "configuration_last_reload_success_timestamp_seconds",
                "When what is in force was read.", facts->adopted_unix_ms * 1000);
    put_seconds(e, "configuration_last_reload_failure_timestamp_seconds",
                "When files were last found wrong; 0: never.", facts->failed_unix_ms * 1000);
    exposition_begin(e, METRIC_INFO, "configuration", NULL, "The configuration in force.");
    exposition_put(e, &digest, 1, 1);
    exposition_begin(e, METRIC_INFO, "policy", NULL, "The policy in force, and the candidate.");
    put_policy(e, "in-force", &facts->policy);
    put_policy(e, "candidate", &facts->candidate);
    put_expiries(e, facts);
}

static void put_process(struct exposition *e, const struct metrics_facts *facts)
{
    static const char *const names[BREAKDOWN_LABELS] = {"page", "status"};
    const struct process_facts *process = &facts->process;
    const struct metric_label build[] = {{"version", str_from(facts->version)},
                                         {"build", str_from(facts->build)},
                                         {"openssl", str_from(facts->openssl)},
                                         {"libevent", str_from(facts->libevent)},
                                         {"tzdata", str_from(facts->tzdata)}};
    exposition_begin(e, METRIC_INFO, "build", NULL, "What runs.");
    exposition_put(e, build, COUNT_OF(build), 1);
    put_seconds(e, "process_start_time_seconds", "When it was started.",
                facts->started_unix_ms * 1000);
    exposition_begin(e, METRIC_COUNTER, "process_cpu_seconds", "seconds",
                     "Processor time, in user and system.");
    exposition_put_us(e, NULL, 0, process->cpu_us);
    if (process->knows_stat) {
        put_gauge(e, "process_resident_memory_bytes", "bytes", "Memory.", process->resident_bytes);
        put_gauge(e, "process_threads", NULL, "Threads.", process->threads);
    }
    if (process->open_fds)
        put_gauge(e, "process_open_fds", NULL, "Open descriptors.", process->open_fds);
    put_gauge(e, "process_max_fds", NULL, "How many may be open.", process->max_fds);
    put_seconds(e, "worker_lag_seconds", "How long the slowest worker took to answer.",
                facts->lag_us);
    exposition_begin(e, METRIC_COUNTER, "admin_requests", NULL, "Requests to this listener.");
    put_breakdown(e, facts->admin, names);
}

void metrics_write(const struct metrics_facts *facts, bool openmetrics, struct buf *out)
{
    struct exposition e = {.out = out, .openmetrics = openmetrics};
    for (size_t i = 0; i < COUNTERS; i++)
        put_row(&e, i, facts->counters[i]);
    put_requests(&e, facts);
    put_upstream(&e, facts);
    put_journal(&e, facts);
    put_configuration(&e, facts);
    put_process(&e, facts);
    exposition_end(&e);
}
