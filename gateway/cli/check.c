#include <stdio.h>

#include "base/zones.h"
#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "snapshot.h"

static const char help[] =
    "usage: campaign-gateway check --config FILE\n"
    "\n"
    "Reads the configuration, the policies and the certificates as `run` would, and starts\n"
    "nothing. Says all that is wrong, one sentence each with file, line and column.\n"
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
    const char *path = NULL;
    const struct argument_option options[] = {
        {.name = "config", .letter = 'c', .value = "FILE", .required = true, .text = &path}};
    const struct arguments spec = {.help = help, .options = options, .option_count = 1};
    if (!arguments_read(&spec, argc, argv, &exit_code))
        return exit_code;
    struct problems problems;
    struct tickets *tickets = tickets_new();
    problems_init(&problems);
    struct snapshot *snapshot = tickets ? snapshot_load(path, tickets, &problems) : NULL;
    bool fine = snapshot != NULL;
    if (snapshot)
        (void)printf("%s is fine: policy %.*s (sha256 %s), %zu teams, tzdata %s\n", path,
                     STR_ARGS(snapshot->policy->revision), snapshot->policy->digest,
                     snapshot->policy->teams.count, zone_table_version());
    else
        print_problems(&problems);
    snapshot_release(snapshot);
    tickets_free(tickets);
    problems_release(&problems);
    return fine ? EXIT_FINE : EXIT_USAGE;
}
