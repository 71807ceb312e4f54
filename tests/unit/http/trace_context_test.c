/* W3C Trace Context: what begins a trace of our own, what goes on, and what is told to the next. */
#include "http/trace_context.h"

#include "test.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static struct trace_context trace;

static bool reads(const char *parent)
{
    const struct http_header headers[] = {{STR("TraceParent"), str_from(parent)}};
    trace = (struct trace_context){.trace_id = "untouched"};
    return trace_context_read(headers, 1, &trace);
}

TEST(takes_the_callers_trace)
{
    assert_true(reads("00-" TRACE "-" SPAN "-01"));
    assert_string_equal(trace.trace_id, TRACE);
    assert_string_equal(trace.parent_id, SPAN);
    assert_true(trace.sampled && !trace.has_state);
    assert_true(reads("00-" TRACE "-" SPAN "-00") && !trace.sampled);
    assert_true(reads("00-" TRACE "-" SPAN "-02") && !trace.sampled); /* level 2: random */
    assert_true(reads("00-" TRACE "-" SPAN "-ff") && trace.sampled);
    assert_true(reads("00-" TRACE "-" SPAN "-03") && trace.sampled);
}

/* 4.3: of a later version what 00 has is read, whatever follows. */
TEST(takes_later_versions_by_their_front)
{
    assert_true(reads("01-" TRACE "-" SPAN "-01"));
    assert_true(reads("cc-" TRACE "-" SPAN "-01"));
    assert_true(reads("cc-" TRACE "-" SPAN "-01-what-the-future-will-be-like"));
    assert_true(reads("fe-" TRACE "-" SPAN "-00-"));
    assert_false(reads("cc-" TRACE "-" SPAN "-01.what"));
    assert_false(reads("01-" TRACE "-" SPAN "-0"));
}

TEST(what_is_not_exactly_right_is_not_taken)
{
    static const char *const bad[] = {
        "",
        "0",
        "00",
        "00-",
        "00-" TRACE,
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-",
        "00-" TRACE "-" SPAN "-1",
        "00-" TRACE "-" SPAN "-01-",
        "00-" TRACE "-" SPAN "-01-what",
        "00-" TRACE "-" SPAN "-01 ",
        "00-" TRACE "-" SPAN "-010",
        "ff-" TRACE "-" SPAN "-01",
        ".0-" TRACE "-" SPAN "-01",
        "0.-" TRACE "-" SPAN "-01",
        "FE-" TRACE "-" SPAN "-01",
        "000-" TRACE "-" SPAN "-01",
        "0-" TRACE "-" SPAN "-001",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-4BF92f3577b34da6a3ce929d0e0e4736-" SPAN "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473.-" SPAN "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-" SPAN "-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47360-" SPAN "-01",
        "00-" TRACE "-00F067AA0BA902B7-01",
        "00-" TRACE "-00f067aa0ba902b-01",
        "00-" TRACE "-00f067aa0ba902b77-01",
        "00-" TRACE "-00f067aa0ba902b.-01",
        "00-" TRACE "-" SPAN "-.0",
        "00-" TRACE "-" SPAN "-0.",
        "00-" TRACE "-" SPAN "-0A",
        "00_" TRACE "_" SPAN "_01",
        "00-" TRACE "-" SPAN ",01",
        "00-" TRACE "-" SPAN "-01, 00-" TRACE "-" SPAN "-01",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (reads(bad[i]))
            fail_msg("\"%s\" was taken", bad[i]);
        assert_string_equal(trace.trace_id, "untouched");
    }
    assert_false(trace_context_read(NULL, 0, &trace));
}

TEST(two_traceparents_are_none)
{
    const struct str good = STR("00-" TRACE "-" SPAN "-01");
    const struct http_header twice[] = {{STR("traceparent"), good}, {STR("TRACEPARENT"), good}};
    assert_false(trace_context_read(twice, 2, &trace));
    const struct http_header other[] = {{STR("trace-parent"), good}, {STR("trace_parent"), good}};
    assert_false(trace_context_read(other, 2, &trace));
}

/* ---- tracestate ---- */

#define T10 "tttttttttt"
#define T240                                                                                       \
    T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10

static bool keeps(const char *state, const char *second)
{
    const struct http_header headers[] = {{STR("traceparent"), STR("00-" TRACE "-" SPAN "-01")},
                                          {STR("tracestate"), str_from(state)},
                                          {STR("TraceState"), str_from(second)}};
    assert_true(trace_context_read(headers, second ? 3 : 2, &trace));
    return trace.has_state;
}

TEST(a_valid_state_goes_on)
{
    assert_true(keeps("foo=1", NULL));
    assert_true(keeps("foo=1,bar=2", NULL));
    assert_true(keeps("foo=1 \t , \t bar=2, \t baz=3", NULL));
    assert_true(keeps("foo=1,,bar=2,", NULL));
    assert_true(keeps("foo=1", "bar=2"));
    assert_true(keeps("foo=1", ""));
    assert_true(keeps("foo@bar=1", NULL));
    assert_true(keeps("0foo@bar-*/_=1", NULL));
    assert_true(keeps("a=!\"#$%&'()*+-./:;<>?@[]^_`{|}~ 1", NULL));
    assert_true(keeps(T240 T10 "tttttt=1", NULL));
    assert_true(keeps(T240 "t@vvvvvvvvvvvvvv=1", NULL));
    assert_true(keeps("a=" T240 T10 "tttttt", NULL));
}

