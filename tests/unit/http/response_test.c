/*
 * The upstream's answers: what is believed and what is not. Every sample is fed whole, byte by
 * byte, cut in two at every place, and cut at random; the verdict and the bytes never change.
 */
#include "http/response.h"

#include "test.h"

#define MAX_BODY 2000

/* What became of an answer. */
struct result {
    char head[4096], body[MAX_BODY];
    size_t head_len, body_len;
    enum response_event last;
    enum response_fault fault;
    bool reusable;
    size_t rest; /* bytes behind the answer */
};

struct reader {
    struct response_parser parser;
    struct str bytes;
    size_t done, fed;
    struct result result;
};

static void keep(char *kept, size_t room, size_t *len, struct str bytes)
{
    assert_true(bytes.len <= room - *len);
    memcpy(kept + *len, bytes.data, bytes.len);
    *len += bytes.len;
}

/* Lets `count` more bytes arrive; the peer closes behind the last one. */
static void feed(struct reader *reader, size_t count)
{
    struct result *result = &reader->result;
    size_t left = reader->bytes.len - reader->fed;
    reader->fed += count < left ? count : left;
    result->last = RESPONSE_PIECE;
    while (result->last == RESPONSE_HEAD || result->last == RESPONSE_PIECE) {
        struct str out, input = str_slice(reader->bytes, reader->done, reader->fed);
        size_t used;
        result->last =
            response_next(&reader->parser, input, reader->fed == reader->bytes.len, &used, &out);
        assert_true(used <= input.len);
        reader->done += used;
        if (result->last == RESPONSE_HEAD)
            keep(result->head, sizeof(result->head), &result->head_len, out);
        if (result->last == RESPONSE_PIECE)
            keep(result->body, sizeof(result->body), &result->body_len, out);
    }
    result->fault = reader->parser.fault;
    result->reusable = reader->parser.reusable;
    result->rest = reader->bytes.len - reader->done;
}

/* The sample in pieces: the first of `first` bytes, then each of 1 to `most`. */
static struct result read_pieces(struct str bytes, bool head_request, size_t first, size_t most)
{
    struct reader reader = {.bytes = bytes};
    response_init(&reader.parser, head_request, MAX_BODY);
    feed(&reader, first);
    while (reader.result.last == RESPONSE_MORE) {
        assert_true(reader.fed < bytes.len); /* at the end there must be a verdict */
        feed(&reader, 1 + (size_t)rand() % most);
    }
    return reader.result;
}

static void expect_same(struct str sample, struct result a, struct result b)
{
    if (a.last == b.last && a.fault == b.fault && a.head_len == b.head_len &&
        a.body_len == b.body_len && memcmp(a.head, b.head, a.head_len) == 0 &&
        memcmp(a.body, b.body, a.body_len) == 0 &&
        (a.last == RESPONSE_FAULTY || (a.reusable == b.reusable && a.rest == b.rest)))
        return;
    print_error("segmentation matters for: %.*s\n", STR_ARGS(sample));
    fail();
}

static struct result read_answer(struct str bytes, bool head_request)
{
    struct result whole = read_pieces(bytes, head_request, bytes.len, 1);
    expect_same(bytes, whole, read_pieces(bytes, head_request, 1, 1));
    size_t step = bytes.len > 2000 ? bytes.len / 500 : 1;
    for (size_t cut = 0; cut < bytes.len; cut += step)
        expect_same(bytes, whole, read_pieces(bytes, head_request, cut, bytes.len));
    for (int round = 0; round < 20; round++)
        expect_same(bytes, whole, read_pieces(bytes, head_request, 1, 40));
    return whole;
}

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
#define INTERIM "HTTP/1.1 100 Continue\r\n\r\n"
#define FOUR(text) text text text text

