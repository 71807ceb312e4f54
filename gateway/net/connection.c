#include "net/connection.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/address.h"
#include "net/stream.h"
#include "net/tls.h"

#define READ_BYTES 8192 /* a typical request, head and body, in one go */

enum phase {
    PHASE_HANDSHAKE,
    PHASE_IDLE, /* between requests */
    PHASE_HEAD,
    PHASE_BODY,
    PHASE_JUDGED, /* complete or refused; the handler's answer is awaited */
    PHASE_WRITING,
    PHASE_LINGER,
};

struct connection {
    struct crowd *crowd;
    struct stream *stream;
    struct timer *deadline;
    enum phase phase;
    int64_t phase_began_us;
    int64_t request_began_us; /* 0: none is under way */
    uint64_t body_bytes;      /* of the request under way */
    struct framing framing;
    struct buf input;
    struct task next_task;    /* goes on with pipelined input */
    void *request;            /* the handler's, from begin to answer */
    bool last;                /* close behind the current answer */
    struct waiting *waits_in; /* one of the crowd's lists, or NULL */
    struct peer *certificate;
    unsigned tls_generation; /* of the crowd's context that vouched for it */
    struct client_key client;
    LIST_ENTRY(connection) in_all;
    TAILQ_ENTRY(connection) in_waiting;
    char peer[ADDRESS_TEXT_SIZE];
};

static const struct framing_reason too_slow = {408, "http-timeout", "request-timeout",
                                               "the request did not arrive in time"};
static const struct framing_reason body_too_slow = {408, "http-timeout", "body-too-slow",
                                                    "the body arrives too slowly"};

static void connection_ready(void *arg);

/* ---- life of a connection ---- */

static void wait_in(struct connection *connection, struct waiting *list)
{
    if (connection->waits_in)
        TAILQ_REMOVE(connection->waits_in, connection, in_waiting);
    if (list)
        TAILQ_INSERT_TAIL(list, connection, in_waiting);
    connection->waits_in = list;
}

static void check_emptied(struct crowd *crowd)
{
    if (crowd->draining && LIST_EMPTY(&crowd->all))
        crowd->emptied(crowd->arg);
}

/* What connection_new has made so far. */
static void connection_free(struct connection *connection)
{
    loop_cancel(connection->crowd->loop, &connection->next_task);
    timer_free(connection->deadline);
    stream_close(connection->stream);
    peer_free(connection->certificate);
    buf_release(&connection->input);
    free(connection);
}

static void connection_close(struct connection *connection)
{
    struct crowd *crowd = connection->crowd;
    wait_in(connection, NULL);
    if (connection->phase == PHASE_HANDSHAKE)
        admission_end_handshake(crowd->admission);
    LIST_REMOVE(connection, in_all);
    admission_leave(crowd->admission, connection->client);
    connection_free(connection);
    check_emptied(crowd);
}

/* The client is gone, or there is nothing left to say to it. */
static void connection_lost(struct connection *connection)
{
    if (connection->request)
        connection->crowd->handler.gone(connection->request);
    connection_close(connection);
}

/* ---- deadlines ---- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t body_until_us(const struct connection *connection)
{
    const struct connection_deadlines *deadlines = &connection->crowd->deadlines;
    int64_t earned_us = (int64_t)(connection->body_bytes * 1000000 / deadlines->body_rate);
    return connection->phase_began_us +
           sooner(deadlines->body_ms * 1000, deadlines->body_grace_ms * 1000 + earned_us);
}

static int64_t request_until_us(const struct connection *connection)
{
    return connection->request_began_us
               ? connection->request_began_us + connection->crowd->deadlines.request_ms * 1000
               : INT64_MAX;
}

/* From when it was idle, or from when the end began. */
static int64_t last_request_until_us(const struct connection *connection)
{
    const struct crowd *crowd = connection->crowd;
    int64_t since_us = connection->phase_began_us > crowd->drain_began_us
                           ? connection->phase_began_us
                           : crowd->drain_began_us;
    return sooner(connection->phase_began_us + crowd->deadlines.idle_ms * 1000,
                  since_us + crowd->deadlines.drain_idle_ms * 1000);
}

