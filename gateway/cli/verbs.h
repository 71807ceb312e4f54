/*
 * A table of verbs, and the page that lists them: of the program, of `audit`, of `audit key`.
 */
#pragma once

#include <stddef.h>

struct verb {
    const char *name;
    int (*run)(int argc, char **argv); /* as in cli.h */
    const char *summary;
};

struct verb_table {
    const char *program; /* "campaign-gateway audit" */
    const char *front;   /* of the page, before the list; and what follows it */
    const char *end;
    const struct verb *verbs;
    size_t count;
};

/* Runs the verb in argv[1] with the arguments behind it, or prints the page. The exit code. */
int verbs_run(const struct verb_table *table, int argc, char **argv);
