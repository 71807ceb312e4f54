/*
 * argv -> verb: the table of contents of the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "cli/cli.h"
#include "cli/verbs.h"

static const struct verb verbs[] = {
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

static const struct verb_table table = {
    .program = "campaign-gateway",
    .front = "campaign-gateway judges every \"create SMS campaign\" call before it reaches\n"
             "Kore.ai, forwards what is allowed, and keeps an audit record of everything.\n"
             "\n"
             "usage: campaign-gateway VERB [OPTION...]\n"
             "\n",
    .end = "\n"
           "`campaign-gateway VERB --help` tells more. Exit codes: 0 fine, 1 findings,\n"
           "2 usage or configuration.\n",
    .verbs = verbs,
    .count = COUNT_OF(verbs)};

/* Whoever closed one of these must not find its lines in the file that took its number. */
static bool keep_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static char version[] = "version";
    if (!keep_standard_descriptors()) {
        (void)fputs("campaign-gateway: a standard descriptor is closed, and /dev/null cannot be "
                    "opened in its place\n",
                    stderr);
        return EXIT_USAGE;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0)
        argv[1] = version;
    return verbs_run(&table, argc, argv);
}
