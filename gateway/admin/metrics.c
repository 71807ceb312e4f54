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

static void put_journal(const struct journal_state *journal, struct buf *out)
{
    const struct {
        const char *metric, *help;
        uint64_t value;
    } gauges[] = {
        {"audit_failing", "1 while no record can be made durable.", journal->failing},
        {"audit_unconfirmed", "1 while the central database does not confirm records in time.",
         journal->unconfirmed},
        {"audit_space_is_low", "1 while no room can be reserved for more records.",
         journal->space_is_low},
        {"audit_last_seq", "Number of the last durable record.", journal->last_seq},
        {"audit_receipt_seq", "Number of the last record the central database has confirmed.",
         journal->receipt_seq},
        {"audit_checkpoint_seq", "Records under the last checkpoint.", journal->checkpoint_seq},
        {"audit_open_intents", "Decisions of which nobody knows what became of them.",
         journal->open_intents},
        {"audit_passed", "Requests allowed without a durable record, until it is written.",
         journal->passed},
    };
    for (size_t i = 0; i < COUNT_OF(gauges); i++)
        put_gauge(gauges[i].metric, gauges[i].help, gauges[i].value, out);
    buf_format(out,
               "# TYPE " PREFIX "audit_retracted counter\n# HELP " PREFIX
               "audit_retracted Decisions taken back: durable, or confirmed, too late.\n" PREFIX
               "audit_retracted_total %llu\n",
               (unsigned long long)journal->retracted);
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
    put_journal(journal, out);
    buf_append(out, STR("# EOF\n"));
}