static const struct {
    const char *bytes;
    enum response_fault fault;
} faulty[] = {
    /* lengths */
    {OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", RESPONSE_LENGTH},
    {OK "Content-Length: 2\r\ncontent-length: 3\r\n\r\n{}", RESPONSE_LENGTH},
    {OK "Content-Length: 2, 2\r\n\r\n{}", RESPONSE_LENGTH},
    {OK "Content-Length: 2,2\r\n\r\n{}", RESPONSE_LENGTH},
    {OK "Content-Length: +2\r\n\r\n{}", RESPONSE_LENGTH},
    {OK "Content-Length: -2\r\n\r\n{}", RESPONSE_LENGTH},
    {OK "Content-Length: 2 x\r\n\r\n{}", RESPONSE_LENGTH},
    {OK "Content-Length: 0x2\r\n\r\n{}", RESPONSE_LENGTH},
    {OK "Content-Length:\r\n\r\n{}", RESPONSE_LENGTH},
    {OK "Content-Length: 18446744073709551618\r\n\r\n{}", RESPONSE_LENGTH},
    {"HTTP/1.1 204 No\r\nContent-Length: x\r\n\r\n", RESPONSE_LENGTH},
    {OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", RESPONSE_LENGTH_AND_CHUNKED},
    {OK "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", RESPONSE_LENGTH_AND_CHUNKED},
    {"HTTP/1.1 304 Not\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
     RESPONSE_LENGTH_AND_CHUNKED},
    {OK "Content-Length: 2001\r\n\r\n", RESPONSE_BODY_TOO_LARGE},
    {OK "Content-Length: 9999999999999999999\r\n\r\n", RESPONSE_BODY_TOO_LARGE},
    /* transfer codings */
    {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", RESPONSE_CODING},
    {OK "Transfer-Encoding: xchunked\r\n\r\n", RESPONSE_CODING},
    {OK "Transfer-Encoding: identity\r\n\r\n", RESPONSE_CODING},
    {OK "Transfer-Encoding: chunked;q=1\r\n\r\n", RESPONSE_CODING},
    {OK "Transfer-Encoding:\r\n\r\n", RESPONSE_CODING},
    {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", RESPONSE_CODING},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", RESPONSE_CODING},
    /* status lines */
    {OK, RESPONSE_TRUNCATED},
    {"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", RESPONSE_STATUS_LINE},
    {"\r\n" OK "\r\n", RESPONSE_STATUS_LINE},
    {" " OK "\r\n", RESPONSE_STATUS_LINE},
    {"hello world, how are you\r\n", RESPONSE_STATUS_LINE},
    {"<html>\r\n</html>\r\n", RESPONSE_STATUS_LINE},
    {"http/1.1 200 OK\r\n\r\n", RESPONSE_STATUS_LINE},
    {"HTTP/1.1  200 OK\r\n\r\n", RESPONSE_STATUS_LINE},
    {"HTTP/1.1\t200 OK\r\n\r\n", RESPONSE_STATUS_LINE},
    {"HTTP/1.1 20 OK\r\n\r\n", RESPONSE_STATUS_LINE},
    {"HTTP/1.1 2000 OK\r\n\r\n", RESPONSE_STATUS_LINE},
    {"HTTP/1.1 +20 OK\r\n\r\n", RESPONSE_STATUS_LINE},
    {"HTTP/1.1 2x0 OK\r\n\r\n", RESPONSE_STATUS_LINE},
    {"HTTP/1.1 200OK\r\n\r\n", RESPONSE_STATUS_LINE},
    {"HTTP/1.1 200 O\rK\r\n\r\n", RESPONSE_STATUS_LINE},
    {"HTTP/1.1 200 O\x01K\r\n\r\n", RESPONSE_STATUS_LINE},
    {"HTTP/1.1 099 OK\r\n\r\n", RESPONSE_STATUS},
    {"HTTP/1.1 000 OK\r\n\r\n", RESPONSE_STATUS},
    {"HTTP/1.1 600 OK\r\n\r\n", RESPONSE_STATUS},
    {"HTTP/1.1 999 OK\r\n\r\n", RESPONSE_STATUS},
    {"HTTP/1.1 101 Switching\r\n\r\n", RESPONSE_STATUS},
    {INTERIM "HTTP/1.1 101 Switching\r\n\r\n", RESPONSE_STATUS},
    {"HTTP/2.0 200 OK\r\n\r\n", RESPONSE_VERSION},
    {"HTTP/1.2 200 OK\r\n\r\n", RESPONSE_VERSION},
    {"HTTP/0.9 200 OK\r\n\r\n", RESPONSE_VERSION},
    /* header lines */
    {OK "A: b\n\r\n", RESPONSE_HEADER},
    {OK "\n", RESPONSE_HEADER},
    {OK "A: b\r\n c\r\n\r\n", RESPONSE_HEADER},
    {OK " A: b\r\n\r\n", RESPONSE_HEADER},
    {OK "A : b\r\n\r\n", RESPONSE_HEADER},
    {OK "Content-Length : 2\r\n\r\n", RESPONSE_HEADER},
    {OK ": b\r\n\r\n", RESPONSE_HEADER},
    {OK "no colon\r\n\r\n", RESPONSE_HEADER},
    {OK "A(: b\r\n\r\n", RESPONSE_HEADER},
    {OK "A: \x01\r\n\r\n", RESPONSE_HEADER},
    {OK "A: \x7f\r\n\r\n", RESPONSE_HEADER},
    {OK "A: b\rc\r\n\r\n", RESPONSE_HEADER},
    {OK "Transfer-Encoding: chun\r\n\tked\r\n\r\n", RESPONSE_CODING},
    {INTERIM OK "A : b\r\n\r\n", RESPONSE_HEADER},
    /* interim answers */
    {"HTTP/1.1 100 Continue\r\nContent-Length: 1\r\n\r\n" OK "\r\n", RESPONSE_STATUS},
    {"HTTP/1.1 103 Early\r\nTransfer-Encoding: chunked\r\n\r\n" OK "\r\n", RESPONSE_STATUS},
    {FOUR(INTERIM) FOUR(INTERIM) INTERIM OK "Content-Length: 0\r\n\r\n", RESPONSE_STATUS},
    {INTERIM, RESPONSE_TRUNCATED},
    /* chunks */
    {CHUNKED "10000000000000002\r\n{}", RESPONSE_CHUNK},
    {CHUNKED "2\n{}\r\n0\r\n\r\n", RESPONSE_CHUNK},
    {CHUNKED "2\r\n{}0\r\n\r\n", RESPONSE_CHUNK},
    {CHUNKED "2\r\n{}\n0\r\n\r\n", RESPONSE_CHUNK},
    {CHUNKED "2 \r\n{}\r\n0\r\n\r\n", RESPONSE_CHUNK},
    {CHUNKED "\x80\r\n\r\n", RESPONSE_CHUNK},
    {CHUNKED "7d1\r\n", RESPONSE_BODY_TOO_LARGE},
    {CHUNKED "2\r\n{}\r\nfffffffffffffffe\r\n", RESPONSE_BODY_TOO_LARGE},
    {CHUNKED "0\r\nA : b\r\n\r\n", RESPONSE_TRAILER},
    {CHUNKED "0\r\nContent-Length: 5\r\n\r\n", RESPONSE_TRAILER},
    {CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n", RESPONSE_TRAILER},
    {CHUNKED "0\r\nHTTP/1.1 200 OK\r\n\r\n", RESPONSE_TRAILER},
    /* the end comes too early */
    {"", RESPONSE_TRUNCATED},
    {"HTT", RESPONSE_TRUNCATED},
    {OK "Content-Le", RESPONSE_TRUNCATED},
    {OK "Content-Length: 3\r\n\r", RESPONSE_TRUNCATED},
    {OK "Content-Length: 3\r\n\r\n{}", RESPONSE_TRUNCATED},
    {OK "Content-Length: 3\r\n\r\n", RESPONSE_TRUNCATED},
    {CHUNKED, RESPONSE_TRUNCATED},
    {CHUNKED "2", RESPONSE_TRUNCATED},
    {CHUNKED "2\r\n{", RESPONSE_TRUNCATED},
    {CHUNKED "2\r\n{}", RESPONSE_TRUNCATED},
    {CHUNKED "2\r\n{}\r\n", RESPONSE_TRUNCATED},
    {CHUNKED "2\r\n{}\r\n0\r\n", RESPONSE_TRUNCATED},
    {CHUNKED "2\r\n{}\r\n0\r\nA: b\r\n", RESPONSE_TRUNCATED},
};

static void expect_fault(struct str bytes, enum response_fault fault)
{
    struct result result = read_answer(bytes, false);
    if (result.last == RESPONSE_FAULTY && result.fault == fault)
        return;
    print_error("fault '%s' instead of '%s' for: %.*s\n", response_fault_code(result.fault),
                response_fault_code(fault), STR_ARGS(bytes));
    fail();
}

TEST(believes_no_answer_that_could_be_read_in_two_ways)
{
    for (size_t i = 0; i < COUNT_OF(faulty); i++)
        expect_fault(str_from(faulty[i].bytes), faulty[i].fault);
}

TEST(a_nul_byte_is_a_fault_wherever_it_stands)
{
    expect_fault(STR("HTTP/1.1 200 O\0K\r\n\r\n"), RESPONSE_STATUS_LINE);
    expect_fault(STR(OK "A: b\0c\r\n\r\n"), RESPONSE_HEADER);
    expect_fault(STR(OK "Content-Length\0: 5\r\n\r\n"), RESPONSE_HEADER);
    expect_fault(STR(CHUNKED "2\0\r\n{}\r\n"), RESPONSE_CHUNK);
    expect_fault(STR(CHUNKED "0\r\nA: \0\r\n\r\n"), RESPONSE_TRAILER);
}

static const struct {
    const char *bytes, *body;
    int status;
    bool reusable, head_request;
} whole[] = {
    {OK "Content-Length: 2\r\n\r\n{}", "{}", 200, true, false},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", 200, true, false},
    {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "", 200, true, false},
    {"HTTP/1.1 404 N\xc3\xb6pe\r\nContent-Length: 1\r\n\r\nx", "x", 404, true, false},
    {"HTTP/1.1 599 x\r\nContent-Length: 1\r\n\r\nx", "x", 599, true, false},
    {CHUNKED "1\r\n{\r\n1;x=y\r\n}\r\n0\r\nA: b\r\n\r\n", "{}", 200, true, false},
    {CHUNKED "0000000000000002\r\n{}\r\n0\r\n\r\n", "{}", 200, true, false},
    {CHUNKED "0\r\n\r\n", "", 200, true, false},
    {OK "\r\n{}", "{}", 200, false, false},
    {OK "\r\n", "", 200, false, false},
    {OK "Connection: keep-alive\r\n\r\n{}", "{}", 200, false, false},
    {OK "Connection: close\r\nContent-Length: 2\r\n\r\n{}", "{}", 200, false, false},
    {OK "Connection: x, Close\r\nContent-Length: 2\r\n\r\n{}", "{}", 200, false, false},
    {OK "Connection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", "{}", 200, true, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}", 200, false, false},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", "{}", 200, false,
     false},
    {"HTTP/1.0 200 OK\r\n\r\n{}", "{}", 200, false, false},
    {"HTTP/1.1 204 No\r\n\r\n", "", 204, true, false},
    {"HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", "", 204, true, false},
    {"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", "", 204, false, false},
    {"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", "", 204, false, false},
    {"HTTP/1.1 304 Not\r\nContent-Length: 5000\r\n\r\n", "", 304, true, false},
    {"HTTP/1.1 304 Not\r\n\r\n", "", 304, true, false},
    {OK "Content-Length: 5000\r\n\r\n", "", 200, true, true},
    {CHUNKED, "", 200, true, true},
    {OK "\r\n", "", 200, true, true},
    {INTERIM "HTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.1 201 C\r\nContent-Length: 1\r\n\r\nx", "x",
     201, true, false},
    {"HTTP/1.1 102 P\r\nConnection: close\r\n\r\n" OK "Content-Length: 0\r\n\r\n", "", 200, true,
     false},
    {FOUR(INTERIM) FOUR(INTERIM) OK "Content-Length: 0\r\n\r\n", "", 200, true, false},
};

TEST(reads_every_legal_form_of_answer)
{
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        struct result result = read_answer(str_from(whole[i].bytes), whole[i].head_request);
        if (result.last != RESPONSE_DONE)
            print_error("'%s' for: %s\n", response_fault_code(result.fault), whole[i].bytes);
        assert_int_equal(result.last, RESPONSE_DONE);
        EXPECT_STR(((struct str){result.body, result.body_len}), whole[i].body);
        assert_int_equal(strtol(result.head + strlen("HTTP/1.1 "), NULL, 10), whole[i].status);
        assert_int_equal(result.reusable, whole[i].reusable);
        assert_int_equal(result.rest, 0);
    }
}

TEST(bytes_behind_an_answer_are_left_to_be_noticed)
{
    assert_int_equal(read_answer(STR(OK "Content-Length: 2\r\n\r\n{}HTTP/1.1 200"), false).rest,
                     12);
    assert_int_equal(read_answer(STR(CHUNKED "0\r\n\r\n\r\n"), false).rest, 2);
    assert_int_equal(read_answer(STR("HTTP/1.1 204 No\r\n\r\nx"), false).rest, 1);
    assert_int_equal(read_answer(STR(OK "Content-Length: 2\r\n\r\n{}"), true).rest, 2);
}

static char large[64 * 1024];

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* `count` times `line` between `before` and `behind`, in `large`. */
static struct str repeated(const char *before, const char *line, size_t count, const char *behind)
{
    size_t len = (size_t)snprintf(large, sizeof(large), "%s", before);
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(large + len, sizeof(large) - len, "%s", line);
    len += (size_t)snprintf(large + len, sizeof(large) - len, "%s", behind);
    return (struct str){large, len};
}

TEST(limits_hold_however_the_bytes_arrive)
{
    static const char end[] = "Content-Length: 0\r\n\r\n";
    assert_int_equal(read_answer(repeated(OK, "A: b\r\n", LIMIT_HEADERS - 1, end), false).last,
                     RESPONSE_DONE);
    expect_fault(repeated(OK, "A: b\r\n", LIMIT_HEADERS, end), RESPONSE_HEAD_TOO_LARGE);
    expect_fault(repeated(OK "A: ", "b", LIMIT_LINE_BYTES, "\r\n\r\n"), RESPONSE_HEAD_TOO_LARGE);
    expect_fault(repeated("HTTP/1.1 200 ", "b", LIMIT_LINE_BYTES, ""), RESPONSE_HEAD_TOO_LARGE);
    expect_fault(repeated(OK, "A: " HUNDRED HUNDRED HUNDRED HUNDRED "\r\n", 90, "\r\n"),
                 RESPONSE_HEAD_TOO_LARGE);
    expect_fault(repeated(OK "\r\n", "x", MAX_BODY + 1, ""), RESPONSE_BODY_TOO_LARGE);
    assert_int_equal(read_answer(repeated(OK "\r\n", "x", MAX_BODY, ""), false).body_len, MAX_BODY);
}

TEST(splitting_gives_status_reason_and_headers)
{
    struct arena arena;
    struct http_response response;
    arena_init(&arena, 1 << 20);
    assert_true(
        response_split(STR("HTTP/1.1 201 Made it\r\nA: \t b \r\nC:\r\n\r\n"), &arena, &response));
    assert_int_equal(response.status, 201);
    assert_int_equal(response.version_minor, 1);
    EXPECT_STR(response.reason, "Made it");
    assert_int_equal(response.header_count, 2);
    EXPECT_STR(response.headers[0].value, "b");
    EXPECT_STR(response.headers[1].value, "");

    assert_true(response_split(STR("HTTP/1.0 200\r\n\r\n"), &arena, &response));
    EXPECT_STR(response.reason, "");
    assert_int_equal(response.version_minor, 0);
    arena_release(&arena);
}

TEST(every_fault_has_a_code_and_a_sentence)
{
    for (enum response_fault fault = RESPONSE_STATUS_LINE; fault <= RESPONSE_TRUNCATED; fault++) {
        assert_true(str_is_identifier(str_from(response_fault_code(fault))));
        assert_true(strlen(response_fault_sentence(fault)) > 0);
        for (enum response_fault other = RESPONSE_STATUS_LINE; other < fault; other++)
            assert_string_not_equal(response_fault_code(fault), response_fault_code(other));
    }
}

TEST(what_was_decided_stays_so)
{
    struct response_parser parser;
    struct str out;
    size_t used;
    response_init(&parser, false, MAX_BODY);
    assert_int_equal(response_next(&parser, STR("ICY 200 OK\r\n"), false, &used, &out),
                     RESPONSE_FAULTY);
    assert_int_equal(response_next(&parser, STR("HTTP/1.1 200 OK\r\n\r\n"), true, &used, &out),
                     RESPONSE_FAULTY);
    assert_int_equal(used, 0);

    response_init(&parser, true, MAX_BODY);
    struct str answer = STR("HTTP/1.1 200 OK\r\n\r\n");
    assert_int_equal(response_next(&parser, answer, false, &used, &out), RESPONSE_HEAD);
    assert_int_equal(response_next(&parser, STR("more"), false, &used, &out), RESPONSE_DONE);
    assert_int_equal(response_next(&parser, STR("more"), true, &used, &out), RESPONSE_DONE);
    assert_int_equal(used, 0);
}

TESTS(UNIT(believes_no_answer_that_could_be_read_in_two_ways),
      UNIT(a_nul_byte_is_a_fault_wherever_it_stands), UNIT(reads_every_legal_form_of_answer),
      UNIT(bytes_behind_an_answer_are_left_to_be_noticed),
      UNIT(limits_hold_however_the_bytes_arrive), UNIT(splitting_gives_status_reason_and_headers),
      UNIT(every_fault_has_a_code_and_a_sentence), UNIT(what_was_decided_stays_so))
