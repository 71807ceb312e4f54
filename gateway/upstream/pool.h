/*
 * The Kore.ai host, as one worker sees it: a pool of verified TLS connections and calls on them.
 *
 * The one promise: a request is sent at most once. It is tried again, on another connection, only
 * while not a single byte of it has reached a socket. What happened is told precisely, so that the
 * client and the audit can be told "no campaign was created" or "nobody knows".
 *
 * Single-threaded: a pool and its calls live on their loop's thread.
 */
#pragma once

#include "base/buf.h"
#include "base/counters.h"
#include "http/response.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "net/stream.h"

/* In milliseconds. */
struct upstream_deadlines {
    int64_t connect_ms;    /* TCP and TLS, for each address */
    int64_t first_byte_ms; /* request sent -> first byte of the answer */
    int64_t total_ms;      /* call begun -> answer complete */
    int64_t idle_ms;       /* how long a connection is kept unused: below the peer's own patience */
};

struct upstream_options {
    struct stream_peer
        peer; /* its strings must outlive the pool; of its context a reference is taken */
    struct upstream_deadlines deadlines;
    struct resolver *resolver;
    uint64_t max_answer_bytes;
    struct counters *counters; /* of the thread; NULL: nobody asks */
};

/* How a call ended: X(NAME, code for clients and audit, sentence) */
#define UPSTREAM_FAILURES(X)                                                                       \
    X(RESOLVE, "resolve", "the upstream's name does not resolve")                                  \
    X(SELF, "self-call", "the upstream's name leads to this gateway itself")                       \
    X(CONNECT, "connect", "no connection to the upstream could be made")                           \
    X(CONNECT_TIMEOUT, "connect-timeout", "no connection to the upstream could be made in time")   \
    X(RESET, "reset", "the upstream closed the connection before it answered")                     \
    X(FIRST_BYTE_TIMEOUT, "first-byte-timeout", "the upstream did not begin to answer in time")    \
    X(TOTAL_TIMEOUT, "total-timeout", "the upstream did not finish its answer in time")            \
    X(MALFORMED, "malformed-answer", "the upstream's answer is not valid HTTP")                    \
    X(MEMORY, "no-memory", "the gateway ran out of memory")

enum upstream_failure {
    UPSTREAM_ANSWERED,
#define X(name, code, sentence) UPSTREAM_##name,
    UPSTREAM_FAILURES(X)
#undef X
};

const char *upstream_failure_code(enum upstream_failure failure);
const char *upstream_failure_sentence(enum upstream_failure failure);

struct upstream_pool;
struct client;

/* One call. Lives in the caller's structure from pool_send until done; fill the first part. */
struct upstream_call {
    struct str request;  /* head and body, kept by the caller until done */
    struct arena *arena; /* where the answer's head goes */
    struct task done;    /* runs once, never from inside pool_send */

    /* the outcome, valid in `done` */
    enum upstream_failure failure;
    const char *detail; /* the transport's or parser's own words; static; may be empty */
    bool sent;          /* bytes of the request may have reached the upstream */
    struct http_response response;
    struct buf body; /* decoded; the caller initialises and releases it */

    /* the pool's own */
    struct upstream_pool *pool;
    struct client *client;
    int64_t started_us;
};

MUST_USE struct upstream_pool *pool_new(struct loop *loop, const struct upstream_options *options);

/*
 * New connections use `tls` (a reference is taken). Those that are there were verified by the CAs
 * before: idle ones are closed, busy ones when their call has ended.
 */
void pool_set_tls(struct upstream_pool *pool, struct ssl_ctx_st *tls);

/* Connections kept for the next calls. Any thread. */
uint64_t pool_idle_count(const struct upstream_pool *pool);

/* Begins a call. */
void pool_send(struct upstream_pool *pool, struct upstream_call *call);

/* Closes every connection. Calls under way are forgotten: their `done` does not run. */
void pool_free(struct upstream_pool *pool);
