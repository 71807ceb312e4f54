#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_write.h"

#define LIMIT_LOG_LINE 4096

/* Set once before other threads start; read by all. */
static enum log_level lowest_level = LOG_INFO;
static bool as_text;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_init(enum log_level level, enum log_format format)
{
    lowest_level = level;
    as_text = format == LOG_FORMAT_TEXT || (format == LOG_FORMAT_AUTO && isatty(STDERR_FILENO));
}

static void write_json(struct buf *line, const char *now, enum log_level level, const char *event,
                       const struct log_field *fields, size_t count)
{
    struct json_writer w = json_writer(line);
    json_open_object(&w);
    json_put_str(&w, "time", str_from(now));
    json_put_str(&w, "level", str_from(level_names[level]));
    json_put_str(&w, "event", str_from(event));
    for (size_t i = 1; i < count; i++) {
        if (fields[i].is_number)
            json_put_int(&w, fields[i].key, fields[i].number);
        else
            json_put_str(&w, fields[i].key, fields[i].text);
    }
    json_close_object(&w);
}

static void write_text(struct buf *line, const char *now, enum log_level level, const char *event,
                       const struct log_field *fields, size_t count)
{
    buf_format(line, "%.19s %-5s %s", now, level_names[level], event);
    for (size_t i = 1; i < count; i++) {
        if (fields[i].is_number)
            buf_format(line, " %s=%lld", fields[i].key, (long long)fields[i].number);
        else
            buf_format(line, " %s=%.*s", fields[i].key, STR_ARGS(fields[i].text));
    }
}

/* A line that carries somebody else's bytes must stay one line on a terminal, too. */
static void hide_controls(struct buf *line)
{
    for (size_t i = 0; i < line->len; i++) {
        if ((unsigned char)line->data[i] < 0x20 || line->data[i] == 0x7f)
            line->data[i] = '?';
    }
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count)
{
    if (level < lowest_level)
        return;
    char now[CLOCK_UTC_SIZE];
    clock_format_utc(clock_unix_ms(), now);

    struct buf line;
    buf_init(&line, LIMIT_LOG_LINE);
    if (as_text) {
        write_text(&line, now, level, event, fields, count);
        hide_controls(&line);
    } else {
        write_json(&line, now, level, event, fields, count);
    }
    if (line.failed) {
        buf_clear(&line);
        buf_format(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\",\"cut\":true}", now,
                   level_names[level], event);
    }
    buf_append_byte(&line, '\n');
    if (write(STDERR_FILENO, line.data, line.len) < 0) {
        /* nobody is left to tell */
    }
    buf_release(&line);
}
