/*
 * Where a host name leads: one thread asks getaddrinfo and keeps the last good answer, so that no
 * loop ever waits for DNS. Asked again every refresh interval, and every second while it fails.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

#define RESOLVE_ADDRESSES 16 /* tried in the resolver's order (RFC 6724) */

struct resolved_address {
    struct sockaddr_storage address;
    socklen_t length;
};

struct resolved {
    struct resolved_address items[RESOLVE_ADDRESSES];
    size_t count; /* 0: never resolved so far */
};

struct resolver;

/* Starts the thread. `host` may be a name or an address; copied. NULL with `err`. */
MUST_USE struct resolver *resolver_start(const char *host, uint16_t port, int64_t refresh_ms,
                                         struct error *err);

/* Waits for the first answer, good or bad, at most `wait_ms`. True when there is an address. */
bool resolver_wait(struct resolver *resolver, int64_t wait_ms);

/* The last good answer. Any thread; never blocks for DNS. */
void resolver_get(struct resolver *resolver, struct resolved *ret);

/* How it has gone so far. Any thread. */
struct resolver_state {
    struct resolved answer;    /* the last good one */
    int64_t succeeded_unix_ms; /* when that was; 0: never */
    uint64_t failures;
    bool failing; /* the last lookup gave nothing */
};

void resolver_look(struct resolver *resolver, struct resolver_state *ret);

/* Ends the thread, waiting for a lookup under way. Accepts NULL. */
void resolver_stop(struct resolver *resolver);
