#include "audit/index_db.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

/* Raised whenever tables, terms or postings change; an index of another number is made anew. */
#define INDEX_SCHEMA 1
#define INDEX_APPLICATION 0x63676178 /* "cgax", in the file's header: tells our indexes */

#define TEXT_OF(number) TEXT_OF_EXPANDED(number)
#define TEXT_OF_EXPANDED(number) #number

#define BUSY_MS 60000
#define CACHE_KB "-32768"    /* pages are written once in a transaction; negative: in KiB */
#define PAGE_BYTES "8192"    /* a set with a bit for each record fits: one read less for it */
#define MOST_BYTES (1 << 20) /* of a text, a blob or a row; ours are far smaller */

static const char tables[] =
    "CREATE TABLE head (one INTEGER PRIMARY KEY, first_seq INTEGER, segment_seq INTEGER,"
    " line_number INTEGER, next_offset INTEGER, seq INTEGER, hash BLOB, source BLOB);"
    "CREATE TABLE record (seq INTEGER PRIMARY KEY, place INTEGER, hash INTEGER);"
    "CREATE TABLE story (id BLOB, seq INTEGER, PRIMARY KEY (id, seq)) WITHOUT ROWID;"
    "CREATE TABLE policy (digest BLOB PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE block (number INTEGER PRIMARY KEY, records INTEGER, least INTEGER,"
    " most INTEGER);"
    "CREATE TABLE times (number INTEGER PRIMARY KEY, times BLOB);"
    "CREATE TABLE posting (block_and_term INTEGER PRIMARY KEY, seqs BLOB);"
    "PRAGMA application_id = " TEXT_OF(INDEX_APPLICATION) ";"
                                                          "PRAGMA user_version = " TEXT_OF(
                                                              INDEX_SCHEMA) ";";

static const char no_tables[] =
    "DROP TABLE IF EXISTS head; DROP TABLE IF EXISTS record; DROP TABLE IF EXISTS story;"
    "DROP TABLE IF EXISTS policy; DROP TABLE IF EXISTS block; DROP TABLE IF EXISTS times; DROP "
    "TABLE IF EXISTS posting;";

enum statement {
    GET_HEAD,
    PUT_HEAD,
    GET_RECORD,
    PUT_RECORD,
    GET_STORY,
    GET_STORIES,
    PUT_STORY,
    GET_POLICIES,
    PUT_POLICY,
    GET_BLOCK,
    GET_BLOCKS,
    PUT_BLOCK,
    PUT_TIMES,
    COUNT_RECORDS,
    GET_POSTING,
    ADD_POSTING,
    PUT_POSTING,
    STATEMENTS
};

static const char *const texts[STATEMENTS] = {
    [GET_HEAD] =
        "SELECT first_seq, segment_seq, line_number, next_offset, seq, hash, source FROM head",
    [PUT_HEAD] = "INSERT OR REPLACE INTO head VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [GET_RECORD] = "SELECT place, hash FROM record WHERE seq = ?1",
    [PUT_RECORD] = "INSERT INTO record VALUES (?1, ?2, ?3)",
    [GET_STORY] = "SELECT seq FROM story WHERE id = ?1 ORDER BY seq",
    [GET_STORIES] = "SELECT seq FROM story WHERE id >= ?1 AND id < ?2 ORDER BY id, seq",
    [PUT_STORY] = "INSERT OR IGNORE INTO story VALUES (?1, ?2)",
    [GET_POLICIES] = "SELECT digest FROM policy",
    [PUT_POLICY] = "INSERT OR IGNORE INTO policy VALUES (?1)",
    [GET_BLOCK] =
        "SELECT records, times FROM block LEFT JOIN times USING (number) WHERE number = ?1",
    [GET_BLOCKS] = "SELECT number, least, most FROM block ORDER BY number",
    [PUT_BLOCK] = "INSERT OR REPLACE INTO block VALUES (?1, ?2, ?3, ?4)",
    [PUT_TIMES] = "INSERT OR REPLACE INTO times VALUES (?1, ?2)",
    [COUNT_RECORDS] = "SELECT sum(records) FROM block",
    [GET_POSTING] = "SELECT seqs FROM posting WHERE block_and_term = ?1",
    [ADD_POSTING] = "INSERT INTO posting VALUES (?1, ?2)",
    [PUT_POSTING] = "INSERT OR REPLACE INTO posting VALUES (?1, ?2)",
};

