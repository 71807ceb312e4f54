/*
 * The upstream's answers, read as strictly as requests (libraries.md §3.2): any doubt is a fault,
 * and after a fault the connection is closed and never reused.
 *
 * Incremental and pure, like framing.h. Interim 100 and 103 answers are skipped here; 101 is a
 * fault, because the gateway never asks to upgrade.
 */
#pragma once

#include "base/limits.h"
#include "http/chunk.h"
#include "http/message.h"

/* X(NAME, code, sentence) */
#define RESPONSE_FAULTS(X)                                                                         \
    X(STATUS_LINE, "status-line", "the status line is malformed")                                  \
    X(VERSION, "version", "the version is not HTTP/1.1 or HTTP/1.0")                               \
    X(STATUS, "status", "the status is outside 100..599 or an unexpected interim one")             \
    X(HEADER, "header", "a header line is malformed")                                              \
    X(HEAD_TOO_LARGE, "head-too-large", "the head is too large")                                   \
    X(LENGTH, "content-length", "Content-Length is invalid or given twice")                        \
    X(LENGTH_AND_CHUNKED, "length-and-chunked", "there are both lengths")                          \
    X(CODING, "transfer-encoding", "Transfer-Encoding is not exactly chunked")                     \
    X(CHUNK, "chunk", "a chunk is malformed")                                                      \
    X(TRAILER, "trailer", "a trailer is malformed")                                                \
    X(BODY_TOO_LARGE, "body-too-large", "the body is too large")                                   \
    X(TRUNCATED, "truncated", "the connection closed in the middle of the answer")

enum response_fault {
    RESPONSE_OK,
#define X(name, code, sentence) RESPONSE_##name,
    RESPONSE_FAULTS(X)
#undef X
};

const char *response_fault_code(enum response_fault fault);
const char *response_fault_sentence(enum response_fault fault);

struct response_parser {
    enum response_fault fault;
    bool reusable; /* valid at RESPONSE_DONE: another request may follow on this connection */

    /* response.c's own */
    int state;
    bool head_request;
    int interim_count;
    size_t checked, searched, header_count;
    int status;
    int version_minor;
    bool seen_length, seen_coding, close_asked;
    uint64_t content_length, remaining, body_bytes, max_body_bytes;
    struct chunk_decoder chunks;
};

/* Ready for the answer to one request; `head_request`: it was a HEAD. */
void response_init(struct response_parser *p, bool head_request, uint64_t max_body_bytes);

enum response_event {
    RESPONSE_MORE,
    RESPONSE_HEAD,   /* *out is the complete head of the final answer */
    RESPONSE_PIECE,  /* *out is the next piece of the decoded body */
    RESPONSE_DONE,   /* complete; any byte behind it makes the connection unfit for reuse */
    RESPONSE_FAULTY, /* p->fault says why; stays so */
};

/* As framing_next. `at_end`: the peer closed and `input` is all there will ever be. */
enum response_event response_next(struct response_parser *p, struct str input, bool at_end,
                                  size_t *used, struct str *out);

/* Views of an accepted head, with the header array in `arena`. False when the arena is full. */
MUST_USE bool response_split(struct str head, struct arena *arena, struct http_response *ret);
