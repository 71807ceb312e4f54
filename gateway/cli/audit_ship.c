#include <stdio.h>

#include "cli/audit.h"
#include "cli/cli.h"

int cli_audit_ship(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)fputs("campaign-gateway audit ship: not there yet\n", stderr);
    return EXIT_USAGE;
}
