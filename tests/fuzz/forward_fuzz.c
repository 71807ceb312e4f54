/*
 * forward_request, forward_answer_head, hop_by_hop: what is rebuilt for the other side is one
 * message to our own strict parsers and to a careless reader, and says what was judged.
 */
#include <assert.h>

#include "base/buf.h"
#include "careless.h"
#include "fuzz.h"
#include "http/forward.h"
#include "http/framing.h"
#include "http/response.h"

static const struct framing_limits received = {8000, 32768, 90, 512},
                                   sent = {9000, 65536, 100, 512};
static const struct str body = STR("{\"a\":1}");
/* The caller's trace when its tracestate goes on, one of our own otherwise. */
static const struct str with_state = STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                        without_state =
                            STR("00-11111111111111111111111111111111-00f067aa0ba902b7-00");

static size_t count(const struct http_request *request, const char *name)
{
    return http_header_count(request->headers, request->header_count, str_from(name));
}

static bool has(const struct http_request *request, const char *name, struct str value)
{
    const struct str *found =
        http_header_find(request->headers, request->header_count, str_from(name));
    return count(request, name) == 1 && str_equal(*found, value);
}

/* ---- requests ---- */

/* Does a Connection header of the client's nominate this name? */
static bool nominated(const struct http_request *request, struct str name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct str item, list = request->headers[i].value;
        bool more = str_equal_nocase(request->headers[i].name, STR("connection"));
        while (more) {
            more = str_cut(list, ',', &item, &list);
            if (str_equal_nocase(str_trim(item), name))
                return true;
        }
    }
    return false;
}

static bool is_own(struct str name)
{
    static const struct str own[] = {
        STR("host"),         STR("accountid"),      STR("iid"),
        STR("content-type"), STR("content-length"), STR("traceparent")};
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        if (str_equal(name, own[i]))
            return true;
    }
    return false;
}

static void check_headers(const struct http_request *before, const struct http_request *after,
                          const struct forward_target *target)
{
    static const char *const gone[] = {"connection",
                                       "keep-alive",
                                       "te",
                                       "trailer",
                                       "upgrade",
                                       "transfer-encoding",
                                       "expect",
                                       "x-http-method-override",
                                       "proxy-authorization",
                                       "proxy-connection",
                                       "x-original-url",
                                       "x-decision-id",
                                       "x_decision_id",
                                       "x-api-key",
                                       "x_api_key",
                                       "forwarded",
                                       "x-forwarded-for",
                                       "x-campaign-team",
                                       "accept-encoding"};
    assert(has(after, "host", target->authority) && has(after, "accountid", target->account_id));
    assert(has(after, "iid", target->stream_id));
    assert(has(after, "content-type", STR("application/json")));
    assert(has(after, "traceparent", target->trace->has_state ? with_state : without_state));
    assert(count(after, "tracestate") ==
           (target->trace->has_state ? count(before, "tracestate") : 0));
    for (size_t i = 0; i < COUNT_OF(gone); i++)
        assert(count(after, gone[i]) == 0);
    for (size_t i = 0; i < after->header_count; i++)
        assert(is_own(after->headers[i].name) || !nominated(before, after->headers[i].name));
    if (!nominated(before, STR("auth")))
        assert(count(after, "auth") == count(before, "auth"));
}

/* Read by us and by a careless server: one request, whole, with exactly the body given. */
static void check_request(struct str bytes, const struct http_request *before,
                          const struct forward_target *target, struct arena *arena)
{
    struct framing framing;
    struct http_request after;
    struct str out;
    size_t used;
    framing_init(&framing, &sent);
    assert(framing_next(&framing, bytes, &used, &out) == FRAMING_HEAD);
    assert(framing_split(out, arena, &after));
    assert(str_equal(str_slice(bytes, used, bytes.len), body));
    assert(framing.keep_alive && !framing.expect_continue && framing.content_length == body.len);
    assert(str_equal(after.method, before->method) && str_starts(after.target, before->target));
    assert(target->add_account_id || after.target.len == before->target.len);
    check_headers(before, &after, target);
    struct careless_head head = careless_head(bytes);
    struct careless_body read = careless_body(&head, 0);
    assert(read.rest.len == 0 && read.bytes == body.len);
}

static void forward_one_request(struct str input, struct arena *arena)
{
    struct framing framing;
    struct http_request request;
    struct str out;
    struct buf bytes;
    size_t used;
    framing_init(&framing, &received);
    if (framing_next(&framing, input, &used, &out) != FRAMING_HEAD ||
        !framing_split(out, arena, &request) || str_equal(request.target, STR("*")))
        return;
    struct trace_context trace;
    if (trace_context_read(request.headers, request.header_count, &trace) && trace.has_state)
        trace = (struct trace_context){
            .trace_id = "4bf92f3577b34da6a3ce929d0e0e4736", .sampled = true, .has_state = true};
    else
        trace = (struct trace_context){.trace_id = "11111111111111111111111111111111"};
    const struct forward_target target = {STR("platform.example:443"),
                                          STR("acc-1"),
                                          STR("st-1"),
                                          STR("x-api-key"),
                                          str_find(request.target, '?') < request.target.len,
                                          &trace,
                                          "00f067aa0ba902b7"};
    buf_init(&bytes, 1 << 20);
    forward_request(&request, &target, body, &bytes);
    assert(!bytes.failed);
    check_request(buf_str(&bytes), &request, &target, arena);
    buf_release(&bytes);
}

/* ---- answers ---- */

static void check_answer(struct str bytes, const struct http_response *before, struct str sent_body,
                         struct arena *arena)
{
    struct response_parser parser;
    struct http_response after;
    struct str out;
    size_t used;
    response_init(&parser, false, 512);
    assert(response_next(&parser, bytes, true, &used, &out) == RESPONSE_HEAD);
    assert(response_split(out, arena, &after) && after.status == before->status);
    assert(str_equal(after.reason, before->reason));
    assert(str_equal(str_slice(bytes, used, bytes.len), sent_body));
    bool bodiless = before->status == 204 || before->status == 304;
    assert(http_header_count(after.headers, after.header_count, STR("content-length")) ==
           !bodiless);
    assert(!parser.seen_coding && parser.reusable);
    if (sent_body.len)
        assert(response_next(&parser, sent_body, true, &used, &out) == RESPONSE_PIECE &&
               out.len == sent_body.len);
    assert(response_next(&parser, (struct str){0}, true, &used, &out) == RESPONSE_DONE);
}

static void relay_one_answer(struct str input, struct arena *arena)
{
    struct response_parser parser;
    struct http_response response;
    struct str out;
    struct buf bytes;
    size_t used;
    response_init(&parser, false, 512);
    if (response_next(&parser, input, true, &used, &out) != RESPONSE_HEAD ||
        !response_split(out, arena, &response) || response.header_count >= LIMIT_HEADERS)
        return;
    struct str answer = response.status == 204 || response.status == 304 ? STR("") : body;
    buf_init(&bytes, 1 << 20);
    forward_answer_head(&response, answer.len, &bytes);
    buf_append(&bytes, STR("\r\n"));
    buf_append(&bytes, answer);
    assert(!bytes.failed);
    if (bytes.len < LIMIT_HEAD_BYTES)
        check_answer(buf_str(&bytes), &response, answer, arena);
    buf_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct str input = {(const char *)data, size};
    arena_init(&arena, 1 << 20);
    if (str_starts(input, STR("HTTP/")))
        relay_one_answer(input, &arena);
    else
        forward_one_request(input, &arena);
    arena_release(&arena);
    return 0;
}