struct index_db {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[STATEMENTS];
    enum index_trouble trouble;
    char path[4096]; /* empty: temporary */
};

/* ---- what went wrong ---- */

static enum index_trouble trouble_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_NOTADB:
        return INDEX_FOREIGN;
    case SQLITE_CORRUPT:
    case SQLITE_ERROR: /* a statement that does not fit the tables that are there */
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
        return INDEX_DOUBTFUL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return INDEX_BUSY;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_FULL:
        return INDEX_UNWRITABLE;
    case SQLITE_IOERR:
        return code == SQLITE_IOERR_SHORT_READ ? INDEX_DOUBTFUL : INDEX_UNWRITABLE;
    default:
        return INDEX_FAILED;
    }
}

static bool fail(struct index_db *db, int code, struct error *err)
{
    db->trouble = trouble_of(code);
    return error_set(err, "the index '%s': %s", db->path[0] ? db->path : "(temporary)",
                     db->sqlite ? sqlite3_errmsg(db->sqlite) : sqlite3_errstr(code));
}

static bool doubt(struct index_db *db, const char *why, struct error *err)
{
    db->trouble = INDEX_DOUBTFUL;
    return error_set(err, "the index '%s': %s", db->path, why);
}

enum index_trouble index_db_trouble(const struct index_db *db)
{
    return db->trouble;
}

/* ---- statements ---- */

static bool run(struct index_db *db, const char *text, struct error *err)
{
    int code = sqlite3_exec(db->sqlite, text, NULL, NULL, NULL);
    return code == SQLITE_OK || fail(db, code, err);
}

/* The statement, to be bound and stepped, then reset; NULL with `err`. */
static sqlite3_stmt *prepare(struct index_db *db, enum statement which, struct error *err)
{
    if (db->statements[which])
        return db->statements[which];
    int code = sqlite3_prepare_v3(db->sqlite, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                                  &db->statements[which], NULL);
    if (code != SQLITE_OK)
        (void)fail(db, code, err);
    return db->statements[which];
}

/* Binding fails only for what is longer than MOST_BYTES, and nothing of ours is. */
static void bind_number(sqlite3_stmt *statement, int at, uint64_t number)
{
    (void)sqlite3_bind_int64(statement, at, (sqlite3_int64)number);
}

static void bind_bytes(sqlite3_stmt *statement, int at, struct str bytes)
{
    (void)sqlite3_bind_blob64(statement, at, bytes.data ? bytes.data : "", bytes.len,
                              SQLITE_STATIC);
}

static struct str column_bytes(sqlite3_stmt *statement, int column)
{
    const void *bytes = sqlite3_column_blob(statement, column);
    return (struct str){bytes, bytes ? (size_t)sqlite3_column_bytes(statement, column) : 0};
}

static uint64_t column_number(sqlite3_stmt *statement, int column)
{
    return (uint64_t)sqlite3_column_int64(statement, column);
}

/* One that answers with rows: whether there is one more. False in *ret_row is the end; the
 * statement is then reset, as it is after a failure. */
static bool step(struct index_db *db, sqlite3_stmt *statement, bool *ret_row, struct error *err)
{
    int code = sqlite3_step(statement);
    *ret_row = code == SQLITE_ROW;
    if (code == SQLITE_ROW)
        return true;
    bool fine = code == SQLITE_DONE || fail(db, code, err);
    (void)sqlite3_reset(statement);
    return fine;
}

/* One that only writes. */
static bool step_once(struct index_db *db, sqlite3_stmt *statement, struct error *err)
{
    bool row;
    return step(db, statement, &row, err);
}

/* ---- opening ---- */

/* As SQLite's own pragma, which answers with one number. */
static bool ask_number(struct index_db *db, const char *text, int64_t *ret, struct error *err)
{
    sqlite3_stmt *statement;
    bool row = false;
    int code = sqlite3_prepare_v2(db->sqlite, text, -1, &statement, NULL);
    if (code != SQLITE_OK)
        return fail(db, code, err);
    bool fine = step(db, statement, &row, err);
    if (fine)
        *ret = row ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_finalize(statement);
    return fine;
}

