#include "server.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "bookkeeper.h"
#include "logs.h"
#include "observer.h"
#include "reconciler.h"
#include "reload.h"
#include "sandbox.h"
#include "status.h"
#include "supervisor.h"
#include "trace_export.h"
#include "worker.h"

#define RESOLVE_REFRESH_MS 30000
#define RESOLVE_WAIT_MS 3000

/* For whoever else has the journal open: a verb for a moment, the gateway before this one until it
 * has drained. Only who hands sockets over starts one while the other still runs. */
#define JOURNAL_WAIT_MS 3000
#define TAKEOVER_GRACE_MS 5000 /* beside drain_timeout, for the journal's last records */
#define PORT_LOOK_MS 50

struct server {
    struct snapshot *snapshot; /* the first one: what sockets, threads and files were made from */
    struct snapshot *current;  /* the one that later requests are judged by */
    struct tickets *tickets;
    struct bookkeeper books;
    struct logs logs;
    struct trace_export *traces;   /* NULL when nobody is told of them */
    struct reconciler *reconciler; /* NULL when nobody is to be asked */
    struct resolver *resolver;
    struct admission *admission;
    struct upstream_options upstream;
    struct admin *admin;
    struct observer observer; /* for it */
    struct team_labels teams; /* for metrics */
    struct counters counters; /* of the main thread */
    struct reload reload;
    struct status *status;
    _Atomic(enum serving) serving; /* the admin thread asks */
    struct supervisor supervisor;
    struct sandbox *sandbox;
    int listen_fd;
    bool is_inherited; /* the socket: the next gateway has it, too */
    int admin_fd;      /* -1 without admin listener, and once it has its own */
    int signal_fd;
    int ended_fd; /* counts workers that ended by themselves */
    struct worker *workers;
    size_t worker_count;
};

static int64_t now_ms(void)
{
    return clock_mono_us() / 1000;
}

/* ---- start and stop ---- */

/* On the resolver's thread. */
static void log_resolver(void *arg, const struct resolved *before, const struct resolved *now)
{
    const struct server *server = arg;
    const struct str host = server->snapshot->config->upstream_host;
    if (now->is_own && !before->is_own)
        LOG(LOG_ERROR, "upstream-is-self", LOG_STR("host", host),
            LOG_TEXT("remedy", "let upstream.url name another host or port; where /etc/hosts leads "
                               "clients here, upstream.resolve: dns asks past it"));
    else if (now->is_failing && !before->is_failing)
        LOG(LOG_WARN, "upstream-unresolved", LOG_STR("host", host),
            LOG_INT("addresses_of_before", now->count));
    else if (before->is_failing && !now->is_failing)
        LOG(LOG_INFO, "upstream-resolved", LOG_STR("host", host), LOG_INT("addresses", now->count));
}

static bool start_upstream(struct server *server, struct error *err)
{
    const struct snapshot *snapshot = server->snapshot;
    const struct config *config = snapshot->config;
    const struct sockaddr_storage own = address_of_socket(server->listen_fd);
    const struct resolver_options options = {.host = config->upstream_host.data,
                                             .port = config->upstream_port,
                                             .by = config->upstream_resolve,
                                             .refresh_ms = RESOLVE_REFRESH_MS,
                                             .own = (const struct sockaddr *)&own,
                                             .changed = log_resolver,
                                             .arg = server};
    server->resolver = resolver_start(&options, err);
    if (!server->resolver)
        return false;
    (void)resolver_wait(server->resolver, RESOLVE_WAIT_MS); /* it is told when there is none */
    server->upstream =
        (struct upstream_options){.peer = {.tls = snapshot->client_tls,
                                           .host = config->upstream_host.data,
                                           .host_is_address = config->upstream_host_is_address},
                                  .deadlines = config->upstream,
                                  .resolver = server->resolver,
                                  .max_answer_bytes = LIMIT_ANSWER_BYTES};
    return true;
}

static bool start_traces(struct server *server, struct error *err)
{
    if (!server->snapshot->config->trace_endpoint.url.value.len)
        return true;
    server->traces = trace_export_start(server->snapshot, err);
    return server->traces != NULL;
}

