/*
 * The framing gate: where one request ends and the next begins, decided strictly (RFC 9112).
 *
 * An incremental parser over bytes that somebody else keeps. It works line by line, so the outcome
 * is the same however the bytes were split on their way. Anything two servers could read in two
 * ways is refused; after a refusal the connection has no further meaning and must be closed.
 *
 *     bytes -> [leading CRLF] -> request line -> header lines -> head complete
 *                                                                   |
 *              next request <- end <- (content-length | chunks + trailers) pieces
 *
 * Pure: no I/O, no clock, no memory of its own.
 */
#pragma once

#include "base/limits.h"
#include "http/chunk.h"
#include "http/message.h"

/* What may grow, so that the operator can tighten it; see limits.h for the defaults. */
struct framing_limits {
    size_t line_bytes;
    size_t head_bytes;
    size_t headers;
    uint64_t body_bytes;
};

/* Why bytes were refused: X(NAME, status, problem type, code, sentence). */
#define FRAMING_REFUSALS(X)                                                                        \
    X(REQUEST_LINE, 400, "http-malformed", "request-line",                                         \
      "the request line is not METHOD SP target SP HTTP/1.1")                                      \
    X(BARE_LF, 400, "http-malformed", "bare-line-feed", "a line does not end in CR LF")            \
    X(BARE_CR, 400, "http-malformed", "bare-carriage-return", "a CR is not followed by LF")        \
    X(CONTROL, 400, "http-malformed", "control-character", "a line holds a control character")     \
    X(METHOD, 400, "http-malformed", "method", "the method is not a token")                        \
    X(TARGET, 400, "http-malformed", "target",                                                     \
      "the target holds a byte that RFC 3986 does not allow, or is not a path")                    \
    X(AUTHORITY, 400, "http-malformed", "authority", "target and Host name different authorities") \
    X(HEADER_NAME, 400, "http-malformed", "header-name", "a header name is not a token")           \
    X(HEADER_LINE, 400, "http-malformed", "header-line", "a header line has no colon")             \
    X(FOLDING, 400, "http-malformed", "line-folding", "a header line is continued (obs-fold)")     \
    X(HOST_MISSING, 400, "http-malformed", "host-missing", "there is no Host header")              \
    X(HOST_DUPLICATE, 400, "http-malformed", "host-duplicate", "there are two Host headers")       \
    X(HOST_INVALID, 400, "http-malformed", "host-invalid",                                         \
      "Host is not a host with optional port")                                                     \
    X(LENGTH_INVALID, 400, "http-malformed", "content-length", "Content-Length is not a number")   \
    X(LENGTH_DUPLICATE, 400, "http-malformed", "content-length-duplicate",                         \
      "there are two Content-Length headers")                                                      \
    X(LENGTH_AND_CHUNKED, 400, "http-malformed", "length-and-chunked",                             \
      "there are both Content-Length and Transfer-Encoding")                                       \
    X(CODING_OLD, 400, "http-malformed", "transfer-encoding-old",                                  \
      "Transfer-Encoding is used with HTTP/1.0")                                                   \
    X(CODING_DUPLICATE, 400, "http-malformed", "transfer-encoding-duplicate",                      \
      "there are two Transfer-Encoding headers")                                                   \
    X(CHUNK, 400, "http-malformed", "chunk", "a chunk is not framed as RFC 9112 7.1 says")         \
    X(TRAILER, 400, "http-malformed", "trailer", "a trailer is malformed or not allowed there")    \
    X(LENGTH_REQUIRED, 411, "http-length-required", "length-required",                             \
      "a POST needs Content-Length or Transfer-Encoding: chunked")                                 \
    X(BODY_TOO_LARGE, 413, "http-body-too-large", "body-too-large", "the body is too large")       \
    X(LINE_TOO_LONG, 414, "http-target-too-long", "target-too-long",                               \
      "the request line is too long")                                                              \
    X(EXPECTATION, 417, "http-expectation", "expectation",                                         \
      "Expect asks for something other than 100-continue")                                         \
    X(HEADER_TOO_LONG, 431, "http-head-too-large", "header-too-long", "a header line is too long") \
    X(HEAD_TOO_LARGE, 431, "http-head-too-large", "head-too-large", "the head is too large")       \
    X(HEADERS_TOO_MANY, 431, "http-head-too-large", "too-many-headers",                            \
      "there are too many headers")                                                                \
    X(CODING_UNKNOWN, 501, "http-not-implemented", "transfer-encoding",                            \
      "Transfer-Encoding is not exactly chunked")                                                  \
    X(METHOD_UNKNOWN, 501, "http-not-implemented", "method-unknown",                               \
      "the method is not one HTTP defines")                                                        \
    X(VERSION, 505, "http-version", "version", "the version is not HTTP/1.1 or HTTP/1.0")

