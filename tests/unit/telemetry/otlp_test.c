/* Spans as OTLP's JSON: which there are, whose parent is whom, and what a collector's answer says.
 */
#include "telemetry/otlp.h"

#include "base/json_read.h"
#include "test.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"

static const struct otlp_upstream upstream = {STR("platform.kore.ai"), 443};

static struct request_summary summary_of_a_call(void)
{
    return (struct request_summary){.id = "019a",
                                    .trace_id = TRACE,
                                    .span_id = "b7ad6b7169203330",
                                    .parent_id = "00f067aa0ba902b7",
                                    .sampled = true,
                                    .route = "create-campaign",
                                    .team = STR("billing"),
                                    .caller = STR("key:secret-name"),
                                    .peer = STR("10.0.0.7:1"),
                                    .method = STR("POST"),
                                    .status = 200,
                                    .verdict = "allow",
                                    .upstream_status = 200,
                                    .started_unix_ms = 1795861800000,
                                    .started_us = 1000,
                                    .ended_us = {1100, 1350, 2000, 3000, 3500},
                                    .answered_us = 3510,
                                    .over_us = 3520};
}

static struct str spans_of(const struct request_summary *summary)
{
    static struct buf out;
    buf_release(&out);
    buf_init(&out, 1 << 16);
    otlp_put_spans(summary, &upstream, &out);
    assert_false(out.failed);
    assert_int_equal(str_find(buf_str(&out), '\n'), out.len - 1);
    buf_append_byte(&out, '\0');
    return str_slice(buf_str(&out), 0, out.len - 1);
}

#define HAS(text, part) assert_non_null(strstr((text).data, (part)))
#define HAS_NOT(text, part) assert_null(strstr((text).data, (part)))

static size_t count_of(struct str text, const char *what)
{
    size_t count = 0;
    for (const char *at = text.data; (at = strstr(at, what)); at++)
        count++;
    return count;
}

TEST(a_request_has_a_span_and_its_stages_theirs)
{
    struct request_summary summary = summary_of_a_call();
    struct str spans = spans_of(&summary);
    assert_int_equal(count_of(spans, "\"traceId\":\"" TRACE "\""), OTLP_SPANS_OF_REQUEST);
    assert_true(str_starts(spans, STR("{\"traceId\":\"" TRACE "\",\"spanId\":\"b7ad6b7169203330\","
                                      "\"parentSpanId\":\"00f067aa0ba902b7\","
                                      "\"name\":\"POST create-campaign\",\"kind\":2,"
                                      "\"startTimeUnixNano\":\"1795861800000000000\","
                                      "\"endTimeUnixNano\":\"1795861800002510000\",")));
    HAS(spans, "\"spanId\":\"b7ad6b7169203334\",\"parentSpanId\":\"b7ad6b7169203330\","
               "\"name\":\"POST\",\"kind\":3,\"startTimeUnixNano\":\"1795861800001000000\","
               "\"endTimeUnixNano\":\"1795861800002000000\"");
    HAS(spans, "{\"key\":\"server.port\",\"value\":{\"intValue\":\"443\"}}");
    HAS(spans, "\"name\":\"receive\",\"kind\":1,");
    HAS(spans, "\"name\":\"outcome\",\"kind\":1,");
    HAS_NOT(spans, "\"code\":2");
    HAS_NOT(spans, "secret-name");
    HAS_NOT(spans, "10.0.0.7");
}

TEST(what_was_not_reached_has_no_span)
{
    struct request_summary summary = summary_of_a_call();
    memset(summary.ended_us, 0, sizeof(summary.ended_us));
    summary.parent_id = "";
    summary.method = (struct str){0};
    summary.route = NULL;
    summary.status = 0;
    summary.answered_us = 0;
    struct str spans = spans_of(&summary);
    assert_int_equal(count_of(spans, "traceId"), 1);
    HAS(spans, "\"name\":\"HTTP\",");
    HAS(spans, "\"endTimeUnixNano\":\"1795861800002520000\"");
    HAS_NOT(spans, "parentSpanId");
    HAS_NOT(spans, "status_code");
}

TEST(only_the_gateways_and_the_upstreams_failures_are_errors)
{
    struct request_summary summary = summary_of_a_call();
    summary.status = 403;
    assert_int_equal(count_of(spans_of(&summary), "\"status\":{\"code\":2}"), 0);
    summary.status = 502;
    summary.code = "reset";
    summary.upstream_status = 0;
    summary.upstream_why = "reset";
    struct str spans = spans_of(&summary);
    assert_int_equal(count_of(spans, "\"status\":{\"code\":2}"), 2);
    assert_int_equal(
        count_of(spans, "{\"key\":\"error.type\",\"value\":{\"stringValue\":\"reset\"}}"), 2);
    summary.code = summary.upstream_why = NULL;
    summary.status = 200;
    summary.upstream_status = 404;
    assert_int_equal(count_of(spans_of(&summary), "{\"stringValue\":\"404\"}"), 1);
}

TEST(a_body_holds_the_lines_of_several_requests)
{
    const struct otlp_service service = {STR("a\"b"), STR("host")};
    struct request_summary summary = summary_of_a_call();
    struct buf lines, body;
    struct arena arena;
    struct json_fault fault;
    buf_init(&lines, 1 << 16);
    buf_init(&body, 1 << 16);
    arena_init(&arena, 1 << 22);
    buf_append(&lines, spans_of(&summary));
    buf_append(&lines, spans_of(&summary));
    otlp_put_body(&service, buf_str(&lines), &body);
    assert_non_null(json_read(buf_str(&body), &arena, &fault));
    buf_append_byte(&body, '\0');
    struct str text = buf_str(&body);
    assert_int_equal(count_of(text, "traceId"), 2 * OTLP_SPANS_OF_REQUEST);
    HAS(text, "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"a\\\"b\"}}");
    buf_release(&lines);
    buf_release(&body);
    arena_release(&arena);
}

static uint64_t rejected(const char *answer, const char *expected_why)
{
    struct arena arena;
    struct str why;
    arena_init(&arena, 1 << 20);
    uint64_t count = otlp_rejected(str_from(answer), &arena, &why);
    EXPECT_STR(why, expected_why);
    arena_release(&arena);
    return count;
}

TEST(an_answer_says_what_was_not_taken)
{
    assert_int_equal(rejected("{}", ""), 0);
    assert_int_equal(rejected("", ""), 0);
    assert_int_equal(rejected("<html>", ""), 0);
    assert_int_equal(rejected("[1]", ""), 0);
    assert_int_equal(rejected("{\"partialSuccess\":null}", ""), 0);
    assert_int_equal(rejected("{\"partialSuccess\":{\"errorMessage\":\"hm\"}}", "hm"), 0);
    assert_int_equal(
        rejected("{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":7}}", ""), 3);
    assert_int_equal(rejected("{\"partialSuccess\":{\"rejectedSpans\":4}}", ""), 4);
    assert_int_equal(rejected("{\"partialSuccess\":{\"rejectedSpans\":-4}}", ""), 0);
    assert_int_equal(rejected("{\"partialSuccess\":{\"rejectedSpans\":\"x\"}}", ""), 0);
}

TESTS(UNIT(a_request_has_a_span_and_its_stages_theirs), UNIT(what_was_not_reached_has_no_span),
      UNIT(only_the_gateways_and_the_upstreams_failures_are_errors),
      UNIT(a_body_holds_the_lines_of_several_requests), UNIT(an_answer_says_what_was_not_taken))
