#include "server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "audit/record.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "exchange.h"

#define RESOLVE_REFRESH_MS 30000
#define RESOLVE_WAIT_MS 3000
#define LIMIT_JOURNAL_WAITING 65536 /* records: more requests than a machine can have under way */

struct server;

struct worker {
    struct server *server;
    pthread_t thread;
    bool thread_runs;
    struct loop *loop;
    struct listener *listener;
    struct upstream_pool *pool;
    struct desk *desk;
    struct task drain_task;
    bool listener_drained;
};

struct server {
    const struct snapshot *snapshot;
    struct journal *journal;
    struct resolver *resolver;
    struct upstream_options upstream;
    int listen_fd;
    int signal_fd;
    int ended_fd; /* counts workers that ended by themselves */
    struct worker *workers;
    size_t worker_count;
};

/* ---- a worker ---- */

/* A draining worker ends when neither a connection nor an exchange is left. */
static void check_ended(void *arg)
{
    struct worker *worker = arg;
    if (worker->listener_drained && desk_busy(worker->desk) == 0)
        loop_stop(worker->loop);
}

static void on_drained(void *arg)
{
    struct worker *worker = arg;
    worker->listener_drained = true;
    check_ended(worker);
}

static void run_drain(void *arg)
{
    struct worker *worker = arg;
    listener_drain(worker->listener);
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    const uint64_t one = 1;
    loop_run(worker->loop);
    if (write(worker->server->ended_fd, &one, sizeof(one)) < 0)
        LOG(LOG_ERROR, "worker-end-untold");
    return NULL;
}

static bool worker_init(struct worker *worker, struct server *server)
{
    const struct snapshot *snapshot = server->snapshot;
    const struct config *config = snapshot->config;
    worker->server = server;
    worker->drain_task = (struct task){.run = run_drain, .arg = worker};
    worker->loop = loop_new();
    worker->pool = worker->loop ? pool_new(worker->loop, &server->upstream) : NULL;
    if (!worker->pool)
        return false;
    worker->desk = desk_new(&(struct desk_options){.loop = worker->loop,
                                                   .config = config,
                                                   .policy = snapshot->policy,
                                                   .team = snapshot->team,
                                                   .journal = server->journal,
                                                   .pool = worker->pool,
                                                   .idle = check_ended,
                                                   .arg = worker});
    if (!worker->desk)
        return false;
    const struct listener_options options = {.framing = config->framing,
                                             .deadlines = config->deadlines,
                                             .tls = snapshot->server_tls,
                                             .handler = desk_handler(worker->desk),
                                             .drained = on_drained,
                                             .drained_arg = worker};
    worker->listener = listener_new(worker->loop, server->listen_fd, &options);
    return worker->listener != NULL;
}

static void worker_free(struct worker *worker)
{
    listener_free(worker->listener);
    pool_free(worker->pool);
    desk_free(worker->desk);
    loop_free(worker->loop);
}

/* ---- the journal's beginning and end ---- */

static bool record_life_event(const struct server *server, const char *kind, uint64_t torn_bytes)
{
    const struct snapshot *snapshot = server->snapshot;
    const struct life_record record = {.kind = kind,
                                       .time_unix_ms = clock_unix_ms(),
                                       .version = STR(GATEWAY_VERSION),
                                       .config_digest = str_from(snapshot->config->digest),
                                       .policy_revision = snapshot->policy->revision,
                                       .policy_digest = str_from(snapshot->policy->digest),
                                       .torn_bytes = torn_bytes};
    struct buf members;
    buf_init(&members, LIMIT_RECORD_BYTES);
    record_life(&record, &members);
    bool durable = !members.failed && journal_append_wait(server->journal, buf_str(&members));
    buf_release(&members);
    return durable;
}

static bool start_journal(struct server *server, struct error *err)
{
    const struct config *config = server->snapshot->config;
    const struct journal_options options = {.directory = config->audit_directory.value.data,
                                            .segment_bytes = config->segment_bytes,
                                            .max_waiting = LIMIT_JOURNAL_WAITING};
    struct journal_recovery recovery;
    struct error why;
    server->journal = journal_open(&options, &recovery, &why);
    if (!server->journal)
        return config_error(&config->audit_directory.place, err, "%s", why.text);
    if (recovery.torn_bytes)
        LOG(LOG_WARN, "journal-torn", LOG_INT("bytes", recovery.torn_bytes),
            LOG_TEXT("kept_in", recovery.torn_path), LOG_INT("last_seq", recovery.last_seq));
    if (!record_life_event(server, "started", recovery.torn_bytes))
        return config_error(&config->audit_directory.place, err,
                            "the first record could not be written; is there space left?");
    return true;
}

/* ---- start and stop ---- */

static bool start_upstream(struct server *server, struct error *err)
{
    const struct snapshot *snapshot = server->snapshot;
    const struct config *config = snapshot->config;
    server->resolver =
        resolver_start(config->upstream_host.data, config->upstream_port, RESOLVE_REFRESH_MS, err);
    if (!server->resolver)
        return false;
    if (!resolver_wait(server->resolver, RESOLVE_WAIT_MS))
        LOG(LOG_WARN, "upstream-unresolved", LOG_STR("host", config->upstream_host));
    server->upstream =
        (struct upstream_options){.peer = {.tls = snapshot->client_tls,
                                           .host = config->upstream_host.data,
                                           .host_is_address = config->upstream_host_is_address},
                                  .deadlines = config->upstream,
                                  .resolver = server->resolver,
                                  .max_answer_bytes = LIMIT_ANSWER_BYTES};
    return true;
}

