/*
 * The running gateway finds out by itself what became of campaigns whose fate nobody knows
 * (reconcile.h): on a thread of its own, at the start and then as soon as one is old enough. What
 * stays unknown is asked about again after a minute, after two, and so on up to an hour.
 */
#pragma once

#include "snapshot.h"
#include "upstream/pool.h"

struct reconciler;

/* Starts the thread. A reference of `snapshot` is taken; the rest must outlive it. NULL with `err`. */
MUST_USE struct reconciler *reconciler_start(struct journal *journal,
                                             const struct upstream_options *upstream,
                                             struct snapshot *snapshot, struct error *err);

/* Later rounds go by `snapshot`; a reference is taken. Accepts NULL. */
void reconciler_adopt(struct reconciler *reconciler, struct snapshot *snapshot);

/* Ends the thread, and a call under way. Accepts NULL. */
void reconciler_stop(struct reconciler *reconciler);
