#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void print_page(const struct verb_table *table, FILE *to)
{
    int width = 0;
    for (size_t i = 0; i < table->count; i++) {
        int length = (int)strlen(table->verbs[i].name);
        width = length > width ? length : width;
    }
    (void)fputs(table->front, to);
    for (size_t i = 0; i < table->count; i++)
        (void)fprintf(to, "  %-*s  %s\n", width, table->verbs[i].name, table->verbs[i].summary);
    (void)fputs(table->end, to);
}

int verbs_run(const struct verb_table *table, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_page(table, stdout);
        return EXIT_FINE;
    }
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(name, table->verbs[i].name) == 0)
            return table->verbs[i].run(argc - 1, argv + 1);
    }
    if (argc > 1)
        (void)fprintf(stderr, "%s: unknown verb '%s'\n\n", table->program, name);
    print_page(table, stderr);
    return EXIT_USAGE;
}
