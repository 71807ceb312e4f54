/*
 * `audit key VERB`: the keys of the record.
 */
#include "base/compiler.h"
#include "cli/audit.h"
#include "cli/audit_key_verbs.h"
#include "cli/verbs.h"

static const struct verb verbs[] = {
    {"make", cli_audit_key_make, "a new key that signs checkpoints"},
    {"show", cli_audit_key_show, "its public part, for whoever verifies"},
    {"rotate", cli_audit_key_rotate, "put a new key in front of the one that signs"},
    {"destroy", cli_audit_key_destroy, "the key that hides the numbers of a past month"},
};

static const struct verb_table table = {
    .program = "campaign-gateway audit key",
    .front = "usage: campaign-gateway audit key VERB [OPTION...]\n"
             "\n"
             "The keys of the record: one signs its checkpoints, and one for each month hides\n"
             "phone numbers.\n"
             "\n",
    .end = "\n"
           "`campaign-gateway audit key VERB --help` tells more.\n"
           "\n"
           "example\n"
           "  campaign-gateway audit key make signing.key >> keys\n"
           "  campaign-gateway audit key show signing.key\n",
    .verbs = verbs,
    .count = COUNT_OF(verbs)};

int cli_audit_key(int argc, char **argv)
{
    return verbs_run(&table, argc, argv);
}
