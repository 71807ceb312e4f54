/*
 * The files of a journal as they lie there, over one directory or two, without asking whether what
 * they hold is true: that is the reader's business (reader.h).
 */
#pragma once

#include "audit/segment.h"

struct listing_file {
    uint64_t first_seq; /* by its name */
    char path[4096];
};

struct listing {
    struct listing_file *files; /* in order of first_seq */
    size_t count;
};

/* False with `err` when a directory cannot be read. */
MUST_USE bool listing_read(const char *const *directories, size_t directory_count,
                           struct listing *ret, struct error *err);
void listing_release(struct listing *listing);

/* Lines, and those that look like a record with a checkpoint, of all files. What cannot be read
 * counts as nothing. */
struct listing_totals {
    uint64_t lines, notes;
};
struct listing_totals listing_count(const struct listing *listing);

/* The first file in which the text, of at most 256 bytes, occurs; NULL when none has it. */
const struct listing_file *listing_find(const struct listing *listing, struct str text);