enum framing_refusal {
    FRAMING_ACCEPTED,
#define X(name, status, type, code, sentence) FRAMING_##name,
    FRAMING_REFUSALS(X)
#undef X
};

struct framing_reason {
    int status;
    const char *type;     /* the end of the problem's type */
    const char *code;     /* stable */
    const char *sentence; /* starts in lower case, no full stop */
};

/* The row of the table above. Must not be called with FRAMING_ACCEPTED. */
const struct framing_reason *framing_reason(enum framing_refusal refusal);

enum framing_state {
    FRAMING_STATE_START,   /* before the request line; empty lines are skipped */
    FRAMING_STATE_HEADERS, /* the request line was accepted */
    FRAMING_STATE_LENGTH,  /* a body of known length */
    FRAMING_STATE_CHUNKED,
    FRAMING_STATE_DONE,
};

/* A part of the head, counted from its first byte: the bytes themselves may move between calls. */
struct framing_span {
    uint32_t at, len;
};

struct framing {
    const struct framing_limits *limits;
    enum framing_state state;
    enum framing_refusal refusal;

    /* known once the head is complete */
    bool keep_alive;      /* may the connection serve another request afterwards */
    bool expect_continue; /* the client waits for 100 before it sends the body */
    bool has_body;        /* length > 0, or chunked */

    /* framing.c's own */
    size_t checked;  /* bytes of the head already accepted */
    size_t searched; /* bytes behind them known to hold no line end */
    size_t leading_crlf;
    size_t header_count;
    int version_minor;
    bool announces_body; /* the method is one whose body must be announced */
    bool seen_host, seen_length, seen_coding, close_asked;
    struct framing_span host, authority;
    uint64_t content_length;
    uint64_t remaining;
    struct chunk_decoder chunks;
};

/* Ready for a request's first byte. `limits` must outlive the parser. */
void framing_init(struct framing *f, const struct framing_limits *limits);

enum framing_event {
    FRAMING_MORE,    /* everything usable was used: come back with more bytes */
    FRAMING_HEAD,    /* *out is the complete head, request line to empty line */
    FRAMING_PIECE,   /* *out is the next piece of the decoded body */
    FRAMING_DONE,    /* the request is complete; bytes behind it belong to the next one */
    FRAMING_REFUSED, /* f->refusal says why; stays so */
};

/*
 * Looks at `input`, the bytes received and not yet used. *used is how many bytes the caller must
 * drop from the front before the next call; *out is a view into `input` and good until then.
 * While the head is incomplete, its bytes stay in `input` (used counts only skipped empty lines),
 * so the caller must be able to hold head_bytes plus a line. One call gives one event.
 */
enum framing_event framing_next(struct framing *f, struct str input, size_t *used, struct str *out);

/*
 * Views of an accepted head, with the header array in `arena`. `head` is what FRAMING_HEAD gave,
 * or a copy. False only when the arena is full.
 */
MUST_USE bool framing_split(struct str head, struct arena *arena, struct http_request *ret);
