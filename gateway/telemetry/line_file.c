#include "telemetry/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "telemetry/line_queue.h"

#define ENOUGH_LINES 100 /* to write at once; else what has come within LINGER_MS */
#define LINGER_MS 10     /* so that not every line wakes the thread */
#define LOOK_MS 100      /* how often a thread that waits for a reader looks whether it is to end */

struct line_file {
    struct line_file_options options;
    char *path; /* NULL: stdout */
    struct line_queue queue;
    pthread_t thread;
    atomic_uint_fast64_t unwritten; /* lost after they were queued */
    atomic_bool hurried;            /* what cannot be written at once is given up */

    pthread_mutex_t lock; /* guards `reopen` and `ended` */
    pthread_cond_t changed;
    bool reopen, ended;

    /* the thread's own */
    int fd;
    bool torn;    /* the last line was not written to its end */
    bool failing; /* as told */
    uint64_t lost_told;
};

/* ---- writing ---- */

/* Waits until the file takes bytes; a file on a disk always does. */
static bool wait_for_room(const struct line_file *file)
{
    struct pollfd out = {.fd = file->fd, .events = POLLOUT};
    for (;;) {
        int ready = poll(&out, 1, atomic_load(&file->hurried) ? 0 : LOOK_MS);
        if (ready > 0)
            return true;
        if ((ready < 0 && errno != EINTR) || (ready == 0 && atomic_load(&file->hurried)))
            return false;
    }
}

/* 0, or why not all of it was written. */
static int write_bytes(struct line_file *file, struct str bytes)
{
    size_t done = 0;
    int why = 0;
    while (done < bytes.len && why == 0) {
        if (!wait_for_room(file)) {
            why = ETIMEDOUT;
            break;
        }
        ssize_t put = write(file->fd, bytes.data + done, bytes.len - done);
        if (put >= 0)
            done += (size_t)put;
        else if (errno != EINTR && errno != EAGAIN)
            why = errno;
    }
    file->torn = done > 0 ? done < bytes.len : file->torn;
    return why;
}

static void tell(struct line_file *file, enum line_file_news news, const char *why)
{
    file->options.told(file->options.arg, news, why);
}

static void tell_state(struct line_file *file, int why)
{
    if (file->failing == (why != 0))
        return;
    file->failing = why != 0;
    tell(file, why ? LINE_FILE_FAILING : LINE_FILE_WORKS, why ? strerrordesc_np(why) : "");
}

/* Whole lines, as many as one write keeps together also in a pipe that others write to. */
static struct str cut_piece(struct str *rest)
{
    struct str piece = str_slice(*rest, 0, PIPE_BUF);
    while (piece.len > 0 && piece.data[piece.len - 1] != '\n')
        piece.len--;
    if (piece.len == 0)
        piece = *rest; /* a longer line than there should be: it may be torn */
    *rest = str_slice(*rest, piece.len, rest->len);
    return piece;
}

static uint64_t count_lines(struct str lines)
{
    uint64_t count = 0;
    for (size_t i = 0; i < lines.len; i++)
        count += lines.data[i] == '\n';
    return count;
}

static void tell_lost(struct line_file *file)
{
    struct buf line;
    uint64_t now = line_file_lost(file);
    if (now == file->lost_told)
        return;
    buf_init(&line, PIPE_BUF);
    file->options.put_lost(now - file->lost_told, &line);
    if (!line.failed && write_bytes(file, buf_str(&line)) == 0)
        file->lost_told = now;
    buf_release(&line);
}

static void write_piece(struct line_file *file, struct str piece)
{
    int why = file->torn ? write_bytes(file, STR("\n")) : 0;
    if (why == 0)
        why = write_bytes(file, piece);
    if (why == 0)
        tell_lost(file);
    else
        atomic_fetch_add_explicit(&file->unwritten, count_lines(piece), memory_order_relaxed);
    tell_state(file, why);
}

/* ---- the file ---- */

/* Not blocking, for a pipe without reader: opening and writing would wait for one. */
static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
}

static bool takes_reopen(struct line_file *file)
{
    pthread_mutex_lock(&file->lock);
    bool reopen = file->reopen;
    file->reopen = false;
    pthread_mutex_unlock(&file->lock);
    return reopen;
}

