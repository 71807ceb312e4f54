/*
 *     index_open --is it to be believed?--> update: reader -> index_build, in transactions
 *
 *     index_search --look (index_look.h)--> done
 *                       `--> the two do not agree: made anew, and on with the search
 */
#include "audit/index.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/fetch.h"
#include "audit/index_build.h"
#include "audit/index_look.h"
#include "base/limits.h"

#define FILE_NAME "index.sqlite"
#define LIMIT_REMARKS_BYTES 8192

struct index {
    struct index_options options;
    char path[4096];
    bool is_temporary;
    bool is_new; /* made from scratch by this process: there is nothing to make anew */
    struct index_db *db;
    struct fetch *fetch;
    struct index_head head;
    struct buf remarks;
    struct error broken; /* empty: it is not */
};

static void remark(struct index *index, const char *before, const char *sentence,
                   const char *behind)
{
    buf_format(&index->remarks, "%s%s%s\n", before, sentence, behind);
}

struct str index_remarks(const struct index *index)
{
    return buf_str(&index->remarks);
}

struct str index_broken(const struct index *index)
{
    return str_from(index->broken.text);
}

struct str index_source(const struct index *index)
{
    return str_from(index->head.source);
}

/* ---- is it to be believed? ---- */

/* What speaks against it; empty: nothing. False with `err` when it cannot be said. */
static bool find_doubt(struct index *index, const char **ret_doubt, struct error *err)
{
    const struct index_head *head = &index->head;
    const uint64_t last = head->at.head.seq, first = fetch_first_seq(index->fetch);
    struct index_record record;
    struct fetched fetched;
    struct error why;
    uint64_t count;
    bool found;
    *ret_doubt = "";
    if (!index_db_count(index->db, &count, err))
        return false;
    if (head->first_seq == 0) {
        *ret_doubt = count ? "it has records, but does not say which" : "";
        return true;
    }
    if (!index_db_record(index->db, last, &record, &found, err))
        return false;
    if (count != last - head->first_seq + 1 || !found)
        *ret_doubt = "it lacks records";
    else if (first < head->first_seq)
        *ret_doubt = "the journal has records from before its first";
    else if (fetch_record(index->fetch, last, record.offset, &fetched, &why) != FETCH_FOUND ||
             memcmp(fetched.hash, head->at.head.hash, DIGEST_BYTES) != 0)
        *ret_doubt = "the last record that it took is not in the journal as it was";
    else if (first - head->first_seq > last - first + 1)
        *ret_doubt = "most of what it has is no longer in the journal";
    return true;
}

/* Nothing is kept of it. Within a transaction. */
static bool begin_anew(struct index *index, struct error *err)
{
    index->head = (struct index_head){0};
    index->is_new = true;
    return index_db_clear(index->db, err);
}

/* ---- taking what is new ---- */

struct update {
    struct index *index;
    struct reader *reader;      /* NULL before the first record is read */
    struct chain_head standing; /* of the reader */
    struct index_build *build;
    bool is_done;
};

/* The reader that goes on behind what the index has. */
static bool open_reader(struct update *update, struct error *err)
{
    const struct index *index = update->index;
    const struct reader_options options = {.directories = index->options.directories,
                                           .directory_count = index->options.directory_count,
                                           .after = index->head.first_seq ? &index->head.at : NULL,
                                           .durable_only = true};
    reader_close(update->reader);
    update->reader = reader_open(&options, err);
    update->standing = index->head.at.head;
    return update->reader != NULL;
}