static bool start_reconciler(struct server *server, struct error *err)
{
    const struct config_text *token = &server->snapshot->config->audit.reconcile_auth;
    if (!token->value.len)
        return true;
    const struct reconciler_options options = {.journal = server->books.journal,
                                               .upstream = &server->upstream,
                                               .hash_keys = server->books.hash_keys,
                                               .snapshot = server->snapshot};
    server->reconciler = reconciler_start(&options, err);
    return server->reconciler != NULL;
}

/* Descriptors beside clients' connections: sockets, files and eventfds of the gateway itself. */
#define OWN_DESCRIPTORS 64
#define WORKER_DESCRIPTORS 8

/*
 * Every connection and every upstream connection needs a descriptor: as many as the system gives
 * are taken, and no more connections accepted than that allows.
 */
static struct admission_limits fit_descriptors(const struct config *config)
{
    struct admission_limits limits = config->admission;
    uint64_t beside = OWN_DESCRIPTORS + limits.requests +
                      config->workers * (WORKER_DESCRIPTORS + LIMIT_IDLE_CLIENTS);
    struct rlimit allowed = {0};
    if (getrlimit(RLIMIT_NOFILE, &allowed) != 0)
        return limits;
    if (allowed.rlim_cur < allowed.rlim_max) {
        allowed.rlim_cur = allowed.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &allowed);
        (void)getrlimit(RLIMIT_NOFILE, &allowed);
    }
    if (limits.connections + beside <= allowed.rlim_cur)
        return limits;
    limits.connections =
        allowed.rlim_cur > 2 * beside ? allowed.rlim_cur - beside : allowed.rlim_cur / 2 + 1;
    LOG(LOG_WARN, "connections-lowered", LOG_INT("descriptors", allowed.rlim_cur),
        LOG_INT("connections", limits.connections));
    return limits;
}

static bool start_admission(struct server *server, struct error *err)
{
    const struct admission_limits limits = fit_descriptors(server->snapshot->config);
    server->admission = admission_new(&limits);
    return server->admission || error_set(err, "out of memory");
}

/* Before any worker meets them. */
static void label_teams(struct server *server, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->policy->teams.count; i++)
        team_labels_add(&server->teams, snapshot->policy->team_list[i].name);
}

static bool make_workers(struct server *server, struct error *err)
{
    size_t count = server->snapshot->config->workers;
    const struct worker_options options = {.snapshot = server->snapshot,
                                           .listen_fd = server->listen_fd,
                                           .is_inherited = server->is_inherited,
                                           .ended_fd = server->ended_fd,
                                           .journal = server->books.journal,
                                           .hash_keys = server->books.hash_keys,
                                           .admission = server->admission,
                                           .upstream = &server->upstream,
                                           .teams = &server->teams,
                                           .access_log = server->logs.access,
                                           .traces = server->traces};
    label_teams(server, server->snapshot);
    server->workers = calloc(count, sizeof(*server->workers));
    if (!server->workers)
        return error_set(err, "out of memory");
    server->worker_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!worker_init(&server->workers[i], &options))
            return error_set(err, "cannot make %zu workers: out of memory or descriptors", count);
    }
    return true;
}

/* Clients are read from now on. */
static bool start_workers(struct server *server, struct error *err)
{
    for (size_t i = 0; i < server->worker_count; i++) {
        if (!worker_start(&server->workers[i]))
            return error_set(err, "cannot start %zu worker threads", server->worker_count);
    }
    return true;
}

static bool start_admin(struct server *server, struct error *err)
{
    char address[ADDRESS_TEXT_SIZE];
    struct observer *observer = &server->observer;
    *observer = (struct observer){.status = server->status,
                                  .journal = server->books.journal,
                                  .resolver = server->resolver,
                                  .admission = server->admission,
                                  .workers = server->workers,
                                  .worker_count = server->worker_count,
                                  .counters = &server->counters,
                                  .logs = &server->logs,
                                  .traces = server->traces,
                                  .serving = &server->serving,
                                  .sandbox = server->sandbox};
    struct admin_options options = observer_options(observer);
    if (server->admin_fd < 0)
        return true;
    process_watch_open(&observer->process);
    options.listen_fd = server->admin_fd;
    options.tls = server->snapshot->admin_tls;
    server->admin = admin_start(&options, err);
    if (server->admin) {
        address_text_of_socket(server->admin_fd, address);
        LOG(LOG_INFO, "admin-listening", LOG_TEXT("address", address),
            LOG_TEXT("tls", options.tls ? "on" : "off"));
    }
    close(server->admin_fd);
    server->admin_fd = -1;
    return server->admin != NULL;
}