static int64_t phase_until_us(const struct connection *connection)
{
    const struct connection_deadlines *deadlines = &connection->crowd->deadlines;
    const int64_t ms[] = {
        [PHASE_HANDSHAKE] = deadlines->handshake_ms, [PHASE_IDLE] = deadlines->idle_ms,
        [PHASE_HEAD] = deadlines->head_ms,           [PHASE_WRITING] = deadlines->write_ms,
        [PHASE_LINGER] = deadlines->linger_ms,
    };
    if (connection->phase == PHASE_JUDGED)
        return INT64_MAX; /* the handler is at work; only the request's whole time bounds it */
    if (connection->phase == PHASE_BODY)
        return body_until_us(connection);
    if (connection->phase == PHASE_IDLE && connection->crowd->draining)
        return last_request_until_us(connection);
    return connection->phase_began_us + ms[connection->phase] * 1000;
}

static void set_deadline(struct connection *connection)
{
    timer_set_at(connection->deadline,
                 sooner(phase_until_us(connection), request_until_us(connection)));
}

static void enter(struct connection *connection, enum phase phase)
{
    connection->phase = phase;
    connection->phase_began_us = clock_mono_us();
    struct crowd *crowd = connection->crowd;
    wait_in(connection, phase == PHASE_JUDGED || phase == PHASE_WRITING ? NULL
                        : phase == PHASE_IDLE                           ? &crowd->idle
                                                                        : &crowd->unfinished);
    set_deadline(connection);
}

static void begin_time_of_request(struct connection *connection)
{
    connection->request_began_us = clock_mono_us();
    connection->body_bytes = 0;
}

static void linger(struct connection *connection)
{
    connection->request_began_us = 0;
    stream_finish_output(connection->stream);
    buf_release(&connection->input);
    enter(connection, PHASE_LINGER);
    stream_want_input(connection->stream, true);
}

/* ---- requests ---- */

static void refuse(struct connection *connection, const struct framing_reason *reason)
{
    struct connection_handler *handler = &connection->crowd->handler;
    connection->last = true;
    stream_want_input(connection->stream, false);
    begin_time_of_request(connection); /* the refusal gets time of its own */
    enter(connection, PHASE_JUDGED);
    connection->request =
        handler->refused(handler->context, connection->request, connection, reason);
    if (!connection->request && connection->phase == PHASE_JUDGED)
        linger(connection);
}

/*
 * A certificate is believed as long as it is valid and today's CA and CRL vouch for it. False when
 * memory ran out.
 */
static bool check_certificate(struct connection *connection)
{
    const struct crowd *crowd = connection->crowd;
    if (connection->tls_generation != crowd->tls_generation) {
        connection->tls_generation = crowd->tls_generation;
        if (!peer_recheck(&connection->certificate, stream_tls(connection->stream), crowd->tls))
            return false;
    }
    if (!connection->certificate)
        return true;
    peer_check_date(connection->certificate, crowd->tls, clock_unix_ms());
    if (!connection->certificate->valid)
        connection->last = true;
    return true;
}

static bool begin_request(struct connection *connection, struct str head)
{
    struct connection_handler *handler = &connection->crowd->handler;
    bool wants_body = true;
    if (!check_certificate(connection))
        return false;
    connection->request = handler->begin(handler->context, connection, head, &wants_body);
    if (!connection->request)
        return false;
    if (!connection->framing.keep_alive || connection->crowd->draining)
        connection->last = true;
    if (connection->framing.has_body && !wants_body) {
        connection->last = true; /* the body stays unread, so nothing behind it can be found */
        enter(connection, PHASE_JUDGED);
        return true;
    }
    enter(connection, PHASE_BODY);
    return true;
}

