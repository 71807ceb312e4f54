#include <stdio.h>

#include "base/zones.h"
#include "cli/cli.h"
#include "snapshot.h"

static const char help[] =
    "usage: campaign-gateway check --config FILE\n"
    "\n"
    "Reads the configuration, the policies and the certificates as `run` would, and starts\n"
    "nothing. Says what is wrong in one sentence with file, line and column.\n"
    "\n"
    "  -c, --config FILE   the configuration (YAML); see campaign-gateway.yaml(5)\n"
    "\n"
    "exit codes\n"
    "  0  everything is fine\n"
    "  2  something is wrong\n"
    "\n"
    "example\n"
    "  campaign-gateway check --config /etc/campaign-gateway/gateway.yaml\n";

int cli_check(int argc, char **argv)
{
    int exit_code;
    const char *path = cli_config_option(argc, argv, help, &exit_code);
    if (!path)
        return exit_code;
    struct error err;
    struct tickets *tickets = tickets_new();
    struct snapshot *snapshot = NULL;
    if (tickets)
        snapshot = snapshot_load(path, tickets, &err);
    else
        error_set(&err, "out of memory");
    if (!snapshot) {
        (void)fprintf(stderr, "%s\n", err.text);
        tickets_free(tickets);
        return EXIT_USAGE;
    }
    (void)printf("%s is fine: policy %.*s (sha256 %s), %zu teams, tzdata %s\n", path,
                 STR_ARGS(snapshot->policy->revision), snapshot->policy->digest,
                 snapshot->policy->teams.count, zone_table_version());
    snapshot_release(snapshot);
    tickets_free(tickets);
    return EXIT_FINE;
}