/* Records until there is enough for one transaction. */
static bool take_records(struct update *update, struct error *err)
{
    struct index *index = update->index;
    struct reader_record record;
    while (!index_build_is_full(update->build)) {
        enum reader_result result = reader_next(update->reader, &record, err);
        update->is_done = result != READER_RECORD;
        if (result == READER_BROKEN)
            index->broken = *err; /* what is before can be searched all the same */
        if (update->is_done)
            return result != READER_FAILED;
        if (!index_build_take(update->build, &record, err))
            return false;
        if (index->head.first_seq == 0)
            index->head.first_seq = record.head.seq;
        reader_position(update->reader, &index->head.at);
        update->standing = record.head;
        if (record.head.seq % POSTINGS_BLOCK == POSTINGS_BLOCK - 1)
            return true; /* a whole block */
    }
    return true;
}

static void keep_source(struct update *update)
{
    struct str source = index_build_source(update->build);
    if (source.len)
        memcpy(update->index->head.source, source.data, source.len + 1);
}

/* Within a transaction: another process may have taken records meanwhile, and doubts may be old. */
static bool take_some(struct update *update, bool anew, struct error *err)
{
    struct index *index = update->index;
    const char *why;
    if (!index_db_head(index->db, &index->head, err) || !find_doubt(index, &why, err) ||
        ((anew || *why) && !begin_anew(index, err)))
        return false;
    const uint64_t before = index->head.at.head.seq;
    bool stands_there = update->reader && update->standing.seq == before;
    if (!(stands_there || open_reader(update, err)) || !take_records(update, err))
        return false;
    if (index->head.at.head.seq == before && !index->is_new) {
        index_db_undo(index->db); /* nothing is new: nothing is written */
        return true;
    }
    keep_source(update);
    return index_build_flush(update->build, err) &&
           index_db_put_head(index->db, &index->head, err) && index_db_commit(index->db, err);
}

static bool take_all(struct update *update, bool anew, struct error *err)
{
    struct index *index = update->index;
    while (!update->is_done) {
        if (!fetch_refresh(index->fetch, err) || !index_db_begin(index->db, err))
            return false;
        if (!take_some(update, anew, err)) {
            index_db_undo(index->db);
            return false;
        }
        anew = false;
        if (index->options.progress)
            index->options.progress(index->options.arg, index->head.at.head.seq);
    }
    return fetch_refresh(index->fetch, err); /* the last records may stand in new segments */
}

static bool bring_up_to_date(struct index *index, bool anew, struct error *err)
{
    struct update update = {.index = index, .build = index_build_new(index->db, index->fetch)};
    bool fine = update.build ? take_all(&update, anew, err) : error_set(err, "out of memory");
    index_build_free(update.build);
    reader_close(update.reader);
    return fine;
}

/* ---- opening ---- */

static const char remedy[] =
    "; one was made for this search alone; --index FILE keeps one elsewhere";

static bool open_and_update(struct index *index, bool reset, enum index_trouble *ret_trouble,
                            struct error *err)
{
    const char *path = index->is_temporary ? NULL : index->path;
    index->db = index_db_open(path, reset, ret_trouble, err);
    if (!index->db)
        return false;
    if (bring_up_to_date(index, index->options.rebuild, err))
        return true;
    *ret_trouble = index_db_trouble(index->db);
    index_db_close(index->db);
    index->db = NULL;
    return false;
}

/* A file that was named on the command line may be somebody's: only ours is emptied. */
static bool may_reset(const struct index *index, enum index_trouble trouble)
{
    return trouble == INDEX_DOUBTFUL || (trouble == INDEX_FOREIGN && !index->options.path);
}

static bool open_somehow(struct index *index, struct error *err)
{
    enum index_trouble trouble;
    if (open_and_update(index, false, &trouble, err))
        return true;
    if (may_reset(index, trouble)) {
        remark(index, "", err->text, "; it was made anew from the journal");
        if (open_and_update(index, true, &trouble, err))
            return true;
    }
    if (trouble == INDEX_FOREIGN)
        return error_set(err, "'%s' is no index: remove it, or name another file with --index",
                         index->path);
    if (trouble == INDEX_FINE || trouble == INDEX_FAILED)
        return false;
    remark(index, "", err->text, remedy);
    index->is_temporary = true;
    return open_and_update(index, false, &trouble, err);
}

