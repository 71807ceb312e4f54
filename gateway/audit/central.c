/*
 * libpq without blocking: every wait is a poll with a deadline. Only connecting blocks, with a
 * timeout for each host, because libpq goes on to the next one only there.
 *
 *     ask:   send one query, wait for its rows
 *     pipe:  send, send, send … ; a batch's receipt counts once its own Sync has come back, which
 * is when the server has committed it
 */
#include "audit/central.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/central_query.h"
#include "base/clock.h"
#include "base/limits.h"

#define PAGE_ROWS 2000 /* of central_read: some 2 MB */

struct central {
    PGconn *conn;
    int64_t timeout_ms;
    char server[300];
    char doubt[256]; /* what the server warned of during a commit; empty: of nothing */
    size_t under_way;
    int64_t waiting_since_us; /* for the oldest batch */
    PGresult *rows;           /* of it, when its Sync has not come yet */
};

/* ---- sentences ---- */

/* libpq's messages end with LF, and have several lines. */
static void say(struct error *err, const char *what, const char *message)
{
    char text[700];
    size_t used = 0;
    for (const char *c = message; *c && used + 3 < sizeof(text); c++) {
        bool ends = *c == '\n';
        if (ends && c[1] == '\0')
            break;
        if (ends)
            text[used++] = ';';
        text[used++] = ends || *c == '\t' ? ' ' : *c;
    }
    text[used] = '\0';
    (void)error_set(err, "%s: %s", what, text);
}

static enum central_result lost(const struct central *central, struct error *err)
{
    char what[400];
    (void)snprintf(what, sizeof(what), "the central database at %s", central->server);
    say(err, what, PQerrorMessage(central->conn));
    return CENTRAL_UNREACHABLE;
}

static enum central_result too_late(const struct central *central, struct error *err)
{
    (void)error_set(err, "the central database at %s did not answer within %lld ms",
                    central->server, (long long)central->timeout_ms);
    return CENTRAL_UNREACHABLE;
}

/*
 * What ends by itself: the server goes down, has no more connections, is a standby by now, or
 * another connection holds the source's row (SQLSTATE classes 08, 53, 57P; 25006, 40, 55P03).
 */
static bool is_temporary(const char *state)
{
    static const char *const beginnings[] = {"08", "53", "57P", "25006", "40", "55P03"};
    for (size_t i = 0; state && i < COUNT_OF(beginnings); i++) {
        if (str_starts(str_from(state), str_from(beginnings[i])))
            return true;
    }
    return !state;
}

/* After an error that the server answered, or that libpq made of a broken connection. */
static enum central_result refused(const struct central *central, const PGresult *result,
                                   struct error *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char what[500];
    bool lacks = state && (strcmp(state, "42883") == 0 || strcmp(state, "42P01") == 0 ||
                           strcmp(state, "3F000") == 0);
    bool may_not = state && strcmp(state, "42501") == 0;
    (void)snprintf(what, sizeof(what), "the central database at %s%s", central->server,
                   lacks     ? " is not prepared, see deploy/sql/install"
                   : may_not ? " refuses this login: to ship takes one in audit_ship, to read one "
                               "in audit_read, --note one in audit_verify; --database names another"
                             : "");
    say(err, what, message ? message : PQresultErrorMessage(result));
    return is_temporary(state) ? CENTRAL_UNREACHABLE : CENTRAL_REFUSED;
}

/*
 * Warnings while a commit is under way say that it is not everywhere it should be: "canceling wait
 * for synchronous replication" (01000), or the same while shutting down (57P01).
 */
static void on_notice(void *arg, const PGresult *notice)
{
    struct central *central = arg;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    if (severity && message && strcmp(severity, "WARNING") == 0)
        (void)snprintf(central->doubt, sizeof(central->doubt), "%s", message);
}

static enum central_result doubtful(const struct central *central, struct error *err)
{
    (void)error_set(err, "the central database at %s does not vouch for its commit: %s",
                    central->server, central->doubt);
    return CENTRAL_UNREACHABLE;
}

/* ---- connecting ---- */