/* RFC 9110 10.1.1: the client holds its body back until it is told to go on. */
static void invite_body(struct connection *connection)
{
    if (!stream_write(connection->stream, STR("HTTP/1.1 100 Continue\r\n\r\n")))
        return; /* the stream reports its failure itself */
    connection->framing.expect_continue = false;
}

static void take_piece(struct connection *connection, struct str piece)
{
    connection->crowd->handler.piece(connection->request, piece);
    connection->body_bytes += piece.len;
    set_deadline(connection);
}

/*
 * Hands the input to the gate, one event at a time, until a request is complete or more bytes are
 * needed. The connection outlives this call except when it answers false.
 */
static bool process_input(struct connection *connection)
{
    struct connection_handler *handler = &connection->crowd->handler;
    size_t done = 0;
    bool more = true;
    while (more && (connection->phase == PHASE_HEAD || connection->phase == PHASE_BODY)) {
        struct str input = str_slice(buf_str(&connection->input), done, SIZE_MAX);
        struct str out;
        size_t used = 0;
        switch (framing_next(&connection->framing, input, &used, &out)) {
        case FRAMING_MORE:
            if (connection->phase == PHASE_BODY && connection->framing.expect_continue)
                invite_body(connection);
            more = false;
            break;
        case FRAMING_HEAD:
            if (!begin_request(connection, out)) {
                connection_close(connection);
                return false;
            }
            break;
        case FRAMING_PIECE:
            take_piece(connection, out);
            break;
        case FRAMING_DONE:
            enter(connection, PHASE_JUDGED);
            handler->complete(connection->request);
            break;
        case FRAMING_REFUSED:
            refuse(connection, framing_reason(connection->framing.refusal));
            break;
        }
        done += used;
    }
    buf_consume(&connection->input, done);
    return true;
}

/* Between requests an idle connection keeps no input buffer. */
static void await_request(struct connection *connection)
{
    framing_init(&connection->framing, &connection->crowd->framing);
    connection->request_began_us = 0;
    if (connection->input.len == 0) {
        buf_release(&connection->input);
        enter(connection, PHASE_IDLE);
        stream_want_input(connection->stream, true);
        return;
    }
    /* its bytes are here already: the clock starts when we come to it, not before */
    connection->phase = PHASE_HEAD;
    timer_clear(connection->deadline);
    loop_defer(connection->crowd->loop, &connection->next_task);
}

static void run_next(void *arg)
{
    struct connection *connection = arg;
    begin_time_of_request(connection);
    enter(connection, PHASE_HEAD);
    if (process_input(connection))
        stream_want_input(connection->stream, true);
}

static void answer_flushed(struct connection *connection)
{
    if (connection->last)
        linger(connection);
    else
        await_request(connection);
}

void connection_answer(struct connection *connection, struct str answer)
{
    connection->request = NULL;
    if (!connection_persists(connection))
        connection->last = true; /* as the answer's head says */
    if (!stream_write(connection->stream, answer)) {
        enter(connection, PHASE_WRITING); /* the stream's failure is reported, then we close */
        return;
    }
    if (stream_unsent(connection->stream) == 0) {
        answer_flushed(connection);
        return;
    }
    stream_want_input(connection->stream, false);
    enter(connection, PHASE_WRITING);
}

void connection_abandon(struct connection *connection)
{
    connection_close(connection);
}

bool connection_persists(const struct connection *connection)
{
    return !connection->last && !connection->crowd->draining;
}

struct str connection_peer(const struct connection *connection)
{
    return str_from(connection->peer);
}

const struct peer *connection_certificate(const struct connection *connection)
{
    return connection->certificate;
}

/* ---- events ---- */

