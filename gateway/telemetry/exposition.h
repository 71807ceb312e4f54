/*
 * Metrics as text, in either of two formats: OpenMetrics 1.0.0 (openmetrics.io) or Prometheus' text
 * format 0.0.4. Families one after the other, each with its samples behind it. Pure.
 *
 *     exposition_begin(&e, METRIC_COUNTER, "requests", NULL, "Requests that have ended.");
 *     exposition_put(&e, labels, COUNT_OF(labels), 17);
 */
#pragma once

#include "base/buf.h"
#include "base/histogram.h"

struct exposition {
    struct buf *out;
    bool openmetrics;
    /* of the family under way */
    const char *name, *suffix;
};

/* What the answer's Content-Type is. */
const char *exposition_content_type(bool openmetrics);

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO };

/* `value` may be anything and is escaped; `name` may not. */
struct metric_label {
    const char *name;
    struct str value;
};

/*
 * `name` without prefix, and without the suffix that the type adds. `unit` is what the name ends
 * in, or NULL. `help` is a sentence without quotes and backslashes.
 */
void exposition_begin(struct exposition *e, enum metric_type type, const char *name,
                      const char *unit, const char *help);

/* A sample of the family. */
void exposition_put(struct exposition *e, const struct metric_label *labels, size_t count,
                    uint64_t value);

/* The same of microseconds, as seconds. */
void exposition_put_us(struct exposition *e, const struct metric_label *labels, size_t count,
                       int64_t us);

/* All samples of one histogram; one of durations is told in seconds. */
void exposition_put_histogram(struct exposition *e, const struct metric_label *labels, size_t count,
                              const struct histogram_scale *scale,
                              const struct histogram *histogram);

/* After the last family. */
void exposition_end(struct exposition *e);
