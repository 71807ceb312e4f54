/*
 * How much may be under way at one time, counted over all workers: connections, connections of one
 * client, requests being judged or forwarded, bytes held for outsiders.
 *
 * The one module whose state the workers' data paths share. Any thread may call anything here.
 */
#pragma once

#include "base/budget.h"
#include "net/address.h"
#include "net/loop.h"

struct admission_limits {
    uint64_t connections;
    uint64_t connections_per_client; /* as many as connections: then nobody is counted */
    uint64_t handshakes;             /* not done yet; beyond that no more should be accepted */
    uint64_t requests;               /* with their whole body here and their answer not yet given */
    size_t buffer_bytes;
};

struct admission;

/* NULL when memory ran out. */
MUST_USE struct admission *admission_new(const struct admission_limits *limits);

/* Every connection and request must have left. Accepts NULL. */
void admission_free(struct admission *admission);

enum admitted {
    ADMITTED,
    ADMISSION_FULL,        /* all connections are taken */
    ADMISSION_CLIENT_FULL, /* this client has its share */
};

/* A connection comes and begins its handshake; only when ADMITTED it must leave again. */
MUST_USE enum admitted admission_enter(struct admission *admission, struct client_key client);
void admission_end_handshake(struct admission *admission);
bool admission_handshakes_full(struct admission *admission);
void admission_leave(struct admission *admission, struct client_key client);

/*
 * Somebody with connections to close when they are all taken: a listener on a loop of its own.
 * Lives in the listener; registered before the first connection, and as long as any thread may
 * enter.
 */
struct room_maker {
    struct loop *loop;
    struct task make_room; /* closes a connection that has waited long, if there is one */
    atomic_bool asked;
    struct room_maker *next;
};

void admission_register(struct admission *admission, struct room_maker *maker);

/* All connections are taken and the caller has none to close: asks the other loops. */
void admission_ask_for_room(struct admission *admission);

/* A request is complete and would be judged; false: too many are under way, or memory is tight. */
MUST_USE bool admission_begin_request(struct admission *admission);
void admission_end_request(struct admission *admission);

/* What buffers and arenas that outsiders fill are taken from. */
struct budget *admission_budget(struct admission *admission);

/* For metrics. */
struct admission_usage {
    uint64_t connections, requests, buffer_bytes;
};

struct admission_usage admission_usage(struct admission *admission);
