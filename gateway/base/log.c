#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/plain.h"

#define LIMIT_LOG_LINE 4095      /* with its end PIPE_BUF: it stays in one piece */
#define LIMIT_REPEATED_EVENTS 64 /* counted at once; there are fewer events */
#define REPEATS_US 1000000

/* An event, and how often it came since. */
struct repeated {
    const char *event; /* NULL: free */
    enum log_level level;
    int64_t since_us;
    uint64_t count;
};

/* Set once before other threads start; read by all. */
static bool as_text;
static struct log_sink sink; /* without `put`: stderr */
static int64_t (*now_us)(void) = clock_mono_us;
static int out_fd = STDERR_FILENO;
static bool out_is_socket;
static int turn_fd = -1; /* a timer that ends with the first second of repeats */

static atomic_int lowest_level = LOG_INFO;
static atomic_uint_fast64_t lost;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static struct repeated repeats[LIMIT_REPEATED_EVENTS];
static bool turn_is_set;
static bool torn;          /* the last line was not written to its end */
static uint64_t lost_told; /* of `lost` */

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* ---- one line ---- */

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
    buf_format(line, count > 1 ? "%s %-5s %-20s" : "%s %-5s %s", now, level_names[level], event);
    for (size_t i = 1; i < count; i++) {
        buf_format(line, " %s=", fields[i].key);
        if (fields[i].is_number)
            buf_format(line, "%lld", (long long)fields[i].number);
        else
            plain_put(line, fields[i].text);
    }
}

static void format_line(struct buf *line, enum log_level level, const char *event,
                        const struct log_field *fields, size_t count)
{
    const struct log_field cut[] = {{0}, LOG_TEXT("cut", "too long")};
    char now[CLOCK_UTC_SIZE];
    clock_format_utc(clock_unix_ms(), now);
    void (*const put)(struct buf *, const char *, enum log_level, const char *,
                      const struct log_field *, size_t) = as_text ? write_text : write_json;
    put(line, now, level, event, fields, count);
    if (line->failed) {
        buf_clear(line);
        put(line, now, level, event, cut, COUNT_OF(cut));
    }
}

/* ---- stderr ---- */

int log_own_pipe(int fd)
{
    struct stat info;
    char path[32];
    if (fstat(fd, &info) != 0 || !S_ISFIFO(info.st_mode))
        return fd;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return own >= 0 ? own : fd;
}

static void open_stderr(void)
{
    struct stat info;
    if (out_fd != STDERR_FILENO)
        close(out_fd);
    out_fd = log_own_pipe(STDERR_FILENO);
    out_is_socket = fstat(out_fd, &info) == 0 && S_ISSOCK(info.st_mode);
}

/* O_NONBLOCK on stderr itself would be everybody's who shares it. */
static ssize_t write_some(struct str bytes)
{
    return out_is_socket ? send(out_fd, bytes.data, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL)
                         : write(out_fd, bytes.data, bytes.len);
}

/* Without waiting. False: not all of it was taken. */
static bool write_now(struct str bytes)
{
    struct pollfd out = {.fd = out_fd, .events = POLLOUT};
    size_t done = 0;
    while (done < bytes.len) {
        if (poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT))
            break;
        ssize_t put = write_some(str_slice(bytes, done, bytes.len));
        if (put < 0 && errno != EINTR)
            break;
        done += put > 0 ? (size_t)put : 0;
    }
    torn = done > 0 ? done < bytes.len : torn;
    return done == bytes.len;
}

/* A line that was torn is ended first. */
static bool write_line(struct str line)
{
    return (!torn || write_now(STR("\n"))) && write_now(line);
}

/* ---- what is written, and what is only counted; all under the lock ---- */

static void emit(enum log_level level, const char *event, const struct log_field *fields,
                 size_t count)
{
    struct buf line;
    buf_init(&line, LIMIT_LOG_LINE);
    format_line(&line, level, event, fields, count);
    line.max++;
    buf_append_byte(&line, '\n');
    if (sink.put && !line.failed)
        sink.put(sink.arg, buf_str(&line));
    else if (line.failed || !write_line(buf_str(&line)))
        atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
    buf_release(&line);
}

/* Should this line be lost, too, it is one more to tell of. */
static void tell_lost(void)
{
    uint64_t now = atomic_load_explicit(&lost, memory_order_relaxed);
    if (now == lost_told)
        return;
    const struct log_field fields[] = {{0}, LOG_INT("count", now - lost_told)};
    emit(LOG_WARN, "log-lines-lost", fields, COUNT_OF(fields));
    if (atomic_load_explicit(&lost, memory_order_relaxed) == now)
        lost_told = now;
    else
        atomic_fetch_sub_explicit(&lost, 1, memory_order_relaxed); /* it was no line of anybody's */
}