/* A file that somebody prepared must not do more than be read: no views, no triggers, no functions
 * in its schema. */
static void be_careful(sqlite3 *sqlite)
{
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_limit(sqlite, SQLITE_LIMIT_LENGTH, MOST_BYTES);
    (void)sqlite3_limit(sqlite, SQLITE_LIMIT_ATTACHED, 0);
}

/* Makes the file if it is not there, so that it is the owner's alone; what SQLite puts beside it
 * has the same rights. Not opened when it is there: closing it would end another's locks. */
static bool make_file(const char *path, enum index_trouble *ret_trouble, struct error *err)
{
    struct stat state;
    if (lstat(path, &state) == 0 && S_ISREG(state.st_mode))
        return true;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST && lstat(path, &state) == 0 && S_ISREG(state.st_mode))
        return true; /* another process was faster */
    if (fd < 0) {
        *ret_trouble = errno == EEXIST ? INDEX_FAILED : INDEX_UNWRITABLE;
        return errno == EEXIST
                   ? error_set(err, "'%s' is no file, but a link or something else", path)
                   : error_set(err, "cannot make '%s': %s", path, strerrordesc_np(errno));
    }
    close(fd);
    return true;
}

/* The path with its directory resolved: only the file itself must not be a link. */
static bool resolve(const char *path, char out[4096])
{
    char copy[4096], directory[4096];
    (void)snprintf(copy, sizeof(copy), "%s", path);
    if (!realpath(dirname(copy), directory))
        return false;
    (void)snprintf(copy, sizeof(copy), "%s", path);
    int len = snprintf(out, 4096, "%s/%s", directory, basename(copy));
    return len > 0 && len < 4096;
}

/* SQLite does not wait when several processes do this to a new file at the same time. */
static bool be_shared(struct index_db *db, struct error *err)
{
    for (int waited_ms = 0; waited_ms < BUSY_MS; waited_ms += 20) {
        if (run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", err)) {
            db->trouble = INDEX_FINE;
            return true;
        }
        if (db->trouble != INDEX_BUSY)
            return false;
        (void)sqlite3_sleep(20);
    }
    return false;
}

/* SQLite's own way to empty a file that it may not be able to read. */
static bool reset_file(struct index_db *db, struct error *err)
{
    (void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_RESET_DATABASE, 1, NULL);
    bool fine = run(db, "VACUUM", err);
    (void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_RESET_DATABASE, 0, NULL);
    return fine;
}

