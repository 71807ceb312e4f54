/*
 * Deletes segments that need not stay: the central database has confirmed all of their records, and
 * they have been closed for as long as they are to be kept. Never the newest one; nor one that
 * follows another that stays. Attachments (captures/) are not its business.
 */
#pragma once

#include "audit/segment.h"

struct retention {
    const char *const *directories;
    size_t directory_count;
    uint64_t confirmed_seq; /* by the server, since this process is running */
    int64_t hold_ms;
};

/*
 * Deletes what may go now, the oldest first, and calls `deleted` for each file. False with `err`
 * when a directory or file is not to be read or removed; what is gone is gone.
 */
MUST_USE bool retention_run(const struct retention *retention, int64_t now_unix_ms,
                            void (*deleted)(void *arg, const char *path), void *arg,
                            struct error *err);
