/*
 * trace_context_read, trace_context_put: a traceparent is taken when it has the standard's form,
 * read here by comparing with a pattern, and what goes on is one that we would take ourselves.
 * Each line of the input is a header: "p" and a traceparent, anything else and a tracestate.
 */
#include <assert.h>

#include "fuzz.h"
#include "http/framing.h"
#include "http/trace_context.h"

#define LIMIT_LINES 64

static bool fits(struct str text, const char *pattern)
{
    bool fine = text.len == strlen(pattern);
    for (size_t i = 0; fine && i < text.len; i++)
        fine = pattern[i] == 'x' ? strchr("0123456789abcdef", text.data[i]) && text.data[i]
                                 : text.data[i] == pattern[i];
    return fine;
}

static bool expected(struct str value)
{
    const struct str zeros = STR("00000000000000000000000000000000");
    struct str front = str_slice(value, 0, 55), rest = str_slice(value, 55, value.len);
    return fits(front, "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx") &&
           !str_equal(str_slice(front, 3, 35), zeros) &&
           !str_equal(str_slice(front, 36, 52), str_slice(zeros, 0, 16)) &&
           !str_starts(front, STR("ff")) &&
           (rest.len == 0 || (rest.data[0] == '-' && !str_starts(front, STR("00"))));
}

static void check_next(const struct trace_context *trace, const struct http_header *headers,
                       size_t count)
{
    struct trace_context next;
    struct arena arena;
    struct http_request request;
    struct buf out;
    buf_init(&out, 1 << 20);
    arena_init(&arena, 1 << 20);
    buf_append(&out, STR("POST / HTTP/1.1\r\nhost: a\r\n"));
    trace_context_put(trace, "b7ad6b7169203331", headers, count, &out);
    buf_append(&out, STR("\r\n"));
    assert(!out.failed && framing_split(buf_str(&out), &arena, &request));
    assert(trace_context_read(request.headers, request.header_count, &next));
    assert(strcmp(next.trace_id, trace->trace_id) == 0 && next.sampled == trace->sampled);
    assert(strcmp(next.parent_id, "b7ad6b7169203331") == 0 && next.has_state == trace->has_state);
    arena_release(&arena);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_header headers[LIMIT_LINES];
    struct trace_context trace;
    size_t count = 0, parents = 0;
    bool fine = false, more = true;
    for (struct str line, rest = {(const char *)data, size}; more && count < LIMIT_LINES;) {
        more = str_cut(rest, '\n', &line, &rest);
        bool parent = str_starts(line, STR("p"));
        struct str value = str_trim(str_slice(line, 1, line.len));
        if (memchr(value.data ? value.data : "", '\r', value.len) ||
            memchr(value.data ? value.data : "", '\0', value.len))
            continue; /* no header has these */
        headers[count++] =
            (struct http_header){parent ? STR("traceparent") : STR("tracestate"), value};
        parents += parent;
        fine = parent ? expected(value) : fine;
    }
    bool taken = trace_context_read(headers, count, &trace);
    assert(taken == (fine && parents == 1));
    if (taken)
        check_next(&trace, headers, count);
    return 0;
}
