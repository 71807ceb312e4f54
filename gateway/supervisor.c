#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */
#define FDS_MAX 16 /* more than anybody means to hand over */
#define TELL_PATIENCE_MS 500

/* ---- the environment ---- */

/* What a variable says; NULL: it is not there. It is gone afterwards, the text is not. */
static char *take_variable(const char *name)
{
    const char *text = getenv(name);
    char *copy = text ? strdup(text) : NULL;
    (void)unsetenv(name);
    return copy;
}

/* Whether the variables are meant for this process: a child inherits what was its parent's. */
static bool is_ours(const char *pid)
{
    uint64_t number;
    return pid && str_to_u64(str_from(pid), &number) && number == (uint64_t)getpid();
}

/* ---- sockets ---- */

static int option(int fd, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

static bool is_listening_tcp(int fd)
{
    int domain = option(fd, SO_DOMAIN);
    return option(fd, SO_TYPE) == SOCK_STREAM && option(fd, SO_ACCEPTCONN) == 1 &&
           (domain == AF_INET || domain == AF_INET6);
}

/* Workers accept until the queue is empty, so it must not block; children must not have it. */
static bool prepare_socket(int fd, struct error *err)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return error_set(err,
                         "environment LISTEN_FDS: descriptor %d is not open; LISTEN_FDS must count "
                         "the sockets that are handed over from 3 on",
                         fd);
    if (!is_listening_tcp(fd))
        return error_set(err,
                         "environment LISTEN_FDS: descriptor %d is not a listening TCP socket; in "
                         "a .socket unit use ListenStream= with a port, and no Accept=yes",
                         fd);
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ||
           error_set(err, "environment LISTEN_FDS: descriptor %d: %s", fd, strerrordesc_np(errno));
}

static bool assign(struct supervisor *supervisor, int fd, bool is_admin, struct error *err)
{
    int *place = is_admin ? &supervisor->admin_fd : &supervisor->data_fd;
    if (*place >= 0)
        return error_set(err,
                         "environment LISTEN_FDS: descriptors %d and %d would both be the %s "
                         "socket; hand over one for data and one called 'admin' "
                         "(FileDescriptorName=admin)",
                         *place, fd, is_admin ? "admin" : "data");
    *place = fd;
    return true;
}

static bool take_sockets(struct supervisor *supervisor, const char *count_text, const char *names,
                         struct error *err)
{
    uint64_t count;
    if (!str_to_u64(str_from(count_text), &count) || count > FDS_MAX)
        return error_set(err, "environment LISTEN_FDS: '%s' is not a number of sockets",
                         count_text);
    struct str rest = names ? str_from(names) : (struct str){0};
    for (int fd = FIRST_FD; fd < FIRST_FD + (int)count; fd++) {
        struct str name;
        (void)str_cut(rest, ':', &name, &rest);
        bool is_admin = names ? str_equal(name, STR("admin")) : fd == FIRST_FD + 1;
        if (!prepare_socket(fd, err) || !assign(supervisor, fd, is_admin, err))
            return false;
    }
    return true;
}

static bool meet_sockets(struct supervisor *supervisor, struct error *err)
{
    char *pid = take_variable("LISTEN_PID"), *count = take_variable("LISTEN_FDS");
    char *names = take_variable("LISTEN_FDNAMES");
    bool fine = !count || !is_ours(pid) || take_sockets(supervisor, count, names, err);
    free(pid);
    free(count);
    free(names);
    return fine;
}

/* ---- telling ---- */

static bool read_address(struct supervisor *supervisor, const char *path)
{
    struct sockaddr_un *address = &supervisor->notify_address;
    size_t length = strlen(path);
    if (length < 2 || length >= sizeof(address->sun_path) || (path[0] != '/' && path[0] != '@'))
        return false;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    if (path[0] == '@')
        address->sun_path[0] = '\0'; /* an abstract name: it has a length and no end */
    supervisor->notify_length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] == '/'));
    return true;
}

