#include "net/listener.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/listener.h>
#include <evhtp/evhtp.h>
#include <openssl/ssl.h>

#include "base/clock.h"

#define ACCEPT_PAUSE_MS 100    /* when descriptors have run out */
#define HANDSHAKES_PAUSE_MS 10 /* when too many shake hands; the kernel queues the rest */
#define DRAIN_LOOK_MS 20       /* how often it is seen whether clients may still come back */
#define DRAIN_AHEAD_MS 100     /* the port closes before the first idle connection is let go */

struct listener {
    struct loop *loop;
    struct crowd crowd;
    evhtp_t *evhtp;
    struct timer *pause; /* over when descriptors may be free again */
    struct timer *drain; /* rings while draining and still accepting */
    bool is_inherited;
    struct task drained_task;
    void (*drained)(void *arg);
    void *drained_arg;
};

static void wait_for_handshakes(struct listener *listener)
{
    counters_count(listener->crowd.counters, COUNTER_LIMIT_HANDSHAKES);
    evconnlistener_disable(listener->evhtp->server);
    timer_set(listener->pause, HANDSHAKES_PAUSE_MS);
}

/*
 * libevhtp has accepted. We take the socket before it makes a bufferevent for it (which it would
 * use without looking whether there was memory for one) and let libevhtp forget the rest: its
 * parser and its answer writer are never reached.
 */
static evhtp_res on_accept(evhtp_connection_t *accepted, void *arg)
{
    struct listener *listener = arg;
    int fd = accepted->sock;
    accepted->sock = -1;
    crowd_add(&listener->crowd, fd, accepted->saddr);
    if (admission_handshakes_full(listener->crowd.admission))
        wait_for_handshakes(listener);
    return EVHTP_RES_ERROR; /* frees `accepted`; nothing of the connection is left there */
}

static void resume_accepting(void *arg)
{
    struct listener *listener = arg;
    if (!listener->evhtp->server)
        return;
    if (admission_handshakes_full(listener->crowd.admission)) {
        crowd_end_slow_handshakes(&listener->crowd);
        timer_set(listener->pause, HANDSHAKES_PAUSE_MS);
        return;
    }
    if (evconnlistener_enable(listener->evhtp->server) != 0)
        timer_set(listener->pause, ACCEPT_PAUSE_MS);
}

/* Without this an exhausted descriptor table makes the loop spin (libraries.md T11). */
static void on_accept_error(struct evconnlistener *server, void *arg)
{
    const evhtp_t *evhtp = arg; /* libevhtp made the listener, so this is its own argument */
    struct listener *listener = evhtp->arg;
    counters_count(listener->crowd.counters, COUNTER_LIMIT_DESCRIPTORS);
    (void)crowd_make_room(&listener->crowd);
    evconnlistener_disable(server);
    timer_set(listener->pause, ACCEPT_PAUSE_MS);
}

static void close_port(struct listener *listener);

static void run_drained(void *arg)
{
    struct listener *listener = arg;
    close_port(listener);
    if (LIST_EMPTY(&listener->crowd.all)) /* otherwise somebody was waiting at the door */
        listener->drained(listener->drained_arg);
}

static void on_emptied(void *arg)
{
    struct listener *listener = arg;
    loop_defer(listener->loop, &listener->drained_task);
}

static bool start_accepting(struct listener *listener, int fd)
{
    int own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own_fd < 0)
        return false;
    listener->evhtp = evhtp_new(loop_base(listener->loop), listener);
    if (!listener->evhtp) {
        close(own_fd);
        return false;
    }
    evhtp_set_pre_accept_cb(listener->evhtp, on_accept, listener);
    if (evhtp_accept_socket(listener->evhtp, own_fd, 0) != 0) {
        close(own_fd);
        return false;
    }
    /* it has done this, but without looking whether it worked: then nobody would ever accept */
    if (evconnlistener_enable(listener->evhtp->server) != 0)
        return false;
    evconnlistener_set_error_cb(listener->evhtp->server, on_accept_error);
    return true;
}

/* Connections the kernel has completed already would be reset by closing the socket. */
static void accept_waiting(struct listener *listener)
{
    int fd = evconnlistener_get_fd(listener->evhtp->server);
    for (;;) {
        struct sockaddr_storage peer = {0};
        socklen_t size = sizeof(peer);
        int accepted = accept4(fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0)
            return;
        crowd_add(&listener->crowd, accepted, (struct sockaddr *)&peer);
    }
}

static void close_port(struct listener *listener)
{
    if (!listener->evhtp->server)
        return;
    if (!listener->is_inherited)
        accept_waiting(listener);
    evconnlistener_free(listener->evhtp->server);
    listener->evhtp->server = NULL;
}

/* Until nobody may come back on a connection that was told it could. */
static void look_at_drain(void *arg)
{
    struct listener *listener = arg;
    const struct crowd *crowd = &listener->crowd;
    if (!listener->evhtp->server)
        return;
    int64_t spent_ms = (clock_mono_us() - crowd->drain_began_us) / 1000;
    if (crowd_has_idle(crowd) && spent_ms < crowd->deadlines.drain_idle_ms - DRAIN_AHEAD_MS)
        timer_set(listener->drain, DRAIN_LOOK_MS);
    else
        close_port(listener);
}

struct listener *listener_new(struct loop *loop, int fd, const struct listener_options *options)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    if (!listener)
        return NULL;
    listener->loop = loop;
    listener->drained = options->drained;
    listener->drained_arg = options->drained_arg;
    listener->drained_task = (struct task){.run = run_drained, .arg = listener};
    listener->crowd = (struct crowd){.loop = loop,
                                     .framing = options->framing,
                                     .deadlines = options->deadlines,
                                     .handler = options->handler,
                                     .admission = options->admission,
                                     .counters = options->counters,
                                     .emptied = on_emptied,
                                     .arg = listener};
    crowd_init(&listener->crowd);
    crowd_set_tls(&listener->crowd, options->tls);
    listener->is_inherited = options->is_inherited;
    listener->pause = timer_new(loop, resume_accepting, listener);
    listener->drain = timer_new(loop, look_at_drain, listener);
    if (!listener->pause || !listener->drain || !start_accepting(listener, fd)) {
        listener_free(listener);
        return NULL;
    }
    return listener;
}

void listener_set_tls(struct listener *listener, SSL_CTX *tls)
{
    crowd_set_tls(&listener->crowd, tls);
}

void listener_drain(struct listener *listener)
{
    crowd_drain(&listener->crowd);
    look_at_drain(listener);
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    crowd_release(&listener->crowd);
    loop_cancel(listener->loop, &listener->drained_task);
    timer_free(listener->pause);
    timer_free(listener->drain);
    if (listener->evhtp && listener->evhtp->server)
        evconnlistener_free(listener->evhtp->server);
    evhtp_free(listener->evhtp);
    free(listener);
}
