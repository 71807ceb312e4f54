/*
 * One connection to the upstream and the call on it. For pool.c; see pool.h for the promises.
 */
#pragma once

#include "upstream/pool.h"

enum client_phase {
    CLIENT_CONNECTING,
    CLIENT_IDLE,
    CLIENT_AWAITING, /* the request is on its way; nothing of the answer has come */
    CLIENT_READING,
};

struct client {
    struct loop *loop;
    const struct upstream_options *options;
    struct upstream_pool *pool;
    struct client *previous, *next; /* in the pool's list of idle or busy ones */
    enum client_phase phase;
    bool retired; /* must not be kept: verified by CAs that are replaced */
    struct stream *stream;
    struct timer *deadline;
    struct upstream_call *call;
    struct resolved addresses;
    size_t next_address;
    unsigned changes; /* of the resolver's answer, when it was last seen to have our address */
    struct buf input;
    struct response_parser parser;
};

/* NULL when memory ran out. */
MUST_USE struct client *client_new(struct loop *loop, const struct upstream_options *options,
                                   struct upstream_pool *pool);

/* Connects, trying the addresses in turn, then sends the call. The call is told of any failure. */
void client_connect(struct client *client, struct upstream_call *call);

/* Sends a call on a kept connection. False: not one byte left, the connection is of no use. */
MUST_USE bool client_reuse(struct client *client, struct upstream_call *call);

/* Counts one, if anybody asks. */
void client_count(const struct client *client, enum counter counter);

/* Closes and frees, taking it off the pool's list. A call on it is forgotten. */
void client_close(struct client *client);

/* pool.c's side of the bargain. */
void pool_call_ended(struct upstream_call *call, enum upstream_failure failure, const char *detail);
void pool_client_free(struct upstream_pool *pool, struct client *client);

/* Keeps a client for later; false when enough are kept, or it is retired. */
MUST_USE bool pool_client_idle(struct upstream_pool *pool, struct client *client);
