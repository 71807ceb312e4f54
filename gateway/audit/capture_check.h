/*
 * The encrypted bodies that lie beside a journal: a decision names the file and its SHA-256. They
 * may be deleted one by one, by law even; what is there must be what was captured.
 */
#pragma once

#include <stddef.h>

#include "base/str.h"

#define LIMIT_CAPTURE_BYTES (4UL * 1024 * 1024) /* a body of 1 MiB, encrypted, and then some */

enum capture_state {
    CAPTURE_FINE,
    CAPTURE_NOT_ASKED, /* no directory was given */
    CAPTURE_MISSING,
    CAPTURE_ALTERED,
    CAPTURE_UNREADABLE, /* or its name leads out of the captures */
};

/* Looks for `file` ("captures/2026-11-28/ID.cms") in each directory. */
enum capture_state capture_check(const char *const *directories, size_t directory_count,
                                 struct str file, struct str sha256);
