#include "telemetry/access_log.h"

#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/plain.h"

#define LIMIT_ACCESS_WAITING (4 * 1024 * 1024) /* lines; about 8000: seconds of a busy gateway */
#define LIMIT_ACCESS_NAME 256                  /* of a name that somebody else chose */
#define STOP_WAIT_MS 1000

struct access_log {
    struct line_file *file;
    enum access_format format;
};

static const char *const stage_keys[STAGES] = {
    [STAGE_RECEIVE] = "receive_us",   [STAGE_JUDGE] = "judge_us",     [STAGE_RECORD] = "record_us",
    [STAGE_UPSTREAM] = "upstream_us", [STAGE_OUTCOME] = "outcome_us",
};

static int64_t duration_us(const struct request_summary *summary)
{
    return (summary->answered_us ? summary->answered_us : summary->over_us) - summary->started_us;
}

static int64_t stage_us(const struct request_summary *summary, enum stage stage)
{
    return summary->ended_us[stage] - stage_began_us(summary, stage);
}

/* Calls `each` for every code that was found, once. */
static void each_code(const struct violations *violations,
                      void (*each)(void *arg, const char *code), void *arg)
{
    bool seen[VIOLATION_COUNT] = {0};
    for (size_t i = 0; violations && i < violations->count; i++) {
        enum violation_code code = violations->items[i].code;
        if (!seen[code])
            each(arg, violation_code_text(code));
        seen[code] = true;
    }
}

/* ---- JSON ---- */

static void put_json_code(void *arg, const char *code)
{
    json_put_str(arg, NULL, str_from(code));
}

static void put_json(const struct request_summary *summary, struct buf *out)
{
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(summary->started_unix_ms, time);
    struct json_writer w = json_writer(out);
    json_open_object(&w);
    json_put_str(&w, "time", str_from(time));
    json_put_str(&w, "id", str_from(summary->id));
    json_put_str(&w, "trace_id", str_from(summary->trace_id));
    json_put_str_if_any(&w, "peer", summary->peer);
    json_put_str_if_any(&w, "team", str_slice(summary->team, 0, LIMIT_ACCESS_NAME));
    json_put_str_if_any(&w, "caller", str_slice(summary->caller, 0, LIMIT_ACCESS_NAME));
    json_put_str_if_any(&w, "method", summary->method);
    json_put_str_if_any(&w, "route", str_from(summary->route));
    json_put_int(&w, "status", summary->status);
    json_put_str_if_any(&w, "verdict", str_from(summary->verdict));
    json_put_str_if_any(&w, "type", str_from(summary->type));
    json_put_str_if_any(&w, "code", str_from(summary->code));
    if (summary->violations && summary->violations->count) {
        json_open_array_at(&w, "violations");
        each_code(summary->violations, put_json_code, &w);
        json_close_array(&w);
    }
    if (summary->upstream_status)
        json_put_int(&w, "upstream_status", summary->upstream_status);
    json_put_str_if_any(&w, "upstream_why", str_from(summary->upstream_why));
    json_put_int(&w, "bytes_in", (int64_t)summary->body_bytes);
    json_put_int(&w, "bytes_out", (int64_t)summary->answer_bytes);
    json_put_int(&w, "duration_us", duration_us(summary));
    for (unsigned stage = 0; stage < STAGES; stage++) {
        if (summary->ended_us[stage])
            json_put_int(&w, stage_keys[stage], stage_us(summary, stage));
    }
    json_close_object(&w);
}

/* ---- text ---- */

/* A column has its place, also when there is nothing to say. */
static void put_column(struct buf *out, struct str value)
{
    buf_append_byte(out, ' ');
    if (value.len)
        plain_put(out, str_slice(value, 0, LIMIT_ACCESS_NAME));
    else
        buf_append_byte(out, '-');
}

static void put_pair(struct buf *out, const char *key, struct str value)
{
    if (value.len == 0)
        return;
    buf_format(out, " %s=", key);
    plain_put(out, str_slice(value, 0, LIMIT_ACCESS_NAME));
}

static void put_text_code(void *arg, const char *code)
{
    struct buf *out = arg;
    if (out->data[out->len - 1] != '=')
        buf_append_byte(out, ',');
    buf_append(out, str_from(code));
}

