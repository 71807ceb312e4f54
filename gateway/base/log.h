/*
 * The process log: one event, one line on stderr. JSON when stderr is not a terminal, readable
 * text when it is. Safe on any thread; a line is one write().
 *
 *     LOG(LOG_INFO, "listening", LOG_STR("address", address), LOG_INT("workers", n));
 *
 * Only the top logs (style.md 17); pure folders return reasons. Bodies, tokens and keys never.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

struct log_field {
    const char *key;
    bool is_number;
    struct str text;
    int64_t number;
};

#define LOG_STR(key, value)                                                                        \
    {                                                                                              \
        (key), false, (value), 0                                                                   \
    }
#define LOG_TEXT(key, cstring)                                                                     \
    {                                                                                              \
        (key), false, str_from(cstring), 0                                                         \
    }
#define LOG_INT(key, value)                                                                        \
    {                                                                                              \
        (key), true, {0}, (int64_t)(value)                                                         \
    }

#define LOG(level, event, ...)                                                                     \
    log_write((level), (event), (const struct log_field[]){{0}, ##__VA_ARGS__},                    \
              sizeof((const struct log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct log_field))

/* Call once at start, before other threads. Lines below `level` are dropped. */
void log_init(enum log_level level, enum log_format format);

/* `fields[0]` is ignored: it lets the macro have no fields at all. */
void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count);
