/*
 * Which journal a verb reads: the options that all verbs of `audit` share.
 *
 *     --config FILE      the gateway's configuration: its directories and its central database
 *     --directory DIR    a journal's directory instead, or a copy of one; twice for two of them
 *     --central          the central database instead of local files
 *     --database TEXT    its connection string, when the configuration does not name it
 */
#pragma once

#include "cli/arguments.h"
#include "config.h"

struct audit_place {
    /* what the options say; filled by arguments_read */
    const char *config_path;
    struct argument_list directory_list;
    bool central;
    const char *database_text;

    /* what they come to; filled by audit_place_resolve */
    struct config *config; /* NULL without --config */
    const char *directories[2];
    size_t directory_count;
    const char *database; /* NULL: none is known */
};

/* For the verb's table of options. */
#define AUDIT_PLACE_OPTIONS(place)                                                                 \
    {.name = "config", .letter = 'c', .value = "FILE", .text = &(place)->config_path},             \
    {                                                                                              \
        .name = "directory", .letter = 'd', .value = "DIR", .list = &(place)->directory_list       \
    }
#define AUDIT_CENTRAL_OPTIONS(place)                                                               \
    {.name = "central", .flag = &(place)->central},                                                \
    {                                                                                              \
        .name = "database", .value = "TEXT", .text = &(place)->database_text                       \
    }

/* The lines of their help. */
#define AUDIT_PLACE_HELP                                                                           \
    "  -c, --config FILE     the gateway's configuration, which names its journal\n"               \
    "  -d, --directory DIR   a journal's directory, or a copy of one; again for a second one\n"
#define AUDIT_CENTRAL_HELP                                                                         \
    "      --central         read the central database instead of files\n"                         \
    "      --database TEXT   its connection string (libpq), when no configuration names it\n"

/*
 * Reads the configuration, if one was named, and says where the journal is. False, with the
 * sentence on stderr, when it is nowhere: the verb ends with EXIT_USAGE. `verb`: "audit verify".
 */
MUST_USE bool audit_place_resolve(struct audit_place *place, const char *verb);

void audit_place_release(struct audit_place *place);
