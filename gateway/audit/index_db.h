/*
 * The index's tables. The only file that knows SQLite: whoever builds or searches sees typed rows.
 *
 *     head      how far the index goes, and whose journal it is of
 *     record    number -> place in its segment, beginning of its hash
 *     story     id -> numbers of the records with it
 *     policy    every policy's digest
 *     block     of 32,768 numbers: how many records, and from when to when they are
 *     times     the same of each 128 of them
 *     posting   block, term (terms.h) -> which records have it (postings.h)
 *
 * The key of `posting` is one number, the block in its upper bits: what is new is written behind
 * what is there.
 *
 * Several processes may read and one may write at the same time (WAL). A text of a search never
 * becomes part of a statement. Every call that fails has set `err`, and index_db_trouble says of
 * what kind it was. Used by one thread.
 */
#pragma once

#include "audit/postings_block.h"
#include "audit/reader.h"

struct index_db;

enum index_trouble {
    INDEX_FINE,
    INDEX_DOUBTFUL,   /* damaged, or of another version: it is to be made anew */
    INDEX_FOREIGN,    /* the file is something else than an index */
    INDEX_BUSY,       /* another process is writing to it for too long */
    INDEX_UNWRITABLE, /* rights, a read-only file system, a full disk */
    INDEX_FAILED,     /* all else */
};

/*
 * Opens or makes the file, readable for its owner only; NULL: a temporary one that nobody else
 * sees. Symbolic links are refused. `reset` empties it first, however damaged it is: it is not
 * removed, because others may be reading it. NULL with *ret_trouble and `err`.
 */
MUST_USE struct index_db *index_db_open(const char *path, bool reset,
                                        enum index_trouble *ret_trouble, struct error *err);

void index_db_close(struct index_db *db); /* accepts NULL; what was begun is undone */

/* What went wrong in the last call that failed. */
enum index_trouble index_db_trouble(const struct index_db *db);

/* ---- transactions ---- */

/* Nobody else writes until commit or undo; waits for others for at most a minute. */
MUST_USE bool index_db_begin(struct index_db *db, struct error *err);

/* What is read stays as it is now until undo, whoever writes. */
MUST_USE bool index_db_begin_reading(struct index_db *db, struct error *err);

MUST_USE bool index_db_commit(struct index_db *db, struct error *err);
void index_db_undo(struct index_db *db);

/* Drops everything and makes empty tables. Within a transaction. */
MUST_USE bool index_db_clear(struct index_db *db, struct error *err);

/* ---- rows ---- */

#define INDEX_SOURCE_BYTES 256

struct index_head {
    uint64_t first_seq;              /* 0: no record yet */
    struct reader_position at;       /* of the last record that was taken */
    char source[INDEX_SOURCE_BYTES]; /* as the last segment record says; may be empty */
};

MUST_USE bool index_db_head(struct index_db *db, struct index_head *ret, struct error *err);
MUST_USE bool index_db_put_head(struct index_db *db, const struct index_head *head,
                                struct error *err);

struct index_record {
    uint64_t offset;
    uint64_t hash; /* its first eight bytes */
};

/* *ret_found false: there is no such row. */
MUST_USE bool index_db_record(struct index_db *db, uint64_t seq, struct index_record *ret,
                              bool *ret_found, struct error *err);
#define INDEX_SEQ_MOST ((uint64_t)1 << 33) /* what a key has room for; years of any gateway */

MUST_USE bool index_db_put_record(struct index_db *db, uint64_t seq,
                                  const struct index_record *record, struct error *err);

/* Calls `found` with the number of each record with this id, or with one that begins so, by id and
 * number, until it answers false. */
typedef bool index_story_found(void *arg, uint64_t seq);
MUST_USE bool index_db_story(struct index_db *db, struct str id, bool whole,
                             index_story_found *found, void *arg, struct error *err);
MUST_USE bool index_db_put_story(struct index_db *db, struct str id, uint64_t seq,
                                 struct error *err);

/* Calls `found` with each policy's digest that begins so. */
MUST_USE bool index_db_policies(struct index_db *db, struct str prefix,
                                void (*found)(void *arg, struct str digest), void *arg,
                                struct error *err);
MUST_USE bool index_db_put_policy(struct index_db *db, struct str digest, struct error *err);

#define INDEX_TIMES_RECORDS 128
#define INDEX_TIMES (POSTINGS_BLOCK / INDEX_TIMES_RECORDS)

struct index_times {
    int64_t least, most; /* least > most: no record with a time */
};

struct index_block {
    uint64_t records; /* rows of `record` in it */
    struct index_times times[INDEX_TIMES];
};

/* Calls `found` with each block, in order, and from when to when its records are. */
MUST_USE bool index_db_blocks(struct index_db *db,
                              void (*found)(void *arg, uint64_t number, struct index_times times),
                              void *arg, struct error *err);

/* Of a block without row: no records and no times. */
MUST_USE bool index_db_block(struct index_db *db, uint64_t number, struct index_block *ret,
                             struct error *err);
MUST_USE bool index_db_put_block(struct index_db *db, uint64_t number,
                                 const struct index_block *block, struct error *err);

/* Records of all blocks together, as the blocks say. */
MUST_USE bool index_db_count(struct index_db *db, uint64_t *ret, struct error *err);

/* Adds to the set what has the term; *ret_found false: there is no row. */
MUST_USE bool index_db_posting(struct index_db *db, uint64_t block, uint64_t term,
                               struct postings *set, bool *ret_found, struct error *err);
/* `is_new`: there is no row yet; otherwise it is replaced. */
MUST_USE bool index_db_put_posting(struct index_db *db, uint64_t block, uint64_t term, bool is_new,
                                   struct str written, struct error *err);
