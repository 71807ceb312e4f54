/*
 * The process log: one event, one line. JSON when stderr is not a terminal, readable text when it
 * is. Safe on any thread; a line is one write().
 *
 *     LOG(LOG_INFO, "listening", LOG_STR("address", address), LOG_INT("workers", n));
 *
 * It never waits: what stderr does not take at once is lost, counted, and told of later. An event
 * that comes more than LOG_REPEATS times within a second is written that often, then counted, and
 * told of by one line, {"event":"repeated","of":EVENT,"count":N}, when the second is over.
 *
 * Only the top logs (style.md 17); pure folders return reasons. Bodies, tokens and keys never.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define LOG_REPEATS 10 /* of one event and level in a second */

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

/* `event` must live for ever: it is compared with later ones. */
#define LOG(level, event, ...)                                                                     \
    log_write((level), (event), (const struct log_field[]){{0}, ##__VA_ARGS__},                    \
              sizeof((const struct log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct log_field))

/* Of what somebody waits for, each time: it is never only counted. */
#define LOG_EACH(level, event, ...)                                                                \
    log_write_each((level), (event), (const struct log_field[]){{0}, ##__VA_ARGS__},               \
                   sizeof((const struct log_field[]){{0}, ##__VA_ARGS__}) /                        \
                       sizeof(struct log_field))

/* What is not stderr. It counts, and tells of, what it loses itself. */
struct log_sink {
    void (*put)(void *arg, struct str line); /* a line with its end; must not wait */
    void *arg;
};

struct log_options {
    enum log_level level; /* what is below is dropped */
    enum log_format format;
    const struct log_sink *sink; /* NULL: stderr; copied; its `arg` must live until log_close */
    int64_t (*now_us)(void);     /* NULL: clock_mono_us */
};

/*
 * A descriptor of our own for the pipe behind `fd`, on which a write never waits, whoever else
 * writes to it; `fd` itself when it is no pipe, or cannot be opened again.
 */
int log_own_pipe(int fd);

/* Call once at start, before other threads. */
void log_init(const struct log_options *options);

/* From now on. Any thread. */
void log_set_level(enum log_level level);

/* `fields[0]` is ignored: it lets the macro have no fields at all. */
void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count);
void log_write_each(enum log_level level, const char *event, const struct log_field *fields,
                    size_t count);

/*
 * Readable when a second of repeats is over and log_turn has something to tell; -1 when there is no
 * descriptor for it: then the next line tells.
 */
int log_turn_fd(void);
void log_turn(void);

/* Appends the line that tells of lost ones, with its end; for a sink. */
void log_put_lost(uint64_t count, struct buf *out);

/* Lines that stderr did not take so far. */
uint64_t log_lost(void);

/* Tells what is left to tell; lines that come later go to stderr. */
void log_close(void);