static const char *option_of(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *each = options; each->keyword; each++) {
        if (strcmp(each->keyword, keyword) == 0)
            return each->val ? each->val : "";
    }
    return "";
}

/* 127.0.0.1, but not 127.0.0.1.example.org. */
static bool is_loopback(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (host.data[i] != '.' && (host.data[i] < '0' || host.data[i] > '9'))
            return str_equal(host, STR("::1"));
    }
    return str_starts(host, STR("127."));
}

/* A socket of this machine, or an address that does not leave it. */
static bool is_local(struct str host)
{
    return host.len == 0 || host.data[0] == '/' || host.data[0] == '@' ||
           str_equal(host, STR("localhost")) || is_loopback(host);
}

/* Whether each host is this machine; where an address is given, that counts. */
static bool are_local(const PQconninfoOption *options)
{
    const char *addresses = option_of(options, "hostaddr");
    struct str host, rest = str_from(addresses[0] ? addresses : option_of(options, "host"));
    do {
        (void)str_cut(rest, ',', &host, &rest);
        if (!is_local(str_trim(host)))
            return false;
    } while (rest.len);
    return true;
}

/* What is added to the connection string: in front of it, so that it may say otherwise, but for the
 * last ones. */
struct connect_options {
    const char *keywords[10], *values[10];
};

static void add_option(struct connect_options *options, const char *keyword, const char *value)
{
    size_t i = 0;
    while (options->keywords[i])
        i++;
    options->keywords[i] = keyword;
    options->values[i] = value;
}

/* libpq takes anything else for a database's name. */
static bool is_connection_string(struct str text)
{
    return str_find(text, '=') < text.len || str_starts(text, STR("postgresql://")) ||
           str_starts(text, STR("postgres://"));
}

/*
 * Asks libpq what the connection string comes to, with the environment and service files, before
 * anything is sent. *ret_verify: TLS with verify-full is to be used.
 */
static bool check_transport(const struct connect_options *options, const char *database,
                            bool *ret_verify, struct error *err)
{
    PGconn *probe = is_connection_string(str_from(database))
                        ? PQconnectStartParams(options->keywords, options->values, 1)
                        : NULL;
    PQconninfoOption *all = probe ? PQconninfo(probe) : NULL;
    bool fine = all && option_of(all, "sslmode")[0];
    if (!fine)
        (void)error_set(err, "the connection string of the central database cannot be read; it is "
                             "\"host=… dbname=… user=…\" or \"postgresql://…\"");
    if (fine && !are_local(all)) {
        const char *mode = option_of(all, "sslmode");
        *ret_verify = true;
        fine = strcmp(mode, "verify-full") == 0 || strcmp(mode, "prefer") == 0; /* nobody chose */
        if (!fine)
            (void)error_set(err,
                            "sslmode=%s does not verify that '%s' is the central database; say "
                            "sslmode=verify-full and sslrootcert=FILE, or end a tunnel on this "
                            "machine",
                            mode, option_of(all, "host"));
    }
    PQconninfoFree(all);
    PQfinish(probe);
    return fine;
}

bool central_check(const char *database, struct error *err)
{
    bool verify;
    struct connect_options all = {{NULL}, {NULL}};
    add_option(&all, "dbname", database);
    return check_transport(&all, database, &verify, err);
}

static enum central_result connect_now(struct central *central,
                                       const struct central_options *options, struct error *err)
{
    char seconds[24];
    bool verify = false;
    struct connect_options all = {{NULL}, {NULL}};
    (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)(options->timeout_ms + 999) / 1000);
    add_option(&all, "connect_timeout", seconds);
    add_option(&all, "fallback_application_name", "campaign-gateway");
    if (options->must_write)
        add_option(&all, "target_session_attrs", "read-write");
    add_option(&all, "dbname", options->database);
    add_option(&all, "client_encoding", "UTF8");
    if (!check_transport(&all, options->database, &verify, err))
        return CENTRAL_REFUSED;
    if (verify) {
        add_option(&all, "sslmode", "verify-full");
        add_option(&all, "gssencmode", "disable"); /* libpq would prefer it to TLS */
    }
    central->conn = PQconnectdbParams(all.keywords, all.values, 1);
    if (!central->conn) {
        (void)error_set(err, "out of memory");
        return CENTRAL_UNREACHABLE;
    }
    if (PQstatus(central->conn) != CONNECTION_OK) {
        say(err, "the central database", PQerrorMessage(central->conn));
        return CENTRAL_UNREACHABLE;
    }
    (void)PQsetnonblocking(central->conn, 1);
    (void)PQsetNoticeReceiver(central->conn, on_notice, central);
    (void)snprintf(central->server, sizeof(central->server), "%s:%s", PQhost(central->conn),
                   PQport(central->conn));
    return CENTRAL_FINE;
}

