/*
 * Moments on a command line: 2026-11-28T10:00:00Z, a day in UTC (2026-11-28), or how long ago (90s,
 * 30m, 24h, 7d, 2w).
 */
#pragma once

#include "base/error.h"

/*
 * What `value` of --`option` says; *ret stays what it was when it is NULL. Of a day its beginning,
 * or its end. False with a sentence without the verb's name.
 */
MUST_USE bool moment_read(const char *option, const char *value, int64_t now_unix_ms, int64_t *ret,
                          struct error *err);
MUST_USE bool moment_read_end(const char *option, const char *value, int64_t now_unix_ms,
                              int64_t *ret, struct error *err);