static void connection_read(struct connection *connection)
{
    struct buf *input = &connection->input;
    if (connection->phase == PHASE_JUDGED && input->len >= LIMIT_PIPELINED_BYTES) {
        stream_want_input(connection->stream, false);
        return;
    }
    if (!buf_reserve(input, READ_BYTES)) {
        counters_count(connection->crowd->counters, COUNTER_LIMIT_BUFFERS);
        connection_lost(connection);
        return;
    }
    ssize_t got =
        stream_read(connection->stream, input->data + input->len, input->capacity - input->len);
    if (got == STREAM_END) {
        connection_lost(connection);
        return;
    }
    if (got == STREAM_AGAIN) {
        if (input->len == 0)
            buf_release(input);
        return;
    }
    input->len += (size_t)got;
    if (connection->next_task.queued)
        return; /* run_next comes to it, and starts its clock; begun here it would begin twice */
    if (connection->phase == PHASE_IDLE) {
        begin_time_of_request(connection);
        enter(connection, PHASE_HEAD);
    }
    (void)process_input(connection);
}

/* TLS is up: remember who showed a certificate. */
static void handshake_done(struct connection *connection)
{
    struct crowd *crowd = connection->crowd;
    SSL *tls = stream_tls(connection->stream);
    if (tls) {
        bool resumed = SSL_session_reused(tls) == 1;
        counters_count(crowd->counters, resumed ? COUNTER_HANDSHAKES_RESUMED : COUNTER_HANDSHAKES);
        if (!peer_read(tls, &connection->certificate)) {
            connection_close(connection); /* no memory to say who it is */
            return;
        }
    }
    admission_end_handshake(crowd->admission);
    enter(connection, PHASE_IDLE);
    connection_read(connection);
}

static void handshake_failed(struct connection *connection, enum counter counter,
                             const char *reason)
{
    const struct crowd *crowd = connection->crowd;
    counters_count(crowd->counters, counter);
    if (crowd->handler.unheard)
        crowd->handler.unheard(crowd->handler.context, connection_peer(connection), reason);
    (void)stream_discard(connection->stream); /* what is unread would turn the alert into a reset */
    connection_close(connection);
}

static void connection_ready(void *arg)
{
    struct connection *connection = arg;
    struct stream *stream = connection->stream;
    if (stream_state(stream) == STREAM_FAILED) {
        if (connection->phase == PHASE_HANDSHAKE)
            handshake_failed(connection, COUNTER_HANDSHAKES_FAILED, stream_reason(stream));
        else
            connection_lost(connection);
        return;
    }
    if (stream_state(stream) == STREAM_CONNECTING)
        return;
    switch (connection->phase) {
    case PHASE_HANDSHAKE:
        handshake_done(connection);
        break;
    case PHASE_LINGER:
        if (stream_discard(stream) == STREAM_END)
            connection_close(connection);
        break;
    case PHASE_WRITING:
        if (stream_unsent(stream) == 0)
            answer_flushed(connection);
        break;
    default:
        connection_read(connection);
    }
}

/* A client that does not read keeps the kernel's memory, too, unless it is told by a reset. */
static void cut_off(struct connection *connection)
{
    stream_reset_on_close(connection->stream);
    connection_lost(connection);
}

/* What the client still reads may drain as long as any answer; then the kernel gives it up, too. */
static void end_linger(struct connection *connection)
{
    const struct connection_deadlines *deadlines = &connection->crowd->deadlines;
    int64_t until_us = connection->phase_began_us + deadlines->write_ms * 1000;
    if (!stream_undelivered(connection->stream))
        connection_close(connection);
    else if (clock_mono_us() < until_us)
        timer_set(connection->deadline, deadlines->linger_ms);
    else
        cut_off(connection);
}

/* The request's whole time is over. */
static void expire(struct connection *connection)
{
    counters_count(connection->crowd->counters, COUNTER_LIMIT_REQUEST_TIMEOUT);
    if (connection->phase == PHASE_WRITING) {
        cut_off(connection);
        return;
    }
    begin_time_of_request(connection); /* what is said now gets time of its own */
    connection->last = true;
    if (connection->phase == PHASE_JUDGED)
        connection->crowd->handler.expired(connection->request);
    else
        refuse(connection, &too_slow);
}

