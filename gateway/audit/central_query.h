/*
 * A search as SQL for the central database (deploy/sql/20-schema.sql). Pure: values never become
 * part of the text, they are its parameters.
 */
#pragma once

#include "audit/search.h"
#include "base/arena.h"

#define LIMIT_CENTRAL_PARAMETERS 1024 /* a number has one spelling under each month's key */

struct central_query {
    struct buf sql;                                   /* with a NUL behind it */
    const char *parameters[LIMIT_CENTRAL_PARAMETERS]; /* texts, for $1, $2, …; live in the arena */
    size_t count;
};

/*
 * Rows of source, seq, json, hash in hex, and the cursor of the record behind which the next page
 * would begin; at most query->limit + 1 of them. False with `err` for what cannot be asked. The
 * caller releases `sql`, in either case.
 */
MUST_USE bool central_query_make(const struct search_query *query, struct arena *arena,
                                 struct central_query *ret, struct error *err);
