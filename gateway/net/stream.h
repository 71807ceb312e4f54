/*
 * One connection's bytes, TLS or plain, without blocking.
 *
 * A stream tells its owner only one thing: "look again" (ready). The owner then reads until it has
 * enough, and asks for the state. There is no buffer for input here: an idle connection holds no
 * memory but OpenSSL's, and bytes go straight to where the owner wants them. Output that the
 * socket does not take at once is kept and sent when it does.
 *
 * Single-threaded: a stream lives on its loop's thread. `ready` is never called from inside a call
 * into the stream, and never after stream_close.
 */
#pragma once

#include <sys/types.h>

#include "base/str.h"
#include "net/loop.h"

struct budget;
struct ssl_ctx_st;
struct ssl_st;
struct stream;

enum stream_state {
    STREAM_CONNECTING, /* TCP or TLS is not up yet */
    STREAM_OPEN,
    STREAM_FAILED, /* see stream_reason */
};

struct stream_owner {
    void (*ready)(void *owner);
    void *owner;
};

/*
 * The accepting side of a connected socket. Takes ownership of `fd`, also on failure. `tls` may be
 * NULL for plain TCP; handshakes are paced (loop_defer_paced). Output that waits is taken from
 * `budget`. NULL when memory ran out.
 */
MUST_USE struct stream *stream_accept(struct loop *loop, int fd, struct ssl_ctx_st *tls,
                                      struct budget *budget, struct stream_owner owner);

/* What an outgoing TLS connection must be sure of. */
struct stream_peer {
    struct ssl_ctx_st *tls; /* NULL: plain TCP */
    const char *host;       /* sent as SNI and matched against the certificate (RFC 9525) */
    bool host_is_address;   /* then it is matched against IP SANs, and no SNI is sent */
};

/*
 * Connects to `address`. NULL with errno when that fails at once; otherwise the state tells. The
 * peer's strings must outlive the stream.
 */
struct sockaddr;
MUST_USE struct stream *stream_connect(struct loop *loop, const struct sockaddr *address,
                                       unsigned address_len, const struct stream_peer *peer,
                                       struct stream_owner owner);

enum stream_state stream_state(const struct stream *stream);

/* The TLS connection, for tls.h; NULL for plain TCP. */
struct ssl_st *stream_tls(const struct stream *stream);

/* Why it failed: a static phrase such as "certificate verify failed: hostname mismatch". */
const char *stream_reason(const struct stream *stream);

#define STREAM_AGAIN 0  /* nothing now; `ready` will be called */
#define STREAM_END (-1) /* the peer finished, or the stream failed */

/* Reads up to `size` bytes: their number, STREAM_AGAIN or STREAM_END. */
ssize_t stream_read(struct stream *stream, char *into, size_t size);

/* After STREAM_END: the peer said goodbye (close_notify), so nothing is missing behind what came. A
 * plain connection has no such word and always counts as ended cleanly. */
bool stream_ended_cleanly(const struct stream *stream);

/* While off, no `ready` is called for input: that is back-pressure. On at the start. */
void stream_want_input(struct stream *stream, bool wanted);

/*
 * Sends what the socket takes and keeps the rest. The bytes are not needed after the call. False
 * when the stream has failed or memory ran out; the state is then STREAM_FAILED.
 */
MUST_USE bool stream_write(struct stream *stream, struct str bytes);

/* Bytes kept for later. When this falls to zero `ready` is called. */
size_t stream_unsent(const struct stream *stream);

/* Bytes of ours that ever reached the socket, TLS records included: 0 means the peer saw nothing.
 */
uint64_t stream_sent_bytes(const struct stream *stream);

/* True when the socket holds something unread, or the peer has closed: unfit for a new request. */
bool stream_is_stale(const struct stream *stream);

/* Says goodbye (close_notify, FIN) but still reads. For lingering before the close. */
void stream_finish_output(struct stream *stream);

/* Reads and throws away, past TLS: for lingering. STREAM_AGAIN or STREAM_END. */
ssize_t stream_discard(struct stream *stream);

/* Whether the kernel still holds output that the peer has not acknowledged. */
bool stream_undelivered(const struct stream *stream);

/* When it closes, what the peer has not read is thrown away and the peer is told by a reset. */
void stream_reset_on_close(struct stream *stream);

/* Closes and frees. Accepts NULL. */
void stream_close(struct stream *stream);