TEST(what_is_no_state_is_dropped)
{
    static const char *const bad[] = {
        "",           ",",           "foo",       "foo=",        "=1",
        "foo =1",     "FOO=1",       "foo.bar=1", "0foo=1",      "foo=bar=baz",
        "foo=,bar=3", "foo@=1",      "@foo=1",    "foo@@bar=1",  "foo@bar@baz=1",
        "foo@0bar=1", "foo=1;bar=2", "foo=\x80",  "f\xc3\xbc=1", "foo=\x7f",
        "foo=a\tb",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (keeps(bad[i], NULL))
            fail_msg("\"%s\" was kept", bad[i]);
    }
    assert_false(keeps(T240 T10 "ttttttt=1", NULL));
    assert_false(keeps(T240 "tt@v=1", NULL));
    assert_false(keeps(T240 "t@vvvvvvvvvvvvvvv=1", NULL));
    assert_false(keeps("a=" T240 T10 "ttttttt", NULL));
    assert_false(keeps("foo=1", "bar"));
}

TEST(a_state_has_32_members_at_most)
{
    char first[256] = "", second[256] = "";
    for (int i = 0; i < 16; i++) {
        (void)snprintf(first + strlen(first), 16, "a%d=1,", i);
        (void)snprintf(second + strlen(second), 16, "b%d=1,", i);
    }
    assert_true(keeps(first, second));
    assert_false(keeps(strcat(first, "c=1"), second));
}

TEST(a_state_without_parent_is_nobodys)
{
    const struct http_header headers[] = {{STR("tracestate"), STR("foo=1")},
                                          {STR("traceparent"), STR("00-" TRACE "-" SPAN)}};
    trace = (struct trace_context){0};
    assert_false(trace_context_read(headers, 2, &trace));
    assert_false(trace.has_state);
}

TEST(a_state_that_is_for_us_alone_stays_here)
{
    const struct http_header headers[] = {{STR("traceparent"), STR("00-" TRACE "-" SPAN "-01")},
                                          {STR("tracestate"), STR("foo=1")},
                                          {STR("connection"), STR("tracestate")}};
    assert_true(trace_context_read(headers, 3, &trace));
    assert_false(trace.has_state);
}

/* ---- our own ---- */

TEST(a_new_trace_has_an_id_and_no_parent)
{
    const uint8_t random[TRACE_RANDOM_BYTES] = {0xab, 0xcd, [15] = 1},
                  zeros[TRACE_RANDOM_BYTES] = {0};
    trace_context_begin(random, TRACE_SAMPLE_ALL, &trace);
    assert_string_equal(trace.trace_id, "abcd0000000000000000000000000001");
    assert_string_equal(trace.parent_id, "");
    assert_true(trace.sampled && !trace.has_state);
    trace_context_begin(zeros, 0, &trace);
    assert_string_equal(trace.trace_id, "10000000000000000000000000000000");
    assert_false(trace.sampled);
}

TEST(so_many_of_a_million_are_sampled)
{
    uint8_t random[TRACE_RANDOM_BYTES] = {0};
    size_t sampled = 0;
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t mixed = (i + 1) * 0x9e3779b97f4a7c15u;
        memcpy(random + 8, &mixed, 8);
        trace_context_begin(random, TRACE_SAMPLE_ALL / 10, &trace);
        sampled += trace.sampled;
    }
    assert_in_range(sampled, 900, 1100);
}

TEST(spans_and_their_parts_are_told_apart)
{
    const uint8_t zeros[SPAN_RANDOM_BYTES] = {0};
    char own[SPAN_ID_SIZE], parts[16][SPAN_ID_SIZE];
    span_id_format(zeros, own);
    assert_string_equal(own, "1000000000000000");
    memcpy(parts[0], own, SPAN_ID_SIZE);
    for (unsigned part = 1; part < 16; part++) {
        span_id_of_part(own, part, parts[part]);
        for (unsigned other = 0; other < part; other++)
            assert_string_not_equal(parts[part], parts[other]);
    }
}

TEST(the_next_host_is_told_of_us_and_the_callers_state)
{
    const struct http_header headers[] = {
        {STR("traceparent"), STR("01-" TRACE "-" SPAN "-ff-more")},
        {STR("TraceState"), STR("foo=1")},
        {STR("accept"), STR("a")},
        {STR("tracestate"), STR("bar=2")}};
    struct buf out;
    buf_init(&out, 1000);
    assert_true(trace_context_read(headers, 4, &trace));
    trace_context_put(&trace, "b7ad6b7169203331", headers, 4, &out);
    EXPECT_STR(buf_str(&out), "traceparent: 00-" TRACE "-b7ad6b7169203331-01\r\n"
                              "tracestate: foo=1\r\ntracestate: bar=2\r\n");
    buf_clear(&out);
    trace.has_state = trace.sampled = false;
    trace_context_put(&trace, "b7ad6b7169203331", headers, 4, &out);
    EXPECT_STR(buf_str(&out), "traceparent: 00-" TRACE "-b7ad6b7169203331-00\r\n");
    buf_release(&out);
}

TESTS(UNIT(takes_the_callers_trace), UNIT(takes_later_versions_by_their_front),
      UNIT(what_is_not_exactly_right_is_not_taken), UNIT(two_traceparents_are_none),
      UNIT(a_valid_state_goes_on), UNIT(what_is_no_state_is_dropped),
      UNIT(a_state_has_32_members_at_most), UNIT(a_state_without_parent_is_nobodys),
      UNIT(a_state_that_is_for_us_alone_stays_here), UNIT(a_new_trace_has_an_id_and_no_parent),
      UNIT(so_many_of_a_million_are_sampled), UNIT(spans_and_their_parts_are_told_apart),
      UNIT(the_next_host_is_told_of_us_and_the_callers_state))
