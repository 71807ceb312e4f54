#include "net/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/address.h"
#include "net/dns.h"

#define RETRY_MS 1000

struct resolver {
    char *host;
    char port_text[8];
    struct resolver_options options; /* `host` and `own` are the copies here */
    struct sockaddr_storage own;
    _Atomic unsigned changes;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct resolver_state state;
    bool asked;   /* a first lookup has finished */
    bool looking; /* one is under way */
    bool stopping;
};

/* ---- looking up ---- */

static void ask_system(const struct resolver *resolver, struct resolved *ret)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    *ret = (struct resolved){.ttl_s = UINT32_MAX};
    if (getaddrinfo(resolver->host, resolver->port_text, &hints, &found) != 0)
        return;
    for (const struct addrinfo *each = found; each && ret->count < RESOLVE_ADDRESSES;
         each = each->ai_next) {
        struct resolved_address *item = &ret->items[ret->count++];
        memcpy(&item->address, each->ai_addr, each->ai_addrlen);
        item->length = each->ai_addrlen;
    }
    freeaddrinfo(found);
}

/* An address is no name, whoever is asked. */
static bool is_address(const char *host)
{
    struct in6_addr ignored;
    return inet_pton(AF_INET, host, &ignored) == 1 || inet_pton(AF_INET6, host, &ignored) == 1;
}

static void leave_out_own(const struct resolver *resolver, struct resolved *resolved)
{
    size_t kept = 0;
    for (size_t i = 0; resolver->options.own && i < resolved->count; i++) {
        if (!address_is_own((const void *)&resolved->items[i].address, resolver->options.own))
            resolved->items[kept++] = resolved->items[i];
        else
            resolved->is_own = true;
    }
    if (resolved->is_own)
        resolved->count = kept;
}

static struct resolved look_up(const struct resolver *resolver)
{
    struct resolved answer;
    if (resolver->options.by == RESOLVE_BY_SYSTEM || is_address(resolver->host))
        ask_system(resolver, &answer);
    else if (!dns_look_up(resolver->host, resolver->options.port, &answer))
        answer.count = 0;
    leave_out_own(resolver, &answer);
    answer.is_failing = answer.count == 0;
    return answer;
}

bool resolved_has(const struct resolved *resolved, const struct resolved_address *address)
{
    for (size_t i = 0; i < resolved->count; i++) {
        const struct resolved_address *item = &resolved->items[i];
        if (item->length == address->length &&
            memcmp(&item->address, &address->address, item->length) == 0)
            return true;
    }
    return false;
}

/* The order is no difference: servers turn it with every answer. */
static bool same_answer(const struct resolved *a, const struct resolved *b)
{
    bool same = a->count == b->count && a->is_failing == b->is_failing && a->is_own == b->is_own;
    for (size_t i = 0; same && i < a->count; i++)
        same = resolved_has(b, &a->items[i]);
    return same;
}

/* A failure keeps the last good addresses. */
static void take_answer(struct resolver *resolver, struct resolved *answer)
{
    struct resolver_state *state = &resolver->state;
    const struct resolved before = state->answer;
    if (answer->is_failing) {
        bool is_own = answer->is_own;
        *answer = before;
        answer->is_failing = true;
        answer->is_own = is_own;
        state->failures++;
    } else {
        state->succeeded_unix_ms = clock_unix_ms();
    }
    state->answer = *answer;
    bool first = !resolver->asked;
    resolver->asked = true;
    if (!first && same_answer(&before, answer))
        return;
    atomic_fetch_add(&resolver->changes, 1);
    if (resolver->options.changed)
        resolver->options.changed(resolver->options.arg, &before, answer);
}

static int64_t next_in_ms(const struct resolver *resolver, const struct resolved *answer)
{
    int64_t ttl_ms = (int64_t)answer->ttl_s * 1000;
    if (answer->is_failing)
        return RETRY_MS;
    if (ttl_ms > resolver->options.refresh_ms)
        return resolver->options.refresh_ms;
    return ttl_ms < RESOLVE_LEAST_MS ? RESOLVE_LEAST_MS : ttl_ms;
}

