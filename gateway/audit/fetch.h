/*
 * Reads single records back from the segments, by number and place. What an index says is never
 * shown: the line in the segment is, and only when its hash is right. Used by one thread.
 *
 * Whether the line is linked to those before is the reader's business (reader.h), and verify's.
 */
#pragma once

#include "audit/segment.h"

struct fetch;

struct fetched {
    struct str json; /* as are the others, valid until the next call */
    uint8_t hash[DIGEST_BYTES];
    const char *file;
    uint64_t line_number; /* from 1 */
};

enum fetch_result {
    FETCH_FOUND,
    FETCH_GONE,      /* its segment is no longer there: old ones are deleted in time */
    FETCH_DIFFERENT, /* no such record stands there; `err` says where */
    FETCH_FAILED,    /* a file cannot be read; `err` */
};

/* Lists the segments of all directories, which live until fetch_close. NULL with `err`. */
MUST_USE struct fetch *fetch_open(const char *const *directories, size_t count, struct error *err);

/* Lists them again: new ones have come, old ones have gone. */
MUST_USE bool fetch_refresh(struct fetch *fetch, struct error *err);

/* The number of the oldest record there; 0 when there is no segment. */
uint64_t fetch_first_seq(const struct fetch *fetch);

/* The record `seq`, whose line begins at `offset` of its segment. */
MUST_USE enum fetch_result fetch_record(struct fetch *fetch, uint64_t seq, uint64_t offset,
                                        struct fetched *ret, struct error *err);

void fetch_close(struct fetch *fetch); /* accepts NULL */
