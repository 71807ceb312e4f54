#include "telemetry/requests.h"

#include <string.h>

#define LABEL_NONE "none"
#define LABEL_OTHER "other"

/* ---- teams ---- */

static const char *find_label(const struct team_labels *labels, struct str name)
{
    size_t count = atomic_load_explicit(&labels->count, memory_order_acquire);
    for (size_t i = 0; i < count; i++) {
        if (labels->items[i].len == name.len &&
            memcmp(labels->items[i].text, name.data, name.len) == 0)
            return labels->items[i].text;
    }
    return NULL;
}

/* A team that is called like one of our own labels would be told twice. */
static bool is_reserved(struct str name)
{
    return name.len == 0 || str_equal(name, STR(LABEL_NONE)) || str_equal(name, STR(LABEL_OTHER));
}

void team_labels_add(struct team_labels *labels, struct str name)
{
    size_t count = atomic_load_explicit(&labels->count, memory_order_relaxed);
    if (count == LIMIT_TEAM_LABELS || name.len > LIMIT_TEAM_LABEL_BYTES || is_reserved(name) ||
        memchr(name.data, '\0', name.len) || find_label(labels, name))
        return;
    memcpy(labels->items[count].text, name.data, name.len);
    labels->items[count].len = (uint8_t)name.len;
    atomic_store_explicit(&labels->count, count + 1, memory_order_release);
}

const char *team_label(const struct team_labels *labels, struct str name)
{
    if (name.len == 0)
        return LABEL_NONE;
    const char *label = find_label(labels, name);
    return label ? label : LABEL_OTHER;
}

/* ---- one request ---- */

/* Where `errors` lists the violations, the refusal has no code of its own. */
static const char *code_label(const struct request_summary *summary)
{
    if (!summary->type)
        return LABEL_NONE;
    return summary->code ? summary->code : summary->type;
}

static void count_request(struct request_metrics *metrics, const struct team_labels *labels,
                          const struct request_summary *summary)
{
    const char *const row[BREAKDOWN_LABELS] = {
        summary->route ? summary->route : LABEL_NONE, summary->verdict ? summary->verdict : "gone",
        code_label(summary), team_label(labels, summary->team)};
    breakdown_count(&metrics->requests, row);
}

static void count_upstream(struct request_metrics *metrics, const struct request_summary *summary)
{
    static const char *const classes[] = {LABEL_OTHER, "1xx", "2xx", "3xx", "4xx", "5xx"};
    size_t class = (size_t)summary->upstream_status / 100;
    if (!summary->upstream_status && !summary->upstream_why)
        return; /* it was not asked */
    const char *const row[BREAKDOWN_LABELS] = {summary->upstream_why       ? summary->upstream_why
                                               : class < COUNT_OF(classes) ? classes[class]
                                                                           : LABEL_OTHER};
    breakdown_count(&metrics->upstream, row);
}

/* Each code once, however often the request has it. */
static void count_violations(struct request_metrics *metrics, const struct violations *violations)
{
    bool seen[VIOLATION_COUNT] = {0};
    for (size_t i = 0; violations && i < violations->count; i++) {
        enum violation_code code = violations->items[i].code;
        if (!seen[code])
            atomic_fetch_add_explicit(&metrics->violations[code], 1, memory_order_relaxed);
        seen[code] = true;
    }
}

/* Each stage begins where the one before it ended; what was skipped has no end. */
static void observe_stages(struct request_metrics *metrics, const struct request_summary *summary)
{
    int64_t began_us = summary->started_us;
    for (size_t i = 0; i < STAGES; i++) {
        int64_t ended_us = summary->ended_us[i];
        if (!ended_us)
            continue;
        histogram_observe(&metrics->stages[i], &histogram_durations, ended_us - began_us);
        began_us = ended_us;
    }
    if (summary->answered_us)
        histogram_observe(&metrics->duration, &histogram_durations,
                          summary->answered_us - summary->started_us);
}

void request_metrics_count(struct request_metrics *metrics, const struct team_labels *labels,
                           const struct request_summary *summary)
{
    count_request(metrics, labels, summary);
    count_upstream(metrics, summary);
    count_violations(metrics, summary->violations);
    observe_stages(metrics, summary);
}

/* ---- all of them ---- */

void request_metrics_add(struct request_metrics *into, const struct request_metrics *from)
{
    breakdown_add(&into->requests, &from->requests);
    breakdown_add(&into->upstream, &from->upstream);
    for (size_t i = 0; i < VIOLATION_COUNT; i++)
        atomic_fetch_add_explicit(&into->violations[i],
                                  atomic_load_explicit(&from->violations[i], memory_order_relaxed),
                                  memory_order_relaxed);
    histogram_add(&into->duration, &from->duration);
    for (size_t i = 0; i < STAGES; i++)
        histogram_add(&into->stages[i], &from->stages[i]);
}

const char *stage_name(enum stage stage)
{
    static const char *const names[] = {
        [STAGE_RECEIVE] = "receive",   [STAGE_JUDGE] = "judge",     [STAGE_RECORD] = "record",
        [STAGE_UPSTREAM] = "upstream", [STAGE_OUTCOME] = "outcome",
    };
    return names[stage];
}
