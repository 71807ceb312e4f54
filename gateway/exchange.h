/*
 * One request's life, from its head to the answer: the conductor, and the only place where the
 * pure heart, the journal and the two sides of the network meet.
 *
 *     begin -> read body -> judge -> record decision -> refuse
 *                                         |
 *                                     (durable)
 *                                         v
 *                                      forward -> record outcome -> relay
 *
 * A verdict takes effect only once it is durable; an answer is relayed only once its outcome is.
 * Single-threaded: a desk and its exchanges live on one worker's loop.
 */
#pragma once

#include "audit/journal.h"
#include "config.h"
#include "net/listener.h"
#include "policy/policy.h"
#include "upstream/pool.h"

/* What a worker's exchanges share. */
struct desk;

struct desk_options {
    struct loop *loop;
    const struct config *config;
    const struct policy_set *policy;
    const struct policy_layer *team;
    struct journal *journal;
    struct upstream_pool *pool;
    void (*idle)(void *arg); /* called whenever the last exchange under way has ended */
    void *arg;
};

MUST_USE struct desk *desk_new(const struct desk_options *options);

/* Frees exchanges under way, too; the journal must be closed before. Accepts NULL. */
void desk_free(struct desk *desk);

/* Exchanges under way. */
size_t desk_busy(const struct desk *desk);

/* How a listener reaches the desk. */
struct listener_handler desk_handler(struct desk *desk);
