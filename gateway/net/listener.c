#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/listener.h>
#include <evhtp/evhtp.h>
#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/error.h"
#include "net/stream.h"

#define READ_BYTES 8192             /* a typical request, head and body, in one go */
#define LIMIT_PIPELINED_BYTES 65536 /* of later requests, while one is being answered */
#define ACCEPT_PAUSE_MS 100         /* when descriptors have run out */
#define BACKLOG 1024

enum phase {
    PHASE_HANDSHAKE,
    PHASE_IDLE, /* between requests */
    PHASE_HEAD,
    PHASE_BODY,
    PHASE_JUDGED, /* complete or refused; the handler's answer is awaited */
    PHASE_WRITING,
    PHASE_LINGER,
};

struct connection {
    struct listener *listener;
    struct stream *stream;
    struct timer *deadline;
    enum phase phase;
    struct framing framing;
    struct buf input;
    struct task next_task; /* goes on with pipelined input */
    void *request;         /* the handler's, from begin to answer */
    bool last;             /* close behind the current answer */
    struct connection *previous, *next;
    char peer[ADDRESS_TEXT_SIZE];
};

struct listener {
    struct loop *loop;
    struct listener_options options;
    evhtp_t *evhtp;
    struct timer *pause; /* over when descriptors may be free again */
    struct connection *connections;
    bool draining;
    struct task drained_task;
};

static const struct framing_reason too_slow = {408, "http-timeout", "request-timeout",
                                               "the request did not arrive in time"};

static void connection_ready(void *arg);
static void connection_read(struct connection *connection);

/* ---- life of a connection ---- */

static void check_drained(struct listener *listener)
{
    if (listener->draining && !listener->connections)
        loop_defer(listener->loop, &listener->drained_task);
}

static void connection_close(struct connection *connection)
{
    struct listener *listener = connection->listener;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        listener->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    loop_cancel(listener->loop, &connection->next_task);
    timer_free(connection->deadline);
    stream_close(connection->stream);
    buf_release(&connection->input);
    free(connection);
    check_drained(listener);
}

/* The client is gone, or there is nothing left to say to it. */
static void connection_lost(struct connection *connection)
{
    if (connection->request)
        connection->listener->options.handler.gone(connection->request);
    connection_close(connection);
}

static void enter(struct connection *connection, enum phase phase)
{
    const struct listener_deadlines *deadlines = &connection->listener->options.deadlines;
    const int64_t ms[] = {
        [PHASE_HANDSHAKE] = deadlines->handshake_ms,
        [PHASE_IDLE] = deadlines->idle_ms,
        [PHASE_HEAD] = deadlines->head_ms,
        [PHASE_BODY] = deadlines->body_ms,
        [PHASE_JUDGED] = 0, /* the handler has deadlines of its own */
        [PHASE_WRITING] = deadlines->write_ms,
        [PHASE_LINGER] = deadlines->linger_ms,
    };
    connection->phase = phase;
    if (ms[phase])
        timer_set(connection->deadline, ms[phase]);
    else
        timer_clear(connection->deadline);
}

static void linger(struct connection *connection)
{
    stream_finish_output(connection->stream);
    buf_release(&connection->input);
    enter(connection, PHASE_LINGER);
    stream_want_input(connection->stream, true);
}

/* ---- requests ---- */

static void refuse(struct connection *connection, const struct framing_reason *reason)
{
    struct listener_handler *handler = &connection->listener->options.handler;
    connection->last = true;
    stream_want_input(connection->stream, false);
    enter(connection, PHASE_JUDGED);
    connection->request =
        handler->refused(handler->context, connection->request, connection, reason);
    if (!connection->request && connection->phase == PHASE_JUDGED)
        linger(connection);
}

static bool begin_request(struct connection *connection, struct str head)
{
    struct listener_handler *handler = &connection->listener->options.handler;
    bool wants_body = true;
    connection->request = handler->begin(handler->context, connection, head, &wants_body);
    if (!connection->request)
        return false;
    if (!connection->framing.keep_alive || connection->listener->draining)
        connection->last = true;
    if (connection->framing.has_body && !wants_body) {
        connection->last = true; /* the body stays unread, so nothing behind it can be found */
        enter(connection, PHASE_JUDGED);
        return true;
    }
    enter(connection, PHASE_BODY);
    return true;
}

