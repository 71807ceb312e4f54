/*
 * The gate: what it accepts, what it refuses, and that the way the bytes arrive changes nothing.
 * Every sample is fed whole, byte by byte, cut in two at every place, and cut at random.
 */
#include "http/framing.h"

#include "test.h"

static const struct framing_limits limits = {LIMIT_LINE_BYTES, LIMIT_HEAD_BYTES, LIMIT_HEADERS,
                                             LIMIT_BODY_BYTES};

/* What happened, as text: "[head bytes]{body}." for each request, then "!code" if refused. */
struct story {
    char text[200000];
    size_t len;
};

static void tell(struct story *story, struct str s)
{
    assert_true(story->len + s.len < sizeof(story->text));
    if (s.len)
        memcpy(story->text + story->len, s.data, s.len);
    story->len += s.len;
}

struct feeder {
    struct framing framing;
    char held[200000];
    size_t held_len;
    struct story *story;
    bool refused, in_body;
};

/* Takes bytes as a connection would and tells what the gate made of them. */
static void feed(struct feeder *feeder, struct str bytes)
{
    memcpy(feeder->held + feeder->held_len, bytes.data, bytes.len);
    feeder->held_len += bytes.len;
    size_t done = 0;
    for (bool more = true; more && !feeder->refused;) {
        struct str out, input = {feeder->held + done, feeder->held_len - done};
        size_t used;
        switch (framing_next(&feeder->framing, input, &used, &out)) {
        case FRAMING_MORE:
            more = false;
            break;
        case FRAMING_HEAD:
            tell(feeder->story, STR("["));
            tell(feeder->story, out);
            tell(feeder->story, STR("]"));
            break;
        case FRAMING_PIECE:
            assert_true(out.len > 0);
            tell(feeder->story, out);
            break;
        case FRAMING_DONE:
            tell(feeder->story, feeder->framing.keep_alive ? STR("+") : STR("."));
            framing_init(&feeder->framing, &limits);
            break;
        case FRAMING_REFUSED:
            tell(feeder->story, STR("!"));
            tell(feeder->story, str_from(framing_reason(feeder->framing.refusal)->code));
            feeder->refused = true;
            break;
        }
        assert_true(used <= input.len);
        done += used;
    }
    memmove(feeder->held, feeder->held + done, feeder->held_len - done);
    feeder->held_len -= done;
}

static struct feeder feeder;
static struct story whole, split;

static void begin(struct story *story)
{
    story->len = 0;
    feeder.held_len = 0;
    feeder.refused = false;
    feeder.story = story;
    framing_init(&feeder.framing, &limits);
}

static void expect_same(struct str sample, const char *how)
{
    if (split.len == whole.len && memcmp(split.text, whole.text, whole.len) == 0)
        return;
    print_error("%s: \"%.*s\" instead of \"%.*s\"\nfor: %.*s\n", how, (int)split.len, split.text,
                (int)whole.len, whole.text, STR_ARGS(sample));
    fail();
}

static void check_segmentation(struct str sample)
{
    begin(&whole);
    feed(&feeder, sample);
    begin(&split);
    for (size_t i = 0; i < sample.len; i++)
        feed(&feeder, str_slice(sample, i, i + 1));
    expect_same(sample, "byte by byte");
    size_t step = sample.len > 2000 ? sample.len / 1000 : 1;
    for (size_t cut = 1; cut < sample.len; cut += step) {
        begin(&split);
        feed(&feeder, str_slice(sample, 0, cut));
        feed(&feeder, str_slice(sample, cut, sample.len));
        expect_same(sample, "cut in two");
    }
    for (int round = 0; round < 20; round++) {
        begin(&split);
        for (size_t at = 0; at < sample.len;) {
            size_t piece = 1 + (size_t)rand() % 40;
            feed(&feeder, str_slice(sample, at, at + piece));
            at += piece;
        }
        expect_same(sample, "at random");
    }
}

