/*
 * What the gateway runs on, for people and their tools: which policy is in force and since when,
 * why the last attempt to replace it failed, how the audit journal does, and the campaigns that
 * somebody has to look after.
 *
 * Written by the main thread, read by the admin thread; one lock.
 */
#pragma once

#include "audit/journal.h"
#include "net/admission.h"
#include "net/resolve.h"
#include "sandbox.h"
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

/* One moment of it. The caller releases the snapshot. */
struct status_view {
    struct snapshot *snapshot;
    int64_t started_ms, adopted_ms;
    bool stale;          /* the files on disk are not what is in force, because they are wrong */
    int64_t failed_ms;   /* the last attempt that failed; 0: none did */
    const char *because; /* of it: a literal */
    struct error err;
};

void status_look(struct status *status, struct status_view *ret);

/* What else is told. */
struct status_beside {
    struct journal *journal; /* is asked how it does and which campaigns are open */
    struct resolver_state resolver;
    struct admission_usage usage;
    size_t workers;
    const struct sandbox *sandbox; /* NULL: not in force yet */
    int64_t now_unix_ms;
};

/* One JSON object; campaign-gateway(8) explains its members. */
void status_write(const struct status_view *view, const struct status_beside *beside,
                  struct buf *out);