/* RFC 9110 10.1.1: the client holds its body back until it is told to go on. */
static void invite_body(struct connection *connection)
{
    if (!stream_write(connection->stream, STR("HTTP/1.1 100 Continue\r\n\r\n")))
        return; /* the stream reports its failure itself */
    connection->framing.expect_continue = false;
}

/*
 * Hands the input to the gate, one event at a time, until a request is complete or more bytes are
 * needed. The connection outlives this call except when it answers false.
 */
static bool process_input(struct connection *connection)
{
    struct listener_handler *handler = &connection->listener->options.handler;
    size_t done = 0;
    bool more = true;
    while (more && (connection->phase == PHASE_HEAD || connection->phase == PHASE_BODY)) {
        struct str input = str_slice(buf_str(&connection->input), done, SIZE_MAX);
        struct str out;
        size_t used = 0;
        switch (framing_next(&connection->framing, input, &used, &out)) {
        case FRAMING_MORE:
            if (connection->phase == PHASE_BODY && connection->framing.expect_continue)
                invite_body(connection);
            more = false;
            break;
        case FRAMING_HEAD:
            if (!begin_request(connection, out)) {
                connection_close(connection);
                return false;
            }
            break;
        case FRAMING_PIECE:
            handler->piece(connection->request, out);
            break;
        case FRAMING_DONE:
            enter(connection, PHASE_JUDGED);
            handler->complete(connection->request);
            break;
        case FRAMING_REFUSED:
            refuse(connection, framing_reason(connection->framing.refusal));
            break;
        }
        done += used;
    }
    buf_consume(&connection->input, done);
    return true;
}

/* Between requests an idle connection keeps no input buffer. */
static void await_request(struct connection *connection)
{
    framing_init(&connection->framing, &connection->listener->options.framing);
    if (connection->input.len == 0) {
        buf_release(&connection->input);
        if (connection->listener->draining) {
            linger(connection);
            return;
        }
        enter(connection, PHASE_IDLE);
        stream_want_input(connection->stream, true);
        return;
    }
    enter(connection, PHASE_HEAD);
    loop_defer(connection->listener->loop, &connection->next_task);
}

static void run_next(void *arg)
{
    struct connection *connection = arg;
    if (connection->phase != PHASE_HEAD || !process_input(connection))
        return;
    stream_want_input(connection->stream, true);
}

static void answer_flushed(struct connection *connection)
{
    if (connection->last)
        linger(connection);
    else
        await_request(connection);
}

void connection_answer(struct connection *connection, struct str answer)
{
    connection->request = NULL;
    if (!connection_persists(connection))
        connection->last = true; /* as the answer's head says */
    if (!stream_write(connection->stream, answer)) {
        enter(connection, PHASE_WRITING); /* the stream's failure is reported, then we close */
        return;
    }
    if (stream_unsent(connection->stream) == 0) {
        answer_flushed(connection);
        return;
    }
    stream_want_input(connection->stream, false);
    enter(connection, PHASE_WRITING);
}

void connection_drop(struct connection *connection)
{
    connection->request = NULL;
    connection->last = true;
    linger(connection);
}

bool connection_persists(const struct connection *connection)
{
    return !connection->last && !connection->listener->draining;
}

struct str connection_peer(const struct connection *connection)
{
    return str_from(connection->peer);
}

/* ---- events ---- */

static void connection_read(struct connection *connection)
{
    struct buf *input = &connection->input;
    if (connection->phase == PHASE_JUDGED && input->len >= LIMIT_PIPELINED_BYTES) {
        stream_want_input(connection->stream, false);
        return;
    }
    if (!buf_reserve(input, READ_BYTES)) {
        connection_lost(connection);
        return;
    }
    ssize_t got =
        stream_read(connection->stream, input->data + input->len, input->capacity - input->len);
    if (got == STREAM_END) {
        connection_lost(connection);
        return;
    }
    if (got == STREAM_AGAIN) {
        if (input->len == 0)
            buf_release(input);
        return;
    }
    input->len += (size_t)got;
    if (connection->phase == PHASE_IDLE)
        enter(connection, PHASE_HEAD);
    (void)process_input(connection);
}

