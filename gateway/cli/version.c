#include <stdio.h>

#include "base/zones.h"
#include "cli/cli.h"

int cli_version(int argc, char **argv)
{
    (void)argc, (void)argv;
    (void)printf("campaign-gateway %s (tzdata %s)\n", GATEWAY_VERSION, zone_table_version());
    return EXIT_FINE;
}