/* ---- waiting ---- */

/* Writes what is to be written and reads what has come, until something came or `until_us`. */
static enum central_result wait_for(struct central *central, int64_t until_us, struct error *err)
{
    int pending = PQflush(central->conn);
    int64_t left_us = until_us - clock_mono_us();
    struct pollfd watched = {.fd = PQsocket(central->conn),
                             .events = (short)(POLLIN | (pending > 0 ? POLLOUT : 0))};
    if (pending < 0 || watched.fd < 0)
        return lost(central, err);
    if (poll(&watched, 1, left_us > 0 ? (int)(left_us / 1000 + 1) : 0) == 0)
        return CENTRAL_PENDING;
    return PQconsumeInput(central->conn) ? CENTRAL_FINE : lost(central, err);
}

/* The next result; NULL stands for the end of a query. CENTRAL_PENDING when `until_us` has come. */
static enum central_result next_result(struct central *central, int64_t until_us, PGresult **ret,
                                       struct error *err)
{
    while (PQisBusy(central->conn)) {
        enum central_result result = wait_for(central, until_us, err);
        if (result != CENTRAL_FINE)
            return result;
    }
    *ret = PQgetResult(central->conn);
    return CENTRAL_FINE;
}

/* ---- one query ---- */

struct question {
    const char *sql;
    const char *const *parameters; /* texts */
    size_t count;
};

static enum central_result send_question(struct central *central, const struct question *question,
                                         struct error *err)
{
    central->doubt[0] = '\0';
    return PQsendQueryParams(central->conn, question->sql, (int)question->count, NULL,
                             question->parameters, NULL, NULL, 0)
               ? CENTRAL_FINE
               : lost(central, err);
}

/* The rows of what was sent; the caller clears *ret. */
static enum central_result take_answer(struct central *central, PGresult **ret, struct error *err)
{
    const int64_t until_us = clock_mono_us() + central->timeout_ms * 1000;
    PGresult *answer = NULL, *each = NULL;
    enum central_result result;
    while ((result = next_result(central, until_us, &each, err)) == CENTRAL_FINE && each) {
        PQclear(answer);
        answer = each;
    }
    if (result == CENTRAL_PENDING)
        result = too_late(central, err);
    else if (result == CENTRAL_FINE && PQresultStatus(answer) != PGRES_TUPLES_OK &&
             PQresultStatus(answer) != PGRES_COMMAND_OK)
        result = refused(central, answer, err);
    else if (result == CENTRAL_FINE && central->doubt[0])
        result = doubtful(central, err);
    if (result == CENTRAL_FINE)
        *ret = answer;
    else
        PQclear(answer);
    return result;
}

static enum central_result ask(struct central *central, const struct question *question,
                               PGresult **ret, struct error *err)
{
    if (PQpipelineStatus(central->conn) != PQ_PIPELINE_OFF && !PQexitPipelineMode(central->conn))
        return lost(central, err);
    enum central_result result = send_question(central, question, err);
    return result == CENTRAL_FINE ? take_answer(central, ret, err) : result;
}

/* ---- values ---- */

static struct str value(const PGresult *rows, int row, int column)
{
    return (struct str){PQgetvalue(rows, row, column), (size_t)PQgetlength(rows, row, column)};
}

static uint64_t number(const PGresult *rows, int row, int column)
{
    uint64_t read = 0;
    return str_to_u64(value(rows, row, column), &read) ? read : 0;
}

