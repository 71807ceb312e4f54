/*
 * The options and arguments of a verb, read by a table.
 *
 *     const char *config = NULL;
 *     struct argument_list policies = {0}, files = {0};
 *     size_t format = 0;
 *     const struct argument_option options[] = {
 *         {.name = "config", .letter = 'c', .value = "FILE", .text = &config},
 *         {.name = "policy", .value = "PATH", .list = &policies},
 *         {.name = "format", .value = "text|json", .choice = &format},
 *     };
 *     const struct arguments spec = {.help = help, .options = options,
 *                                    .option_count = COUNT_OF(options),
 *                                    .rest = &files, .rest_name = "FILE", .least = 1, .most = 1};
 *     if (!arguments_read(&spec, argc, argv, &exit_code))
 *         return exit_code;
 *
 * Understood are `--team NAME`, `--team=NAME`, `-c FILE`, flags such as `--coverage`, `--` before
 * arguments that begin with a dash, and `--help` or `-h`. Options and arguments may be mixed; "-"
 * is an argument. What was read are the pointers of argv, and lives as long as it does.
 */
#pragma once

#include "base/error.h"

#define LIMIT_ARGUMENTS 1024 /* of one kind: a folder's files, named by the shell */
#define LIMIT_OPTIONS 32     /* in the table of one verb */

struct argument_list {
    const char *items[LIMIT_ARGUMENTS];
    size_t count;
};

/* One option; exactly one of the pointers says of what kind it is and where it goes. */
struct argument_option {
    const char *name;  /* "config" for --config */
    char letter;       /* 'c' for -c; 0: none */
    const char *value; /* what follows, for sentences: "FILE"; NULL for a flag */
    bool required;

    bool *flag;                 /* given or not */
    const char **text;          /* a value that is not empty; once */
    struct argument_list *list; /* the same, any number of times; options may share a list */
    size_t *choice;             /* which of the words of `value`: "text|json"; once */
};

struct arguments {
    const char *help; /* the verb's whole page */
    const char *verb; /* "audit prove", before sentences; NULL: argv[0] */
    const struct argument_option *options;
    size_t option_count;
    struct argument_list *rest; /* what is no option; NULL: nothing may be */
    const char *rest_name;      /* "FILE" */
    size_t least, most;         /* of them; `most` 0: any number */
};

enum arguments_result { ARGUMENTS_READ, ARGUMENTS_HELP, ARGUMENTS_WRONG };

/*
 * Reads argv behind the verb in argv[0]. Pure. On ARGUMENTS_WRONG `err` holds the sentence, without
 * the program's name; what the options point to may then be half filled.
 */
MUST_USE enum arguments_result arguments_parse(const struct arguments *spec, int argc, char **argv,
                                               struct error *err);

/*
 * The same for a verb: prints the help that was asked for, or on stderr what is wrong. False when
 * that was all there is to do: the verb ends with *exit_code.
 */
MUST_USE bool arguments_read(const struct arguments *spec, int argc, char **argv, int *exit_code);
