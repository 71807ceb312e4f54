/*
 * argv -> verb: the table of contents of the program.
 */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} verbs[] = {
    {"run", cli_run, "serve: judge, record and forward campaigns"},
    {"check", cli_check, "read configuration, policies and certificates; start nothing"},
    {"judge", cli_judge, "say what would happen to a campaign, and why; offline"},
    {"test", cli_test, "run the tests of a policy"},
    {"render", cli_render, "print a policy as sentences"},
    {"diff", cli_diff, "say who may do more, and who less, by a changed policy"},
    {"replay", cli_replay, "judge the journal's history by another policy"},
    {"audit", cli_audit, "search, show, export, verify and ship the record"},
    {"version", cli_version, "print the version"},
};

static void print_help(FILE *to)
{
    (void)fputs("campaign-gateway judges every \"create SMS campaign\" call before it reaches\n"
                "Kore.ai, forwards what is allowed, and keeps an audit record of everything.\n"
                "\n"
                "usage: campaign-gateway VERB [OPTION…]\n"
                "\n",
                to);
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        (void)fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
    (void)fputs("\n"
                "`campaign-gateway VERB --help` tells more. Exit codes: 0 fine, 1 findings,\n"
                "2 usage or configuration.\n",
                to);
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        print_help(stdout);
        return EXIT_FINE;
    }
    if (strcmp(verb, "--version") == 0)
        verb = "version";
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if (strcmp(verb, verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    }
    if (argc > 1)
        (void)fprintf(stderr, "campaign-gateway: unknown verb '%s'\n\n", verb);
    print_help(stderr);
    return EXIT_USAGE;
}
