/* The upstream's answers: what is believed and what is not, however the bytes arrive. */
#include "http/response.h"

#include "test.h"

struct result {
    char body[4096];
    size_t body_len;
    int status;
    enum response_event last;
    enum response_fault fault;
    bool reusable;
    size_t rest; /* bytes behind the answer */
};

/* Feeds `step` bytes at a time, then the end of the connection. */
static struct result read_answer(struct str bytes, size_t step, bool head_request)
{
    struct result result = {.last = RESPONSE_MORE};
    struct response_parser parser;
    size_t fed = 0, done = 0;
    response_init(&parser, head_request, 2000);
    while (result.last != RESPONSE_DONE && result.last != RESPONSE_FAULTY) {
        struct str out, input = str_slice(bytes, done, fed);
        size_t used;
        result.last = response_next(&parser, input, fed == bytes.len, &used, &out);
        done += used;
        if (result.last == RESPONSE_HEAD)
            result.status = (int)strtol(out.data + 9, NULL, 10);
        if (result.last == RESPONSE_PIECE) {
            memcpy(result.body + result.body_len, out.data, out.len);
            result.body_len += out.len;
        }
        if (result.last == RESPONSE_MORE) {
            assert_true(fed < bytes.len);
            fed = fed + step > bytes.len ? bytes.len : fed + step;
        }
    }
    result.fault = parser.fault;
    result.reusable = parser.reusable;
    result.rest = bytes.len - done;
    return result;
}

static const struct {
    const char *bytes;
    enum response_fault fault;
} faulty[] = {
    {"", RESPONSE_TRUNCATED},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", RESPONSE_LENGTH},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}", RESPONSE_LENGTH},
    {"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}", RESPONSE_LENGTH},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
     RESPONSE_LENGTH_AND_CHUNKED},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", RESPONSE_CODING},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n", RESPONSE_CODING},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", RESPONSE_CODING},
    {"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", RESPONSE_STATUS_LINE},
    {"HTTP/1.1 200 OK\r\nA: b\n\r\n", RESPONSE_HEADER},
    {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", RESPONSE_HEADER},
    {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", RESPONSE_HEADER},
    {"HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", RESPONSE_HEADER},
    {"HTTP/1.1 099 OK\r\n\r\n", RESPONSE_STATUS},
    {"HTTP/1.1 600 OK\r\n\r\n", RESPONSE_STATUS},
    {"HTTP/1.1 2000 OK\r\n\r\n", RESPONSE_STATUS_LINE},
    {"HTTP/1.1 101 Switching\r\n\r\n", RESPONSE_STATUS},
    {"HTTP/2.0 200 OK\r\n\r\n", RESPONSE_VERSION},
    {"hello world, how are you\r\n", RESPONSE_STATUS_LINE},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", RESPONSE_TRUNCATED},
    {"HTTP/1.1 200 OK\r\nContent-Le", RESPONSE_TRUNCATED},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", RESPONSE_TRUNCATED},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", RESPONSE_TRUNCATED},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}",
     RESPONSE_CHUNK},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2001\r\n\r\n", RESPONSE_BODY_TOO_LARGE},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d1\r\n", RESPONSE_BODY_TOO_LARGE},
    {"HTTP/1.1 100 Continue\r\nContent-Length: 1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", RESPONSE_STATUS},
};

TEST(believes_no_answer_that_could_be_read_in_two_ways)
{
    for (size_t i = 0; i < COUNT_OF(faulty); i++) {
        struct str bytes = str_from(faulty[i].bytes);
        for (size_t step = 1; step <= bytes.len + 1; step++) {
            struct result result = read_answer(bytes, step, false);
            assert_int_equal(result.last, RESPONSE_FAULTY);
            assert_int_equal(result.fault, faulty[i].fault);
        }
    }
}

static const struct {
    const char *bytes, *body;
    int status;
    bool reusable, head_request;
    size_t rest;
} whole[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}", 200, true, false, 0},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", 200, true, false, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nA: "
     "b\r\n\r\n",
     "{}", 200, true, false, 0},
    {"HTTP/1.1 200 OK\r\n\r\n{}", "{}", 200, false, false, 0},
    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", "{}", 200, false, false,
     0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}", 200, false, false, 0},
    {"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", "", 204, true, false, 0},
    {"HTTP/1.1 304 Not\r\n\r\n", "", 304, true, false, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "", 200, true, true, 0},
    {"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.1 201 C\r\nContent-Length: "
     "1\r\n\r\nx",
     "x", 201, true, false, 0},
};

TEST(reads_every_legal_form_of_answer)
{
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        struct str bytes = str_from(whole[i].bytes);
        for (size_t step = 1; step <= bytes.len; step++) {
            struct result result = read_answer(bytes, step, whole[i].head_request);
            assert_int_equal(result.last, RESPONSE_DONE);
            EXPECT_STR(((struct str){result.body, result.body_len}), whole[i].body);
            assert_int_equal(result.status, whole[i].status);
            assert_int_equal(result.reusable, whole[i].reusable);
        }
    }
}

TEST(bytes_behind_an_answer_are_left_to_be_noticed)
{
    struct result result =
        read_answer(STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200"), 1000, false);
    assert_int_equal(result.last, RESPONSE_DONE);
    assert_int_equal(result.rest, 12);
}

TESTS(UNIT(believes_no_answer_that_could_be_read_in_two_ways),
      UNIT(reads_every_legal_form_of_answer), UNIT(bytes_behind_an_answer_are_left_to_be_noticed))
