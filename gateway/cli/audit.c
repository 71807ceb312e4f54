/*
 * `audit VERB`: what one may ask of the record. One file per verb.
 */
#include "cli/audit.h"

#include "base/compiler.h"
#include "cli/cli.h"
#include "cli/verbs.h"

static const struct verb verbs[] = {
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

static const struct verb_table table = {
    .program = "campaign-gateway audit",
    .front = "usage: campaign-gateway audit VERB [OPTION...]\n"
             "\n"
             "What the gateway decided, and what became of it, from its journal.\n"
             "\n",
    .end = "\n"
           "`campaign-gateway audit VERB --help` tells more.\n",
    .verbs = verbs,
    .count = COUNT_OF(verbs)};

int cli_audit(int argc, char **argv)
{
    return verbs_run(&table, argc, argv);
}