/* A socket that was handed over, or else one of our own; -1 with `err`. */
static int open_port(int *inherited_fd, const struct config_text *setting, struct error *err)
{
    struct error why;
    int fd = *inherited_fd;
    *inherited_fd = -1;
    if (fd >= 0)
        return fd;
    fd = address_listen(setting->value, &why);
    int number = errno;
    if (fd < 0)
        config_error(&setting->place, err, "%s", why.text);
    errno = number;
    return fd;
}

/* How long whoever runs before us may still need, from its signal to its last record. */
static int64_t takeover_ms(const struct server *server)
{
    return server->snapshot->config->drain_ms + TAKEOVER_GRACE_MS;
}

/* Only the data port was handed over: the gateway before us has the admin port until it has
 * drained. */
static int await_admin_port(struct server *server, struct error *err)
{
    const struct config_text *setting = &server->snapshot->config->admin.listen;
    int64_t until_ms = now_ms() + takeover_ms(server);
    bool told = false;
    int fd;
    while ((fd = open_port(&server->supervisor.admin_fd, setting, err)) < 0 &&
           errno == EADDRINUSE && server->is_inherited && now_ms() < until_ms &&
           !supervisor_wants_end()) {
        if (!told)
            LOG(LOG_INFO, "admin-port-awaited", LOG_STR("address", setting->value),
                LOG_INT("patience_ms", takeover_ms(server)));
        told = true;
        (void)poll(NULL, 0, PORT_LOOK_MS);
    }
    return fd;
}

static bool open_ports(struct server *server, struct error *err)
{
    const struct config *config = server->snapshot->config;
    struct supervisor *supervisor = &server->supervisor;
    bool has_admin = supervisor->admin_fd >= 0 || config->admin.listen.value.len > 0;
    server->is_inherited = supervisor->data_fd >= 0;
    server->listen_fd = open_port(&supervisor->data_fd, &config->listen, err);
    if (server->listen_fd < 0 || !has_admin)
        return server->listen_fd >= 0;
    server->admin_fd = await_admin_port(server, err);
    return server->admin_fd >= 0;
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

static void tell_ready(const struct server *server)
{
    const struct snapshot *current = server->current;
    supervisor_tell(&server->supervisor, "READY=1\nSTATUS=serving by policy %.*s",
                    STR_ARGS(current->policy->revision));
}

static void log_listening(const struct server *server, const struct snapshot *snapshot)
{
    char address[ADDRESS_TEXT_SIZE];
    const struct config *config = snapshot->config;
    address_text_of_socket(server->listen_fd, address);
    LOG(LOG_INFO, "listening", LOG_TEXT("address", address),
        LOG_INT("workers", server->worker_count), LOG_STR("upstream", config->upstream_host),
        LOG_STR("team", config->team.value), LOG_STR("policy", snapshot->policy->revision));
}

/* `check` tells all that is wrong; here the first of it is enough. */
static struct snapshot *load(const char *config_path, struct tickets *tickets, struct error *err)
{
    struct problems problems;
    problems_init(&problems);
    struct snapshot *snapshot = snapshot_load(config_path, tickets, &problems);
    if (!snapshot)
        problems_summary(&problems, err);
    problems_release(&problems);
    return snapshot;
}

static bool open_books(struct server *server, struct error *err)
{
    supervisor_tell(&server->supervisor, "STATUS=opening the audit journal");
    return bookkeeper_open(&server->books, server->current,
                           server->is_inherited ? takeover_ms(server) : JOURNAL_WAIT_MS, err);
}

/* Sockets are bound and nothing is running yet: now it gives up what threads would keep. */
static bool enter_sandbox(struct server *server, struct error *err)
{
    bool abstract = supervisor_is_abstract(&server->supervisor);
    server->sandbox = sandbox_new(server->snapshot, abstract, err);
    return server->sandbox && sandbox_restrict_process(server->sandbox, err);
}

static bool start(struct server *server, const char *config_path, struct error *err)
{
    if (!supervisor_meet(&server->supervisor, err))
        return false;
    server->tickets = tickets_new();
    if (!server->tickets)
        return error_set(err, "out of memory");
    server->snapshot = load(config_path, server->tickets, err);
    if (!server->snapshot)
        return false;
    server->current = snapshot_hold(server->snapshot);
    server->status = status_new(server->snapshot, clock_unix_ms());
    if (!server->status)
        return error_set(err, "out of memory");
    const struct config *config = server->snapshot->config;
    tickets_set_rotation(server->tickets, config->ticket_rotation_ms);
    log_init(&(struct log_options){.level = config->log_level, .format = config->log_format});
    server->signal_fd = open_signals();
    server->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->signal_fd < 0 || server->ended_fd < 0)
        return error_set(err, "cannot prepare for signals: %s", strerrordesc_np(errno));
    bool started = open_ports(server, err) && enter_sandbox(server, err) &&
                   logs_open(&server->logs, config, err) && start_admission(server, err) &&
                   open_books(server, err) && start_upstream(server, err) &&
                   start_traces(server, err) && make_workers(server, err) &&
                   start_reconciler(server, err) && start_admin(server, err) &&
                   reload_init(&server->reload, server->current, err) &&
                   sandbox_restrict_calls(server->sandbox, err) && start_workers(server, err);
    if (!started)
        return false;
    atomic_store(&server->serving, SERVING);
    sandbox_log(server->sandbox);
    log_listening(server, server->snapshot);
    tell_ready(server);
    return true;
}