static bool start_workers(struct server *server, struct error *err)
{
    size_t count = server->snapshot->config->workers;
    server->workers = calloc(count, sizeof(*server->workers));
    if (!server->workers)
        return error_set(err, "out of memory");
    server->worker_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!worker_init(&server->workers[i], server))
            return error_set(err, "cannot make %zu workers: out of memory or descriptors", count);
    }
    for (size_t i = 0; i < count; i++) {
        struct worker *worker = &server->workers[i];
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0)
            return error_set(err, "cannot start %zu worker threads", count);
        worker->thread_runs = true;
    }
    return true;
}

/* Signals are read by the main thread alone; every thread started later inherits the mask. */
static int open_signals(void)
{
    sigset_t signals;
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that left is an error code, not an end */
    (void)signal(SIGXFSZ, SIG_IGN); /* so is a journal that meets a file size limit */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR1);
    if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0)
        return -1;
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool start(struct server *server, char address[ADDRESS_TEXT_SIZE], struct error *err)
{
    const struct config *config = server->snapshot->config;
    struct error why;
    server->signal_fd = open_signals();
    server->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->signal_fd < 0 || server->ended_fd < 0)
        return error_set(err, "cannot prepare for signals: %s", strerrordesc_np(errno));
    server->listen_fd = listener_bind(config->listen.value, address, &why);
    if (server->listen_fd < 0)
        return config_error(&config->listen.place, err, "%s", why.text);
    return start_journal(server, err) && start_upstream(server, err) && start_workers(server, err);
}

/* Everything started, in the reverse order; what was not started is skipped. */
static void stop(struct server *server)
{
    for (size_t i = 0; i < server->worker_count; i++) {
        struct worker *worker = &server->workers[i];
        if (!worker->thread_runs)
            continue;
        loop_stop(worker->loop);
        pthread_join(worker->thread, NULL);
    }
    if (server->journal && !record_life_event(server, "shutdown", 0))
        LOG(LOG_ERROR, "shutdown-unrecorded");
    journal_close(server->journal); /* before the exchanges whose records it may still hold */
    for (size_t i = 0; i < server->worker_count; i++)
        worker_free(&server->workers[i]);
    free(server->workers);
    resolver_stop(server->resolver);
    const int fds[] = {server->listen_fd, server->signal_fd, server->ended_fd};
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

/* ---- serving ---- */

static void begin_drain(struct server *server)
{
    LOG(LOG_INFO, "draining", LOG_INT("timeout_ms", server->snapshot->config->drain_ms));
    close(server->listen_fd);
    server->listen_fd = -1;
    for (size_t i = 0; i < server->worker_count; i++)
        loop_post(server->workers[i].loop, &server->workers[i].drain_task);
}

/* The next signal, or 0. */
static int next_signal(const struct server *server)
{
    struct signalfd_siginfo info;
    if (read(server->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    return (int)info.ssi_signo;
}

static size_t workers_ended(const struct server *server)
{
    uint64_t count = 0;
    if (read(server->ended_fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
        return 0;
    return (size_t)count;
}

/* Waits for signals and for workers that have drained. */
static enum server_end supervise(struct server *server)
{
    struct pollfd watched[] = {{.fd = server->signal_fd, .events = POLLIN},
                               {.fd = server->ended_fd, .events = POLLIN}};
    int64_t drain_until_ms = 0;
    size_t ended = 0;
    while (ended < server->worker_count) {
        int64_t left_ms = drain_until_ms ? drain_until_ms - clock_mono_us() / 1000 : -1;
        if (drain_until_ms && left_ms <= 0)
            return SERVER_CUT;
        (void)poll(watched, COUNT_OF(watched), (int)left_ms);
        ended += workers_ended(server);
        int signal_number = next_signal(server);
        bool end = signal_number == SIGTERM || signal_number == SIGINT;
        if (signal_number && !end)
            LOG(LOG_WARN, "signal-ignored", LOG_INT("signal", signal_number));
        if (end && drain_until_ms)
            return SERVER_CUT;
        if (end) {
            drain_until_ms = clock_mono_us() / 1000 + server->snapshot->config->drain_ms;
            begin_drain(server);
        }
    }
    return SERVER_DRAINED;
}

enum server_end server_run(const struct snapshot *snapshot, struct error *err)
{
    struct server server = {.snapshot = snapshot, .listen_fd = -1, .signal_fd = -1, .ended_fd = -1};
    char address[ADDRESS_TEXT_SIZE] = "";
    enum server_end end = SERVER_NOT_STARTED;
    if (start(&server, address, err)) {
        LOG(LOG_INFO, "listening", LOG_TEXT("address", address),
            LOG_INT("workers", server.worker_count),
            LOG_STR("upstream", snapshot->config->upstream_host),
            LOG_STR("team", snapshot->config->team.value),
            LOG_STR("policy", snapshot->policy->revision));
        end = supervise(&server);
    }
    stop(&server);
    if (end != SERVER_NOT_STARTED)
        LOG(LOG_INFO, "stopped", LOG_TEXT("how", end == SERVER_DRAINED ? "drained" : "cut"));
    return end;
}
