/*
 * The running gateway finds out by itself what became of campaigns whose fate nobody knows
 * (reconcile.h): on a thread of its own, at the start and then as soon as one is old enough. What
 * stays unknown is asked about again after a minute, after two, and so on up to an hour.
 */
#pragma once

#include "audit/hash_keys.h"
#include "snapshot.h"
#include "upstream/pool.h"

struct reconciler;

struct reconciler_options {
    struct journal *journal;
    const struct upstream_options *upstream;
    const struct hash_keys *hash_keys; /* NULL: phone numbers are recorded in the clear */
    struct snapshot *snapshot;         /* to begin with; a reference is taken */
};

/* Starts the thread. What the options name must outlive it. NULL with `err`. */
MUST_USE struct reconciler *reconciler_start(const struct reconciler_options *options,
                                             struct error *err);

/* Later rounds go by `snapshot`; a reference is taken. Accepts NULL. */
void reconciler_adopt(struct reconciler *reconciler, struct snapshot *snapshot);

/* Ends the thread, and a call under way. Accepts NULL. */
void reconciler_stop(struct reconciler *reconciler);