static void tell_repeated(const struct repeated *repeated)
{
    const struct log_field fields[] = {
        {0}, LOG_TEXT("of", repeated->event), LOG_INT("count", repeated->count - LOG_REPEATS)};
    if (repeated->count > LOG_REPEATS)
        emit(repeated->level, "repeated", fields, COUNT_OF(fields));
}

/* Forgets events whose second is over, or all, and tells of those that were only counted. */
static void tell_repeats(int64_t until_us)
{
    for (size_t i = 0; i < COUNT_OF(repeats); i++) {
        struct repeated ended = repeats[i];
        if (!ended.event || ended.since_us > until_us)
            continue;
        repeats[i].event = NULL;
        tell_repeated(&ended);
    }
}

static struct repeated *find_repeated(enum log_level level, const char *event, int64_t now)
{
    struct repeated *free_one = NULL;
    for (size_t i = 0; i < COUNT_OF(repeats); i++) {
        struct repeated *each = &repeats[i];
        if (!each->event)
            free_one = free_one ? free_one : each;
        else if (each->level == level && strcmp(each->event, event) == 0)
            return each;
    }
    if (free_one)
        *free_one = (struct repeated){.event = event, .level = level, .since_us = now};
    return free_one;
}

static void set_turn(bool wanted)
{
    const struct itimerspec in = {.it_value = {.tv_sec = wanted ? 1 : 0}};
    if (turn_fd >= 0 && wanted != turn_is_set)
        turn_is_set = timerfd_settime(turn_fd, 0, &in, NULL) == 0 && wanted;
}

/* Whether a line is to be written, and not only counted. */
static bool is_wanted(enum log_level level, const char *event, int64_t now)
{
    struct repeated *repeated = find_repeated(level, event, now);
    if (!repeated || ++repeated->count <= LOG_REPEATS)
        return true;
    set_turn(true);
    return false;
}

/* ---- for everybody ---- */

void log_put_lost(uint64_t count, struct buf *out)
{
    const struct log_field fields[] = {{0}, LOG_INT("count", count)};
    format_line(out, LOG_WARN, "log-lines-lost", fields, COUNT_OF(fields));
    buf_append_byte(out, '\n');
}

void log_init(const struct log_options *options)
{
    log_close();
    pthread_mutex_lock(&lock);
    as_text = options->format == LOG_FORMAT_TEXT ||
              (options->format == LOG_FORMAT_AUTO && !options->sink && isatty(STDERR_FILENO));
    sink = options->sink ? *options->sink : (struct log_sink){0};
    now_us = options->now_us ? options->now_us : clock_mono_us;
    open_stderr();
    turn_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    pthread_mutex_unlock(&lock);
    log_set_level(options->level);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&lowest_level, (int)level, memory_order_relaxed);
}

static void write_one(enum log_level level, const char *event, const struct log_field *fields,
                      size_t count, bool each)
{
    if ((int)level < atomic_load_explicit(&lowest_level, memory_order_relaxed))
        return;
    pthread_mutex_lock(&lock);
    int64_t now = now_us();
    tell_repeats(now - REPEATS_US);
    if (each || is_wanted(level, event, now)) {
        tell_lost();
        emit(level, event, fields, count);
    }
    pthread_mutex_unlock(&lock);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count)
{
    write_one(level, event, fields, count, false);
}

void log_write_each(enum log_level level, const char *event, const struct log_field *fields,
                    size_t count)
{
    write_one(level, event, fields, count, true);
}

int log_turn_fd(void)
{
    return turn_fd;
}

void log_turn(void)
{
    uint64_t times;
    pthread_mutex_lock(&lock);
    if (turn_fd >= 0 && read(turn_fd, &times, sizeof(times)) == (ssize_t)sizeof(times)) {
        turn_is_set = false;
        tell_repeats(now_us() - REPEATS_US);
        for (size_t i = 0; i < COUNT_OF(repeats); i++) {
            if (repeats[i].event && repeats[i].count > LOG_REPEATS)
                set_turn(true); /* it began to be counted later */
        }
    }
    pthread_mutex_unlock(&lock);
}

uint64_t log_lost(void)
{
    return atomic_load_explicit(&lost, memory_order_relaxed);
}

void log_close(void)
{
    pthread_mutex_lock(&lock);
    tell_repeats(INT64_MAX);
    tell_lost();
    sink = (struct log_sink){0};
    if (turn_fd >= 0)
        close(turn_fd);
    turn_fd = -1;
    turn_is_set = false;
    pthread_mutex_unlock(&lock);
}