/* ---- the thread ---- */

static void resolver_free(struct resolver *resolver)
{
    pthread_cond_destroy(&resolver->changed);
    pthread_mutex_destroy(&resolver->lock);
    free(resolver->host);
    free(resolver);
}

/* With the lock, which it gives up meanwhile. */
static void look_again(struct resolver *resolver)
{
    resolver->looking = true;
    pthread_mutex_unlock(&resolver->lock);
    struct resolved answer = look_up(resolver);
    pthread_mutex_lock(&resolver->lock);
    resolver->looking = false;
    if (resolver->stopping)
        return;
    take_answer(resolver, &answer);
    pthread_cond_broadcast(&resolver->changed);
    struct timespec next = clock_mono_from_now(next_in_ms(resolver, &answer));
    while (!resolver->stopping &&
           pthread_cond_timedwait(&resolver->changed, &resolver->lock, &next) == 0)
        ;
}

static void *resolver_main(void *arg)
{
    struct resolver *resolver = arg;
    pthread_mutex_lock(&resolver->lock);
    while (!resolver->stopping)
        look_again(resolver);
    pthread_mutex_unlock(&resolver->lock);
    resolver_free(resolver);
    return NULL;
}

struct resolver *resolver_start(const struct resolver_options *options, struct error *err)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    if (!resolver || !(resolver->host = strdup(options->host))) {
        free(resolver);
        error_set(err, "out of memory");
        return NULL;
    }
    resolver->options = *options;
    resolver->options.host = resolver->host;
    if (options->own) {
        memcpy(&resolver->own, options->own, address_length(options->own));
        resolver->options.own = (const struct sockaddr *)&resolver->own;
    }
    (void)snprintf(resolver->port_text, sizeof(resolver->port_text), "%u", options->port);
    clock_mono_cond_init(&resolver->changed);
    pthread_mutex_init(&resolver->lock, NULL);
    if (pthread_create(&resolver->thread, NULL, resolver_main, resolver) != 0) {
        error_set(err, "cannot start the resolver's thread");
        resolver_free(resolver);
        return NULL;
    }
    return resolver;
}

bool resolver_wait(struct resolver *resolver, int64_t wait_ms)
{
    struct timespec until = clock_mono_from_now(wait_ms);
    pthread_mutex_lock(&resolver->lock);
    while (!resolver->asked &&
           pthread_cond_timedwait(&resolver->changed, &resolver->lock, &until) == 0)
        ;
    bool known = resolver->state.answer.count > 0;
    pthread_mutex_unlock(&resolver->lock);
    return known;
}

void resolver_get(struct resolver *resolver, struct resolved *ret)
{
    pthread_mutex_lock(&resolver->lock);
    *ret = resolver->state.answer;
    pthread_mutex_unlock(&resolver->lock);
}

void resolver_look(struct resolver *resolver, struct resolver_state *ret)
{
    pthread_mutex_lock(&resolver->lock);
    *ret = resolver->state;
    pthread_mutex_unlock(&resolver->lock);
}

unsigned resolver_changes(const struct resolver *resolver)
{
    return atomic_load_explicit(&resolver->changes, memory_order_relaxed);
}

/* A name server that does not answer would hold up the end of the process by many seconds. */
void resolver_stop(struct resolver *resolver)
{
    if (!resolver)
        return;
    pthread_t thread = resolver->thread;
    pthread_mutex_lock(&resolver->lock);
    bool looking = resolver->looking;
    resolver->stopping = true;
    pthread_cond_broadcast(&resolver->changed);
    pthread_mutex_unlock(&resolver->lock);
    if (looking)
        pthread_detach(thread);
    else
        pthread_join(thread, NULL);
}
