#include <stdio.h>
#include <stdlib.h>

#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "sandbox.h"
#include "server.h"

static const char help[] =
    "usage: campaign-gateway run --config FILE\n"
    "       campaign-gateway run --config FILE --print-sandbox [--format text|json]\n"
    "\n"
    "Serves until it is told to stop. Listens where the file says, judges every campaign, writes\n"
    "each decision to the audit journal, and forwards what is allowed.\n"
    "\n"
    "  -c, --config FILE   the configuration (YAML); see campaign-gateway.yaml(5)\n"
    "      --print-sandbox  start nothing, but print what the running gateway could still do\n"
    "                      with this configuration, by this user, on this kernel\n"
    "      --format text|json\n"
    "                      how that is printed (text)\n"
    "\n"
    "signals\n"
    "  TERM, INT   drain: finish what is under way, end; again: end now\n"
    "  HUP         read configuration, policies, callers and certificates again; what is wrong\n"
    "              keeps the old (done by itself, too, when one of these files changes)\n"
    "  USR1        open the files of the logs again, after they were moved away\n"
    "\n"
    "environment\n"
    "  CAMPAIGN_GATEWAY_…  overrides a setting of the file, such as\n"
    "                      CAMPAIGN_GATEWAY_LISTEN=127.0.0.1:8443 or\n"
    "                      CAMPAIGN_GATEWAY_UPSTREAM_URL=https://platform.kore.ai\n"
    "  LISTEN_FDS, NOTIFY_SOCKET, WATCHDOG_USEC\n"
    "                      sockets handed over by a service manager, and what it is told\n"
    "\n"
    "exit codes\n"
    "  0  stopped, every request finished\n"
    "  1  stopped with requests under way\n"
    "  2  the configuration, a policy, a certificate or the port is wrong: nothing was started\n"
    "\n"
    "example\n"
    "  campaign-gateway run --config /etc/campaign-gateway/gateway.yaml\n"
    "  campaign-gateway run --config /etc/campaign-gateway/gateway.yaml --print-sandbox\n";

/* From the configuration as `run` would read it, and with the very tables that it would use. */
static int print_sandbox(const char *path, bool as_json)
{
    struct problems problems;
    struct error err = {.text = ""};
    struct tickets *tickets = tickets_new();
    problems_init(&problems);
    struct snapshot *snapshot = tickets ? snapshot_load(path, tickets, &problems) : NULL;
    const char *notify = getenv("NOTIFY_SOCKET"); /* as supervisor.h reads it */
    bool abstract = notify && notify[0] == '@';
    struct sandbox *sandbox = snapshot ? sandbox_new(snapshot, abstract, &err) : NULL;
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    if (!snapshot)
        print_problems(&problems);
    else if (!sandbox)
        (void)fprintf(stderr, "campaign-gateway run: %s\n", err.text);
    else
        (as_json ? sandbox_report_json : sandbox_report_text)(sandbox, &out);
    bool printed = sandbox && print_answer(&out);
    buf_release(&out);
    sandbox_free(sandbox);
    snapshot_release(snapshot);
    tickets_free(tickets);
    problems_release(&problems);
    return printed ? EXIT_FINE : EXIT_USAGE;
}

int cli_run(int argc, char **argv)
{
    int exit_code;
    const char *path = NULL;
    bool only_print = false;
    size_t format = 0;
    const struct argument_option options[] = {
        {.name = "config", .letter = 'c', .value = "FILE", .required = true, .text = &path},
        {.name = "print-sandbox", .flag = &only_print},
        {.name = "format", .value = "text|json", .choice = &format}};
    const struct arguments spec = {
        .help = help, .options = options, .option_count = COUNT_OF(options)};
    if (!arguments_read(&spec, argc, argv, &exit_code))
        return exit_code;
    if (only_print)
        return print_sandbox(path, format == 1);
    struct error err;
    enum server_end end = server_run(path, &err);
    if (end == SERVER_NOT_STARTED)
        (void)fprintf(stderr, "%s\n", err.text);
    static const int codes[] = {[SERVER_NOT_STARTED] = EXIT_USAGE,
                                [SERVER_DRAINED] = EXIT_FINE,
                                [SERVER_CUT] = EXIT_FINDINGS};
    return codes[end];
}
