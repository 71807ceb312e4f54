/*
 * The gate: what it accepts, what it refuses, and that the way the bytes arrive changes nothing.
 * Every sample is fed whole, byte by byte, cut in two at every place, and cut at random.
 */
#include "http/framing.h"

#include "test.h"

static const struct framing_limits limits = {LIMIT_LINE_BYTES, LIMIT_HEAD_BYTES, LIMIT_HEADERS,
                                             LIMIT_BODY_BYTES};

static const struct framing_limits *tested = &limits;

/* What happened, as text: "[head bytes]body+" for each request ("." instead of "+" when
 * the connection must close), then "!code" if refused. */
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
            framing_init(&feeder->framing, tested);
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
    framing_init(&feeder.framing, tested);
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
#define GET_LINE "GET / HTTP/1.1\r\n"
#define CHUNKED POST_LINE "Transfer-Encoding: chunked\r\n\r\n"

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
    {"PATCH / HTTP/1.1\r\n" HOST "\r\n", "length-required"},
    {"POST / HTTP/1.0\r\n" HOST "\r\n", "length-required"},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 9\r\n\r\n",
     "content-length-duplicate"},
    {POST_LINE "Content-Length: 5\r\nX: y\r\nCONTENT-LENGTH:\r\n\r\n", "content-length-duplicate"},
    {POST_LINE "Content-Length: 5, 5\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: ,5\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: 5;q=1\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: \"5\"\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: 1e1\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: 5.\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: a\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: \xb2\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: 00000000000000000005\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: 18446744073709551621\r\n\r\n", "content-length"},
    {POST_LINE "Content-Length: 9223372036854775808\r\n\r\n", "body-too-large"},
    {POST_LINE "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", "length-and-chunked"},
    {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
     "length-and-chunked"},
    /* transfer codings */
    {POST_LINE "Transfer-Encoding: xchunked\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: gzip, chunked\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: chunked, chunked\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: identity\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: \"chunked\"\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: chunked;q=1\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: ,chunked\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding:\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: chunked,\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: chunked identity\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: chunked, identity\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: chunke\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: 'chunked'\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: \xe3hunked\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: gzip\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: chunked\x0b\r\n\r\n", "control-character"},
    {POST_LINE "Transfer-Encoding: \x0c"
               "chunked\r\n\r\n",
     "control-character"},
    {POST_LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
     "transfer-encoding-duplicate"},
    {POST_LINE "Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\n", "transfer-encoding"},
    {POST_LINE "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     "transfer-encoding-duplicate"},
    {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "transfer-encoding-old"},
    /* names, folding, line ends, controls */
    {POST_LINE "Transfer-Encoding : chunked\r\n\r\n", "header-name"},
    {POST_LINE "Content-Length : 35\r\n\r\n", "header-name"},
    {POST_LINE "Bad(Name: x\r\n\r\n", "header-name"},
    {POST_LINE ": x\r\n\r\n", "header-name"},
    {POST_LINE "Content-Length\t: 35\r\n\r\n", "header-name"},
    {POST_LINE "Content Length: 35\r\n\r\n", "header-name"},
    {POST_LINE "Transfer-Encoding\x80: chunked\r\n\r\n", "header-name"},
    {POST_LINE "[x]: y\r\n\r\n", "header-name"},
    {POST_LINE "\"x\": y\r\n\r\n", "header-name"},
    {POST_LINE "x;: y\r\n\r\n", "header-name"},
    {POST_LINE "\x0b"
               "Content-Length: 5\r\n\r\n",
     "control-character"},
    {POST_LINE "Content-Length\x7f: 5\r\n\r\n", "control-character"},
    {POST_LINE "N\xc3\xa4me: x\r\n\r\n", "header-name"},
    {POST_LINE "no colon\r\n\r\n", "header-line"},
    {POST_LINE "A: b\r\n c\r\n\r\n", "line-folding"},
    {POST_LINE "Transfer-Encoding: chun\r\n\tked\r\n\r\n", "transfer-encoding"},
    {"POST / HTTP/1.1\r\n Host: a\r\n\r\n", "line-folding"},
    {POST_LINE "Content-Length: 1\r\n\t0\r\n\r\n", "line-folding"},
    {POST_LINE " \r\n\r\n", "line-folding"},
    {POST_LINE "\tTransfer-Encoding: chunked\r\n\r\n", "line-folding"},
    {"GET / HTTP/1.1\n" HOST "\r\n", "bare-line-feed"},
    {"GET / HTTP/1.1\r\nHost: a\n\r\n", "bare-line-feed"},
    {"GET / HTTP/1.1\r\n" HOST "\n", "bare-line-feed"},
    {"\nGET / HTTP/1.1\r\n" HOST "\r\n", "bare-line-feed"},
    {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "bare-carriage-return"},
    {"GET /\r HTTP/1.1\r\n" HOST "\r\n", "bare-carriage-return"},
    {"GET / HTTP/1.1\r\r\n" HOST "\r\n", "bare-carriage-return"},
    {"\rGET / HTTP/1.1\r\n" HOST "\r\n", "bare-carriage-return"},
    {GET_LINE "Host: a\r\r\n\r\n", "bare-carriage-return"},
    {GET_LINE HOST "A: b\rC: d\r\n\r\n", "bare-carriage-return"},
    {GET_LINE HOST "\r\r\n\r\n", "bare-carriage-return"},
    {GET_LINE HOST "A: b\nC: d\r\n\r\n", "bare-line-feed"},
    {"\r\n\nGET / HTTP/1.1\r\n" HOST "\r\n", "bare-line-feed"},
    {POST_LINE "A: \x01\r\n\r\n", "control-character"},
    {POST_LINE "A: \x7f\r\n\r\n", "control-character"},
    {POST_LINE "A: \x1b[31m\r\n\r\n", "control-character"},
    {POST_LINE "A: b\x0b\r\n\r\n", "control-character"},
    {POST_LINE "A: b\x08\r\n\r\n", "control-character"},
    /* request lines */
    {"GET /x\r\n\r\n", "request-line"},
    {"GET /x \r\n\r\n", "request-line"},
    {"GET\r\n\r\n", "request-line"},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/1.1 \r\n" HOST "\r\n", "request-line"},
    {" GET / HTTP/1.1\r\n" HOST "\r\n", "request-line"},
    {"GET\t/\tHTTP/1.1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/1.1\t\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/1.1 x\r\n" HOST "\r\n", "request-line"},
    {"GET /a b HTTP/1.1\r\n" HOST "\r\n", "request-line"},
    {"GET /\r\n" HOST "\r\n", "request-line"},
    {"POST\r\n\r\n", "request-line"},
    {"/ HTTP/1.1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/1.10\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/1,1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/+1.1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/a.b\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/;.1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/1.\xb1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP 1.1\r\n" HOST "\r\n", "request-line"},
    {"GET / XTTP/1.1\r\n" HOST "\r\n", "request-line"},
    {"GET / http/1.1\r\n" HOST "\r\n", "version"},
    {"GET / HTTp/1.0\r\n" HOST "\r\n", "version"},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", "version"},
    {"GET / HTTP/0.1\r\n" HOST "\r\n", "version"},
    {"GET / HTTP/11.1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/1\r\n" HOST "\r\n", "request-line"},
    {"GET / HTTP/1.2\r\n" HOST "\r\n", "version"},
    {"GET / HTTP/9.9\r\n" HOST "\r\n", "version"},
    {"GET / HTTP/0.9\r\n" HOST "\r\n", "version"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version"},
    {"G(T / HTTP/1.1\r\n" HOST "\r\n", "method"},
    {"G\xc9T / HTTP/1.1\r\n" HOST "\r\n", "method"},
    {"GET\x0b / HTTP/1.1\r\n" HOST "\r\n", "method"},
    {"GET: / HTTP/1.1\r\n" HOST "\r\n", "method"},
    {"Post / HTTP/1.1\r\n" HOST "\r\n", "method-unknown"},
    {"GETX / HTTP/1.1\r\n" HOST "\r\n", "method-unknown"},
    {"PROPFIND / HTTP/1.1\r\n" HOST "\r\n", "method-unknown"},
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
    {"GET /a<b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a>b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a{b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a}b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a^b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a`b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a[b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a]b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a\x7f"
     "b HTTP/1.1\r\n" HOST "\r\n",
     "target"},
    {"GET /a\x1f"
     "b HTTP/1.1\r\n" HOST "\r\n",
     "target"},
    {"GET /a\xff"
     "b HTTP/1.1\r\n" HOST "\r\n",
     "target"},
    {"GET /a%xb HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a%%41b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a%4 HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a%g0b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a\tb HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET /a\x0b"
     "b HTTP/1.1\r\n" HOST "\r\n",
     "target"},
    {"GET /a% HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET  HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET ? HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET a/b HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET \\ HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"POST * HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"OPTIONS ** HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"OPTIONS *?x HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"CONNECT / HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"CONNECT http://a/ HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET a:80 HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET http:/a/ HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET https:///x HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET ws://a/ HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET http://a?x=/#y HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET http://a/%zz HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET http://a/\x80 HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET http:/// HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET http://a HTTP/1.1\r\n" HOST "\r\n", "target"},
    {"GET http://b/ HTTP/1.1\r\n" HOST "\r\n", "authority"},
    {"GET http://a:80/ HTTP/1.1\r\n" HOST "\r\n", "authority"},
    {"GET http://x@a/ HTTP/1.1\r\n" HOST "\r\n", "authority"},
    {"GET https://a.b/ HTTP/1.1\r\n" HOST "\r\n", "authority"},
    {"GET http://a?x=/ HTTP/1.1\r\n" HOST "\r\n", "authority"},
    {"GET http://a\\b/ HTTP/1.1\r\n" HOST "\r\n", "authority"},
    {"GET http://a%00/ HTTP/1.1\r\n" HOST "\r\n", "authority"},
    {"GET http://a/ HTTP/1.1\r\n\r\n", "host-missing"},
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
    {GET_LINE "Host: a:65536\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: a:+1\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: a: 80\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: a:-1\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: a:000080\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: :80\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: []\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: [:::]\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: [abc]\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: [1:2:3:4:5:6:7:8:9]\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: [::1]:99999\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: [::1]]\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: [::1%25eth0]\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: [v1.a]\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: [::ffff:1.2.3.4.5]\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: [::ffff:255.255.255.255:1111:2222:3333:4444:5555]\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: a%41\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: \xe4\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: a\tb\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: a;b\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: http://a\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: a?b\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: a#b\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: a\\b\r\n\r\n", "host-invalid"},
    {GET_LINE "Host: (a)\r\n\r\n", "host-invalid"},
    {"GET / HTTP/1.0\r\n\r\n", "host-missing"},
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "host-duplicate"},
    {"GET / HTTP/1.0\r\nHost: a b\r\n\r\n", "host-invalid"},
    /* expectations */
    {POST_LINE "Content-Length: 1\r\nExpect: junk\r\n\r\n", "expectation"},
    {POST_LINE "Content-Length: 1\r\nExpect: 100-continue, x\r\n\r\n", "expectation"},
    {POST_LINE "Content-Length: 1\r\nExpect:\r\n\r\n", "expectation"},
    {POST_LINE "Content-Length: 1\r\nExpect: 100-continue;q=1\r\n\r\n", "expectation"},
    {POST_LINE "Expect: 100-continue\r\nExpect: 200-ok\r\n\r\n", "expectation"},
    /* chunks */
    {CHUNKED "10000000000000005\r\n", "chunk"},
    {CHUNKED "0x5\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "-5\r\n", "chunk"},
    {CHUNKED "\x80\r\n\r\n", "chunk"},
    {CHUNKED "\xff"
             "5\r\nabcde\r\n0\r\n\r\n",
     "chunk"},
    {CHUNKED "5\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5\r\nabcdef\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5\r\nabcde\n0\r\n\r\n", "chunk"},
    {CHUNKED "5\r\nabcde\rX0\r\n\r\n", "chunk"},
    {CHUNKED "\r\n", "chunk"},
    {CHUNKED "5;=x\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5;a=\"x\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5 x\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "40001\r\n", "body-too-large"},
    {CHUNKED "0\r\nContent-Length: 1\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nAuth: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nA : x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\n x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nA: b\n\r\n", "trailer"},
    {CHUNKED "00000000000000005\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5 \r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED " 5\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "+5\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5h\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5,5\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5;\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5;a=\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5;a \r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5;a=b \r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5;a=\"b\"c\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5;a=\"b\\\"\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5;a b\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5;a=b=c\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5;\x01\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5;a\r;b\r\nabcde\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5\r\nabcde0\r\n\r\n", "chunk"},
    {CHUNKED "5\r\nabcd\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "5\r\nabcde\r\n\r\n0\r\n\r\n", "chunk"},
    {CHUNKED "g\r\n", "chunk"},
    {CHUNKED "5\r\r\nabcde\r\n", "chunk"},
    {CHUNKED "ffffffffffffffff\r\n", "body-too-large"},
    {CHUNKED "8000000000000000\r\n", "body-too-large"},
    {CHUNKED "7fffffffffffffff\r\n", "body-too-large"},
    {CHUNKED "0\r\nTransfer-Encoding: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nHost: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nAuthorization: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\naccountId: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nIID: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nContent-Type: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nContent-Encoding: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nTrailer: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nConnection: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nExpect: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nTE: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nCookie: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nno colon\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nA: b\r\n c\r\n\r\n", "trailer"},
    {CHUNKED "0\r\n: x\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nA: \x01\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nA: b\rc\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nGET / HTTP/1.1\r\n\r\n", "trailer"},
    {CHUNKED "0\r\nA(: b\r\n\r\n", "trailer"},
    {CHUNKED "0\r\n\n", "trailer"},
    /* what stands behind a complete request is judged on its own */
    {GET_LINE HOST "\r\nGARBAGE\r\n\r\n", "request-line"},
    {POST_LINE "Content-Length: 1\r\n\r\nabGET / HTTP/1.1\r\n" HOST "\r\n", "method-unknown"},
    {CHUNKED "0\r\n\r\n0\r\n\r\n", "request-line"},
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
    {"HEAD / HTTP/1.1\r\n" HOST "\r\n", "[HEAD / HTTP/1.1\r\n" HOST "\r\n]+"},
    {"DELETE / HTTP/1.1\r\n" HOST "\r\n", "[DELETE / HTTP/1.1\r\n" HOST "\r\n]+"},
    {"OPTIONS / HTTP/1.1\r\n" HOST "\r\n", "[OPTIONS / HTTP/1.1\r\n" HOST "\r\n]+"},
    {"TRACE / HTTP/1.1\r\n" HOST "\r\n", "[TRACE / HTTP/1.1\r\n" HOST "\r\n]+"},
    {"PUT / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx",
     "[PUT / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n]x+"},
    {"PATCH / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx",
     "[PATCH / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n]x+"},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx",
     "[GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n]x+"},
    {"GET / HTTP/1.1\r\nHost: a.example:65535\r\n\r\n",
     "[GET / HTTP/1.1\r\nHost: a.example:65535\r\n\r\n]+"},
    {"GET / HTTP/1.1\r\nHost: 127.0.0.1:0\r\n\r\n",
     "[GET / HTTP/1.1\r\nHost: 127.0.0.1:0\r\n\r\n]+"},
    {"GET / HTTP/1.1\r\nHost: a_b-c.d\r\n\r\n", "[GET / HTTP/1.1\r\nHost: a_b-c.d\r\n\r\n]+"},
    {"GET / HTTP/1.1\r\nHost: [::]\r\n\r\n", "[GET / HTTP/1.1\r\nHost: [::]\r\n\r\n]+"},
    {"GET / HTTP/1.1\r\nHost: [2001:db8::1]:\r\n\r\n",
     "[GET / HTTP/1.1\r\nHost: [2001:db8::1]:\r\n\r\n]+"},
    {"GET / HTTP/1.1\r\nHost: [::ffff:1.2.3.4]:443\r\n\r\n",
     "[GET / HTTP/1.1\r\nHost: [::ffff:1.2.3.4]:443\r\n\r\n]+"},
    {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "[GET / HTTP/1.1\r\nHost: a:\r\n\r\n]+"},
    {"GET / HTTP/1.1\r\nHost: A.EXAMPLE\r\n\r\n", "[GET / HTTP/1.1\r\nHost: A.EXAMPLE\r\n\r\n]+"},
    {"GET /-._~!$&'()*+,;=:@/?/?%41%fF HTTP/1.1\r\nHost: a\r\n\r\n",
     "[GET /-._~!$&'()*+,;=:@/?/?%41%fF HTTP/1.1\r\nHost: a\r\n\r\n]+"},
    {"GET //x//y HTTP/1.1\r\nHost: a\r\n\r\n", "[GET //x//y HTTP/1.1\r\nHost: a\r\n\r\n]+"},
    {"GET /../%2e%2e/%00 HTTP/1.1\r\nHost: a\r\n\r\n",
     "[GET /../%2e%2e/%00 HTTP/1.1\r\nHost: a\r\n\r\n]+"},
    {"GET /a;b?c=d&e HTTP/1.1\r\nHost: a\r\n\r\n", "[GET /a;b?c=d&e HTTP/1.1\r\nHost: a\r\n\r\n]+"},
    {"GET HTTPS://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "[GET HTTPS://a/ HTTP/1.1\r\nHost: a\r\n\r\n]+"},
    {"GET http://a/http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
     "[GET http://a/http://b/ HTTP/1.1\r\nHost: a\r\n\r\n]+"},
    {"GET http://[::1]:80/x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
     "[GET http://[::1]:80/x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n]+"},
    {"GET / HTTP/1.0\r\nHost: a\r\nExpect: junk\r\n\r\n",
     "[GET / HTTP/1.0\r\nHost: a\r\nExpect: junk\r\n\r\n]."},
    {"GET / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
     "[GET / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\n]hi."},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: x,\tclose\r\n\r\n",
     "[GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: x,\tclose\r\n\r\n]."},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed, not-close\r\n\r\n",
     "[GET / HTTP/1.1\r\nHost: a\r\nConnection: closed, not-close\r\n\r\n]+"},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: ,,Keep-Alive,\r\n\r\n",
     "[GET / HTTP/1.1\r\nHost: a\r\nConnection: ,,Keep-Alive,\r\n\r\n]+"},
    {"GET / HTTP/1.1\r\nHost:a\r\nEmpty:\r\n!#$%&'*+-.^_`|~09: x:y: \"(z)\"\r\n\r\n",
     "[GET / HTTP/1.1\r\nHost:a\r\nEmpty:\r\n!#$%&'*+-.^_`|~09: x:y: \"(z)\"\r\n\r\n]+"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\t0003 \r\n\r\nabc",
     "[POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\t0003 \r\n\r\n]abc+"},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 39\r\n\r\nGET /hidden HTTP/1.1\r\nHost: "
     "inner\r\n\r\n..",
     "[POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 39\r\n\r\n]GET /hidden HTTP/1.1\r\nHost: "
     "inner\r\n\r\n..+"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tCHUNKED "
     "\t\r\n\r\nA\r\n0123456789\r\n0000000000000001\r\nx\r\n0000000000000000;last\r\n\r\n",
     "[POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tCHUNKED \t\r\n\r\n]0123456789x+"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
     "chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\nA:\r\nB: \xff\r\n\r\n",
     "[POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n]\r\n\r\n+"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\r\n\r\n",
     "[POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n]+"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
     "[POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n]abc"},
    {"", ""},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r", ""},
    {"\r\n\r", ""},
    {POST_LINE "TRANSFER-encoding: Chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n",
     "[" POST_LINE "TRANSFER-encoding: Chunked\r\n\r\n]abcde+"},
    {POST_LINE
     "Transfer-Encoding: chunked\r\n\r\n003 ; a = \"q\\\"\" ;b=c\r\nabc\r\n00\r\nX: y\r\n\r\n",
     "[" CHUNKED "]abc+"},
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
    EXPECT_STR(ending(STR(POST_LINE "Transfer-Encoding: chunked\0\r\n\r\n")), "control-character");
    EXPECT_STR(ending(STR("G\0T / HTTP/1.1\r\n" HOST "\r\n")), "method");
    EXPECT_STR(ending(STR("GET / HTTP/1.1\0\r\n" HOST "\r\n")), "request-line");
    EXPECT_STR(ending(STR("\0\r\n")), "request-line");
    EXPECT_STR(ending(STR(CHUNKED "5\0\r\nabcde\r\n")), "chunk");
    EXPECT_STR(ending(STR(CHUNKED "5;a=\"\0\"\r\nabcde\r\n")), "chunk");
    EXPECT_STR(ending(STR(CHUNKED "0\r\nA: \0\r\n\r\n")), "trailer");
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

/* `count` times `line` between `before` and `behind`, in `large`. */
static struct str repeated(const char *before, const char *line, size_t count, const char *behind)
{
    size_t len = (size_t)snprintf(large, sizeof(large), "%s", before);
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(large + len, sizeof(large) - len, "%s", line);
    len += (size_t)snprintf(large + len, sizeof(large) - len, "%s", behind);
    return (struct str){large, len};
}

TEST(one_more_than_the_limit_is_refused_and_the_limit_itself_is_not)
{
    EXPECT_STR(ending(repeated(GET_LINE HOST, "A: b\r\n", LIMIT_HEADERS - 1, "\r\n")), "");
    EXPECT_STR(ending(repeated(GET_LINE HOST, "A: b\r\n", LIMIT_HEADERS, "\r\n")),
               "too-many-headers");
    EXPECT_STR(ending(repeated(CHUNKED "0\r\n", "A: b\r\n", LIMIT_HEADERS, "\r\n")), "");
    EXPECT_STR(ending(repeated(CHUNKED "0\r\n", "A: b\r\n", LIMIT_HEADERS + 1, "\r\n")), "trailer");
    EXPECT_STR(ending(repeated(CHUNKED "0\r\nA:", "b", LIMIT_TRAILER_BYTES, "\r\n\r\n")),
               "trailer");
    EXPECT_STR(ending(repeated(CHUNKED "1;", "b", LIMIT_CHUNK_LINE_BYTES - 2, "\r\nx\r\n")), "");
    EXPECT_STR(ending(repeated(CHUNKED "1;", "b", LIMIT_CHUNK_LINE_BYTES - 1, "\r\nx\r\n")),
               "chunk");
    EXPECT_STR(ending(repeated("", "\r\n", LIMIT_LEADING_CRLF, GET_LINE HOST "\r\n")), "");
    EXPECT_STR(ending(repeated("", "\r\n", LIMIT_LEADING_CRLF + 1, GET_LINE)), "request-line");
    EXPECT_STR(ending(repeated(GET_LINE "Host: ", "a", 255, ":1\r\n\r\n")), "");
    EXPECT_STR(ending(repeated(GET_LINE "Host: ", "a", 256, ":1\r\n\r\n")), "host-invalid");
}

TEST(the_chunks_of_a_body_are_counted_together)
{
    static const struct framing_limits small = {LIMIT_LINE_BYTES, LIMIT_HEAD_BYTES, LIMIT_HEADERS,
                                                10};
    tested = &small;
    EXPECT_STR(ending(STR(CHUNKED "5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n")), "");
    EXPECT_STR(ending(STR(CHUNKED "5\r\nabcde\r\n6\r\n")), "body-too-large");
    EXPECT_STR(ending(STR(CHUNKED "5\r\nabcde\r\nffffffffffffffff\r\n")), "body-too-large");
    EXPECT_STR(ending(STR(POST_LINE "Content-Length: 10\r\n\r\n")), "");
    EXPECT_STR(ending(STR(POST_LINE "Content-Length: 11\r\n\r\n")), "body-too-large");
    tested = &limits;
}

TEST(a_line_that_never_ends_is_refused_before_it_is_complete)
{
    EXPECT_STR(ending(repeated("", "a", LIMIT_LINE_BYTES + 2, "")), "");
    EXPECT_STR(ending(repeated("", "a", LIMIT_LINE_BYTES + 3, "")), "target-too-long");
    EXPECT_STR(ending(repeated(GET_LINE, "a", LIMIT_LINE_BYTES + 3, "")), "header-too-long");
    EXPECT_STR(ending(repeated(CHUNKED, "0", LIMIT_CHUNK_LINE_BYTES + 3, "")), "chunk");
    EXPECT_STR(ending(repeated(CHUNKED "0\r\n", "a", LIMIT_TRAILER_BYTES + 1, "")), "trailer");
}

/* The parser as it stands behind the head. */
static struct framing behind_head(struct str sample)
{
    struct framing framing;
    struct str out;
    size_t used;
    framing_init(&framing, &limits);
    assert_int_equal(framing_next(&framing, sample, &used, &out), FRAMING_HEAD);
    return framing;
}

TEST(the_head_tells_whether_the_client_waits_for_permission)
{
    struct framing f =
        behind_head(STR(POST_LINE "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"));
    assert_true(f.expect_continue && f.has_body && f.keep_alive);
    f = behind_head(STR(POST_LINE "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n"));
    assert_false(f.expect_continue || f.has_body); /* there is nothing to wait for */
    f = behind_head(
        STR("POST / HTTP/1.0\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"));
    assert_false(f.expect_continue || f.keep_alive);
    f = behind_head(STR(CHUNKED));
    assert_true(f.has_body && !f.expect_continue);
}

TEST(a_refusal_is_final)
{
    struct framing framing;
    struct str out;
    size_t used;
    framing_init(&framing, &limits);
    assert_int_equal(framing_next(&framing, STR("nonsense\r\n"), &used, &out), FRAMING_REFUSED);
    assert_int_equal(framing_next(&framing, STR(GET_LINE HOST "\r\n"), &used, &out),
                     FRAMING_REFUSED);
    assert_int_equal(framing_reason(framing.refusal)->status, 400);
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

TEST(splitting_fails_cleanly_when_the_arena_is_full)
{
    struct arena arena;
    struct http_request request;
    arena_init(&arena, 8);
    assert_false(framing_split(STR(GET_LINE HOST "\r\n"), &arena, &request));
    arena_release(&arena);
}

TESTS(UNIT(refuses_what_two_servers_could_read_in_two_ways),
      UNIT(accepts_what_rfc_9112_asks_for_and_keeps_requests_apart),
      UNIT(a_nul_byte_is_refused_wherever_it_stands), UNIT(limits_hold_however_the_bytes_arrive),
      UNIT(one_more_than_the_limit_is_refused_and_the_limit_itself_is_not),
      UNIT(the_chunks_of_a_body_are_counted_together),
      UNIT(a_line_that_never_ends_is_refused_before_it_is_complete),
      UNIT(the_head_tells_whether_the_client_waits_for_permission), UNIT(a_refusal_is_final),
      UNIT(splitting_reduces_absolute_form_and_trims_values),
      UNIT(splitting_fails_cleanly_when_the_arena_is_full))
