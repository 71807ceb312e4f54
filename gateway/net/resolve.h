/*
 * Where a host name leads: one thread asks and keeps the last good answer, so that no loop ever
 * waits for DNS. Asked again every refresh interval, and every second while it fails.
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
    size_t count;    /* 0: never resolved so far */
    bool is_failing; /* the last lookup found nothing; the addresses are those of before */
    bool is_own;     /* the last lookup led to the gateway's own port; that address is left out */
    uint32_t ttl_s;  /* how long the answer may be kept, as far as DNS said so */
};

enum resolve_by {
    RESOLVE_BY_SYSTEM, /* getaddrinfo: /etc/hosts and whatever nsswitch.conf says */
    RESOLVE_BY_DNS,    /* the name servers of resolv.conf, and nothing else (dns.h) */
};

struct resolver_options {
    const char *host; /* a name or an address; copied */
    uint16_t port;
    enum resolve_by by;
    int64_t refresh_ms; /* at the latest; sooner when DNS says so, but see RESOLVE_LEAST_MS */

    /* Where the gateway itself listens, so that it never calls itself; NULL: nowhere. Copied. */
    const struct sockaddr *own;

    /* Told on the resolver's thread, under its lock, when an answer is not what it was. Or NULL. */
    void (*changed)(void *arg, const struct resolved *before, const struct resolved *now);
    void *arg;
};

/* A short TTL is for fail-over; asking more often than this helps nobody. */
#define RESOLVE_LEAST_MS 2000

struct resolver;

/* Starts the thread. NULL with `err`. */
MUST_USE struct resolver *resolver_start(const struct resolver_options *options, struct error *err);

/* Waits for the first answer, good or bad, at most `wait_ms`. True when there is an address. */
bool resolver_wait(struct resolver *resolver, int64_t wait_ms);

/* The last good answer. Any thread; never blocks for DNS. */
void resolver_get(struct resolver *resolver, struct resolved *ret);

/* How it has gone so far. Any thread. */
struct resolver_state {
    struct resolved answer;
    int64_t succeeded_unix_ms; /* when there was a good one last; 0: never */
    uint64_t failures;
};

void resolver_look(struct resolver *resolver, struct resolver_state *ret);

/* Counts the answers that differed from the one before. Any thread; costs nothing. */
unsigned resolver_changes(const struct resolver *resolver);

/* Whether the answer has this address. */
MUST_USE bool resolved_has(const struct resolved *resolved, const struct resolved_address *address);

/* Nothing is told any more. A lookup under way is left to end by itself. Accepts NULL. */
void resolver_stop(struct resolver *resolver);
