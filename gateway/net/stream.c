#include "net/stream.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/buf.h"

/* The most that may wait for a slow reader: one answer with its head, and room to spare. */
#define LIMIT_UNSENT_BYTES (2 * 1024 * 1024)

/* How often one call into OpenSSL may ask the socket. It returns only when it has application data,
 * so a client that sends nothing but key updates would never let go of the loop. */
#define READS_IN_A_TURN 1

struct stream {
    struct loop *loop;
    struct stream_owner owner;
    int fd;
    SSL *ssl; /* NULL: plain */
    enum stream_state state;
    const char *reason;
    struct event *read_event;
    struct event *write_event;
    struct task ready_task;
    struct task handshake_task; /* the accepting side's next step */
    struct buf unsent;
    bool is_client;
    bool tcp_pending; /* connect() has not answered yet */
    bool input_wanted;
    bool ended;         /* the peer finished its side */
    bool torn;          /* … without close_notify */
    bool read_progress; /* the last read gave bytes: there may be more inside OpenSSL */
    bool reading;       /* read_event is added */
    bool writing;       /* write_event is added */
    bool read_needs_write, write_needs_read;
    int reads_left; /* of READS_IN_A_TURN */
};

/* ---- readiness ---- */

static void run_ready(void *arg)
{
    struct stream *stream = arg;
    stream->owner.ready(stream->owner.owner);
}

static void ready_later(struct stream *stream)
{
    loop_defer(stream->loop, &stream->ready_task);
}

static void fail(struct stream *stream, const char *reason)
{
    if (stream->state == STREAM_FAILED)
        return;
    stream->state = STREAM_FAILED;
    stream->reason = reason;
    ready_later(stream);
}

/* Whether the event is registered afterwards. */
static bool set_event(struct stream *stream, struct event *event, bool wanted)
{
    if (!wanted) {
        event_del(event);
        return false;
    }
    if (event_add(event, NULL) == 0)
        return true;
    fail(stream, "the socket could not be watched"); /* else it would be waited for in vain */
    return false;
}

/* Registers for just what is needed; the kernel is told only of changes. */
static void update_interest(struct stream *stream)
{
    bool alive = stream->state != STREAM_FAILED && !stream->handshake_task.queued;
    bool connecting = stream->state == STREAM_CONNECTING;
    bool want_read = alive && !stream->tcp_pending && !stream->ended && !stream->read_needs_write &&
                     (stream->input_wanted || connecting || stream->write_needs_read);
    bool want_write = alive && (stream->tcp_pending || stream->read_needs_write ||
                                (stream->unsent.len && !stream->write_needs_read && !connecting));
    if (want_read != stream->reading)
        stream->reading = set_event(stream, stream->read_event, want_read);
    if (want_write != stream->writing)
        stream->writing = set_event(stream, stream->write_event, want_write);
}

/* ---- TLS results ---- */

