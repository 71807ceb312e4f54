/*
 *     configuration -> who is open (reconcile.h) -> the upstream -> outcomes into the journal ->
 * report
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/inbox.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/limits.h"
#include "cli/arguments.h"
#include "cli/audit.h"
#include "cli/audit_place.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "net/tls.h"
#include "policy/page.h"
#include "reconcile.h"

#define RESOLVE_REFRESH_MS 30000
#define RESOLVE_WAIT_MS 5000
#define SUBMIT_MS 15000 /* longer than a gateway waits for its disk */

static const char help[] =
    "usage: campaign-gateway audit reconcile --config FILE [OPTION...]\n"
    "\n"
    "Asks the API what became of campaigns that were let through and have no outcome: because the\n"
    "gateway ended before it had written one, or because the API did not answer in time. Whether "
    "a\n"
    "campaign was created is recorded where the API's own list leaves no doubt; what stays "
    "unknown\n"
    "is said to be, and why. Campaigns are only listed and read, never sent again.\n"
    "\n"
    "  -c, --config FILE     the gateway's configuration\n"
    "      --auth-file FILE  the token for the API, instead of audit.reconcile_auth\n"
    "      --dry-run         ask, and record nothing\n"
    "      --format FORMAT   text or json\n"
    "\n"
    "The gateway may be running: it then records what was found. When audit.reconcile_auth is "
    "set,\n"
    "it asks by itself, too.\n"
    "\n"
    "exit codes\n"
    "  0  no campaign is open any more\n"
    "  1  some are\n"
    "  2  the command line or the configuration is wrong, or the journal cannot be read\n"
    "\n"
    "example\n"
    "  campaign-gateway audit reconcile -c /etc/campaign-gateway/gateway.yaml --dry-run\n"
    "  campaign-gateway audit reconcile -c /etc/campaign-gateway/gateway.yaml \\\n"
    "      --auth-file /run/secrets/kore-token\n";

enum { FORMAT_TEXT, FORMAT_JSON };

struct reconcile {
    struct audit_place place;
    const char *auth_file;
    bool dry_run;
    size_t format;

    struct journal_options journal;
    struct buf out;
    struct json_writer json;
    size_t counts[RECONCILE_TOO_YOUNG + 1];
    size_t open; /* still, in the end */
};

static const char *const result_words[] = {
    [RECONCILE_CREATED] = "created",
    [RECONCILE_NOT_CREATED] = "not_created",
    [RECONCILE_UNKNOWN] = "unknown",
    [RECONCILE_TOO_YOUNG] = "too_young",
};

static bool read_options(struct reconcile *r, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        {.name = "config",
         .letter = 'c',
         .value = "FILE",
         .required = true,
         .text = &r->place.config_path},
        {.name = "auth-file", .value = "FILE", .text = &r->auth_file},
        {.name = "dry-run", .flag = &r->dry_run},
        {.name = "format", .value = "text|json", .choice = &r->format},
    };
    const struct arguments spec = {.help = help,
                                   .verb = "audit reconcile",
                                   .options = options,
                                   .option_count = COUNT_OF(options)};
    return arguments_read(&spec, argc, argv, exit_code);
}

/* ---- the report ---- */

static void put_text(struct reconcile *r, const struct reconcile_finding *finding)
{
    const struct intent *intent = finding->intent;
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(intent->time_unix_ms, time);
    buf_format(&r->out, "%s  %s  ", intent->id, time);
    page_show(intent->team, &r->out);
    buf_append(&r->out, STR("  "));
    page_show(intent->name, &r->out);
    buf_append(&r->out, STR("\n    "));
    if (finding->result == RECONCILE_CREATED)
        buf_format(&r->out, "was created as %s", finding->campaign_id);
    else if (finding->result == RECONCILE_NOT_CREATED)
        buf_append(&r->out, STR("was not created"));
    else
        buf_append(&r->out, STR("stays unknown"));
    if (!finding->recorded)
        buf_format(&r->out, ": %s", finding->reason);
    buf_append_byte(&r->out, '\n');
}

static void put_json(struct reconcile *r, const struct reconcile_finding *finding)
{
    const struct intent *intent = finding->intent;
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(intent->time_unix_ms, time);
    json_open_object(&r->json);
    json_put_str(&r->json, "id", str_from(intent->id));
    json_put_str(&r->json, "time", str_from(time));
    json_put_str(&r->json, "team", intent->team);
    json_put_str(&r->json, "name", intent->name);
    json_put_str(&r->json, "result", str_from(result_words[finding->result]));
    json_put_str_if_any(&r->json, "campaign_id", str_from(finding->campaign_id));
    json_put_str_if_any(&r->json, "reason", str_from(finding->reason));
    json_put_bool(&r->json, "recorded", finding->recorded);
    json_close_object(&r->json);
}

static void found(void *arg, const struct reconcile_finding *finding)
{
    struct reconcile *r = arg;
    r->counts[finding->result]++;
    r->open += !finding->recorded;
    if (r->format == FORMAT_JSON)
        put_json(r, finding);
    else
        put_text(r, finding);
}

