/*
 * `audit key VERB`: the keys of the record.
 */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cli/audit.h"
#include "cli/audit_key_verbs.h"
#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} verbs[] = {
    {"make", cli_audit_key_make, "a new key that signs checkpoints"},
    {"show", cli_audit_key_show, "its public part, for whoever verifies"},
    {"rotate", cli_audit_key_rotate, "put a new key in front of the one that signs"},
    {"destroy", cli_audit_key_destroy, "the key that hides the numbers of a past month"},
};

static void print_help(FILE *to)
{
    (void)fputs("usage: campaign-gateway audit key VERB [OPTION...]\n"
                "\n"
                "The keys of the record: one signs its checkpoints, and one for each month hides\n"
                "phone numbers.\n"
                "\n",
                to);
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        (void)fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].summary);
    (void)fputs("\n"
                "`campaign-gateway audit key VERB --help` tells more.\n"
                "\n"
                "example\n"
                "  campaign-gateway audit key make signing.key >> keys\n"
                "  campaign-gateway audit key show signing.key\n",
                to);
}

int cli_audit_key(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0) {
        print_help(stdout);
        return EXIT_FINE;
    }
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if (strcmp(verb, verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    }
    if (argc > 1)
        (void)fprintf(stderr, "campaign-gateway audit key: unknown verb '%s'\n\n", verb);
    print_help(stderr);
    return EXIT_USAGE;
}
