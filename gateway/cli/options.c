#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

const char *cli_config_option(int argc, char **argv, const char *help, int *exit_code)
{
    const char *path = NULL;
    *exit_code = EXIT_USAGE;
    for (int i = 1; i < argc; i++) {
        bool config = strcmp(argv[i], "--config") == 0 || strcmp(argv[i], "-c") == 0;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            (void)fputs(help, stdout);
            *exit_code = EXIT_FINE;
            return NULL;
        }
        if (strncmp(argv[i], "--config=", 9) == 0) {
            path = argv[i] + 9;
        } else if (config && i + 1 < argc) {
            path = argv[++i];
        } else {
            (void)fprintf(stderr, "campaign-gateway %s: %s '%s'; try --help\n", argv[0],
                          config ? "a file must follow" : "unknown option", argv[i]);
            return NULL;
        }
    }
    if (!path || !path[0]) {
        (void)fprintf(stderr, "campaign-gateway %s: --config FILE is missing; try --help\n",
                      argv[0]);
        return NULL;
    }
    return path;
}