static const char *tls_reason(const SSL *ssl)
{
    long verdict = SSL_get_verify_result(ssl);
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    if (verdict != X509_V_OK && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return X509_verify_cert_error_string(verdict);
    return reason ? reason : "connection reset";
}

/* True when OpenSSL only waits for the socket; otherwise the stream has ended or failed. */
static bool wants_socket(struct stream *stream, int result)
{
    int error = SSL_get_error(stream->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return true;
    if (error == SSL_ERROR_ZERO_RETURN) {
        stream->ended = true;
        return false;
    }
    if (error == SSL_ERROR_SSL &&
        ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        /* whether the message is complete all the same is for framing to say */
        stream->ended = true;
        stream->torn = true;
        return false;
    }
    fail(stream, error == SSL_ERROR_SYSCALL && ERR_peek_error() == 0 ? "connection reset"
                                                                     : tls_reason(stream->ssl));
    return false;
}

/* Asked before and after whatever OpenSSL does with the socket. */
static long on_socket(BIO *bio, int operation, const char *data, size_t size, int argi, long argl,
                      int result, size_t *processed)
{
    (void)data, (void)size, (void)argi, (void)argl, (void)processed;
    struct stream *stream = (struct stream *)BIO_get_callback_arg(bio);
    if (operation != BIO_CB_READ || stream->reads_left-- > 0)
        return result;
    BIO_clear_retry_flags(bio);
    BIO_set_retry_read(bio); /* enough for now; the socket's event brings us back */
    return -1;
}

static bool use_socket(struct stream *stream)
{
    if (!stream->ssl || SSL_set_fd(stream->ssl, stream->fd) != 1)
        return false;
    BIO_set_callback_ex(SSL_get_rbio(stream->ssl), on_socket);
    BIO_set_callback_arg(SSL_get_rbio(stream->ssl), (char *)stream);
    return true;
}

static void handshake(struct stream *stream)
{
    ERR_clear_error();
    stream->reads_left = READS_IN_A_TURN;
    int result = SSL_do_handshake(stream->ssl);
    if (result == 1) {
        stream->state = STREAM_OPEN;
        stream->read_needs_write = false;
        stream->read_progress = true; /* application data may have come along */
        ready_later(stream);
        return;
    }
    if (wants_socket(stream, result)) {
        stream->read_needs_write = SSL_want_write(stream->ssl);
        return;
    }
    fail(stream, "the peer closed the connection during the handshake");
}

static void run_handshake(void *arg)
{
    struct stream *stream = arg;
    handshake(stream);
    update_interest(stream);
}

static void tcp_connected(struct stream *stream)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    stream->tcp_pending = false;
    if (error != 0) {
        fail(stream, strerrordesc_np(error));
        return;
    }
    if (stream->ssl) {
        handshake(stream);
        return;
    }
    stream->state = STREAM_OPEN;
    ready_later(stream);
}

/* ---- output ---- */

/* How many bytes the socket took now; 0 when none or on failure. */
static size_t write_some(struct stream *stream, struct str bytes)
{
    if (!stream->ssl) {
        ssize_t sent = send(stream->fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (sent >= 0)
            return (size_t)sent;
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            fail(stream, strerrordesc_np(errno));
        return 0;
    }
    ERR_clear_error();
    size_t sent = 0;
    int result = SSL_write_ex(stream->ssl, bytes.data, bytes.len, &sent);
    stream->write_needs_read = false;
    if (result == 1)
        return sent;
    if (wants_socket(stream, result))
        stream->write_needs_read = SSL_want_read(stream->ssl);
    else
        fail(stream, "the peer closed the connection");
    return 0;
}

/* Sends from the front of `bytes` until done or the socket is full. */
static size_t write_all(struct stream *stream, struct str bytes)
{
    size_t done = 0;
    while (done < bytes.len && stream->state == STREAM_OPEN) {
        size_t sent = write_some(stream, str_slice(bytes, done, bytes.len));
        if (sent == 0)
            break;
        done += sent;
    }
    return done;
}

static void flush(struct stream *stream)
{
    if (!stream->unsent.len || stream->state != STREAM_OPEN)
        return;
    buf_consume(&stream->unsent, write_all(stream, buf_str(&stream->unsent)));
    if (!stream->unsent.len) {
        buf_release(&stream->unsent);
        ready_later(stream);
    }
}

bool stream_write(struct stream *stream, struct str bytes)
{
    if (stream->state == STREAM_FAILED)
        return false;
    size_t done = stream->unsent.len ? 0 : write_all(stream, bytes);
    if (stream->state != STREAM_FAILED && done < bytes.len &&
        !buf_append(&stream->unsent, str_slice(bytes, done, bytes.len)))
        fail(stream, "too much output is waiting");
    update_interest(stream);
    return stream->state != STREAM_FAILED;
}

size_t stream_unsent(const struct stream *stream)
{
    return stream->unsent.len;
}

uint64_t stream_sent_bytes(const struct stream *stream)
{
    return stream->ssl ? BIO_number_written(SSL_get_wbio(stream->ssl)) : 0;
}

/* ---- input ---- */

static ssize_t read_plain(struct stream *stream, char *into, size_t size)
{
    ssize_t got = recv(stream->fd, into, size, 0);
    if (got > 0)
        return got;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return STREAM_AGAIN;
    stream->ended = true;
    if (got < 0)
        fail(stream, strerrordesc_np(errno));
    return STREAM_END;
}

static ssize_t read_tls(struct stream *stream, char *into, size_t size)
{
    ERR_clear_error();
    stream->reads_left = READS_IN_A_TURN;
    size_t got = 0;
    int result = SSL_read_ex(stream->ssl, into, size, &got);
    stream->read_needs_write = false;
    if (result == 1)
        return (ssize_t)got;
    if (!wants_socket(stream, result))
        return STREAM_END;
    stream->read_needs_write = SSL_want_write(stream->ssl);
    return STREAM_AGAIN;
}

/*
 * With read-ahead OpenSSL may hold bytes the socket no longer has, so no event would tell of them.
 * Only after a read that gave something: otherwise half a record would make this spin.
 */
static void look_inside(struct stream *stream)
{
    if (stream->ssl && stream->input_wanted && stream->read_progress &&
        SSL_has_pending(stream->ssl))
        ready_later(stream);
}

ssize_t stream_read(struct stream *stream, char *into, size_t size)
{
    if (stream->state == STREAM_CONNECTING)
        return STREAM_AGAIN;
    if (stream->state == STREAM_FAILED || stream->ended)
        return STREAM_END;
    ssize_t got = stream->ssl ? read_tls(stream, into, size) : read_plain(stream, into, size);
    stream->read_progress = got > 0;
    if (got > 0)
        look_inside(stream);
    else
        update_interest(stream);
    return got;
}

bool stream_ended_cleanly(const struct stream *stream)
{
    return stream->ended && !stream->torn;
}

void stream_want_input(struct stream *stream, bool wanted)
{
    if (stream->input_wanted == wanted)
        return;
    stream->input_wanted = wanted;
    update_interest(stream);
    look_inside(stream);
}

bool stream_is_stale(const struct stream *stream)
{
    char byte;
    if (stream->state != STREAM_OPEN || stream->ended)
        return true;
    if (stream->ssl && SSL_has_pending(stream->ssl))
        return true;
    return recv(stream->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

/* ---- events ---- */

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct stream *stream = arg;
    if (stream->tcp_pending) {
        tcp_connected(stream);
        update_interest(stream);
        return;
    }
    if (stream->state == STREAM_CONNECTING) {
        if (stream->is_client)
            handshake(stream);
        else
            loop_defer_paced(stream->loop, &stream->handshake_task);
        update_interest(stream);
        return;
    }
    if ((what & EV_WRITE) || stream->write_needs_read)
        flush(stream);
    update_interest(stream);
    bool input = (what & EV_READ) || stream->read_needs_write;
    if (!input || stream->ready_task.queued)
        return;
    run_ready(stream); /* may close the stream: nothing may follow */
}

/* ---- life ---- */

static struct stream *stream_new(struct loop *loop, int fd, struct stream_owner owner)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    if (!stream) {
        close(fd);
        return NULL;
    }
    *stream = (struct stream){
        .loop = loop,
        .owner = owner,
        .fd = fd,
        .reason = "",
        .input_wanted = true,
        .ready_task = {.run = run_ready, .arg = stream},
        .handshake_task = {.run = run_handshake, .arg = stream},
    };
    buf_init(&stream->unsent, LIMIT_UNSENT_BYTES);
    /* answers are written in one piece, so waiting for more (Nagle) only adds delay */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    stream->read_event = event_new(loop_base(loop), fd, EV_READ | EV_PERSIST, on_event, stream);
    stream->write_event = event_new(loop_base(loop), fd, EV_WRITE | EV_PERSIST, on_event, stream);
    if (!stream->read_event || !stream->write_event) {
        stream_close(stream);
        return NULL;
    }
    return stream;
}

struct stream *stream_accept(struct loop *loop, int fd, SSL_CTX *tls, struct budget *budget,
                             struct stream_owner owner)
{
    struct stream *stream = stream_new(loop, fd, owner);
    if (!stream)
        return NULL;
    buf_init_within(&stream->unsent, LIMIT_UNSENT_BYTES, budget);
    stream->state = tls ? STREAM_CONNECTING : STREAM_OPEN;
    if (tls) {
        stream->ssl = SSL_new(tls);
        if (!use_socket(stream)) {
            stream_close(stream);
            return NULL;
        }
        SSL_set_accept_state(stream->ssl);
    }
    update_interest(stream);
    return stream;
}

/* Who the peer must prove to be, before a byte of a request may go there. */
static bool expect_peer(SSL *ssl, const struct stream_peer *peer)
{
    if (peer->host_is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), peer->host) == 1;
    /* RFC 9525: names are in subjectAltName; the common name is never one */
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set_tlsext_host_name(ssl, peer->host) == 1 && SSL_set1_host(ssl, peer->host) == 1;
}

struct stream *stream_connect(struct loop *loop, const struct sockaddr *address,
                              unsigned address_len, const struct stream_peer *peer,
                              struct stream_owner owner)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    bool pending = connect(fd, address, address_len) != 0;
    if (pending && errno != EINPROGRESS) {
        int why = errno;
        close(fd);
        errno = why;
        return NULL;
    }
    struct stream *stream = stream_new(loop, fd, owner);
    if (!stream) {
        errno = ENOMEM;
        return NULL;
    }
    stream->is_client = true;
    stream->state = STREAM_CONNECTING;
    stream->tcp_pending = true; /* also when it is up already: one way to go on */
    if (peer->tls) {
        stream->ssl = SSL_new(peer->tls);
        if (!use_socket(stream) || !expect_peer(stream->ssl, peer)) {
            stream_close(stream);
            errno = ENOMEM;
            return NULL;
        }
        SSL_set_connect_state(stream->ssl);
    }
    update_interest(stream);
    return stream;
}