static bool connect_notify(const struct supervisor *supervisor)
{
    return connect(supervisor->notify_fd, (const struct sockaddr *)&supervisor->notify_address,
                   supervisor->notify_length) == 0;
}

static bool open_notify(struct supervisor *supervisor, const char *path, struct error *err)
{
    const struct timeval patience = {.tv_usec = TELL_PATIENCE_MS * 1000};
    if (!read_address(supervisor, path))
        return error_set(err,
                         "environment NOTIFY_SOCKET: '%s' is neither an absolute path nor an "
                         "abstract socket (@NAME)",
                         path);
    supervisor->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (supervisor->notify_fd < 0)
        return error_set(err, "environment NOTIFY_SOCKET: %s", strerrordesc_np(errno));
    /* whoever does not read must not hold us up */
    (void)setsockopt(supervisor->notify_fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    /* now, because the sandbox may keep us from abstract sockets that we do not know yet */
    (void)connect_notify(supervisor);
    return true;
}

static bool meet_notify(struct supervisor *supervisor, struct error *err)
{
    char *path = take_variable("NOTIFY_SOCKET");
    bool fine = !path || !path[0] || open_notify(supervisor, path, err);
    free(path);
    return fine;
}

static bool meet_watchdog(struct supervisor *supervisor, struct error *err)
{
    char *pid = take_variable("WATCHDOG_PID"), *period = take_variable("WATCHDOG_USEC");
    uint64_t us = 0;
    bool fine = !period || (pid && !is_ours(pid)) || str_to_u64(str_from(period), &us) ||
                error_set(err, "environment WATCHDOG_USEC: '%s' is not a number", period);
    if (us > INT64_MAX)
        us = INT64_MAX;
    if (us > 0) /* twice in each period, as sd_watchdog_enabled(3) asks */
        supervisor->watchdog_ms = us < 2000 ? 1 : (int64_t)(us / 2000);
    free(pid);
    free(period);
    return fine;
}

/* ---- for the server ---- */

bool supervisor_meet(struct supervisor *supervisor, struct error *err)
{
    *supervisor = (struct supervisor){.data_fd = -1, .admin_fd = -1, .notify_fd = -1};
    return meet_notify(supervisor, err) && meet_watchdog(supervisor, err) &&
           meet_sockets(supervisor, err);
}

void supervisor_release(struct supervisor *supervisor)
{
    int *fds[] = {&supervisor->data_fd, &supervisor->admin_fd, &supervisor->notify_fd};
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

bool supervisor_is_abstract(const struct supervisor *supervisor)
{
    return supervisor->notify_fd >= 0 && supervisor->notify_address.sun_path[0] == '\0';
}

void supervisor_tell(const struct supervisor *supervisor, const char *format, ...)
{
    char text[1024];
    if (supervisor->notify_fd < 0)
        return;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (length < 0)
        return;
    size_t size = (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1;
    /* nobody there, or nobody who reads: it would learn from the process, too */
    bool told = send(supervisor->notify_fd, text, size, MSG_NOSIGNAL) >= 0;
    if (!told && errno != EAGAIN && connect_notify(supervisor)) /* it was started anew */
        (void)send(supervisor->notify_fd, text, size, MSG_NOSIGNAL);
}

void supervisor_tell_reloading(const struct supervisor *supervisor)
{
    /* Type=notify-reload wants to know which reload: one that began after it asked */
    supervisor_tell(supervisor, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading everything again",
                    (long long)clock_mono_us());
}

bool supervisor_wants_end(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

int64_t supervisor_turn(struct supervisor *supervisor, int64_t now_ms)
{
    if (!supervisor->watchdog_ms || supervisor->notify_fd < 0)
        return INT64_MAX;
    if (now_ms >= supervisor->watchdog_due_ms) {
        supervisor_tell(supervisor, "WATCHDOG=1");
        supervisor->watchdog_due_ms = now_ms + supervisor->watchdog_ms;
    }
    return supervisor->watchdog_due_ms - now_ms;
}
