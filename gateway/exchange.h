/*
 * One request's life, from its head to the answer: the conductor, and the only place where the
 * pure heart, the journal and the two sides of the network meet.
 *
 *     begin -> identify -> read body -> judge -> record decision -> refuse
 *                                                    |
 *                                                (durable)
 *                                                    v
 *                                                 forward -> record outcome -> relay
 *
 * A verdict takes effect only once it is durable; an answer is relayed only once its outcome is.
 * What is turned away because too much is under way is told so at once and recorded meanwhile.
 * Single-threaded: a desk and its exchanges live on one worker's loop.
 */
#pragma once

#include "audit/hash_keys.h"
#include "audit/journal.h"
#include "net/connection.h"
#include "snapshot.h"
#include "telemetry/summary.h"
#include "upstream/pool.h"

/* What a worker's exchanges share. */
struct desk;

struct desk_options {
    struct loop *loop;
    struct snapshot *snapshot; /* to begin with; a reference is taken */
    struct journal *journal;
    const struct hash_keys *hash_keys; /* NULL: phone numbers are recorded in the clear */
    struct upstream_pool *pool;
    struct admission *admission;
    struct counters *counters;
    /* Called once for each request that has ended, however; `summary` lives until it returns. */
    void (*ended)(void *arg, const struct request_summary *summary);
    void (*idle)(void *arg); /* called whenever the last exchange under way has ended */
    void *arg;
};

MUST_USE struct desk *desk_new(const struct desk_options *options);

/* Frees exchanges under way, too; the journal must be closed before. Accepts NULL. */
void desk_free(struct desk *desk);

/* Later exchanges are judged by `snapshot`; a reference is taken. Those under way keep theirs. */
void desk_adopt(struct desk *desk, struct snapshot *snapshot);

/* Exchanges under way. */
size_t desk_busy(const struct desk *desk);

/* How a listener reaches the desk. */
struct connection_handler desk_handler(struct desk *desk);