enum stream_state stream_state(const struct stream *stream)
{
    return stream->state;
}

SSL *stream_tls(const struct stream *stream)
{
    return stream->ssl;
}

const char *stream_reason(const struct stream *stream)
{
    return stream->reason;
}

void stream_finish_output(struct stream *stream)
{
    if (stream->ssl && stream->state == STREAM_OPEN) {
        ERR_clear_error();
        (void)SSL_shutdown(stream->ssl); /* sends close_notify; the peer's is not waited for */
    }
    (void)shutdown(stream->fd, SHUT_WR);
}

ssize_t stream_discard(struct stream *stream)
{
    char scrap[16384];
    for (int rounds = 0; rounds < 16; rounds++) {
        ssize_t got = recv(stream->fd, scrap, sizeof(scrap), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return STREAM_END;
        if (got < 0)
            break;
    }
    return STREAM_AGAIN;
}

bool stream_undelivered(const struct stream *stream)
{
    int bytes = 0;
    return ioctl(stream->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

void stream_reset_on_close(struct stream *stream)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void stream_close(struct stream *stream)
{
    if (!stream)
        return;
    loop_cancel(stream->loop, &stream->ready_task);
    loop_cancel(stream->loop, &stream->handshake_task);
    if (stream->read_event)
        event_free(stream->read_event);
    if (stream->write_event)
        event_free(stream->write_event);
    if (stream->ssl) {
        ERR_clear_error();
        if (stream->state == STREAM_OPEN)
            (void)SSL_shutdown(stream->ssl);
        SSL_free(stream->ssl);
    }
    close(stream->fd);
    buf_release(&stream->unsent);
    free(stream);
}
