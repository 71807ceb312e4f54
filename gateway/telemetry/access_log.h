/*
 * The access log: a line for every request, also for those that nobody was left to answer. Apart
 * from the audit: lossy by design, never in the way, and without promises.
 *
 * JSON, or text in the spirit of the Common Log Format:
 *
 *     2026-11-28T10:30:00.000Z 10.0.0.7:40312 billing POST create-campaign 403 duration_us=912 ...
 */
#pragma once

#include "base/buf.h"
#include "telemetry/line_file.h"
#include "telemetry/summary.h"

enum access_format { ACCESS_JSON, ACCESS_TEXT };

/* Appends the line, with its end, of at most PIPE_BUF bytes. Pure. */
void access_line(enum access_format format, const struct request_summary *summary, struct buf *out);

struct access_log;

/* `path` NULL: stdout; `told` as in line_file.h. NULL with `err`. */
MUST_USE struct access_log *access_log_start(const char *path, enum access_format format,
                                             void (*told)(void *arg, enum line_file_news news,
                                                          const char *why),
                                             void *arg, struct error *err);

/* Any thread. Accepts NULL, as all below. */
void access_log_put(struct access_log *log, const struct request_summary *summary);
void access_log_reopen(struct access_log *log);
uint64_t access_log_lost(const struct access_log *log);
void access_log_stop(struct access_log *log);