/* Everything started, in the reverse order; what was not started is skipped. */
static void stop(struct server *server)
{
    reload_release(&server->reload);
    admin_stop(server->admin);
    process_watch_close(&server->observer.process);
    for (size_t i = 0; i < server->worker_count; i++)
        worker_stop(&server->workers[i]);
    reconciler_stop(server->reconciler);
    trace_export_stop(server->traces);
    /* before the exchanges whose records the journal may still hold */
    bookkeeper_close(&server->books, server->current);
    for (size_t i = 0; i < server->worker_count; i++)
        worker_release(&server->workers[i]);
    free(server->workers);
    bookkeeper_release(&server->books);
    admission_free(server->admission);
    resolver_stop(server->resolver);
    status_free(server->status);
    snapshot_release(server->current);
    snapshot_release(server->snapshot);
    tickets_free(server->tickets);
    sandbox_free(server->sandbox);
    const int fds[] = {server->listen_fd, server->admin_fd, server->signal_fd, server->ended_fd};
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    supervisor_release(&server->supervisor);
}

/* ---- reloading ---- */

/* A policy that cannot be named in the journal judges nobody. */
static bool adopt(struct server *server, struct snapshot *fresh, struct error *err)
{
    if (!bookkeeper_record(&server->books, fresh, "reloaded"))
        return error_set(err, "it could not be recorded in the journal");
    tickets_set_rotation(server->tickets, fresh->config->ticket_rotation_ms);
    label_teams(server, fresh);
    log_set_level(fresh->config->log_level);
    for (size_t i = 0; i < server->worker_count; i++)
        worker_offer(&server->workers[i], fresh);
    reconciler_adopt(server->reconciler, fresh);
    trace_export_adopt(server->traces, fresh);
    admin_set_tls(server->admin, fresh->admin_tls);
    snapshot_release(server->current);
    server->current = snapshot_hold(fresh);
    status_adopted(server->status, fresh, clock_unix_ms());
    LOG_EACH(LOG_INFO, "reloaded", LOG_STR("policy", fresh->policy->revision),
             LOG_TEXT("policy_digest", fresh->policy->digest),
             LOG_TEXT("config_digest", fresh->config->digest));
    counters_count(&server->counters, COUNTER_RELOADS);
    return true;
}

static void warn_of_restart(const struct config *running, const struct config *fresh)
{
    struct config_names fixed;
    config_fixed_changes(running, fresh, &fixed);
    if (fixed.text[0])
        LOG(LOG_WARN, "restart-needed", LOG_TEXT("settings", fixed.text));
}

