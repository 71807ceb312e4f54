/*
 * A searchable index of one journal, made from its segments and brought up to date whenever it is
 * opened. It may be thrown away at any time, and is never believed:
 *
 *     search -> index: which records -> segments: read each of them back, hash and all -> is it
 *               what was asked for? -> found
 *
 * So an index that somebody doctored can show nothing that is not in the journal. What it could
 * hide it cannot hide for long: it is made anew when the last record it took is not in the journal
 * as it was, when its rows do not make up all numbers from its first to its last, when a record
 * is not where it says, when it is damaged or of another version; and on demand (`rebuild`).
 *
 * Several processes may search at the same time, while the gateway writes. Used by one thread.
 */
#pragma once

#include "audit/search.h"
#include "audit/segment.h"

struct index;

struct index_options {
    const char *const *directories; /* live until index_close, as does path */
    size_t directory_count;
    const char *path;                          /* NULL: index.sqlite in the first directory */
    bool rebuild;                              /* from the segments, whatever is there */
    void (*progress)(void *arg, uint64_t seq); /* told now and then while it is made; or NULL */
    void *arg;
};

/*
 * Opens the index and takes what is new in the journal. NULL with `err`. Where it cannot be kept a
 * temporary one is made, and index_remark says so.
 */
MUST_USE struct index *index_open(const struct index_options *options, struct error *err);

void index_close(struct index *index); /* accepts NULL */

/* What a person should know about how it went: sentences, one a line; or empty. */
struct str index_remarks(const struct index *index);

/* Where and how the journal is broken: what is behind was not searched; or empty. */
struct str index_broken(const struct index *index);

/* Whose journal it is: the origin of its checkpoints; empty when it does not say. */
struct str index_source(const struct index *index);

/*
 * Tells of one page, in order, as search.h describes. *ret_after gets the cursor of the next page;
 * nothing is appended when there is none. False with `err`; records may have been found before, and
 * afterwards the index can only be asked for its remarks and closed.
 */
MUST_USE bool index_search(struct index *index, const struct search_query *query,
                           search_found *found, void *arg, struct buf *ret_after,
                           struct error *err);

/* Where a record stands. False with `err` when it is not there. The file's name lives until the
 * next call. */
MUST_USE bool index_place(struct index *index, uint64_t seq, const char **ret_file,
                          uint64_t *ret_line, struct error *err);