static bool open_file(struct index_db *db, bool reset, struct error *err)
{
    bool temporary = !db->path[0];
    int flags = temporary ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                          : SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW;
    int code = sqlite3_open_v2(db->path, &db->sqlite, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return fail(db, code, err);
    (void)sqlite3_extended_result_codes(db->sqlite, 1);
    (void)sqlite3_busy_timeout(db->sqlite, BUSY_MS);
    if (reset && !reset_file(db, err))
        return false;
    be_careful(db->sqlite);
    if (!temporary && sqlite3_db_readonly(db->sqlite, "main")) {
        db->trouble = INDEX_UNWRITABLE;
        return error_set(err, "the index '%s' cannot be written to", db->path);
    }
    return run(db,
               "PRAGMA page_size = " PAGE_BYTES
               "; PRAGMA cell_size_check = ON; PRAGMA cache_size = " CACHE_KB,
               err) &&
           (temporary ? run(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", err)
                      : be_shared(db, err));
}

/* Whose file it is; all zeros when it is empty. */
struct identity {
    int64_t application, schema, tables;
};

static bool identify(struct index_db *db, struct identity *ret, struct error *err)
{
    return ask_number(db, "PRAGMA application_id", &ret->application, err) &&
           ask_number(db, "PRAGMA user_version", &ret->schema, err) &&
           ask_number(db, "SELECT count(*) FROM sqlite_schema", &ret->tables, err);
}

static bool is_empty(const struct identity *identity)
{
    return !identity->application && !identity->schema && !identity->tables;
}

/* Another process may have been faster: looks again once nobody else can write. */
static bool make_tables(struct index_db *db, struct identity *identity, struct error *err)
{
    if (!index_db_begin(db, err))
        return false;
    bool fine = identify(db, identity, err) && (!is_empty(identity) || index_db_clear(db, err)) &&
                identify(db, identity, err) && index_db_commit(db, err);
    if (!fine)
        index_db_undo(db);
    return fine;
}

/* Its tables are ours and of today; an empty file gets them. */
static bool has_tables(struct index_db *db, struct error *err)
{
    struct identity identity = {0};
    if (!identify(db, &identity, err) || (is_empty(&identity) && !make_tables(db, &identity, err)))
        return false;
    if (identity.application != INDEX_APPLICATION) {
        db->trouble = INDEX_FOREIGN;
        return error_set(err, "'%s' is no index, but another program's database", db->path);
    }
    return identity.schema == INDEX_SCHEMA || doubt(db, "it is of another version", err);
}

struct index_db *index_db_open(const char *path, bool reset, enum index_trouble *ret_trouble,
                               struct error *err)
{
    struct index_db *db = calloc(1, sizeof(*db));
    *ret_trouble = INDEX_FAILED;
    if (!db) {
        (void)error_set(err, "out of memory");
        return NULL;
    }
    if (path && !resolve(path, db->path)) {
        (void)error_set(err, "cannot make '%s': %s", path, strerrordesc_np(errno));
        *ret_trouble = INDEX_UNWRITABLE;
        free(db);
        return NULL;
    }
    if (path && !make_file(db->path, ret_trouble, err)) {
        free(db);
        return NULL;
    }
    if (!open_file(db, reset, err) || !has_tables(db, err)) {
        *ret_trouble = db->trouble;
        index_db_close(db);
        return NULL;
    }
    return db;
}

void index_db_close(struct index_db *db)
{
    if (!db)
        return;
    for (size_t i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(db->statements[i]);
    (void)sqlite3_close(db->sqlite);
    free(db);
}

/* ---- transactions ---- */

bool index_db_begin(struct index_db *db, struct error *err)
{
    return run(db, "BEGIN IMMEDIATE", err);
}

bool index_db_begin_reading(struct index_db *db, struct error *err)
{
    struct index_head head; /* SQLite fixes the moment at the first reading */
    return run(db, "BEGIN", err) && index_db_head(db, &head, err);
}

bool index_db_commit(struct index_db *db, struct error *err)
{
    return run(db, "COMMIT", err);
}

void index_db_undo(struct index_db *db)
{
    if (!sqlite3_get_autocommit(db->sqlite))
        (void)sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
}

bool index_db_clear(struct index_db *db, struct error *err)
{
    return run(db, no_tables, err) && run(db, tables, err);
}

/* ---- rows ---- */

/* The one row's columns; false when one is not what it should be. */
static bool read_head(sqlite3_stmt *statement, struct index_head *ret)
{
    struct str hash = column_bytes(statement, 5), source = column_bytes(statement, 6);
    if (hash.len != DIGEST_BYTES || source.len >= INDEX_SOURCE_BYTES)
        return false;
    *ret = (struct index_head){.first_seq = column_number(statement, 0)};
    ret->at.segment_seq = column_number(statement, 1);
    ret->at.line_number = column_number(statement, 2);
    ret->at.offset = column_number(statement, 3);
    ret->at.head.seq = column_number(statement, 4);
    memcpy(ret->at.head.hash, hash.data, DIGEST_BYTES);
    if (source.len)
        memcpy(ret->source, source.data, source.len);
    return true;
}

bool index_db_head(struct index_db *db, struct index_head *ret, struct error *err)
{
    bool row;
    sqlite3_stmt *statement = prepare(db, GET_HEAD, err);
    if (!statement || !step(db, statement, &row, err))
        return false;
    *ret = (struct index_head){0};
    bool fine = !row || read_head(statement, ret);
    (void)sqlite3_reset(statement);
    return fine || doubt(db, "it does not say how far it goes", err);
}

bool index_db_put_head(struct index_db *db, const struct index_head *head, struct error *err)
{
    sqlite3_stmt *statement = prepare(db, PUT_HEAD, err);
    if (!statement)
        return false;
    bind_number(statement, 1, head->first_seq);
    bind_number(statement, 2, head->at.segment_seq);
    bind_number(statement, 3, head->at.line_number);
    bind_number(statement, 4, head->at.offset);
    bind_number(statement, 5, head->at.head.seq);
    bind_bytes(statement, 6, (struct str){(const char *)head->at.head.hash, DIGEST_BYTES});
    bind_bytes(statement, 7, str_from(head->source));
    return step_once(db, statement, err);
}

bool index_db_record(struct index_db *db, uint64_t seq, struct index_record *ret, bool *ret_found,
                     struct error *err)
{
    sqlite3_stmt *statement = prepare(db, GET_RECORD, err);
    if (!statement)
        return false;
    bind_number(statement, 1, seq);
    if (!step(db, statement, ret_found, err))
        return false;
    if (*ret_found)
        *ret = (struct index_record){column_number(statement, 0), column_number(statement, 1)};
    (void)sqlite3_reset(statement);
    return true;
}

bool index_db_put_record(struct index_db *db, uint64_t seq, const struct index_record *record,
                         struct error *err)
{
    sqlite3_stmt *statement = prepare(db, PUT_RECORD, err);
    if (!statement)
        return false;
    bind_number(statement, 1, seq);
    bind_number(statement, 2, record->offset);
    bind_number(statement, 3, record->hash);
    return step_once(db, statement, err);
}

#define PREFIX_BYTES 256

/* The least text that is greater than all that begin so; false when there is none. */
static bool successor(struct str prefix, char out[PREFIX_BYTES], struct str *ret)
{
    size_t len = prefix.len;
    while (len > 0 && (uint8_t)prefix.data[len - 1] == 0xff)
        len--;
    if (len == 0 || len > PREFIX_BYTES)
        return false;
    memcpy(out, prefix.data, len);
    out[len - 1]++;
    *ret = (struct str){out, len};
    return true;
}

bool index_db_story(struct index_db *db, struct str id, bool whole, index_story_found *found,
                    void *arg, struct error *err)
{
    char end_bytes[PREFIX_BYTES];
    struct str end;
    whole = whole || !successor(id, end_bytes, &end); /* no id of ours is so long */
    sqlite3_stmt *statement = prepare(db, whole ? GET_STORY : GET_STORIES, err);
    if (!statement)
        return false;
    bind_bytes(statement, 1, id);
    if (!whole)
        bind_bytes(statement, 2, end);
    for (;;) {
        bool row;
        if (!step(db, statement, &row, err))
            return false;
        if (!row)
            return true;
        if (!found(arg, column_number(statement, 0)))
            break;
    }
    (void)sqlite3_reset(statement);
    return true;
}

bool index_db_put_story(struct index_db *db, struct str id, uint64_t seq, struct error *err)
{
    sqlite3_stmt *statement = prepare(db, PUT_STORY, err);
    if (!statement)
        return false;
    bind_bytes(statement, 1, id);
    bind_number(statement, 2, seq);
    return step_once(db, statement, err);
}

bool index_db_policies(struct index_db *db, struct str prefix,
                       void (*found)(void *arg, struct str digest), void *arg, struct error *err)
{
    sqlite3_stmt *statement = prepare(db, GET_POLICIES, err);
    for (bool row = statement != NULL; row;) {
        if (!step(db, statement, &row, err))
            return false;
        struct str digest = row ? column_bytes(statement, 0) : (struct str){0};
        if (row && str_starts(digest, prefix))
            found(arg, digest);
    }
    return statement != NULL;
}

bool index_db_put_policy(struct index_db *db, struct str digest, struct error *err)
{
    sqlite3_stmt *statement = prepare(db, PUT_POLICY, err);
    if (!statement)
        return false;
    bind_bytes(statement, 1, digest);
    return step_once(db, statement, err);
}

/* ---- blocks ---- */

#define TIMES_BYTES (INDEX_TIMES * 16)

/* The lowest byte first, whatever the machine: an index may be copied. */
static void put_int64(int64_t value, char *out)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (char)((uint64_t)value >> 8 * i);
}

static int64_t get_int64(const char *bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)(uint8_t)bytes[i] << 8 * i;
    return (int64_t)value;
}

static bool read_block(sqlite3_stmt *statement, struct index_block *ret)
{
    struct str times = column_bytes(statement, 1);
    ret->records = column_number(statement, 0);
    if (times.len != TIMES_BYTES || ret->records > POSTINGS_BLOCK)
        return false;
    for (size_t i = 0; i < INDEX_TIMES; i++) {
        ret->times[i].least = get_int64(times.data + 16 * i);
        ret->times[i].most = get_int64(times.data + 16 * i + 8);
    }
    return true;
}

bool index_db_block(struct index_db *db, uint64_t number, struct index_block *ret,
                    struct error *err)
{
    bool row;
    sqlite3_stmt *statement = prepare(db, GET_BLOCK, err);
    if (!statement)
        return false;
    bind_number(statement, 1, number);
    if (!step(db, statement, &row, err))
        return false;
    bool fine = !row || read_block(statement, ret);
    (void)sqlite3_reset(statement);
    if (row)
        return fine || doubt(db, "a block of records is damaged", err);
    ret->records = 0;
    for (size_t i = 0; i < INDEX_TIMES; i++)
        ret->times[i] = (struct index_times){INT64_MAX, INT64_MIN};
    return true;
}

bool index_db_blocks(struct index_db *db,
                     void (*found)(void *arg, uint64_t number, struct index_times times), void *arg,
                     struct error *err)
{
    sqlite3_stmt *statement = prepare(db, GET_BLOCKS, err);
    for (bool row = statement != NULL; row;) {
        if (!step(db, statement, &row, err))
            return false;
        if (row)
            found(arg, column_number(statement, 0),
                  (struct index_times){(int64_t)column_number(statement, 1),
                                       (int64_t)column_number(statement, 2)});
    }
    return statement != NULL;
}

static bool put_times(struct index_db *db, uint64_t number, const struct index_block *block,
                      struct error *err)
{
    char times[TIMES_BYTES];
    sqlite3_stmt *statement = prepare(db, PUT_TIMES, err);
    if (!statement)
        return false;
    for (size_t i = 0; i < INDEX_TIMES; i++) {
        put_int64(block->times[i].least, times + 16 * i);
        put_int64(block->times[i].most, times + 16 * i + 8);
    }
    bind_number(statement, 1, number);
    bind_bytes(statement, 2, (struct str){times, sizeof(times)});
    return step_once(db, statement, err);
}

bool index_db_put_block(struct index_db *db, uint64_t number, const struct index_block *block,
                        struct error *err)
{
    struct index_times all = {INT64_MAX, INT64_MIN};
    sqlite3_stmt *statement = prepare(db, PUT_BLOCK, err);
    if (!statement)
        return false;
    for (size_t i = 0; i < INDEX_TIMES; i++) {
        all.least = block->times[i].least < all.least ? block->times[i].least : all.least;
        all.most = block->times[i].most > all.most ? block->times[i].most : all.most;
    }
    bind_number(statement, 1, number);
    bind_number(statement, 2, block->records);
    bind_number(statement, 3, (uint64_t)all.least);
    bind_number(statement, 4, (uint64_t)all.most);
    return step_once(db, statement, err) && put_times(db, number, block, err);
}

bool index_db_count(struct index_db *db, uint64_t *ret, struct error *err)
{
    bool row;
    sqlite3_stmt *statement = prepare(db, COUNT_RECORDS, err);
    if (!statement || !step(db, statement, &row, err))
        return false;
    *ret = row ? column_number(statement, 0) : 0;
    (void)sqlite3_reset(statement);
    return true;
}

/* INDEX_SEQ_MOST keeps it below the highest number that SQLite has. */
static uint64_t posting_key(uint64_t block, uint64_t term)
{
    return block << TERM_BITS | term;
}

bool index_db_posting(struct index_db *db, uint64_t block, uint64_t term, struct postings *set,
                      bool *ret_found, struct error *err)
{
    sqlite3_stmt *statement = prepare(db, GET_POSTING, err);
    if (!statement)
        return false;
    bind_number(statement, 1, posting_key(block, term));
    if (!step(db, statement, ret_found, err))
        return false;
    bool fine = !*ret_found || postings_add_written(set, column_bytes(statement, 0));
    (void)sqlite3_reset(statement);
    return fine || doubt(db, "a list of records is damaged", err);
}

bool index_db_put_posting(struct index_db *db, uint64_t block, uint64_t term, bool is_new,
                          struct str written, struct error *err)
{
    sqlite3_stmt *statement = prepare(db, is_new ? ADD_POSTING : PUT_POSTING, err);
    if (!statement)
        return false;
    bind_number(statement, 1, posting_key(block, term));
    bind_bytes(statement, 2, written);
    return step_once(db, statement, err);
}
