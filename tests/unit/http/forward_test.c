/* Content types, and what goes on to the other side. */
#include "http/content.h"
#include "http/forward.h"
#include "http/framing.h"
#include "http/hop.h"
#include "test.h"

static struct arena arena;

static const struct trace_context trace = {.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
                                           .sampled = true};
static const char span_id[] = "00f067aa0ba902b7";

static struct http_request request_of(const char *head)
{
    struct http_request request;
    arena_release(&arena);
    arena_init(&arena, 1 << 20);
    assert_true(framing_split(str_from(head), &arena, &request));
    return request;
}

static const char *content(const char *headers)
{
    char head[512];
    (void)snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n", headers);
    struct http_request request = request_of(head);
    return content_refusal(&request);
}

TEST(only_plain_json_is_content)
{
    assert_null(content("Content-Type: application/json\r\n"));
    assert_null(content("content-type: APPLICATION/JSON ; charset=UTF-8\r\n"));
    assert_null(content("content-type: application/json;charset=\"utf-8\"\r\n"));
    static const char *const bad[] = {
        "",
        "Content-Type:\r\n",
        "Content-Type: text/json\r\n",
        "Content-Type: application/json,text/html\r\n",
        "Content-Type: application/json; charset=utf-16\r\n",
        "Content-Type: application/json; a=b\r\n",
        "Content-Type: application/json; charset=utf-8; a=b\r\n",
        "Content-Type: application/json;\r\n",
        "Content-Type: application/json\r\nContent-Type: application/json\r\n",
        "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
        "Content-Type: application/json\r\nContent-Encoding: identity\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_non_null(content(bad[i]));
    arena_release(&arena);
}

TEST(hop_by_hop_headers_are_known_and_nominated)
{
    const struct http_header headers[] = {{STR("Connection"), STR("close, X-Mine")}};
    assert_true(hop_by_hop(headers, 1, STR("KEEP-alive")));
    assert_true(hop_by_hop(headers, 1, STR("x-mine")));
    assert_false(hop_by_hop(headers, 1, STR("x-other")));
    assert_false(hop_by_hop(headers, 1, STR("content-type")));
}

TEST(a_request_is_rebuilt_around_its_body)
{
    struct buf out;
    buf_init(&out, 10000);
    struct http_request request =
        request_of("POST /p?campaignType=sms HTTP/1.1\r\nHost: gate\r\nAUTH: t\r\nAccountId: "
                   "evil\r\nIID: evil\r\n"
                   "Content-Length: 2\r\nConnection: close, x-mine\r\nX-Mine: 1\r\nX-Rewrite-Url: "
                   "/\r\nAccept: a/b\r\n\r\n");
    const struct forward_target target = {STR("kore:1"), STR("acc"), STR("st-1"), STR("x-api-key"),
                                          true,          &trace,     span_id};
    forward_request(&request, &target, STR("{}"), &out);
    EXPECT_STR(
        buf_str(&out),
        "POST /p?campaignType=sms&accountId=acc HTTP/1.1\r\nhost: kore:1\r\n"
        "accountid: acc\r\niid: st-1\r\ncontent-type: application/json\r\n"
        "content-length: 2\r\ntraceparent: 00-"
        "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nAUTH: t\r\nAccept: a/b\r\n\r\n{}");
    buf_release(&out);
    arena_release(&arena);
}

TEST(nobody_but_the_gateway_says_who_sent_a_request)
{
    static const char *const dropped[] = {
        "X-Api-Key",          "x_api_key",
        "accountid",          "X-Decision-Id",
        "x_decision_id",      "X-Forwarded-For",
        "x_forwarded_for",    "X-Forwarded-Client-Cert",
        "Forwarded",          "X-Real-IP",
        "X-Client-Verify",    "x-ssl-client-cert",
        "X-Campaign-Gateway", "X-Policy",
        "x-policy-shadow",    "X-Audit",
        "x-campaign-team",    "X-HTTP-Method-Override",
        "TraceParent",        "tracestate",
    };
    static const char *const kept[] = {"auth", "X-Request-Id", "x-forward", "x-api-keys",
                                       "api-key"};
    const struct forward_target target = {.authority = STR("kore"),
                                          .api_key_header = STR("x-api-key"),
                                          .trace = &trace,
                                          .span_id = span_id};
    struct buf out;
    buf_init(&out, 10000);
    for (size_t i = 0; i < COUNT_OF(dropped) + COUNT_OF(kept); i++) {
        bool drop = i < COUNT_OF(dropped);
        const char *name = drop ? dropped[i] : kept[i - COUNT_OF(dropped)];
        char head[256], line[64];
        (void)snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: a\r\n%s: 7\r\n\r\n", name);
        (void)snprintf(line, sizeof(line), "%s: 7\r\n", name);
        struct http_request request = request_of(head);
        buf_clear(&out);
        forward_request(&request, &target, STR("{}"), &out);
        buf_append_byte(&out, '\0');
        if ((strstr(out.data, line) == NULL) != drop)
            fail_msg("%s was %s", name, drop ? "forwarded" : "dropped");
    }
    buf_release(&out);
    arena_release(&arena);
}

TEST(an_answer_keeps_its_own_words)
{
    struct buf out;
    buf_init(&out, 10000);
    struct http_header headers[] = {
        {STR("Content-Length"), STR("9")},         {STR("X-Kore"), STR("y")},
        {STR("X-Decision-Id"), STR("forged")},     {STR("X-Policy"), STR("forged")},
        {STR("X-Policy-Shadow"), STR("forged")},   {STR("X-Audit"), STR("forged")},
        {STR("Transfer-Encoding"), STR("chunked")}};
    struct http_response response = {
        .status = 418, .reason = STR("Tea"), .headers = headers, .header_count = COUNT_OF(headers)};
    forward_answer_head(&response, 5, &out);
    EXPECT_STR(buf_str(&out), "HTTP/1.1 418 Tea\r\nX-Kore: y\r\ncontent-length: 5\r\n");
    buf_clear(&out);
    response.status = 204;
    forward_answer_head(&response, 0, &out);
    EXPECT_STR(buf_str(&out), "HTTP/1.1 204 Tea\r\nX-Kore: y\r\n");
    buf_release(&out);
}

TESTS(UNIT(only_plain_json_is_content), UNIT(hop_by_hop_headers_are_known_and_nominated),
      UNIT(a_request_is_rebuilt_around_its_body),
      UNIT(nobody_but_the_gateway_says_who_sent_a_request), UNIT(an_answer_keeps_its_own_words))
