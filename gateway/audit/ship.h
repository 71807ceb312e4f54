/*
 * Brings a journal to the central database, record by record and in order, and notes in
 * DIRECTORY/receipt how far it was confirmed.
 *
 *     DIRECTORY/durable --wakes--> reader --batches--> central.h --receipts--> DIRECTORY/receipt
 *                                    ^                                             |
 *              segments -------------'   those confirmed and held are deleted <----'
 *
 * Where to go on is asked of the server, at each connect; nothing here remembers it. So whatever
 * was lost there, in a failover or by a crash, is shipped again.
 *
 * The receipt is "SEQ HASH SEQ": 20 digits, the hash of that record, the same 20 digits, LF. It is
 * rewritten in place; whoever reads it believes it when both numbers are equal.
 */
#pragma once

#include "audit/central.h"

#define SHIP_DIRECTORIES 2

struct ship_options {
    const char *const *directories; /* each gets the receipt */
    size_t directory_count;         /* at most SHIP_DIRECTORIES */
    const char *database;           /* libpq connection string */
    int64_t timeout_ms;             /* for each answer of the server */
    int64_t hold_ms;                /* how long a closed segment stays after it was confirmed */
    size_t batch_records;           /* at most; 1 to CENTRAL_BATCH_RECORDS */
    bool once;                      /* end when everything is confirmed, or cannot be */
};

enum ship_event_kind {
    SHIP_CONNECTED,   /* server, seq: where it stands */
    SHIP_CAUGHT_UP,   /* seq: all of the journal is confirmed; once for each connection */
    SHIP_INTERRUPTED, /* error; it will try again in retry_ms */
    SHIP_REFUSED,     /* the same, but somebody must do something about it */
    SHIP_FINDING,     /* the records here and there do not agree: error, retry_ms */
    SHIP_DELETED,     /* path: a segment that need not stay any longer */
    SHIP_KEPT,        /* error: why segments that may go could not be deleted */
};

struct ship_event {
    enum ship_event_kind kind;
    struct str source, server;
    uint64_t seq;
    int64_t retry_ms;
    const char *path, *error;
};

enum ship_end {
    SHIP_END_FINE,        /* told to stop; or once, and everything is confirmed */
    SHIP_END_FINDING,     /* once: see the SHIP_FINDING before */
    SHIP_END_NOT_SHIPPED, /* once: see `err`; otherwise the options cannot work */
};

/*
 * Ships until `stop_fd` becomes readable (it is not read), then what is in the journal already, for
 * five seconds at most. Everything that may end by itself is tried again, for ever. `tell` hears
 * what happens.
 */
MUST_USE enum ship_end ship_run(const struct ship_options *options, int stop_fd,
                                void (*tell)(void *arg, const struct ship_event *event), void *arg,
                                struct error *err);
