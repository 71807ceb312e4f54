/*
 * Puts records into an index: what they may be found by, collected for a block of records, sorted,
 * and written at once.
 *
 *     record -> terms -> postings of the block --sorted--> one row for each term
 *                  `---- and those of its story, each way: the outcome is found by the team, the
 *                        decision by the outcome
 */
#pragma once

#include "audit/fetch.h"
#include "audit/index_db.h"

struct index_build;

/* Both live until index_build_free. NULL: out of memory. */
MUST_USE struct index_build *index_build_new(struct index_db *db, struct fetch *fetch);

/*
 * Takes the record that follows; within a transaction. False with `err`, and
 * the transaction is to be undone.
 */
MUST_USE bool index_build_take(struct index_build *build, const struct reader_record *record,
                               struct error *err);

/* Writes all that was taken. */
MUST_USE bool index_build_flush(struct index_build *build, struct error *err);

/* Whether enough was taken to make writing worth while. */
bool index_build_is_full(const struct index_build *build);

/* The source, if a record that was taken named one; otherwise empty. Lives as long as `build`. */
struct str index_build_source(const struct index_build *build);

void index_build_free(struct index_build *build); /* accepts NULL */
