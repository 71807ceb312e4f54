/*
 * The gateway's record as the main thread keeps it: opens the journal, writes of the gateway's own
 * life, takes what verbs leave in the inbox, and sees to it that each month has its key.
 */
#pragma once

#include "audit/hash_keys.h"
#include "audit/inbox.h"
#include "audit/journal.h"
#include "snapshot.h"

struct bookkeeper {
    struct journal *journal;
    struct hash_keys *hash_keys; /* NULL: phone numbers are recorded in the clear */
    int64_t hash_keys_due_ms;    /* when they are looked at again; CLOCK_MONOTONIC */
    struct inbox *inbox;
    bool inbox_waits; /* more is in it than was taken in one turn */
};

/*
 * Opens everything and records the start. Another that has the journal open, a gateway that ends or
 * a verb, is waited for as long as `patience_ms`, but not once SIGTERM or SIGINT has come. False
 * with `err`, which names the setting.
 */
MUST_USE bool bookkeeper_open(struct bookkeeper *keeper, const struct snapshot *snapshot,
                              int64_t patience_ms, struct error *err);

/* Records that the gateway runs on this snapshot: "reloaded". False: it could not. */
MUST_USE bool bookkeeper_record(const struct bookkeeper *keeper, const struct snapshot *snapshot,
                                const char *kind);

/* For the main thread's poll: a descriptor to watch, or -1; and in how many milliseconds a turn is
 * due though it says nothing. */
int bookkeeper_fd(const struct bookkeeper *keeper);
int64_t bookkeeper_wait_ms(const struct bookkeeper *keeper, int64_t now_ms);

/* Does what is due. `readable`: the descriptor is. May block as long as the disk does. */
void bookkeeper_turn(struct bookkeeper *keeper, int64_t now_ms, bool readable);

/*
 * Records the shutdown and closes the journal: what exchanges still wait for is told before it
 * returns. The keys stay until bookkeeper_release, for exchanges may hold one. Both accept what
 * bookkeeper_open left half open, or zeros.
 */
void bookkeeper_close(struct bookkeeper *keeper, const struct snapshot *snapshot);
void bookkeeper_release(struct bookkeeper *keeper);
