/*
 * Reads a journal from its segments, record by record, in order, over one directory or two. Every
 * record's hash, number and link are checked; nothing that fails is handed out. Reads while the
 * gateway writes: at the end, ask again later.
 *
 * Not for the request path: it blocks.
 */
#pragma once

#include "audit/segment.h"

struct reader;

/* Where a reader stands: behind one record. */
struct reader_position {
    uint64_t segment_seq; /* the number that its file is named after */
    uint64_t line_number; /* of that record */
    uint64_t offset;      /* of what follows it in the file, in bytes */
    struct chain_head head;
};

struct reader_options {
    const char *const *directories; /* live until reader_close */
    size_t directory_count;
    uint64_t from_seq; /* the first record to hand out; 0: the oldest that is there */
    /* To go on where another reader stood, without reading what is before; NULL: by from_seq. What
     * follows is checked against the record that it names; lives until reader_open returns. */
    const struct reader_position *after;
    bool durable_only; /* stop where the running gateway has said that records are durable: what is
                          behind may still be taken back. Of a journal that never said, all. */
};

struct reader_record {
    struct str json;        /* one object; lives until the next call, as do file and line */
    struct str line;        /* the whole line: JSON, TAB, hash; without its LF */
    struct chain_head head; /* seq and hash of this record */
    const char *file;       /* where it stands */
    uint64_t line_number;   /* from 1 */
    uint64_t offset;        /* of the line in the file, in bytes */
};

enum reader_result {
    READER_RECORD, /* *ret is filled */
    READER_END,    /* nothing more, for now */
    READER_BROKEN, /* a record is not what it was, or is missing; `err` says where. It is the end.
                    */
    READER_FAILED, /* a file cannot be read; `err` */
};

/* NULL with `err`. A directory without segments is an empty journal, and no error. */
MUST_USE struct reader *reader_open(const struct reader_options *options, struct error *err);

MUST_USE enum reader_result reader_next(struct reader *reader, struct reader_record *ret,
                                        struct error *err);

/* At READER_END: bytes behind the last record that are no record yet, such as a torn tail. */
uint64_t reader_torn_bytes(const struct reader *reader);

/* Where it stands; not before the first record was handed out. */
void reader_position(const struct reader *reader, struct reader_position *ret);

/* Segments begun so far, the current one included. */
uint64_t reader_segments(const struct reader *reader);

void reader_close(struct reader *reader); /* accepts NULL */
