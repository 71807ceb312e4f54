/*
 * HTTP/1.1 messages as meaning: heads, headers, and how a body is delimited (RFC 9112).
 */
#pragma once

#include "base/arena.h"

struct http_header {
    struct str name;  /* as received */
    struct str value; /* without surrounding white space */
};

/* Views into the head's bytes, which the owner keeps. */
struct http_request {
    struct str method;
    struct str target; /* origin-form: absolute-form was reduced, its authority checked */
    struct str host;   /* of the Host header */
    int version_minor; /* HTTP/1.0 or HTTP/1.1 */
    struct http_header *headers;
    size_t header_count;
};

struct http_response {
    int status; /* 200..599; interim answers are handled by the parser */
    int version_minor;
    struct str reason;
    struct http_header *headers;
    size_t header_count;
};

/* The value of the first header with this name (case-insensitive), or NULL. */
const struct str *http_header_find(const struct http_header *headers, size_t count,
                                   struct str name);

/* How many headers have this name. */
size_t http_header_count(const struct http_header *headers, size_t count, struct str name);

/* "Not Found" for 404 … ; "Unknown" for a status that RFC 9110 does not register. */
const char *http_reason(int status);
