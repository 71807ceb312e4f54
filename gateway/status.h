/*
 * What the gateway runs on, for people and their tools: which policy is in force and since when,
 * why the last attempt to replace it failed, how the audit journal does, and the campaigns that
 * somebody has to look after.
 *
 * Written by the main thread, read by the admin thread; one lock.
 */
#pragma once

#include "audit/journal.h"
#include "snapshot.h"

struct status;

/* NULL when memory is out. `snapshot` is in force from now on. */
struct status *status_new(struct snapshot *snapshot, int64_t now_unix_ms);
void status_free(struct status *status);

/* Another snapshot is in force; the last attempt did not fail. */
void status_adopted(struct status *status, struct snapshot *snapshot, int64_t now_unix_ms);

/* An attempt failed; the snapshot stays. */
void status_failed(struct status *status, const char *because, const struct error *err,
                   int64_t now_unix_ms);

/* True while the files on disk are not what is in force, because they are wrong. */
bool status_is_stale(struct status *status);

/* One JSON object; `journal` is asked how it does and which campaigns are open. */
void status_write(struct status *status, struct journal *journal, struct buf *out);