static void on_deadline(void *arg)
{
    struct connection *connection = arg;
    struct counters *counters = connection->crowd->counters;
    if (request_until_us(connection) <= clock_mono_us()) {
        expire(connection);
        return;
    }
    bool rate = phase_until_us(connection) <
                connection->phase_began_us + connection->crowd->deadlines.body_ms * 1000;
    switch (connection->phase) {
    case PHASE_HANDSHAKE:
        handshake_failed(connection, COUNTER_LIMIT_HANDSHAKE_TIMEOUT, "not done in time");
        break;
    case PHASE_IDLE:
        if (!connection->crowd->draining)
            counters_count(counters, COUNTER_LIMIT_IDLE_TIMEOUT);
        linger(connection);
        break;
    case PHASE_HEAD:
        counters_count(counters, COUNTER_LIMIT_HEAD_TIMEOUT);
        refuse(connection, &too_slow);
        break;
    case PHASE_BODY:
        counters_count(counters, rate ? COUNTER_LIMIT_BODY_RATE : COUNTER_LIMIT_BODY_TIMEOUT);
        refuse(connection, rate ? &body_too_slow : &too_slow);
        break;
    case PHASE_WRITING:
        counters_count(counters, COUNTER_LIMIT_WRITE_TIMEOUT);
        cut_off(connection);
        break;
    case PHASE_LINGER:
        end_linger(connection);
        break;
    case PHASE_JUDGED:
        break; /* only the request's whole time bounds it */
    }
}

/* ---- the crowd ---- */

static struct connection *connection_new(struct crowd *crowd, int fd, const struct sockaddr *peer)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        close(fd);
        return NULL;
    }
    struct budget *budget = admission_budget(crowd->admission);
    connection->crowd = crowd;
    connection->client = address_client(peer);
    connection->tls_generation = crowd->tls_generation;
    connection->next_task = (struct task){.run = run_next, .arg = connection};
    buf_init_within(&connection->input,
                    crowd->framing.head_bytes + crowd->framing.line_bytes + LIMIT_PIPELINED_BYTES +
                        2 * READ_BYTES,
                    budget);
    address_format(peer, connection->peer);
    framing_init(&connection->framing, &crowd->framing);
    connection->deadline = timer_new(crowd->loop, on_deadline, connection);
    connection->stream =
        stream_accept(crowd->loop, fd, crowd->tls, budget,
                      (struct stream_owner){.ready = connection_ready, .owner = connection});
    if (connection->deadline && connection->stream)
        return connection;
    connection_free(connection);
    return NULL;
}

/*
 * Full: the connection that has waited longest for its client gives its place to the new one. When
 * only other loops have such, the next one will find room.
 */
static bool admit(struct crowd *crowd, struct client_key client)
{
    static const enum counter counters[] = {
        [ADMISSION_FULL] = COUNTER_LIMIT_CONNECTIONS,
        [ADMISSION_CLIENT_FULL] = COUNTER_LIMIT_CONNECTIONS_PER_CLIENT,
    };
    enum admitted admitted = admission_enter(crowd->admission, client);
    if (admitted == ADMISSION_FULL && crowd_make_room(crowd))
        admitted = admission_enter(crowd->admission, client);
    if (admitted == ADMITTED)
        return true;
    if (admitted == ADMISSION_FULL)
        admission_ask_for_room(crowd->admission);
    counters_count(crowd->counters, counters[admitted]);
    return false;
}

static void run_make_room(void *arg)
{
    struct crowd *crowd = arg;
    atomic_store(&crowd->room_maker.asked, false);
    (void)crowd_make_room(crowd);
}