/* The end of the story: the refusal's code, or "" when everything was accepted. */
static struct str ending(struct str sample)
{
    check_segmentation(sample);
    struct str story = {whole.text, whole.len};
    size_t bang = story.len;
    while (bang > 0 && story.data[bang - 1] != '!' && story.data[bang - 1] != ']' &&
           story.data[bang - 1] != '+' && story.data[bang - 1] != '.')
        bang--;
    return bang > 0 && story.data[bang - 1] == '!' ? str_slice(story, bang, story.len) : STR("");
}

#define HOST "Host: a\r\n"
#define POST_LINE "POST / HTTP/1.1\r\n" HOST

static const struct {
    const char *bytes, *code;
} refused[] = {
    /* lengths */
    {POST_LINE "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "content-length-duplicate"},
    {POST_LINE "Content-Length: 5\r\ncontent-length: 0\r\n\r\n", "content-length-duplicate"},
    {POST_LINE "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "length-and-chunked"},
    {POST_LINE "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "length-and-chunked"},
    {POST_LINE "Content-Length: +5\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: -1\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: 0x5\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: 5,5\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: 5 5\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length:\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: 30000000000000000000\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: 262145\r\n\r\n", "body-too-large"},
    {POST_LINE "\r\n", "length-required"},
    {"PUT / HTTP/1.1\r\n" HOST "\r\n", "length-required"},
    /* transfer codings */
    {POST_LINE "Transfer-Encoding: xchunked\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: gzip, chunked\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: chunked, chunked\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: identity\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: \"chunked\"\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: chunked;q=1\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: ,chunked\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding:\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     "transfer-encoding-duplicate"},
    {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "transfer-encoding-old"},
    /* names, folding, line ends, controls */
    {POST_LINE "Transfer-Encoding : chunked\r\n\r\n", "header-name"},
    {POST_LINE "Content-Length : 35\r\n\r\n", "header-name"},
    {POST_LINE "Bad(Name: x\r\n\r\n", "header-name"},
    {POST_LINE ": x\r\n\r\n", "header-name"},
    {POST_LINE "N\xc3\xa4me: x\r\n\r\n", "header-name"},
    {POST_LINE "no colon\r\n\r\n", "header-line"},
    {POST_LINE "A: b\r\n c\r\n\r\n", "line-folding"},
    {POST_LINE "Transfer-Encoding: chun\r\n\tked\r\n\r\n", "transfer-encoding"},
    {"POST / HTTP/1.1\r\n Host: a\r\n\r\n", "line-folding"},
    {"GET / HTTP/1.1\n" HOST "\r\n", "bare-line-feed"},
    {"GET / HTTP/1.1\r\nHost: a\n\r\n", "bare-line-feed"},
    {"GET / HTTP/1.1\r\n" HOST "\n", "bare-line-feed"},
    {"\nGET / HTTP/1.1\r\n" HOST "\r\n", "bare-line-feed"},
    {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "bare-carriage-return"},
    {"GET /\r HTTP/1.1\r\n" HOST "\r\n", "bare-carriage-return"},
    {POST_LINE "A: \x01\r\n\r\n", "control-character"},
    {POST_LINE "A: \x7f\r\n\r\n", "control-character"},
    /* request lines */
    {"GET /x\r\n\r\n", "request-line"},
    {"GET /x \r\n\r\n", "request-line"},
    {"GET\r\n\r\n", "request-line"},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/1.1 \r\n" HOST "\r\n", "request-line"},
    {" GET / HTTP/1.1\r\n" HOST "\r\n", "request-line"},
    {"GET / http/1.1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/11.1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/1.2\r\n" HOST "\r\n", "version"},
    {"GET / HTTP/9.9\r\n" HOST "\r\n", "version"},
    {"GET / HTTP/0.9\r\n" HOST "\r\n", "version"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version"},
    {"G(T / HTTP/1.1\r\n" HOST "\r\n", "method"},
    {"get / HTTP/1.1\r\n" HOST "\r\n", "method-unknown"},
    {"FOO / HTTP/1.1\r\n" HOST "\r\n", "method-unknown"},
    {"\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "request-line"},
    {"\x16\x03\x01\x02\r\n\r\n", "request-line"},
    /* targets */
    {"GET x HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a\"b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a\\b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a|b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a\x01 HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a\x80 HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a%2 HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a%zz HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET * HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET http:/// HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET http://a HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET http://b/ HTTP/1.1\r\n" HOST "\r\n", "authority"},
    {"GET http://a:80/ HTTP/1.1\r\n" HOST "\r\n", "authority"},
    {"GET http://x@a/ HTTP/1.1\r\n" HOST "\r\n", "authority"},
    /* hosts */
    {"GET / HTTP/1.1\r\n\r\n", "host-missing"},
    {"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "host-duplicate"},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "host-invalid"},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "host-invalid"},
    {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", "host-invalid"},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "host-invalid"},
    {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "host-invalid"},
    {"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "host-invalid"},
    {"GET / HTTP/1.1\r\nHost: a:70000\r\n\r\n", "host-invalid"},
    {"GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", "host-invalid"},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "host-invalid"},
    {"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", "host-invalid"},
    /* expectations */
    {POST_LINE "Content-Length: 1\r\nExpect: junk\r\n\r\n", "expectation"},
    {POST_LINE "Content-Length: 1\r\nExpect: 100-continue, x\r\n\r\n", "expectation"},
    /* chunks */
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\n", "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n-5\r\n", "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n\x80\r\n\r\n", "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n\xff"
               "5\r\nabcde\r\n0\r\n\r\n",
     "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n5\nabcde\r\n0\r\n\r\n", "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n5\r\nabcdef\r\n0\r\n\r\n", "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\n0\r\n\r\n", "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\rX0\r\n\r\n", "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n\r\n", "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n5;=x\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n5;a=\"x\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n5 x\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n40001\r\n", "body-too-large"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n", "trailer"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n0\r\nAuth: x\r\n\r\n", "trailer"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n0\r\nA : x\r\n\r\n", "trailer"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n0\r\n x\r\n\r\n", "trailer"},
    {POST_LINE "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n", "trailer"},
};

TEST(refuses_what_two_servers_could_read_in_two_ways)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        EXPECT_STR(ending(str_from(refused[i].bytes)), refused[i].code);
}

/* Accepted samples and what becomes of them: heads in brackets, bodies, + or . at the end. */
static const struct {
    const char *bytes, *story;
} accepted[] = {
    {"GET / HTTP/1.1\r\n" HOST "\r\n", "[GET / HTTP/1.1\r\n" HOST "\r\n]+"},
    {"\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n\r\n", "[GET / HTTP/1.1\r\n" HOST "\r\n]+"},
    {POST_LINE "Content-Length: 3\r\n\r\nabc", "[" POST_LINE "Content-Length: 3\r\n\r\n]abc+"},
    {POST_LINE "Content-Length: 0\r\n\r\n", "[" POST_LINE "Content-Length: 0\r\n\r\n]+"},
    {POST_LINE "TRANSFER-encoding: Chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n",
     "[" POST_LINE "TRANSFER-encoding: Chunked\r\n\r\n]abcde+"},
    {POST_LINE
     "Transfer-Encoding: chunked\r\n\r\n003 ; a = \"q\\\"\" ;b=c\r\nabc\r\n00\r\nX: y\r\n\r\n",
     "[" POST_LINE "Transfer-Encoding: chunked\r\n\r\n]abc+"},
    {"GET / HTTP/1.1\r\nHost: [::1]:8443\r\nConnection: x, CLOSE\r\n\r\n",
     "[GET / HTTP/1.1\r\nHost: [::1]:8443\r\nConnection: x, CLOSE\r\n\r\n]."},
    {"GET / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n",
     "[GET / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n]."},
    {"GET http://A/x?y HTTP/1.1\r\n" HOST "\r\n", "[GET http://A/x?y HTTP/1.1\r\n" HOST "\r\n]+"},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "[OPTIONS * HTTP/1.1\r\n" HOST "\r\n]+"},
    {"GET / HTTP/1.1\r\n" HOST "A: \t b\xc3\xa4 \t\r\n\r\n",
     "[GET / HTTP/1.1\r\n" HOST "A: \t b\xc3\xa4 \t\r\n\r\n]+"},
    {"GET / HTTP/1.1\r\n" HOST "\r\n" POST_LINE
     "Content-Length: 1\r\n\r\nx\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
     "[GET / HTTP/1.1\r\n" HOST "\r\n]+[" POST_LINE
     "Content-Length: 1\r\n\r\n]x+[GET / HTTP/1.1\r\n" HOST "\r\n]+"},
};

TEST(accepts_what_rfc_9112_asks_for_and_keeps_requests_apart)
{
    for (size_t i = 0; i < COUNT_OF(accepted); i++) {
        check_segmentation(str_from(accepted[i].bytes));
        EXPECT_STR(((struct str){whole.text, whole.len}), accepted[i].story);
    }
}

TEST(a_nul_byte_is_refused_wherever_it_stands)
{
    EXPECT_STR(ending(STR("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n")), "control-character");
    EXPECT_STR(ending(STR("GET /a\0b HTTP/1.1\r\n" HOST "\r\n")), "target");
    EXPECT_STR(ending(STR("GET / HTTP/1.1\r\nContent-Length\0: 5\r\n\r\n")), "control-character");
}

static char large[80000];

TEST(limits_hold_however_the_bytes_arrive)
{
    int len = snprintf(large, sizeof(large), "GET /%08001d HTTP/1.1\r\n" HOST "\r\n", 1);
    EXPECT_STR(ending((struct str){large, (size_t)len}), "target-too-long");
    len = snprintf(large, sizeof(large), "GET /%07900d HTTP/1.1\r\n" HOST "\r\n", 1);
    EXPECT_STR(ending((struct str){large, (size_t)len}), "");
    len = snprintf(large, sizeof(large), "GET / HTTP/1.1\r\n" HOST "A: %08001d\r\n\r\n", 1);
    EXPECT_STR(ending((struct str){large, (size_t)len}), "header-too-long");
    len = snprintf(large, sizeof(large),
                   "GET / HTTP/1.1\r\n" HOST "A: %07000d\r\nA: %07000d\r\nA: %07000d\r\n"
                   "A: %07000d\r\nA: %07000d\r\n\r\n",
                   1, 1, 1, 1, 1);
    EXPECT_STR(ending((struct str){large, (size_t)len}), "head-too-large");
}

TEST(a_line_that_never_ends_is_refused_before_it_is_complete)
{
    memset(large, 'a', sizeof(large));
    EXPECT_STR(ending((struct str){large, 20000}), "target-too-long");
}

TEST(splitting_reduces_absolute_form_and_trims_values)
{
    struct arena arena;
    struct http_request request;
    arena_init(&arena, 1 << 20);
    assert_true(framing_split(STR("GET http://a/x?y=1 HTTP/1.1\r\nHost: a\r\nB: \t c d \r\n\r\n"),
                              &arena, &request));
    EXPECT_STR(request.method, "GET");
    EXPECT_STR(request.target, "/x?y=1");
    EXPECT_STR(request.host, "a");
    assert_int_equal(request.header_count, 2);
    EXPECT_STR(request.headers[1].name, "B");
    EXPECT_STR(request.headers[1].value, "c d");
    arena_release(&arena);
}

TESTS(UNIT(refuses_what_two_servers_could_read_in_two_ways),
      UNIT(accepts_what_rfc_9112_asks_for_and_keeps_requests_apart),
      UNIT(a_nul_byte_is_refused_wherever_it_stands), UNIT(limits_hold_however_the_bytes_arrive),
      UNIT(a_line_that_never_ends_is_refused_before_it_is_complete),
      UNIT(splitting_reduces_absolute_form_and_trims_values))
