/*
 * Totals are atomics. The count per client is a table under a lock, taken only when a connection
 * comes or goes, and only when clients are limited at all.
 *
 * The table is open addressing with a secret in the hash; it has twice as many slots as there may
 * be connections, so it never fills up.
 */
#include "net/admission.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

struct client_slot {
    struct client_key key;
    uint32_t connections; /* 0: free */
};

struct admission {
    struct admission_limits limits;
    struct budget budget;
    atomic_uint_fast64_t connections;
    atomic_uint_fast64_t handshakes;
    atomic_uint_fast64_t requests;
    struct room_maker *makers;

    pthread_mutex_t lock; /* guards the slots */
    struct client_slot *slots;
    size_t mask; /* number of slots - 1; 0: clients are not counted */
    uint64_t secret;
};

static bool counts_clients(const struct admission_limits *limits)
{
    return limits->connections_per_client < limits->connections;
}

struct admission *admission_new(const struct admission_limits *limits)
{
    struct admission *admission = calloc(1, sizeof(*admission));
    if (!admission)
        return NULL;
    admission->limits = *limits;
    admission->budget.max = limits->buffer_bytes;
    pthread_mutex_init(&admission->lock, NULL);
    if (!counts_clients(limits))
        return admission;
    size_t count = 16;
    while (count < limits->connections * 2)
        count *= 2;
    admission->slots = calloc(count, sizeof(*admission->slots));
    admission->mask = count - 1;
    if (!admission->slots || getrandom(&admission->secret, sizeof(admission->secret), 0) !=
                                 (ssize_t)sizeof(admission->secret)) {
        admission_free(admission);
        return NULL;
    }
    return admission;
}

void admission_free(struct admission *admission)
{
    if (!admission)
        return;
    pthread_mutex_destroy(&admission->lock);
    free(admission->slots);
    free(admission);
}

/* ---- the table ---- */

static size_t home_of(const struct admission *admission, struct client_key key)
{
    uint64_t hash = (key.prefix ^ admission->secret) + key.is_v4;
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
    hash = (hash ^ hash >> 32) * (admission->secret | 1);
    return (size_t)(hash >> 20) & admission->mask;
}

static bool same_client(struct client_key a, struct client_key b)
{
    return a.prefix == b.prefix && a.is_v4 == b.is_v4;
}

/* The client's slot, or the free one where it belongs. */
static size_t find_slot(const struct admission *admission, struct client_key key)
{
    size_t at = home_of(admission, key);
    while (admission->slots[at].connections && !same_client(admission->slots[at].key, key))
        at = (at + 1) & admission->mask;
    return at;
}

/* Closes the gap at `hole`, so that no later search stops there too early. */
static void fill_hole(struct admission *admission, size_t hole)
{
    struct client_slot *slots = admission->slots;
    for (size_t at = (hole + 1) & admission->mask; slots[at].connections;
         at = (at + 1) & admission->mask) {
        size_t home = home_of(admission, slots[at].key);
        if (((at - home) & admission->mask) < ((at - hole) & admission->mask))
            continue; /* its home lies behind the hole */
        slots[hole] = slots[at];
        hole = at;
    }
    slots[hole].connections = 0;
}

static bool client_enter(struct admission *admission, struct client_key client)
{
    if (!admission->mask)
        return true;
    pthread_mutex_lock(&admission->lock);
    struct client_slot *slot = &admission->slots[find_slot(admission, client)];
    bool fits = slot->connections < admission->limits.connections_per_client;
    if (fits) {
        slot->key = client;
        slot->connections++;
    }
    pthread_mutex_unlock(&admission->lock);
    return fits;
}

static void client_leave(struct admission *admission, struct client_key client)
{
    if (!admission->mask)
        return;
    pthread_mutex_lock(&admission->lock);
    size_t at = find_slot(admission, client);
    if (--admission->slots[at].connections == 0)
        fill_hole(admission, at);
    pthread_mutex_unlock(&admission->lock);
}

/* ---- coming and going ---- */

static bool take_one(atomic_uint_fast64_t *count, uint64_t max)
{
    if (atomic_fetch_add_explicit(count, 1, memory_order_relaxed) < max)
        return true;
    atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
    return false;
}

enum admitted admission_enter(struct admission *admission, struct client_key client)
{
    if (!take_one(&admission->connections, admission->limits.connections))
        return ADMISSION_FULL;
    if (client_enter(admission, client)) {
        atomic_fetch_add_explicit(&admission->handshakes, 1, memory_order_relaxed);
        return ADMITTED;
    }
    atomic_fetch_sub_explicit(&admission->connections, 1, memory_order_relaxed);
    return ADMISSION_CLIENT_FULL;
}

void admission_leave(struct admission *admission, struct client_key client)
{
    client_leave(admission, client);
    atomic_fetch_sub_explicit(&admission->connections, 1, memory_order_relaxed);
}

void admission_end_handshake(struct admission *admission)
{
    atomic_fetch_sub_explicit(&admission->handshakes, 1, memory_order_relaxed);
}

bool admission_handshakes_full(struct admission *admission)
{
    return atomic_load_explicit(&admission->handshakes, memory_order_relaxed) >=
           admission->limits.handshakes;
}

void admission_register(struct admission *admission, struct room_maker *maker)
{
    maker->next = admission->makers;
    admission->makers = maker;
}

void admission_ask_for_room(struct admission *admission)
{
    for (struct room_maker *each = admission->makers; each; each = each->next) {
        if (!atomic_exchange(&each->asked, true))
            loop_post(each->loop, &each->make_room);
    }
}

bool admission_begin_request(struct admission *admission)
{
    return !budget_is_tight(&admission->budget) &&
           take_one(&admission->requests, admission->limits.requests);
}

void admission_end_request(struct admission *admission)
{
    atomic_fetch_sub_explicit(&admission->requests, 1, memory_order_relaxed);
}

struct budget *admission_budget(struct admission *admission)
{
    return &admission->budget;
}

struct admission_usage admission_usage(struct admission *admission)
{
    return (struct admission_usage){
        .connections = atomic_load_explicit(&admission->connections, memory_order_relaxed),
        .requests = atomic_load_explicit(&admission->requests, memory_order_relaxed),
        .buffer_bytes = atomic_load_explicit(&admission->budget.used, memory_order_relaxed),
    };
}
