#include "net/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

#define RETRY_MS 1000

struct resolver {
    char *host;
    char port[8];
    int64_t refresh_ms;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct resolver_state state;
    bool asked; /* a first lookup has finished */
    bool stopping;
};

static struct timespec from_now(int64_t ms)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec += 1;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static struct resolved look_up(const struct resolver *resolver)
{
    struct resolved answer = {0};
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    if (getaddrinfo(resolver->host, resolver->port, &hints, &found) != 0)
        return answer;
    for (const struct addrinfo *each = found; each && answer.count < RESOLVE_ADDRESSES;
         each = each->ai_next) {
        struct resolved_address *item = &answer.items[answer.count++];
        memcpy(&item->address, each->ai_addr, each->ai_addrlen);
        item->length = each->ai_addrlen;
    }
    freeaddrinfo(found);
    return answer;
}

/* A failure keeps the last good answer. */
static void note(struct resolver_state *state, const struct resolved *answer)
{
    state->failing = answer->count == 0;
    state->failures += state->failing;
    if (state->failing)
        return;
    state->answer = *answer;
    state->succeeded_unix_ms = clock_unix_ms();
}

static void *resolver_main(void *arg)
{
    struct resolver *resolver = arg;
    pthread_mutex_lock(&resolver->lock);
    while (!resolver->stopping) {
        pthread_mutex_unlock(&resolver->lock);
        struct resolved answer = look_up(resolver);
        pthread_mutex_lock(&resolver->lock);
        note(&resolver->state, &answer);
        resolver->asked = true;
        pthread_cond_broadcast(&resolver->changed);
        struct timespec next = from_now(answer.count ? resolver->refresh_ms : RETRY_MS);
        while (!resolver->stopping &&
               pthread_cond_timedwait(&resolver->changed, &resolver->lock, &next) == 0)
            ;
    }
    pthread_mutex_unlock(&resolver->lock);
    return NULL;
}

struct resolver *resolver_start(const char *host, uint16_t port, int64_t refresh_ms,
                                struct error *err)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    if (!resolver || !(resolver->host = strdup(host))) {
        free(resolver);
        error_set(err, "out of memory");
        return NULL;
    }
    (void)snprintf(resolver->port, sizeof(resolver->port), "%u", port);
    resolver->refresh_ms = refresh_ms;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&resolver->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&resolver->lock, NULL);
    if (pthread_create(&resolver->thread, NULL, resolver_main, resolver) != 0) {
        error_set(err, "cannot start the resolver's thread");
        free(resolver->host);
        free(resolver);
        return NULL;
    }
    return resolver;
}

bool resolver_wait(struct resolver *resolver, int64_t wait_ms)
{
    struct timespec until = from_now(wait_ms);
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

void resolver_stop(struct resolver *resolver)
{
    if (!resolver)
        return;
    pthread_mutex_lock(&resolver->lock);
    resolver->stopping = true;
    pthread_cond_broadcast(&resolver->changed);
    pthread_mutex_unlock(&resolver->lock);
    pthread_join(resolver->thread, NULL);
    pthread_cond_destroy(&resolver->changed);
    pthread_mutex_destroy(&resolver->lock);
    free(resolver->host);
    free(resolver);
}
