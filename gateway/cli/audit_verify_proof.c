#include <stdio.h>

#include "cli/audit.h"
#include "cli/cli.h"

int cli_audit_verify_proof(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)fputs("campaign-gateway audit verify-proof: not there yet\n", stderr);
    return EXIT_USAGE;
}