static void reopen(struct line_file *file)
{
    int fd = open_path(file->path);
    if (fd < 0) {
        tell(file, LINE_FILE_NOT_REOPENED, strerrordesc_np(errno));
        return;
    }
    close(file->fd);
    file->fd = fd;
    file->torn = false;
    tell(file, LINE_FILE_REOPENED, "");
}

/* ---- the thread ---- */

static void *file_main(void *arg)
{
    struct line_file *file = arg;
    struct buf batch;
    bool goes_on = true;
    buf_init(&batch, file->options.max_bytes);
    while (goes_on) {
        goes_on = line_queue_take(&file->queue, ENOUGH_LINES, LINGER_MS, &batch);
        for (struct str rest = buf_str(&batch); rest.len > 0;)
            write_piece(file, cut_piece(&rest));
        if (takes_reopen(file))
            reopen(file);
    }
    tell_lost(file);
    buf_release(&batch);
    pthread_mutex_lock(&file->lock);
    file->ended = true;
    pthread_cond_signal(&file->changed);
    pthread_mutex_unlock(&file->lock);
    return NULL;
}

/* Signals are the main thread's business. */
static bool start_thread(struct line_file *file)
{
    sigset_t all, before;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    bool started = pthread_create(&file->thread, NULL, file_main, file) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void free_file(struct line_file *file)
{
    if (file->fd > STDERR_FILENO)
        close(file->fd);
    free(file->path);
    line_queue_release(&file->queue);
    (void)pthread_cond_destroy(&file->changed);
    (void)pthread_mutex_destroy(&file->lock);
    free(file);
}

/* ---- for everybody ---- */

struct line_file *line_file_open(const struct line_file_options *options, struct error *err)
{
    struct line_file *file = calloc(1, sizeof(*file));
    if (!file) {
        (void)error_set(err, "out of memory");
        return NULL;
    }
    file->options = *options;
    line_queue_init(&file->queue, options->max_bytes);
    (void)pthread_mutex_init(&file->lock, NULL);
    clock_mono_cond_init(&file->changed);
    file->path = options->path ? strdup(options->path) : NULL;
    file->fd = file->path ? open_path(file->path) : log_own_pipe(STDOUT_FILENO);
    if (options->path && !file->path)
        (void)error_set(err, "out of memory");
    else if (file->fd < 0)
        (void)error_set(err, "cannot open '%s': %s", options->path, strerrordesc_np(errno));
    else if (start_thread(file))
        return file;
    else
        (void)error_set(err, "cannot start the thread that writes a log");
    free_file(file);
    return NULL;
}

void line_file_put(struct line_file *file, struct str line)
{
    (void)line_queue_put(&file->queue, line);
}

void line_file_lose(struct line_file *file)
{
    atomic_fetch_add_explicit(&file->queue.lost, 1, memory_order_relaxed);
}

void line_file_reopen(struct line_file *file)
{
    if (!file->path)
        return;
    pthread_mutex_lock(&file->lock);
    file->reopen = true;
    pthread_mutex_unlock(&file->lock);
    line_queue_nudge(&file->queue);
}

uint64_t line_file_lost(const struct line_file *file)
{
    return atomic_load_explicit(&file->queue.lost, memory_order_relaxed) +
           atomic_load_explicit(&file->unwritten, memory_order_relaxed);
}

/* Whether the thread has ended by then. */
static bool wait_for_end(struct line_file *file, int64_t wait_ms)
{
    const struct timespec until = clock_mono_from_now(wait_ms);
    pthread_mutex_lock(&file->lock);
    while (!file->ended && pthread_cond_timedwait(&file->changed, &file->lock, &until) == 0)
        ; /* woken for nothing */
    bool ended = file->ended;
    pthread_mutex_unlock(&file->lock);
    return ended;
}

void line_file_close(struct line_file *file, int64_t wait_ms)
{
    if (!file)
        return;
    line_queue_close(&file->queue);
    bool ended = wait_for_end(file, wait_ms);
    atomic_store(&file->hurried, true);
    if (!ended && !wait_for_end(file, 2 * LOOK_MS)) {
        pthread_detach(file->thread); /* it hangs in the kernel: its memory stays with it */
        return;
    }
    pthread_join(file->thread, NULL);
    free_file(file);
}
