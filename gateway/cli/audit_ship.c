/*
 * `audit ship`: the process that brings a gateway's journal to the central database. What happens
 * there is in audit/ship.c; here is how it is started, stopped, and what it says.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "audit/ship.h"
#include "base/log.h"
#include "cli/arguments.h"
#include "cli/audit.h"
#include "cli/audit_place.h"
#include "cli/cli.h"
#include "config_values.h"

#define TIMEOUT_MS 5000 /* when no configuration says how long an answer may take */
#define HOLD_MS (72 * 3600 * 1000)

static const char help[] =
    "usage: campaign-gateway audit ship --config FILE [OPTION...]\n"
    "\n"
    "Brings the gateway's journal to the central PostgreSQL database, as it is written, and notes "
    "in\n"
    "the journal's directory how far the database confirmed it: what a gateway with 'durability:\n"
    "central' waits for. Runs beside the gateway until it is told to stop. The database is "
    "prepared\n"
    "with deploy/sql/install; audit.central of the configuration says where it is.\n"
    "\n" AUDIT_PLACE_HELP
    "      --database TEXT   connection string (libpq), when no configuration names it\n"
    "      --hold DURATION   how long a segment stays here after it was confirmed, such as 72h\n"
    "                        (audit.central_hold); the newest segment always stays\n"
    "      --batch NUMBER    records sent at once, at most 200 (200)\n"
    "      --once            send what is there and end\n"
    "\n"
    "Nothing is remembered here: where to go on is asked of the database. What it lost in a "
    "failover\n"
    "is sent again; what it has already is ignored there. When record and database disagree, both\n"
    "records are kept there, and nothing more is sent until somebody looked at it.\n"
    "\n"
    "signals\n"
    "  TERM, INT   send what is there, for five seconds at most, and end: stop the gateway first\n"
    "\n"
    "exit codes\n"
    "  0  stopped; with --once: everything is confirmed\n"
    "  1  with --once: the journal is not what the database has, or is damaged\n"
    "  2  wrong usage or configuration; with --once: not everything could be sent\n"
    "\n"
    "example\n"
    "  campaign-gateway audit ship --config /etc/campaign-gateway/gateway.yaml\n";

static void log_event(void *arg, const struct ship_event *event)
{
    (void)arg;
    switch (event->kind) {
    case SHIP_CONNECTED:
        LOG(LOG_INFO, "ship-connected", LOG_STR("source", event->source),
            LOG_STR("server", event->server), LOG_INT("upto", event->seq));
        break;
    case SHIP_CAUGHT_UP:
        LOG(LOG_INFO, "ship-caught-up", LOG_STR("source", event->source),
            LOG_INT("upto", event->seq));
        break;
    case SHIP_INTERRUPTED:
        LOG(LOG_WARN, "ship-interrupted", LOG_TEXT("error", event->error),
            LOG_INT("retry_ms", event->retry_ms));
        break;
    case SHIP_REFUSED:
        LOG(LOG_ERROR, "ship-refused", LOG_TEXT("error", event->error),
            LOG_INT("retry_ms", event->retry_ms));
        break;
    case SHIP_FINDING:
        LOG(LOG_ERROR, "ship-stopped", LOG_STR("source", event->source),
            LOG_TEXT("error", event->error), LOG_INT("retry_ms", event->retry_ms));
        break;
    case SHIP_DELETED:
        LOG(LOG_INFO, "segment-deleted", LOG_TEXT("file", event->path));
        break;
    case SHIP_KEPT:
        LOG(LOG_ERROR, "segment-kept", LOG_TEXT("error", event->error));
        break;
    }
}

static bool complain(const char *sentence)
{
    (void)fprintf(stderr, "campaign-gateway audit ship: %s\n", sentence);
    return false;
}

static bool read_hold(const char *text, int64_t *ret_ms)
{
    struct error err;
    const struct value value = {.text = str_from(text), .place = {.file = "--hold"}};
    if (!text || str_equal(value.text, STR("0")))
        return !text || !(*ret_ms = 0);
    return value_duration(NULL, ret_ms, &value, &err) || complain(err.text);
}

static bool read_batch(const char *text, size_t *ret)
{
    uint64_t number = CENTRAL_BATCH_RECORDS;
    if (text &&
        (!str_to_u64(str_from(text), &number) || number == 0 || number > CENTRAL_BATCH_RECORDS))
        return complain("--batch takes a number from 1 to 200");
    *ret = (size_t)number;
    return true;
}

static bool resolve(struct audit_place *place)
{
    place->central = true; /* the database must be known */
    if (!audit_place_resolve(place, "audit ship"))
        return false;
    return place->directory_count > 0 ||
           complain("which journal? Give --config FILE or --directory DIR; try --help");
}

/* TERM and INT are read from a descriptor, so that what is under way can be finished. */
static int open_signals(void)
{
    sigset_t signals;
    (void)signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return -1;
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(const struct ship_options *options)
{
    static const int codes[] = {[SHIP_END_FINE] = EXIT_FINE,
                                [SHIP_END_FINDING] = EXIT_FINDINGS,
                                [SHIP_END_NOT_SHIPPED] = EXIT_USAGE};
    struct error err;
    int stop_fd = open_signals();
    if (stop_fd < 0) {
        (void)complain("cannot wait for signals");
        return EXIT_USAGE;
    }
    enum ship_end end = ship_run(options, stop_fd, log_event, NULL, &err);
    if (end == SHIP_END_NOT_SHIPPED)
        (void)complain(err.text);
    close(stop_fd);
    return codes[end];
}

int cli_audit_ship(int argc, char **argv)
{
    int exit_code;
    struct audit_place place = {0};
    const char *hold = NULL, *batch = NULL;
    struct ship_options options = {.timeout_ms = TIMEOUT_MS, .hold_ms = HOLD_MS};
    const struct argument_option table[] = {
        AUDIT_PLACE_OPTIONS(&place),
        {.name = "database", .value = "TEXT", .text = &place.database_text},
        {.name = "hold", .value = "DURATION", .text = &hold},
        {.name = "batch", .value = "NUMBER", .text = &batch},
        {.name = "once", .flag = &options.once},
    };
    const struct arguments spec = {
        .help = help, .verb = "audit ship", .options = table, .option_count = COUNT_OF(table)};
    if (!arguments_read(&spec, argc, argv, &exit_code))
        return exit_code;
    exit_code = EXIT_USAGE;
    if (resolve(&place)) {
        if (place.config) {
            log_init(&(struct log_options){.level = place.config->log_level,
                                           .format = place.config->log_format});
            options.timeout_ms = place.config->audit.central_timeout_ms;
            options.hold_ms = place.config->audit.central_hold_ms;
        }
        options.directories = place.directories;
        options.directory_count = place.directory_count;
        options.database = place.database;
        if (read_hold(hold, &options.hold_ms) && read_batch(batch, &options.batch_records))
            exit_code = run(&options);
    }
    log_close();
    audit_place_release(&place);
    return exit_code;
}
