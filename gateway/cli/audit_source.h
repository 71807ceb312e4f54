/*
 * Where a verb searches: the index of local files, or the central database. The verbs do not know
 * which.
 */
#pragma once

#include "audit/search.h"
#include "cli/audit_place.h"

struct audit_source_options {
    const char *index_path; /* --index */
    bool rebuild;           /* --rebuild */
};

#define AUDIT_SOURCE_OPTIONS(options)                                                              \
    {.name = "index", .value = "FILE", .text = &(options)->index_path},                            \
    {                                                                                              \
        .name = "rebuild", .flag = &(options)->rebuild                                             \
    }

#define AUDIT_SOURCE_HELP                                                                          \
    "      --index FILE      keep the index there; otherwise it is DIR/index.sqlite\n"             \
    "      --rebuild         make the index anew from the journal before searching\n"

struct audit_source;

/* Opens it, bringing an index up to date. NULL, with the sentence on stderr. `place` lives until
 * audit_source_close. */
struct audit_source *audit_source_open(const struct audit_place *place,
                                       const struct audit_source_options *options,
                                       const char *verb);
void audit_source_close(struct audit_source *source); /* accepts NULL */

/* As index_search and central_search. */
MUST_USE bool audit_source_search(struct audit_source *source, const struct search_query *query,
                                  search_found *found, void *arg, struct buf *ret_after,
                                  struct error *err);

/* Whose journal it is: the origin of its checkpoints; empty when it is not one journal's. */
struct str audit_source_name(const struct audit_source *source);

/* Appends "FILE:LINE" where the record stands; nothing where it stands in no file. */
void audit_source_place(struct audit_source *source, uint64_t seq, struct buf *out);

/*
 * At the end: says on stderr what a person should know about the search. False when the journal is
 * broken, so that not all of it was searched.
 */
MUST_USE bool audit_source_report(struct audit_source *source);
