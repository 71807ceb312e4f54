/*
 * `audit VERB`: what one may ask of the record. One file per verb.
 */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cli/audit.h"
#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} verbs[] = {
    {"search", cli_audit_search, "find records by time, team, verdict, code, caller ID, …"},
    {"show", cli_audit_show, "the whole story of one campaign"},
    {"export", cli_audit_export, "records for other tools, with a signed manifest"},
    {"verify", cli_audit_verify, "recompute every hash and signature"},
    {"prove", cli_audit_prove, "a proof that one campaign is in the record"},
    {"verify-proof", cli_audit_verify_proof, "check such a proof, with the public key alone"},
    {"hash", cli_audit_hash, "how a phone number is written in the record"},
    {"key", cli_audit_key, "make, show and rotate keys; destroy the key of a month"},
    {"reconcile", cli_audit_reconcile, "find out what became of campaigns without outcome"},
    {"close", cli_audit_close, "say what became of one that stays unknown"},
    {"ship", cli_audit_ship, "bring the record to the central database"},
};

static void print_help(FILE *to)
{
    (void)fputs("usage: campaign-gateway audit VERB [OPTION…]\n"
                "\n"
                "What the gateway decided, and what became of it, from its journal.\n"
                "\n",
                to);
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        (void)fprintf(to, "  %-12s %s\n", verbs[i].name, verbs[i].summary);
    (void)fputs("\n"
                "`campaign-gateway audit VERB --help` tells more.\n",
                to);
}

int cli_audit(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        print_help(stdout);
        return EXIT_FINE;
    }
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if (strcmp(verb, verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    }
    if (argc > 1)
        (void)fprintf(stderr, "campaign-gateway audit: unknown verb '%s'\n\n", verb);
    print_help(stderr);
    return EXIT_USAGE;
}