/* Where a source stands, in two columns. */
static enum central_result read_head(const PGresult *rows, int column, struct chain_head *ret,
                                     struct error *err)
{
    struct chain_head head = {0};
    if (PQntuples(rows) != 1 || !str_to_u64(value(rows, 0, column), &head.seq) ||
        !digest_from_hex(value(rows, 0, column + 1), head.hash)) {
        (void)error_set(err, "the central database did not answer with a receipt; is deploy/sql of "
                             "this version installed there?");
        return CENTRAL_REFUSED;
    }
    *ret = head;
    return CENTRAL_FINE;
}

/* ---- opening, closing ---- */

/* Whoever waits for another's lock gives up, and nobody else: unlike statement_timeout it does not
 * touch a commit. */
static enum central_result prepare(struct central *central, struct error *err)
{
    char sql[64];
    PGresult *done;
    (void)snprintf(sql, sizeof(sql), "set lock_timeout = %lld", (long long)central->timeout_ms);
    enum central_result result = ask(central, &(struct question){.sql = sql}, &done, err);
    if (result == CENTRAL_FINE)
        PQclear(done);
    return result;
}

struct central *central_open(const struct central_options *options, enum central_result *ret_result,
                             struct error *err)
{
    struct central *central = calloc(1, sizeof(*central));
    *ret_result = CENTRAL_UNREACHABLE;
    if (!central) {
        (void)error_set(err, "out of memory");
        return NULL;
    }
    central->timeout_ms = options->timeout_ms;
    *ret_result = connect_now(central, options, err);
    if (*ret_result == CENTRAL_FINE)
        *ret_result = prepare(central, err);
    if (*ret_result == CENTRAL_FINE)
        return central;
    central_close(central);
    return NULL;
}

void central_close(struct central *central)
{
    if (!central)
        return;
    PQclear(central->rows);
    PQfinish(central->conn);
    free(central);
}

struct str central_server(const struct central *central)
{
    return str_from(central->server);
}

/* ---- reading ---- */

bool central_search(struct central *central, const struct search_query *query, search_found *found,
                    void *arg, struct buf *ret_after, struct error *err)
{
    struct arena arena;
    struct central_query made;
    PGresult *rows = NULL;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    bool fine = central_query_make(query, &arena, &made, err);
    const struct question question = {made.sql.data, made.parameters, made.count};
    fine = fine && ask(central, &question, &rows, err) == CENTRAL_FINE;
    buf_release(&made.sql);
    arena_release(&arena);
    if (!fine)
        return false;
    int all = PQntuples(rows), shown = all > (int)query->limit ? (int)query->limit : all;
    bool go_on = true;
    for (int i = 0; i < shown && go_on; i++)
        go_on =
            found(arg, value(rows, i, 0), number(rows, i, 1), value(rows, i, 2), value(rows, i, 3));
    if (all > shown)
        buf_append(ret_after, value(rows, shown - 1, 4));
    PQclear(rows);
    return true;
}

bool central_each_source(struct central *central, struct str source, central_source_found *found,
                         void *arg, struct error *err)
{
    static const char sql[] =
        "select source, coalesce((select min(seq) from audit.audit_record where source_id = id), "
        "0), head_seq, coalesce(encode(head_hash, 'hex'), repeat('0', 64)), encode(key, 'hex'), "
        "(extract(epoch from first_seen) * 1000)::bigint, (extract(epoch from last_seen) * "
        "1000)::bigint, checkpoint_size, checkpoint_note, conflicts from audit.audit_source "
        "where $1 in ('', source) order by source";
    char name[LIMIT_ORIGIN_BYTES + 1];
    const char *parameters[] = {name};
    PGresult *rows;
    bool go_on = true;
    if (source.len >= sizeof(name))
        return error_set(err, "there is no source with such a long name");
    (void)snprintf(name, sizeof(name), "%.*s", STR_ARGS(source));
    if (ask(central, &(struct question){sql, parameters, 1}, &rows, err) != CENTRAL_FINE)
        return false;
    for (int i = 0; i < PQntuples(rows) && go_on; i++) {
        struct central_source each = {.source = value(rows, i, 0),
                                      .first_seq = number(rows, i, 1),
                                      .head = {.seq = number(rows, i, 2)},
                                      .first_seen_unix_ms = (int64_t)number(rows, i, 5),
                                      .last_seen_unix_ms = (int64_t)number(rows, i, 6),
                                      .checkpoint_size = number(rows, i, 7),
                                      .checkpoint_note = value(rows, i, 8),
                                      .conflicts = number(rows, i, 9)};
        go_on = digest_from_hex(value(rows, i, 3), each.head.hash) &&
                digest_from_hex(value(rows, i, 4), each.key) && found(arg, &each);
    }
    PQclear(rows);
    return true;
}

