/*
 * Who started the gateway, when it speaks systemd's two protocols: sockets that are handed over
 * (sd_listen_fds(3)) and the word on how the service does (sd_notify(3)).
 *
 * Inherited sockets stay open while one gateway ends and the next one starts: whoever connects
 * meanwhile waits in their queue instead of being refused (decisions/0022).
 *
 * Belongs to the main thread; supervisor_meet before any other is started.
 */
#pragma once

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"

struct supervisor {
    int data_fd, admin_fd; /* listening sockets that were handed over; -1: none. Theirs is who
                              takes them: set to -1 then */
    int notify_fd;         /* -1: nobody wants to be told */
    struct sockaddr_un notify_address;
    socklen_t notify_length;
    int64_t watchdog_ms; /* it wants to hear of us this often; 0: never */
    int64_t watchdog_due_ms;
};

/*
 * Reads LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES, NOTIFY_SOCKET, WATCHDOG_PID and WATCHDOG_USEC, and
 * removes them. A socket called `admin` is the admin listener's, one of any other name is for data;
 * without names the first is for data and the second the admin listener's. False with `err` when
 * one is no listening TCP socket, or there are too many.
 */
MUST_USE bool supervisor_meet(struct supervisor *supervisor, struct error *err);

/* Closes what nobody took. Accepts what supervisor_meet left half done. */
void supervisor_release(struct supervisor *supervisor);

/* Whether it listens at a socket that is no file. */
bool supervisor_is_abstract(const struct supervisor *supervisor);

/* Tells, if somebody wants to be told: assignments such as "READY=1", one on each line. */
void supervisor_tell(const struct supervisor *supervisor, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* A reload begins; "READY=1" ends it. */
void supervisor_tell_reloading(const struct supervisor *supervisor);

/* Whether SIGTERM or SIGINT waits to be taken: for what must not be waited for any longer. */
MUST_USE bool supervisor_wants_end(void);

/* The watchdog is told, when it is time. In how many milliseconds it will be again; INT64_MAX:
 * never. */
int64_t supervisor_turn(struct supervisor *supervisor, int64_t now_ms);