struct index *index_open(const struct index_options *options, struct error *err)
{
    struct index *index = calloc(1, sizeof(*index));
    if (!index) {
        (void)error_set(err, "out of memory");
        return NULL;
    }
    index->options = *options;
    buf_init(&index->remarks, LIMIT_REMARKS_BYTES);
    if (options->path)
        (void)snprintf(index->path, sizeof(index->path), "%s", options->path);
    else
        (void)snprintf(index->path, sizeof(index->path), "%s/" FILE_NAME, options->directories[0]);
    index->fetch = fetch_open(options->directories, options->directory_count, err);
    if (!index->fetch || !open_somehow(index, err)) {
        index_close(index);
        return NULL;
    }
    return index;
}

void index_close(struct index *index)
{
    if (!index)
        return;
    index_db_close(index->db);
    fetch_close(index->fetch);
    buf_release(&index->remarks);
    free(index);
}

/* ---- searching ---- */

/* The index as it is now; it is not changed by others meanwhile. *ret_whole false: another process
 * has begun to make it anew, and is not as far as this one was. */
static bool begin_look(struct index *index, bool *ret_whole, struct error *err)
{
    struct index_head now;
    if (!index_db_begin_reading(index->db, err) || !index_db_head(index->db, &now, err))
        return false;
    *ret_whole = now.at.head.seq >= index->head.at.head.seq;
    return true;
}

static bool begin_whole_look(struct index *index, struct error *err)
{
    bool whole;
    if (!begin_look(index, &whole, err))
        return false;
    if (whole)
        return true;
    index_db_undo(index->db);
    return bring_up_to_date(index, false, err) && begin_look(index, &whole, err);
}

static enum look_result look_once(struct index *index, struct look *look, struct error *err)
{
    if (!begin_whole_look(index, err))
        return LOOK_FAILED;
    enum look_result result = look_run(look, index->db, index->fetch, &index->head, err);
    index_db_undo(index->db);
    return result;
}

/* Empties the tables, or, where they are too damaged for that, the file. */
static bool make_anew(struct index *index, struct error *err)
{
    enum index_trouble trouble;
    if (bring_up_to_date(index, true, err))
        return true;
    if (index_db_trouble(index->db) != INDEX_DOUBTFUL)
        return false;
    index_db_close(index->db);
    return open_and_update(index, true, &trouble, err);
}

/* The index and the journal do not agree: once, the index is made anew, and the search goes on. */
static enum look_result look_again(struct index *index, struct look *look, struct error *err)
{
    remark(index, "the index did not agree with the journal (", err->text,
           "); it was made anew from the journal");
    index->broken.text[0] = '\0';
    return make_anew(index, err) ? look_once(index, look, err) : LOOK_FAILED;
}

bool index_search(struct index *index, const struct search_query *query, search_found *found,
                  void *arg, struct buf *ret_after, struct error *err)
{
    struct look *look = look_new(query, found, arg, err);
    if (!look)
        return false;
    enum look_result result = look_once(index, look, err);
    if (result == LOOK_DOUBTFUL && !index->is_new)
        result = look_again(index, look, err);
    if (result == LOOK_DONE)
        look_put_cursor(look, ret_after);
    look_free(look);
    return result == LOOK_DONE;
}

bool index_place(struct index *index, uint64_t seq, const char **ret_file, uint64_t *ret_line,
                 struct error *err)
{
    struct index_record record;
    struct fetched fetched;
    bool found;
    if (!index_db_record(index->db, seq, &record, &found, err))
        return false;
    if (!found || fetch_record(index->fetch, seq, record.offset, &fetched, err) != FETCH_FOUND)
        return error_set(err, "record %llu is not in the journal", (unsigned long long)seq);
    *ret_file = fetched.file;
    *ret_line = fetched.line_number;
    return true;
}
