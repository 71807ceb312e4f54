#include "upstream/pool.h"

#include <stdlib.h>

#include "base/clock.h"
#include "net/tls.h"
#include "upstream/client.h"

struct upstream_pool {
    struct loop *loop;
    struct upstream_options options;
    struct client *idle;      /* last in, first out: the freshest is the least likely to be stale */
    atomic_size_t idle_count; /* others may look */
    struct client *busy;
};

static const struct {
    const char *code, *sentence;
} failures[] = {[UPSTREAM_ANSWERED] = {"answered", "the upstream answered"},
#define X(name, code, sentence) [UPSTREAM_##name] = {code, sentence},
                UPSTREAM_FAILURES(X)
#undef X
};

const char *upstream_failure_code(enum upstream_failure failure)
{
    return failures[failure].code;
}

const char *upstream_failure_sentence(enum upstream_failure failure)
{
    return failures[failure].sentence;
}

struct upstream_pool *pool_new(struct loop *loop, const struct upstream_options *options)
{
    struct upstream_pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return NULL;
    pool->loop = loop;
    pool->options = *options;
    pool->options.peer.tls = NULL;
    pool_set_tls(pool, options->peer.tls);
    return pool;
}

void pool_set_tls(struct upstream_pool *pool, struct ssl_ctx_st *tls)
{
    tls_context_hold(tls);
    tls_context_free(pool->options.peer.tls);
    pool->options.peer.tls = tls;
    while (pool->idle)
        client_close(pool->idle);
    for (struct client *each = pool->busy; each; each = each->next)
        each->retired = true;
}

static void list_add(struct client **list, struct client *client)
{
    client->previous = NULL;
    client->next = *list;
    if (*list)
        (*list)->previous = client;
    *list = client;
}

static void list_remove(struct client **list, struct client *client)
{
    if (client->previous)
        client->previous->next = client->next;
    else
        *list = client->next;
    if (client->next)
        client->next->previous = client->previous;
}

void pool_call_ended(struct upstream_call *call, enum upstream_failure failure, const char *detail)
{
    call->failure = failure;
    call->detail = detail;
    call->client = NULL;
    loop_defer(call->pool->loop, &call->done);
}

/* A connection that was kept, is still alive and took the request. */
static bool send_on_idle(struct upstream_pool *pool, struct upstream_call *call)
{
    struct client *client;
    while ((client = pool->idle)) {
        list_remove(&pool->idle, client);
        pool->idle_count--;
        list_add(&pool->busy, client);
        if (client_reuse(client, call)) {
            client_count(client, COUNTER_UPSTREAM_REUSED);
            return true;
        }
        client_count(client, COUNTER_UPSTREAM_RETRIES);
        client_close(client);
    }
    return false;
}

static void send_on_new(struct upstream_pool *pool, struct upstream_call *call)
{
    struct client *client = client_new(pool->loop, &pool->options, pool);
    if (!client) {
        pool_call_ended(call, UPSTREAM_MEMORY, "");
        return;
    }
    list_add(&pool->busy, client);
    client_connect(client, call);
}

void pool_send(struct upstream_pool *pool, struct upstream_call *call)
{
    call->pool = pool;
    call->sent = false;
    call->detail = "";
    call->started_us = clock_mono_us();
    if (!send_on_idle(pool, call))
        send_on_new(pool, call);
}

void pool_client_free(struct upstream_pool *pool, struct client *client)
{
    list_remove(client->phase == CLIENT_IDLE ? &pool->idle : &pool->busy, client);
    if (client->phase == CLIENT_IDLE)
        pool->idle_count--;
}

bool pool_client_idle(struct upstream_pool *pool, struct client *client)
{
    if (pool->idle_count >= LIMIT_IDLE_CLIENTS || client->retired)
        return false;
    list_remove(&pool->busy, client);
    list_add(&pool->idle, client);
    pool->idle_count++;
    return true;
}

uint64_t pool_idle_count(const struct upstream_pool *pool)
{
    return atomic_load_explicit(&pool->idle_count, memory_order_relaxed);
}

void pool_free(struct upstream_pool *pool)
{
    if (!pool)
        return;
    while (pool->idle)
        client_close(pool->idle);
    while (pool->busy)
        client_close(pool->busy);
    tls_context_free(pool->options.peer.tls);
    free(pool);
}
