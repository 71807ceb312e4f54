/*
 * The client side: accepted connections, each a line of requests behind the framing gate.
 *
 *     libevhtp accepts -> stream (TLS) -> framing gate -> handler -> answer -> next request
 *
 * libevhtp hands over the accepted socket and sees no byte of it (decisions/0002). A connection
 * serves one request at a time; pipelined ones wait in its input buffer, which is bounded.
 *
 * Every phase has an absolute deadline, so a byte a second buys nobody time. A connection that
 * must close although the client still sends is lingered on: the answer goes out, then input is
 * thrown away until the client finishes or the patience ends, so that no reset eats the answer.
 *
 * Single-threaded: a listener and its connections live on their loop's thread.
 */
#pragma once

#include "base/error.h"
#include "http/framing.h"
#include "net/loop.h"

struct listener;
struct connection;
struct ssl_ctx_st;

/* How patient the client side is, in milliseconds. */
struct listener_deadlines {
    int64_t handshake_ms; /* TCP accepted -> TLS up */
    int64_t idle_ms;      /* nothing of a request has come */
    int64_t head_ms;      /* its first byte -> its head */
    int64_t body_ms;      /* its head -> its last byte */
    int64_t write_ms;     /* an answer that does not drain */
    int64_t linger_ms;    /* after a last answer */
};

/*
 * Who handles requests. A `request` is the handler's own; the connection keeps it from begin until
 * connection_answer, connection_drop or gone, and calls in this order:
 *   begin, piece*, complete   or   refused (in place of any of them, once)
 * and `gone` at any time after begin: the client left, and the connection must not be used again.
 */
struct listener_handler {
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
    void (*gone)(void *request);
};

struct listener_options {
    struct framing_limits framing;
    struct listener_deadlines deadlines;
    struct ssl_ctx_st *tls; /* a reference is taken; NULL for plain TCP */
    struct listener_handler handler;

    /* After listener_drain: the last connection has closed. */
    void (*drained)(void *arg);
    void *drained_arg;
};

/*
 * A listening socket, bound to "HOST:PORT" or "[IPV6]:PORT" (port 0: any free one). -1 with `err`.
 * bound_address receives the numeric address with the real port.
 */
#define ADDRESS_TEXT_SIZE 64
MUST_USE int listener_bind(struct str address, char bound_address[ADDRESS_TEXT_SIZE],
                           struct error *err);

/*
 * Accepts on a duplicate of `fd`, which several listeners may share. `options` is copied. NULL
 * when descriptors or memory ran out.
 */
MUST_USE struct listener *listener_new(struct loop *loop, int fd,
                                       const struct listener_options *options);

/*
 * Takes what is waiting in the socket's queue, then no more; closes idle connections; lets each
 * request under way finish and closes behind it. Ends with options.drained.
 */
void listener_drain(struct listener *listener);

/* Closes everything at once, telling the handler of requests that are `gone`. Accepts NULL. */
void listener_free(struct listener *listener);

/* The client's numeric address and port. */
struct str connection_peer(const struct connection *connection);

/* Whether the connection will serve another request after this answer; if not, the answer's head
 * must say "Connection: close". */
bool connection_persists(const struct connection *connection);

/* Sends a complete answer (head and body) and ends the request. The bytes are not needed after. */
void connection_answer(struct connection *connection, struct str answer);

/* Ends the request without an answer, for which there was no memory: the connection closes. */
void connection_drop(struct connection *connection);
