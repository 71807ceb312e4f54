/* Lines of the access log: what they say, one line each whatever comes in, never too long. */
#include "telemetry/access_log.h"

#include <limits.h>

#include "base/json_read.h"
#include "test.h"

static struct violation found[] = {{.code = VIOLATION_HEADER_MISSING},
                                   {.code = VIOLATION_TENANT_MISMATCH},
                                   {.code = VIOLATION_HEADER_MISSING}};
static struct violations violations = {.items = found, .count = 3};

static struct request_summary summary_of_a_refusal(void)
{
    return (struct request_summary){.id = "019a",
                                    .trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
                                    .route = "create-campaign",
                                    .team = STR("billing"),
                                    .caller = STR("key:billing 2026"),
                                    .peer = STR("10.0.0.7:40312"),
                                    .method = STR("POST"),
                                    .status = 403,
                                    .verdict = "deny",
                                    .type = "policy",
                                    .violations = &violations,
                                    .body_bytes = 1900,
                                    .answer_bytes = 700,
                                    .started_unix_ms = 1795861800000,
                                    .started_us = 1000,
                                    .ended_us = {1100, 1350, 2000, 0, 0},
                                    .answered_us = 2010,
                                    .over_us = 2020};
}

static struct str line_of(enum access_format format, const struct request_summary *summary)
{
    static struct buf out;
    buf_release(&out);
    buf_init(&out, PIPE_BUF + 1);
    access_line(format, summary, &out);
    buf_append_byte(&out, '\0');
    assert_false(out.failed);
    assert_int_equal(str_find(buf_str(&out), '\n'), out.len - 2);
    return str_slice(buf_str(&out), 0, out.len - 1);
}

TEST(says_all_in_json)
{
    struct request_summary summary = summary_of_a_refusal();
    EXPECT_STR(line_of(ACCESS_JSON, &summary),
               "{\"time\":\"2026-11-28T10:30:00.000Z\",\"id\":\"019a\","
               "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"peer\":\"10.0.0.7:40312\","
               "\"team\":\"billing\",\"caller\":\"key:billing 2026\",\"method\":\"POST\","
               "\"route\":\"create-campaign\",\"status\":403,\"verdict\":\"deny\","
               "\"type\":\"policy\",\"violations\":[\"header-missing\",\"tenant-mismatch\"],"
               "\"bytes_in\":1900,\"bytes_out\":700,\"duration_us\":1010,\"receive_us\":100,"
               "\"judge_us\":250,\"record_us\":650}\n");
}

TEST(says_all_in_text)
{
    struct request_summary summary = summary_of_a_refusal();
    EXPECT_STR(line_of(ACCESS_TEXT, &summary),
               "2026-11-28T10:30:00.000Z 10.0.0.7:40312 billing POST create-campaign 403 "
               "duration_us=1010 bytes_in=1900 bytes_out=700 id=019a "
               "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 caller=\"key:billing 2026\" "
               "verdict=deny type=policy violations=header-missing,tenant-mismatch "
               "receive_us=100 judge_us=250 record_us=650\n");
}

TEST(a_request_without_answer_is_a_line_too)
{
    const struct request_summary gone = {
        .id = "019a", .trace_id = "", .started_us = 5, .over_us = 25};
    EXPECT_STR(
        line_of(ACCESS_JSON, &gone),
        "{\"time\":\"1970-01-01T00:00:00.000Z\",\"id\":\"019a\",\"trace_id\":\"\",\"status\":0,"
        "\"bytes_in\":0,\"bytes_out\":0,\"duration_us\":20}\n");
    EXPECT_STR(
        line_of(ACCESS_TEXT, &gone),
        "1970-01-01T00:00:00.000Z - - - - 0 duration_us=20 bytes_in=0 bytes_out=0 id=019a\n");
}

TEST(an_allowed_request_tells_of_the_upstream)
{
    struct request_summary summary = summary_of_a_refusal();
    summary.upstream_why = "reset";
    summary.upstream_status = 502;
    summary.ended_us[STAGE_UPSTREAM] = 2500;
    summary.ended_us[STAGE_OUTCOME] = 2600;
    const char *json = line_of(ACCESS_JSON, &summary).data;
    assert_non_null(strstr(json, "\"upstream_status\":502,\"upstream_why\":\"reset\""));
    assert_non_null(strstr(json, "\"upstream_us\":500,\"outcome_us\":100}"));
    const char *text = line_of(ACCESS_TEXT, &summary).data;
    assert_non_null(strstr(text, " upstream_status=502 upstream_why=reset "));
}

TEST(a_stage_that_was_skipped_takes_no_time)
{
    struct request_summary summary = summary_of_a_refusal();
    summary.ended_us[STAGE_RECEIVE] = 0; /* refused by its head */
    assert_non_null(strstr(line_of(ACCESS_JSON, &summary).data, ",\"judge_us\":350,"));
    assert_null(strstr(line_of(ACCESS_JSON, &summary).data, "receive_us"));
}

/* Names that somebody else chose cannot end the line, act on a terminal, or fill the pipe. */
TEST(names_are_escaped_and_bounded)
{
    static char evil[100000];
    for (size_t i = 0; i < sizeof(evil); i++)
        evil[i] = "\n\033\"\xff\x7f="[i % 6];
    struct request_summary summary = summary_of_a_refusal();
    summary.caller = summary.team = (struct str){evil, sizeof(evil)};
    struct arena arena;
    struct json_fault fault;
    arena_init(&arena, 1 << 20);
    struct str json = line_of(ACCESS_JSON, &summary);
    assert_non_null(json_read(json, &arena, &fault));
    assert_true(json.len <= PIPE_BUF);
    struct str text = line_of(ACCESS_TEXT, &summary);
    for (size_t i = 0; i + 1 < text.len; i++)
        assert_true(text.data[i] >= ' ' && text.data[i] < 0x7f);
    arena_release(&arena);
}

TESTS(UNIT(says_all_in_json), UNIT(says_all_in_text), UNIT(a_request_without_answer_is_a_line_too),
      UNIT(an_allowed_request_tells_of_the_upstream), UNIT(a_stage_that_was_skipped_takes_no_time),
      UNIT(names_are_escaped_and_bounded))