static void connection_ready(void *arg)
{
    struct connection *connection = arg;
    struct stream *stream = connection->stream;
    if (stream_state(stream) == STREAM_FAILED) {
        connection_lost(connection);
        return;
    }
    if (stream_state(stream) == STREAM_CONNECTING)
        return;
    switch (connection->phase) {
    case PHASE_HANDSHAKE:
        await_request(connection);
        if (connection->phase == PHASE_IDLE)
            connection_read(connection);
        break;
    case PHASE_LINGER:
        if (stream_discard(stream) == STREAM_END)
            connection_close(connection);
        break;
    case PHASE_WRITING:
        if (stream_unsent(stream) == 0)
            answer_flushed(connection);
        break;
    default:
        connection_read(connection);
    }
}

static void on_deadline(void *arg)
{
    struct connection *connection = arg;
    switch (connection->phase) {
    case PHASE_HEAD:
    case PHASE_BODY:
        refuse(connection, &too_slow);
        break;
    case PHASE_IDLE:
        linger(connection);
        break;
    default:
        connection_lost(connection);
    }
}

/* ---- accepting ---- */

static void format_address(const struct sockaddr *address, char out[ADDRESS_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    if (address->sa_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host)))
        (void)snprintf(out, ADDRESS_TEXT_SIZE, "%s:%u", host, ntohs(v4->sin_port));
    else if (address->sa_family == AF_INET6 &&
             inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host)))
        (void)snprintf(out, ADDRESS_TEXT_SIZE, "[%s]:%u", host, ntohs(v6->sin6_port));
    else
        (void)snprintf(out, ADDRESS_TEXT_SIZE, "unknown");
}

/* Takes ownership of `fd`, also on failure. */
static void connection_new(struct listener *listener, int fd, const struct sockaddr *peer)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        close(fd);
        return;
    }
    connection->listener = listener;
    connection->next_task = (struct task){.run = run_next, .arg = connection};
    buf_init(&connection->input, listener->options.framing.head_bytes +
                                     listener->options.framing.line_bytes + LIMIT_PIPELINED_BYTES +
                                     2 * READ_BYTES);
    format_address(peer, connection->peer);
    connection->deadline = timer_new(listener->loop, on_deadline, connection);
    connection->stream =
        stream_accept(listener->loop, fd, listener->options.tls,
                      (struct stream_owner){.ready = connection_ready, .owner = connection});
    if (!connection->deadline || !connection->stream) {
        timer_free(connection->deadline);
        stream_close(connection->stream);
        free(connection);
        return;
    }
    framing_init(&connection->framing, &listener->options.framing);
    connection->next = listener->connections;
    if (connection->next)
        connection->next->previous = connection;
    listener->connections = connection;
    enter(connection, PHASE_HANDSHAKE);
    if (stream_state(connection->stream) == STREAM_OPEN)
        await_request(connection);
}

/*
 * libevhtp has accepted. We take the socket before it makes a bufferevent for it (which it would
 * use without looking whether there was memory for one) and let libevhtp forget the rest: its
 * parser and its answer writer are never reached.
 */
static evhtp_res on_accept(evhtp_connection_t *accepted, void *arg)
{
    int fd = accepted->sock;
    accepted->sock = -1;
    connection_new(arg, fd, accepted->saddr);
    return EVHTP_RES_ERROR; /* frees `accepted`; nothing of the connection is left there */
}

static void resume_accepting(void *arg)
{
    struct listener *listener = arg;
    if (!listener->draining && evconnlistener_enable(listener->evhtp->server) != 0)
        timer_set(listener->pause, ACCEPT_PAUSE_MS);
}