void crowd_init(struct crowd *crowd)
{
    crowd->room_maker.loop = crowd->loop;
    crowd->room_maker.make_room = (struct task){.run = run_make_room, .arg = crowd};
    admission_register(crowd->admission, &crowd->room_maker);
    LIST_INIT(&crowd->all);
    TAILQ_INIT(&crowd->unfinished);
    TAILQ_INIT(&crowd->idle);
}

void crowd_add(struct crowd *crowd, int fd, const struct sockaddr *peer)
{
    counters_count(crowd->counters, COUNTER_CONNECTIONS);
    struct client_key client = address_client(peer);
    if (!admit(crowd, client)) {
        close(fd);
        return;
    }
    struct connection *connection = connection_new(crowd, fd, peer);
    if (!connection) {
        admission_end_handshake(crowd->admission);
        admission_leave(crowd->admission, client);
        return;
    }
    LIST_INSERT_HEAD(&crowd->all, connection, in_all);
    enter(connection, PHASE_HANDSHAKE);
    if (stream_state(connection->stream) == STREAM_OPEN)
        handshake_done(connection);
}

/*
 * A resumed session brought the client's certificate but not the chain above it, so it cannot be
 * verified again: an idle client is let go and comes back with all of it.
 */
static void let_resumed_go(struct crowd *crowd, const SSL_CTX *tls)
{
    for (struct connection *each = TAILQ_FIRST(&crowd->idle), *next; each; each = next) {
        next = TAILQ_NEXT(each, in_waiting);
        const SSL *ssl = stream_tls(each->stream);
        if (each->certificate && SSL_session_reused(ssl) &&
            !tls_same_trust(SSL_get_SSL_CTX(ssl), tls))
            linger(each);
    }
}

void crowd_set_tls(struct crowd *crowd, SSL_CTX *tls)
{
    if (crowd->tls)
        let_resumed_go(crowd, tls);
    tls_context_hold(tls);
    tls_context_free(crowd->tls);
    crowd->tls = tls;
    crowd->tls_generation++;
}

static struct connection *longest_in(const struct waiting *list, int64_t at_least_ms)
{
    struct connection *first = TAILQ_FIRST(list);
    int64_t since_us = clock_mono_us() - at_least_ms * 1000;
    return first && first->phase_began_us < since_us ? first : NULL;
}

bool crowd_make_room(struct crowd *crowd)
{
    struct connection *longest = longest_in(&crowd->unfinished, LIMIT_DAWDLING_MS);
    if (!longest)
        longest = longest_in(&crowd->idle, LIMIT_RESTING_MS);
    if (!longest)
        return false;
    counters_count(crowd->counters, COUNTER_LIMIT_MADE_ROOM);
    connection_lost(longest);
    return true;
}

void crowd_end_slow_handshakes(struct crowd *crowd)
{
    int64_t since_us = clock_mono_us() - LIMIT_DAWDLING_MS * 1000;
    for (struct connection *each = TAILQ_FIRST(&crowd->unfinished), *next; each; each = next) {
        next = TAILQ_NEXT(each, in_waiting);
        if (each->phase_began_us >= since_us)
            return;
        if (each->phase != PHASE_HANDSHAKE)
            continue;
        counters_count(crowd->counters, COUNTER_LIMIT_MADE_ROOM);
        connection_close(each);
    }
}

void crowd_drain(struct crowd *crowd)
{
    struct connection *each;
    crowd->draining = true;
    crowd->drain_began_us = clock_mono_us();
    TAILQ_FOREACH(each, &crowd->idle, in_waiting)
    set_deadline(each);
    check_emptied(crowd);
}

bool crowd_has_idle(const struct crowd *crowd)
{
    return !TAILQ_EMPTY(&crowd->idle);
}

void crowd_release(struct crowd *crowd)
{
    for (struct connection *each = LIST_FIRST(&crowd->all), *next; each; each = next) {
        next = LIST_NEXT(each, in_all);
        connection_lost(each);
    }
    tls_context_free(crowd->tls);
    crowd->tls = NULL;
}