static void begin_report(struct reconcile *r)
{
    buf_init(&r->out, LIMIT_REPORT_BYTES);
    r->json = json_writer(&r->out);
    if (r->format == FORMAT_TEXT)
        return;
    json_open_object(&r->json);
    json_open_array_at(&r->json, "campaigns");
}

static bool end_report(struct reconcile *r)
{
    if (r->format == FORMAT_JSON) {
        json_close_array(&r->json);
        for (size_t i = 0; i < COUNT_OF(r->counts); i++)
            json_put_int(&r->json, result_words[i], (int64_t)r->counts[i]);
        json_put_int(&r->json, "open", (int64_t)r->open);
        json_close_object(&r->json);
        buf_append_byte(&r->out, '\n');
    } else if (r->out.len == 0) {
        buf_append(&r->out, STR("no campaign is open\n"));
    } else {
        print_count(&r->out, r->open, "campaign");
        buf_append(&r->out, r->open == 1 ? STR(" is open\n") : STR(" are open\n"));
    }
    return print_answer(&r->out);
}

/* ---- asking ---- */

static bool append(void *arg, struct str id, struct str members, struct error *err)
{
    const struct reconcile *r = arg;
    (void)id;
    return inbox_submit(&r->journal, members, SUBMIT_MS, err);
}

static bool run(struct reconcile *r, struct asker *asker, const struct hash_keys *keys,
                struct error *err)
{
    const struct config *config = r->place.config;
    const struct reconcile_options options = {
        .journal = {.directories = r->place.directories,
                    .directory_count = r->place.directory_count,
                    .durable_only = inbox_is_served(r->place.directories[0])},
        .config = config,
        .tenant = &config->tenant,
        .asker = asker,
        .auth_path = r->auth_file,
        .hash_keys = keys,
        .append = r->dry_run ? NULL : append,
        .found = found,
        .arg = r};
    return reconcile_run(&options, err);
}

static bool run_with_asker(struct reconcile *r, const struct hash_keys *keys, struct error *err)
{
    const struct config *config = r->place.config;
    struct asker *asker = NULL;
    struct ssl_ctx_st *tls = tls_client_context(config->upstream_ca.value.data, err);
    const struct resolver_options names = {.host = config->upstream_host.data,
                                           .port = config->upstream_port,
                                           .by = config->upstream_resolve,
                                           .refresh_ms = RESOLVE_REFRESH_MS};
    struct resolver *resolver = tls ? resolver_start(&names, err) : NULL;
    if (resolver) {
        const struct upstream_options options = {
            .peer = {.tls = tls,
                     .host = config->upstream_host.data,
                     .host_is_address = config->upstream_host_is_address},
            .deadlines = config->upstream,
            .resolver = resolver,
            .max_answer_bytes = LIMIT_ANSWER_BYTES};
        (void)resolver_wait(resolver, RESOLVE_WAIT_MS);
        asker = asker_start(&options);
        if (!asker)
            (void)error_set(err, "out of memory, descriptors or threads");
    }
    bool fine = asker && run(r, asker, keys, err);
    asker_stop(asker);
    resolver_stop(resolver);
    tls_context_free(tls);
    return fine;
}

static bool run_with_keys(struct reconcile *r, struct error *err)
{
    const struct config_audit *audit = &r->place.config->audit;
    if (audit->phone_numbers == PHONE_NUMBERS_CLEAR)
        return run_with_asker(r, NULL, err);
    struct hash_keys *keys = hash_keys_open(audit->hash_keys.value.data, clock_unix_ms(), err);
    bool fine = keys && run_with_asker(r, keys, err);
    hash_keys_close(keys);
    return fine;
}

static int reconcile(struct reconcile *r)
{
    struct error err;
    const struct config *config = r->place.config;
    if (!r->auth_file && config->audit.reconcile_auth.value.len)
        r->auth_file = config->audit.reconcile_auth.value.data;
    if (!r->auth_file) {
        (void)fputs("campaign-gateway audit reconcile: with which token? Give --auth-file FILE, or "
                    "set audit.reconcile_auth\n",
                    stderr);
        return EXIT_USAGE;
    }
    config_journal_options(config, &r->journal);
    begin_report(r);
    if (!inbox_check(r->journal.directory, &err) || !run_with_keys(r, &err)) {
        (void)fprintf(stderr, "campaign-gateway audit reconcile: %s\n", err.text);
        buf_release(&r->out);
        return EXIT_USAGE;
    }
    if (!end_report(r))
        return EXIT_USAGE;
    return r->open ? EXIT_FINDINGS : EXIT_FINE;
}

int cli_audit_reconcile(int argc, char **argv)
{
    static struct reconcile r; /* large: its list of directories */
    int exit_code;
    if (!read_options(&r, argc, argv, &exit_code))
        return exit_code;
    if (!audit_place_resolve(&r.place, "audit reconcile"))
        return EXIT_USAGE;
    (void)signal(SIGPIPE, SIG_IGN); /* an upstream that left is an error code, not an end */
    exit_code = reconcile(&r);
    audit_place_release(&r.place);
    return exit_code;
}