/* Without this an exhausted descriptor table makes the loop spin (libraries.md T11). */
static void on_accept_error(struct evconnlistener *server, void *arg)
{
    const evhtp_t *evhtp = arg; /* libevhtp made the listener, so this is its own argument */
    struct listener *listener = evhtp->arg;
    evconnlistener_disable(server);
    timer_set(listener->pause, ACCEPT_PAUSE_MS);
}

static void run_drained(void *arg)
{
    struct listener *listener = arg;
    listener->options.drained(listener->options.drained_arg);
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

struct listener *listener_new(struct loop *loop, int fd, const struct listener_options *options)
{
    struct listener *listener = calloc(1, sizeof(*listener));
    if (!listener)
        return NULL;
    listener->loop = loop;
    listener->options = *options;
    if (options->tls)
        SSL_CTX_up_ref(options->tls);
    listener->drained_task = (struct task){.run = run_drained, .arg = listener};
    listener->pause = timer_new(loop, resume_accepting, listener);
    if (!listener->pause || !start_accepting(listener, fd)) {
        listener_free(listener);
        return NULL;
    }
    return listener;
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
        connection_new(listener, accepted, (struct sockaddr *)&peer);
    }
}

void listener_drain(struct listener *listener)
{
    accept_waiting(listener);
    evconnlistener_free(listener->evhtp->server);
    listener->evhtp->server = NULL;
    listener->draining = true;
    for (struct connection *each = listener->connections, *next; each; each = next) {
        next = each->next;
        if (each->phase == PHASE_IDLE)
            linger(each);
    }
    check_drained(listener);
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    for (struct connection *each = listener->connections, *next; each; each = next) {
        next = each->next;
        connection_lost(each);
    }
    loop_cancel(listener->loop, &listener->drained_task);
    timer_free(listener->pause);
    if (listener->evhtp && listener->evhtp->server)
        evconnlistener_free(listener->evhtp->server);
    evhtp_free(listener->evhtp);
    SSL_CTX_free(listener->options.tls);
    free(listener);
}

/* ---- binding ---- */

/* "HOST:PORT" or "[IPV6]:PORT" into its halves, as C strings. */
static bool split_address(struct str address, char *host, size_t host_size, char *port,
                          size_t port_size)
{
    size_t colon = address.len;
    while (colon > 0 && address.data[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    struct str name = str_slice(address, 0, colon - 1);
    struct str number = str_slice(address, colon, address.len);
    uint64_t value;
    if (name.len >= 2 && name.data[0] == '[' && name.data[name.len - 1] == ']')
        name = str_slice(name, 1, name.len - 1);
    else if (str_find(name, ':') < name.len)
        return false; /* an IPv6 address needs its brackets */
    if (name.len == 0 || name.len >= host_size || number.len >= port_size ||
        !str_to_u64(number, &value) || value > UINT16_MAX)
        return false;
    (void)snprintf(host, host_size, "%.*s", STR_ARGS(name));
    (void)snprintf(port, port_size, "%.*s", STR_ARGS(number));
    return true;
}

static int bind_first(const struct addrinfo *found)
{
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* lets a restart bind although old connections are in TIME_WAIT; two live ones still clash */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0 &&
        bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

int listener_bind(struct str address, char bound_address[ADDRESS_TEXT_SIZE], struct error *err)
{
    char host[256], port[8];
    if (!split_address(address, host, sizeof(host), port, sizeof(port))) {
        error_set(err, "'%.*s' is not HOST:PORT or [IPV6]:PORT", STR_ARGS(address));
        return -1;
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int answer = getaddrinfo(host, port, &hints, &found);
    if (answer != 0) {
        error_set(err, "cannot resolve '%s': %s", host, gai_strerror(answer));
        return -1;
    }
    int fd = bind_first(found);
    if (fd < 0)
        error_set(err, "cannot listen on %.*s: %s", STR_ARGS(address), strerrordesc_np(errno));
    freeaddrinfo(found);
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof(bound);
    if (fd >= 0 && getsockname(fd, (struct sockaddr *)&bound, &size) == 0)
        format_address((struct sockaddr *)&bound, bound_address);
    return fd;
}
