#include "admin/metrics.h"

#define PREFIX "campaign_gateway_"

static const struct {
    const char *metric, *label, *help;
} rows[] = {
#define COUNTER(name, metric, label, help) {metric, label, help},
#include "base/counters.def"
#undef COUNTER
};

static void put_counter(size_t row, uint64_t value, struct buf *out)
{
    const char *metric = rows[row].metric, *label = rows[row].label;
    if (row == 0 || strcmp(metric, rows[row - 1].metric) != 0)
        buf_format(out, "# TYPE " PREFIX "%s counter\n# HELP " PREFIX "%s %s\n", metric, metric,
                   rows[row].help);
    buf_format(out, label[0] ? PREFIX "%s_total{%s} %llu\n" : PREFIX "%s_total%s %llu\n", metric,
               label, (unsigned long long)value);
}

static void put_gauge(const char *metric, const char *help, uint64_t value, struct buf *out)
{
    buf_format(out, "# TYPE " PREFIX "%s gauge\n# HELP " PREFIX "%s %s\n" PREFIX "%s %llu\n",
               metric, metric, help, metric, (unsigned long long)value);
}

void metrics_write(const uint64_t counters[COUNTERS], const struct admission_usage *usage,
                   const struct journal_state *journal, bool stale, struct buf *out)
{
    for (size_t i = 0; i < COUNTERS; i++)
        put_counter(i, counters[i], out);
    put_gauge("open_connections", "Client connections open now.", usage->connections, out);
    put_gauge("requests_under_way", "Requests being judged or forwarded now.", usage->requests,
              out);
    put_gauge("buffer_bytes", "Bytes held for clients and answers now.", usage->buffer_bytes, out);
    put_gauge("configuration_stale",
              "1 while the files on disk are wrong, and what was read before is in force.", stale,
              out);
    put_gauge("audit_open_intents",
              "Campaigns that were let through, and nobody knows whether they were created.",
              journal->open_intents, out);
    buf_append(out, STR("# EOF\n"));
}
