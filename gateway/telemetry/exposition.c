#include "telemetry/exposition.h"

#include "base/utf8.h"

#define PREFIX "campaign_gateway_"

const char *exposition_content_type(bool openmetrics)
{
    return openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                       : "text/plain; version=0.0.4; charset=utf-8";
}

/* What the samples' name has behind the family's; 0.0.4 counts it to the family's. */
static const struct {
    const char *suffix, *type, *type_004;
} types[] = {
    [METRIC_COUNTER] = {"_total", "counter", "counter"},
    [METRIC_GAUGE] = {"", "gauge", "gauge"},
    [METRIC_HISTOGRAM] = {"", "histogram", "histogram"},
    [METRIC_INFO] = {"_info", "info", "gauge"},
};

void exposition_begin(struct exposition *e, enum metric_type type, const char *name,
                      const char *unit, const char *help)
{
    e->name = name;
    e->suffix = types[type].suffix;
    const char *family_suffix = e->openmetrics ? "" : e->suffix;
    buf_format(e->out, "# TYPE " PREFIX "%s%s %s\n", name, family_suffix,
               e->openmetrics ? types[type].type : types[type].type_004);
    if (unit && e->openmetrics)
        buf_format(e->out, "# UNIT " PREFIX "%s %s\n", name, unit);
    buf_format(e->out, "# HELP " PREFIX "%s%s %s\n", name, family_suffix, help);
}

/* ---- samples ---- */

/* Both formats are UTF-8, whatever a path holds. */
static void put_escaped(struct str value, struct buf *out)
{
    while (value.len) {
        size_t length = utf8_length(value);
        char c = value.data[0];
        if (c == '\n')
            buf_append(out, STR("\\n"));
        else if (c == '"' || c == '\\')
            buf_format(out, "\\%c", c);
        else
            buf_append(out, length ? str_slice(value, 0, length) : STR("\xef\xbf\xbd"));
        value = str_slice(value, length ? length : 1, value.len);
    }
}

/* `bound`: the last label, le; or NULL. */
static void put_name(struct exposition *e, const char *suffix, const struct metric_label *labels,
                     size_t count, const char *bound)
{
    char before = '{';
    buf_format(e->out, PREFIX "%s%s", e->name, suffix);
    for (size_t i = 0; i < count; i++, before = ',') {
        buf_format(e->out, "%c%s=\"", before, labels[i].name);
        put_escaped(labels[i].value, e->out);
        buf_append_byte(e->out, '"');
    }
    if (bound)
        buf_format(e->out, "%cle=\"%s\"", before, bound);
    buf_append(e->out, count || bound ? STR("} ") : STR(" "));
}

static void put_number(struct exposition *e, uint64_t value)
{
    buf_format(e->out, "%llu\n", (unsigned long long)value);
}

static void put_seconds(struct exposition *e, int64_t us)
{
    uint64_t size = us < 0 ? -(uint64_t)us : (uint64_t)us;
    buf_format(e->out, "%s%llu.%06llu\n", us < 0 ? "-" : "", (unsigned long long)(size / 1000000),
               (unsigned long long)(size % 1000000));
}

void exposition_put(struct exposition *e, const struct metric_label *labels, size_t count,
                    uint64_t value)
{
    put_name(e, e->suffix, labels, count, NULL);
    put_number(e, value);
}

void exposition_put_us(struct exposition *e, const struct metric_label *labels, size_t count,
                       int64_t us)
{
    put_name(e, e->suffix, labels, count, NULL);
    put_seconds(e, us);
}

void exposition_put_histogram(struct exposition *e, const struct metric_label *labels, size_t count,
                              const struct histogram_scale *scale,
                              const struct histogram *histogram)
{
    uint64_t sum = atomic_load_explicit(&histogram->sum, memory_order_relaxed), total = 0;
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        total += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        put_name(e, "_bucket", labels, count, i < HISTOGRAM_BOUNDS ? scale->texts[i] : "+Inf");
        put_number(e, total);
    }
    put_name(e, "_count", labels, count, NULL);
    put_number(e, total);
    put_name(e, "_sum", labels, count, NULL);
    if (scale == &histogram_durations)
        put_seconds(e, (int64_t)sum);
    else
        put_number(e, sum);
}

void exposition_end(struct exposition *e)
{
    if (e->openmetrics)
        buf_append(e->out, STR("# EOF\n"));
}
