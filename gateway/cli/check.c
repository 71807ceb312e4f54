#include <stdio.h>

#include "base/zones.h"
#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "snapshot.h"

static const char help[] =
    "usage: campaign-gateway check --config FILE\n"
    "       campaign-gateway check --print-schema | --print-config-schema\n"
    "\n"
    "Reads the configuration, the policies and the certificates as `run` would, and starts\n"
    "nothing. Says all that is wrong, one sentence each with file, line and column.\n"
    "To check a policy alone, without configuration, use `campaign-gateway render POLICY`.\n"
    "\n"
    "  -c, --config FILE   the configuration (YAML); see campaign-gateway.yaml(5)\n"
    "      --print-schema  print the JSON Schema of policy files instead, for editors that\n"
    "                      complete and check while you type\n"
    "      --print-config-schema\n"
    "                      the same of the configuration\n"
    "\n"
    "exit codes\n"
    "  0  everything is fine\n"
    "  2  something is wrong\n"
    "\n"
    "example\n"
    "  campaign-gateway check --config /etc/campaign-gateway/gateway.yaml\n";

/* policies/schema.json and deploy/gateway.schema.json, line by line. */
static const char *const policy_schema[] = {
#include "policy_schema.inc"
};
static const char *const config_schema[] = {
#include "config_schema.inc"
};

static int print_lines(const char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (puts(lines[i]) < 0)
            return EXIT_USAGE;
    }
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_USAGE;
}

static void print_fine(const char *path, const struct snapshot *snapshot)
{
    const struct policy_set *policy = snapshot->policy, *candidate = snapshot->candidate;
    (void)printf("%s is fine: policy %.*s (sha256 %s), %zu teams, tzdata %s\n", path,
                 STR_ARGS(policy->revision), policy->digest, policy->teams.count,
                 zone_table_version());
    if (candidate)
        (void)printf("candidate: policy %.*s (sha256 %s), %zu teams\n",
                     STR_ARGS(candidate->revision), candidate->digest, candidate->teams.count);
}

int cli_check(int argc, char **argv)
{
    int exit_code;
    const char *path = NULL;
    bool print_schema = false, print_config_schema = false;
    const struct argument_option options[] = {
        {.name = "config", .letter = 'c', .value = "FILE", .text = &path},
        {.name = "print-schema", .flag = &print_schema},
        {.name = "print-config-schema", .flag = &print_config_schema}};
    const struct arguments spec = {
        .help = help, .options = options, .option_count = COUNT_OF(options)};
    if (!arguments_read(&spec, argc, argv, &exit_code))
        return exit_code;
    if (print_schema)
        return print_lines(policy_schema, COUNT_OF(policy_schema));
    if (print_config_schema)
        return print_lines(config_schema, COUNT_OF(config_schema));
    if (!path) {
        (void)fputs("campaign-gateway check: --config FILE is missing; try --help\n", stderr);
        return EXIT_USAGE;
    }
    struct problems problems;
    struct tickets *tickets = tickets_new();
    problems_init(&problems);
    struct snapshot *snapshot = tickets ? snapshot_load(path, tickets, &problems) : NULL;
    bool fine = snapshot != NULL;
    if (snapshot)
        print_fine(path, snapshot);
    else
        print_problems(&problems);
    snapshot_release(snapshot);
    tickets_free(tickets);
    problems_release(&problems);
    return fine ? EXIT_FINE : EXIT_USAGE;
}