static enum central_result send_page(struct central *central, const char *source, uint64_t behind,
                                     struct error *err)
{
    static const char sql[] =
        "select seq, json || E'\\t' || encode(hash, 'hex') from audit.audit_record where source_id "
        "= (select id from audit.audit_source where source = $1) and seq > $2::bigint order by seq "
        "limit $3::bigint";
    char from[24], rows[24];
    const char *parameters[] = {source, from, rows};
    (void)snprintf(from, sizeof(from), "%llu", (unsigned long long)behind);
    (void)snprintf(rows, sizeof(rows), "%d", PAGE_ROWS);
    return send_question(central, &(struct question){sql, parameters, 3}, err);
}

/* The next page is on its way while this one is looked at. */
static bool read_pages(struct central *central, const char *source, uint64_t behind,
                       central_line_found *found, void *arg, struct error *err)
{
    bool go_on = true, more = true;
    PGresult *rows = NULL;
    enum central_result result = send_page(central, source, behind, err);
    while (result == CENTRAL_FINE && more) {
        result = take_answer(central, &rows, err);
        if (result != CENTRAL_FINE || !go_on)
            break;
        int count = PQntuples(rows);
        more = count == PAGE_ROWS;
        if (more)
            result = send_page(central, source, number(rows, count - 1, 0), err);
        for (int i = 0; i < count && go_on; i++)
            go_on = found(arg, number(rows, i, 0), value(rows, i, 1));
        PQclear(rows);
        rows = NULL;
    }
    PQclear(rows);
    return result == CENTRAL_FINE;
}

bool central_read(struct central *central, struct str source, uint64_t from_seq,
                  central_line_found *found, void *arg, struct error *err)
{
    char name[LIMIT_ORIGIN_BYTES + 1];
    if (source.len >= sizeof(name))
        return error_set(err, "there is no source with such a long name");
    (void)snprintf(name, sizeof(name), "%.*s", STR_ARGS(source));
    return read_pages(central, name, from_seq ? from_seq - 1 : 0, found, arg, err);
}

bool central_note_verification(struct central *central,
                               const struct central_verification *verification, struct error *err)
{
    static const char sql[] = "select audit.audit_note_verification($1, $2, $3, $4, $5, $6)";
    struct arena arena;
    PGresult *done = NULL;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    const char *parameters[] = {
        arena_copy(&arena, verification->source).data,
        arena_format(&arena, "%llu", (unsigned long long)verification->from_seq).data,
        arena_format(&arena, "%llu", (unsigned long long)verification->upto_seq).data,
        arena_format(&arena, "%llu", (unsigned long long)verification->checkpoints).data,
        verification->fine ? "true" : "false",
        arena_copy(&arena, verification->sentence).data};
    bool fine = true;
    for (size_t i = 0; i < COUNT_OF(parameters); i++)
        fine = fine && (parameters[i] || error_set(err, "out of memory"));
    const struct question question = {sql, parameters, COUNT_OF(parameters)};
    fine = fine && ask(central, &question, &done, err) == CENTRAL_FINE;
    PQclear(done);
    arena_release(&arena);
    return fine;
}

/* ---- shipping ---- */

enum central_result central_upto(struct central *central, struct str source, struct chain_head *ret,
                                 struct error *err)
{
    char name[LIMIT_ORIGIN_BYTES + 1];
    const char *parameters[] = {name};
    PGresult *rows;
    (void)snprintf(name, sizeof(name), "%.*s", STR_ARGS(source));
    enum central_result result = ask(
        central, &(struct question){"select upto, head from audit.audit_upto($1)", parameters, 1},
        &rows, err);
    if (result != CENTRAL_FINE)
        return result;
    result = read_head(rows, 0, ret, err);
    PQclear(rows);
    return result;
}

