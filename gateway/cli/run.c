#include <stdio.h>

#include "cli/arguments.h"
#include "cli/cli.h"
#include "server.h"

static const char help[] =
    "usage: campaign-gateway run --config FILE\n"
    "\n"
    "Serves until it is told to stop. Listens where the file says, judges every campaign, writes\n"
    "each decision to the audit journal, and forwards what is allowed.\n"
    "\n"
    "  -c, --config FILE   the configuration (YAML); see campaign-gateway.yaml(5)\n"
    "\n"
    "signals\n"
    "  TERM, INT   drain: accept nothing new, finish what is under way, end; again: end now\n"
    "  HUP         read configuration, policies, callers and certificates again; what is wrong\n"
    "              keeps the old (done by itself, too, when one of these files changes)\n"
    "  USR1        open the files of the logs again, after they were moved away\n"
    "\n"
    "environment\n"
    "  CAMPAIGN_GATEWAY_…  overrides a setting of the file, such as\n"
    "                      CAMPAIGN_GATEWAY_LISTEN=127.0.0.1:8443 or\n"
    "                      CAMPAIGN_GATEWAY_UPSTREAM_URL=https://platform.kore.ai\n"
    "\n"
    "exit codes\n"
    "  0  stopped, every request finished\n"
    "  1  stopped with requests under way\n"
    "  2  the configuration, a policy, a certificate or the port is wrong: nothing was started\n"
    "\n"
    "example\n"
    "  campaign-gateway run --config /etc/campaign-gateway/gateway.yaml\n";

int cli_run(int argc, char **argv)
{
    int exit_code;
    const char *path = NULL;
    const struct argument_option options[] = {
        {.name = "config", .letter = 'c', .value = "FILE", .required = true, .text = &path}};
    const struct arguments spec = {.help = help, .options = options, .option_count = 1};
    if (!arguments_read(&spec, argc, argv, &exit_code))
        return exit_code;
    struct error err;
    enum server_end end = server_run(path, &err);
    if (end == SERVER_NOT_STARTED)
        (void)fprintf(stderr, "%s\n", err.text);
    static const int codes[] = {[SERVER_NOT_STARTED] = EXIT_USAGE,
                                [SERVER_DRAINED] = EXIT_FINE,
                                [SERVER_CUT] = EXIT_FINDINGS};
    return codes[end];
}