static void put_text(const struct request_summary *summary, struct buf *out)
{
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(summary->started_unix_ms, time);
    buf_append(out, str_from(time));
    put_column(out, summary->peer);
    put_column(out, summary->team);
    put_column(out, summary->method);
    put_column(out, str_from(summary->route));
    buf_format(out, " %d duration_us=%lld bytes_in=%zu bytes_out=%zu", summary->status,
               (long long)duration_us(summary), summary->body_bytes, summary->answer_bytes);
    put_pair(out, "id", str_from(summary->id));
    put_pair(out, "trace_id", str_from(summary->trace_id));
    put_pair(out, "caller", summary->caller);
    put_pair(out, "verdict", str_from(summary->verdict));
    put_pair(out, "type", str_from(summary->type));
    put_pair(out, "code", str_from(summary->code));
    if (summary->violations && summary->violations->count) {
        buf_append(out, STR(" violations="));
        each_code(summary->violations, put_text_code, out);
    }
    if (summary->upstream_status)
        buf_format(out, " upstream_status=%d", summary->upstream_status);
    put_pair(out, "upstream_why", str_from(summary->upstream_why));
    for (unsigned stage = 0; stage < STAGES; stage++) {
        if (summary->ended_us[stage])
            buf_format(out, " %s=%lld", stage_keys[stage], (long long)stage_us(summary, stage));
    }
}

/* ---- for everybody ---- */

static void put_line(enum access_format format, const struct request_summary *summary,
                     struct buf *out)
{
    struct buf line;
    buf_init(&line, PIPE_BUF - 1);
    if (format == ACCESS_JSON)
        put_json(summary, &line);
    else
        put_text(summary, &line);
    if (line.failed)
        out->failed = true;
    buf_append(out, buf_str(&line));
    buf_append_byte(out, '\n');
    buf_release(&line);
}

void access_line(enum access_format format, const struct request_summary *summary, struct buf *out)
{
    struct request_summary less = *summary;
    put_line(format, summary, out);
    if (!out->failed)
        return;
    less.violations = NULL; /* the code is there */
    less.caller = less.team = (struct str){0};
    buf_clear(out);
    put_line(format, &less, out);
}

static void put_lost(enum access_format format, uint64_t count, struct buf *out)
{
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(clock_unix_ms(), time);
    buf_format(out,
               format == ACCESS_JSON ? "{\"time\":\"%s\",\"event\":\"lines-lost\",\"count\":%llu}\n"
                                     : "%s lines-lost count=%llu\n",
               time, (unsigned long long)count);
}

static void put_lost_json(uint64_t count, struct buf *out)
{
    put_lost(ACCESS_JSON, count, out);
}

static void put_lost_text(uint64_t count, struct buf *out)
{
    put_lost(ACCESS_TEXT, count, out);
}

struct access_log *access_log_start(const char *path, enum access_format format,
                                    void (*told)(void *arg, enum line_file_news news,
                                                 const char *why),
                                    void *arg, struct error *err)
{
    const struct line_file_options options = {.path = path,
                                              .max_bytes = LIMIT_ACCESS_WAITING,
                                              .put_lost = format == ACCESS_JSON ? put_lost_json
                                                                                : put_lost_text,
                                              .told = told,
                                              .arg = arg};
    struct access_log *log = calloc(1, sizeof(*log));
    if (!log) {
        (void)error_set(err, "out of memory");
        return NULL;
    }
    log->format = format;
    log->file = line_file_open(&options, err);
    if (log->file)
        return log;
    free(log);
    return NULL;
}

void access_log_put(struct access_log *log, const struct request_summary *summary)
{
    struct buf line;
    if (!log)
        return;
    buf_init(&line, PIPE_BUF);
    access_line(log->format, summary, &line);
    if (line.failed)
        line_file_lose(log->file);
    else
        line_file_put(log->file, buf_str(&line));
    buf_release(&line);
}

void access_log_reopen(struct access_log *log)
{
    if (log)
        line_file_reopen(log->file);
}

uint64_t access_log_lost(const struct access_log *log)
{
    return log ? line_file_lost(log->file) : 0;
}

void access_log_stop(struct access_log *log)
{
    if (!log)
        return;
    line_file_close(log->file, STOP_WAIT_MS);
    free(log);
}
