/*
 * One search of an index.
 *
 *     query -> plan, clauses -> for each block of records, from one end:
 *                  [numbers | times | ids | each clause] -> the records in all of these
 *                  -> read back from the segments -> asked for? -> found
 *
 * A page costs a few look-ups for each block of 32,768 records and each clause, whatever is
 * combined and however few match; nothing is skipped over to come to a later page.
 */
#pragma once

#include "audit/fetch.h"
#include "audit/index_db.h"
#include "audit/search.h"

struct look;

enum look_result {
    LOOK_DONE,
    LOOK_DOUBTFUL, /* the index does not agree with the journal; `err` says where */
    LOOK_FAILED,
};

/* The query and all it points to live until look_free. NULL with `err`: it cannot be asked, in
 * words for a command line. */
MUST_USE struct look *look_new(const struct search_query *query, search_found *found, void *arg,
                               struct error *err);

/* Finds a page; within a transaction. Run again after LOOK_DOUBTFUL, with an index that was made
 * anew, it goes on behind what was found. */
MUST_USE enum look_result look_run(struct look *look, struct index_db *db, struct fetch *fetch,
                                   const struct index_head *head, struct error *err);

/* After LOOK_DONE: appends the cursor of the next page, if there is one. */
void look_put_cursor(const struct look *look, struct buf *out);

void look_free(struct look *look); /* accepts NULL */
