#include <stdio.h>

#include "cli/cli.h"

int cli_replay(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)fputs("campaign-gateway replay: not there yet\n", stderr);
    return EXIT_USAGE;
}