/* What is wrong keeps the old, and is said. */
static void reload(struct server *server, const char *why)
{
    struct error err;
    const char *path = server->snapshot->config->path;
    supervisor_tell_reloading(&server->supervisor);
    struct snapshot *fresh = load(path, server->tickets, &err);
    if (!fresh)
        sandbox_explain(server->sandbox, path, &err);
    bool done = fresh && adopt(server, fresh, &err);
    if (done) {
        warn_of_restart(server->snapshot->config, fresh->config);
        tell_ready(server);
    } else {
        LOG_EACH(LOG_ERROR, "reload-failed", LOG_TEXT("because", why), LOG_TEXT("error", err.text));
        counters_count(&server->counters, COUNTER_RELOADS_FAILED);
        status_failed(server->status, why, &err, clock_unix_ms());
        supervisor_tell(&server->supervisor, "READY=1\nSTATUS=the old policy stays: %s", err.text);
    }
    reload_done(&server->reload, done ? server->current : NULL);
    snapshot_release(fresh);
}

/* ---- serving ---- */

static void begin_drain(struct server *server)
{
    LOG(LOG_INFO, "draining", LOG_INT("timeout_ms", server->snapshot->config->drain_ms));
    supervisor_tell(&server->supervisor, "STOPPING=1\nSTATUS=finishing what is under way");
    atomic_store(&server->serving, SERVING_NO_MORE);
    close(server->listen_fd);
    server->listen_fd = -1;
    for (size_t i = 0; i < server->worker_count; i++)
        worker_drain(&server->workers[i]);
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

/* TERM or INT: the first drains, the second ends. False: end now. */
static bool on_end_signal(struct server *server, int64_t *drain_until_ms)
{
    if (*drain_until_ms)
        return false;
    *drain_until_ms = now_ms() + server->snapshot->config->drain_ms;
    begin_drain(server);
    return true;
}

/* How long nothing can be due, for poll; -1: for ever. */
static int wait_ms(const struct server *server, int64_t drain_until_ms, int64_t supervisor_ms)
{
    int64_t due_ms = drain_until_ms ? drain_until_ms : reload_due_ms(&server->reload);
    int64_t left_ms = due_ms - now_ms(), books_ms = bookkeeper_wait_ms(&server->books, now_ms());
    if (books_ms < left_ms)
        left_ms = books_ms;
    if (supervisor_ms < left_ms)
        left_ms = supervisor_ms;
    return left_ms <= 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

/* Waits for signals, changed files, requests in the inbox, and workers that have drained. */
static enum server_end supervise(struct server *server)
{
    int64_t drain_until_ms = 0;
    size_t ended = 0;
    while (ended < server->worker_count) {
        struct pollfd watched[] = {{.fd = server->signal_fd, .events = POLLIN},
                                   {.fd = server->ended_fd, .events = POLLIN},
                                   {.fd = reload_fd(&server->reload), .events = POLLIN},
                                   {.fd = bookkeeper_fd(&server->books), .events = POLLIN},
                                   {.fd = log_turn_fd(), .events = POLLIN}};
        int64_t supervisor_ms = supervisor_turn(&server->supervisor, now_ms());
        (void)poll(watched, COUNT_OF(watched), wait_ms(server, drain_until_ms, supervisor_ms));
        ended += workers_ended(server);
        int signal_number = next_signal(server);
        if (watched[2].revents)
            reload_event(&server->reload, now_ms());
        bookkeeper_turn(&server->books, now_ms(), watched[3].revents != 0);
        if (watched[4].revents)
            log_turn();
        if (signal_number == SIGHUP)
            reload(server, "signal");
        else if (signal_number == SIGUSR1)
            logs_reopen(&server->logs);
        else if (signal_number && !on_end_signal(server, &drain_until_ms))
            return SERVER_CUT;
        if (drain_until_ms && ended < server->worker_count && now_ms() >= drain_until_ms)
            return SERVER_CUT;
        if (!drain_until_ms && reload_is_due(&server->reload, server->current, now_ms()))
            reload(server, "files changed");
    }
    return SERVER_DRAINED;
}

enum server_end server_run(const char *config_path, struct error *err)
{
    struct server server = {.listen_fd = -1,
                            .admin_fd = -1,
                            .signal_fd = -1,
                            .ended_fd = -1,
                            .reload.fd = -1,
                            .supervisor = {.data_fd = -1, .admin_fd = -1, .notify_fd = -1}};
    enum server_end end = SERVER_NOT_STARTED;
    if (start(&server, config_path, err))
        end = supervise(&server);
    stop(&server);
    if (end != SERVER_NOT_STARTED)
        LOG(LOG_INFO, "stopped", LOG_TEXT("how", end == SERVER_DRAINED ? "drained" : "cut"));
    logs_close(&server.logs);
    return end;
}
