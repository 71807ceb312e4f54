/*
 * One client's connection: a line of requests behind the framing gate, each phase with a deadline.
 *
 *     handshake -> idle -> head -> body -> judged -> writing -> idle …
 *                                                       `-> linger, when it must close
 *
 * A connection serves one request at a time; pipelined ones wait in its input buffer, which is
 * bounded. Deadlines are absolute: a byte a second buys nobody time. A connection that must close
 * although the client still sends is lingered on: the answer goes out, then input is thrown away
 * until the client finishes or the patience ends, so that no reset eats the answer.
 *
 * Single-threaded: a crowd and its connections live on their loop's thread.
 */
#pragma once

#include <sys/queue.h>

#include "base/counters.h"
#include "http/framing.h"
#include "net/admission.h"
#include "net/loop.h"
#include "net/peer.h"

struct connection;

/* How patient the client side is, in milliseconds; every one is absolute. */
struct connection_deadlines {
    int64_t handshake_ms;  /* TCP accepted -> TLS up */
    int64_t idle_ms;       /* nothing of a request has come */
    int64_t head_ms;       /* its first byte -> its head */
    int64_t body_ms;       /* its head -> its last byte */
    int64_t request_ms;    /* its first byte -> its answer, all in all */
    int64_t write_ms;      /* an answer that does not drain */
    int64_t linger_ms;     /* after a last answer */
    int64_t drain_idle_ms; /* idle, once the end has begun */

    /* A body must also keep up this many bytes a second, once the grace is over. */
    uint64_t body_rate;
    int64_t body_grace_ms;
};

/*
 * Who handles requests. A `request` is the handler's own; the connection keeps it from begin until
 * connection_answer or gone, and calls in this order:
 *   begin, piece*, complete   or   refused (in place of any of them, once)
 * and at any time after begin `expired`, or `gone`: the client left, and the connection must not
 * be used again.
 */
struct connection_handler {
    void *context;

    /*
     * A head was accepted. `head` is good during the call (see framing_split). Returns the request,
     * or NULL when memory ran out: the connection is then closed. *wants_body false: the answer is
     * already decided and the body, if any, is not read.
     */
    void *(*begin)(void *context, struct connection *connection, struct str head, bool *wants_body);
    void (*piece)(void *request, struct str piece);
    void (*complete)(void *request);

    /*
     * The bytes are not HTTP we accept, or came too slowly. `request` is NULL before begin; then
     * the handler makes one and returns it; NULL closes the connection without an answer.
     */
    void *(*refused)(void *context, void *request, struct connection *connection,
                     const struct framing_reason *reason);

    /* The request's whole time is over while the handler is at work: it answers before it returns.
     */
    void (*expired)(void *request);
    void (*gone)(void *request);

    /* A connection never came as far as a request: `reason` is a static phrase. May be NULL. */
    void (*unheard)(void *context, struct str peer, const char *reason);
};

TAILQ_HEAD(waiting, connection);

/* The connections of one listener, and what they have in common. */
struct crowd {
    struct loop *loop;
    struct framing_limits framing;
    struct connection_deadlines deadlines;
    struct connection_handler handler;
    struct admission *admission;
    struct counters *counters;
    struct ssl_ctx_st *tls;  /* for new connections; NULL for plain TCP */
    unsigned tls_generation; /* counts crowd_set_tls */
    bool draining;
    int64_t drain_began_us;

    /* Called when a draining crowd has become empty. */
    void (*emptied)(void *arg);
    void *arg;

    LIST_HEAD(, connection) all;
    struct room_maker room_maker;
    /* those that wait for their clients, the longest first: in the middle of something, or idle */
    struct waiting unfinished, idle;
};

/* Ready for connections; `crowd` has its settings, all but the lists. */
void crowd_init(struct crowd *crowd);

/* Takes over an accepted socket, also on failure. The connection ends by itself. */
void crowd_add(struct crowd *crowd, int fd, const struct sockaddr *peer);

/*
 * New connections use `tls` (a reference is taken). Clients that are connected keep what they have,
 * but a certificate they showed is verified again, against `tls`, before their next request.
 */
void crowd_set_tls(struct crowd *crowd, struct ssl_ctx_st *tls);

/*
 * Closes the connection that has waited longest for its client: one that has dawdled in the middle
 * of a handshake or request, or else one that has been idle for a while (LIMIT_DAWDLING_MS,
 * LIMIT_RESTING_MS). False when there is none.
 */
bool crowd_make_room(struct crowd *crowd);

/* Closes those that have dawdled in their handshake, so that others can have theirs. */
void crowd_end_slow_handshakes(struct crowd *crowd);

/*
 * Lets each request under way finish and closes behind it. An idle connection has drain_idle_ms for
 * one more request, whose answer says that it is the last: closing it at once would cut off a
 * client that is just sending, and leave it to wonder whether its campaign exists.
 */
void crowd_drain(struct crowd *crowd);

/* Whether a connection is idle that a client may still come back to. */
MUST_USE bool crowd_has_idle(const struct crowd *crowd);

/* Closes everything at once, telling the handler of requests that are `gone`. */
void crowd_release(struct crowd *crowd);

/* ---- for the handler ---- */

/* The client's numeric address and port. */
struct str connection_peer(const struct connection *connection);

/* The certificate the client showed, or NULL. Good until the connection ends. */
const struct peer *connection_certificate(const struct connection *connection);

/* Whether the connection will serve another request after this answer; if not, the answer's head
 * must say "Connection: close". */
bool connection_persists(const struct connection *connection);

/*
 * Sends a complete answer (head and body) and ends the request. The bytes are not needed after.
 * Never from inside begin, piece, complete or refused; the same holds for connection_abandon.
 */
void connection_answer(struct connection *connection, struct str answer);

/* Ends the request and closes: there is no memory for an answer. */
void connection_abandon(struct connection *connection);
