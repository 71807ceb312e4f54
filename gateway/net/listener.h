/*
 * Where clients come in: libevhtp accepts, the crowd takes over.
 *
 *     libevhtp accepts -> admitted? -> connection (TLS, framing gate, handler)
 *
 * libevhtp hands over the accepted socket and sees no byte of it (decisions/0002). When there are
 * as many connections as there may be, the one that waits longest for its client makes room.
 *
 * Single-threaded: a listener and its connections live on their loop's thread.
 */
#pragma once

#include "net/connection.h"

struct listener;

struct listener_options {
    struct framing_limits framing;
    struct connection_deadlines deadlines;
    struct ssl_ctx_st *tls; /* a reference is taken; NULL for plain TCP */
    struct connection_handler handler;
    struct admission *admission; /* may be shared with other listeners */
    struct counters *counters;
    bool is_inherited; /* others hold the socket, too: whoever waits in its queue waits for them */

    /* After listener_drain: the last connection has closed. */
    void (*drained)(void *arg);
    void *drained_arg;
};

/*
 * Accepts on a duplicate of `fd`, which several listeners may share. `options` is copied. NULL
 * when descriptors or memory ran out.
 */
MUST_USE struct listener *listener_new(struct loop *loop, int fd,
                                       const struct listener_options *options);

/* See crowd_set_tls. */
void listener_set_tls(struct listener *listener, struct ssl_ctx_st *tls);

/*
 * The end, in two steps, so that no client meets an error:
 *   - every answer says that it is the last on its connection; idle connections have drain_idle_ms
 *     for one more request (see crowd_drain), and new ones are still accepted;
 *   - once none is idle any more, or that time is over: accepts what waits in the socket's queue,
 *     unless it is inherited, then no more. What is under way finishes.
 * Ends with options.drained.
 */
void listener_drain(struct listener *listener);

/* Closes everything at once, telling the handler of requests that are `gone`. Accepts NULL. */
void listener_free(struct listener *listener);