enum central_result central_send(struct central *central, const struct central_batch *batch,
                                 struct error *err)
{
    static const char sql[] = "select upto, head, verdict, coalesce(reason, '') from "
                              "audit.audit_put($1, $2, string_to_array($3, E'\\n'))";
    char first_seq[24];
    const int lengths[] = {
        (int)batch->source.len,
        (int)snprintf(first_seq, sizeof(first_seq), "%llu", (unsigned long long)batch->first_seq),
        (int)batch->lines.len};
    const char *const values[] = {batch->source.data, first_seq, batch->lines.data};
    static const int formats[] = {1, 0, 1}; /* a text in binary is its bytes, and needs no NUL */
    if (PQpipelineStatus(central->conn) == PQ_PIPELINE_OFF && !PQenterPipelineMode(central->conn))
        return lost(central, err);
    if (!PQsendQueryParams(central->conn, sql, 3, NULL, values, lengths, formats, 0) ||
        !PQpipelineSync(central->conn) || PQflush(central->conn) < 0)
        return lost(central, err);
    if (central->under_way++ == 0) {
        central->waiting_since_us = clock_mono_us();
        central->doubt[0] = '\0';
    }
    return CENTRAL_FINE;
}

static enum central_result read_receipt(const PGresult *rows, struct central_receipt *ret,
                                        struct error *err)
{
    static const char *const verdicts[] = {
        [CENTRAL_STORED] = "stored", [CENTRAL_FORK] = "fork", [CENTRAL_INVALID] = "invalid"};
    enum central_result result = read_head(rows, 0, &ret->upto, err);
    if (result != CENTRAL_FINE)
        return result;
    ret->verdict = CENTRAL_INVALID;
    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        if (str_equal(value(rows, 0, 2), str_from(verdicts[i])))
            ret->verdict = (enum central_verdict)i;
    }
    (void)snprintf(ret->reason, sizeof(ret->reason), "%.*s", STR_ARGS(value(rows, 0, 3)));
    return CENTRAL_FINE;
}

/* Reads as far as the batch's Sync: what it answered is in central->rows by then. */
static enum central_result read_batch(struct central *central, int64_t until_us, struct error *err)
{
    for (;;) {
        PGresult *each = NULL;
        enum central_result result = next_result(central, until_us, &each, err);
        if (result != CENTRAL_FINE)
            return result;
        ExecStatusType status = PQresultStatus(each);
        if (each && status == PGRES_TUPLES_OK && !central->rows) {
            central->rows = each;
            continue;
        }
        if (each && status != PGRES_PIPELINE_SYNC)
            result = refused(central, each, err);
        PQclear(each);
        if (result != CENTRAL_FINE || status == PGRES_PIPELINE_SYNC)
            return result;
    }
}

enum central_result central_receive(struct central *central, int64_t wait_ms,
                                    struct central_receipt *ret, struct error *err)
{
    const int64_t too_late_us = central->waiting_since_us + central->timeout_ms * 1000;
    const int64_t until_us = clock_mono_us() + wait_ms * 1000;
    enum central_result result =
        read_batch(central, until_us < too_late_us ? until_us : too_late_us, err);
    if (result == CENTRAL_PENDING)
        return clock_mono_us() < too_late_us ? result : too_late(central, err);
    if (result == CENTRAL_FINE)
        result = central->doubt[0] ? doubtful(central, err) : read_receipt(central->rows, ret, err);
    PQclear(central->rows);
    central->rows = NULL;
    central->under_way--;
    central->waiting_since_us = clock_mono_us();
    return result;
}

size_t central_under_way(const struct central *central)
{
    return central->under_way;
}

int central_descriptor(struct central *central, short *ret_events)
{
    *ret_events = (short)(POLLIN | (PQflush(central->conn) > 0 ? POLLOUT : 0));
    return PQsocket(central->conn);
}
