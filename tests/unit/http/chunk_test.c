/*
 * The chunked coding by itself; framing_test.c and response_test.c ask it about every malformed
 * form, as parts of requests and answers.
 */
#include "http/chunk.h"

#include "test.h"

static struct chunk_decoder decoder;

/* One call; *rest is what it left. */
static enum chunk_event next(struct str *rest, struct str *out)
{
    size_t used;
    enum chunk_event event = chunk_next(&decoder, *rest, &used, out);
    assert_true(used <= rest->len);
    *rest = str_slice(*rest, used, rest->len);
    return event;
}

TEST(chunks_extensions_and_trailers_are_taken_off_the_body)
{
    struct str out,
        rest = STR("3;a=\"b\\\"\";c\r\nabc\r\n0002 ; d = e\r\nde\r\n0\r\nX-A: b\r\n\r\nnext");
    chunk_init(&decoder, 100);
    assert_int_equal(next(&rest, &out), CHUNK_PIECE);
    EXPECT_STR(out, "abc");
    assert_int_equal(next(&rest, &out), CHUNK_PIECE);
    EXPECT_STR(out, "de");
    assert_int_equal(next(&rest, &out), CHUNK_DONE);
    EXPECT_STR(rest, "next");
    assert_int_equal(decoder.body_bytes, 5);
}

TEST(the_end_stays_the_end)
{
    struct str out, rest = STR("0\r\n\r\n1\r\na\r\n");
    chunk_init(&decoder, 100);
    assert_int_equal(next(&rest, &out), CHUNK_DONE);
    assert_int_equal(next(&rest, &out), CHUNK_DONE);
    EXPECT_STR(rest, "1\r\na\r\n");
}

TEST(a_size_that_would_wrap_around_is_refused)
{
    static const struct {
        const char *text;
        enum chunk_event event;
    } sizes[] = {
        {"ffffffffffffffff\r\n", CHUNK_TOO_LARGE},
        {"10000000000000000\r\n", CHUNK_MALFORMED},
        {"00000000000000001\r\n", CHUNK_MALFORMED},
        {"65\r\n", CHUNK_TOO_LARGE},
        {"64\r\n", CHUNK_MORE},
        {"-1\r\n", CHUNK_MALFORMED},
        {"0x1\r\n", CHUNK_MALFORMED},
        {" 1\r\n", CHUNK_MALFORMED},
        {"1 \r\n", CHUNK_MALFORMED},
        {"\r\n", CHUNK_MALFORMED},
        {"1;a=\"b\r\n", CHUNK_MALFORMED},
        {"1;=b\r\n", CHUNK_MALFORMED},
    };
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct str out, rest = str_from(sizes[i].text);
        chunk_init(&decoder, 100);
        enum chunk_event event = next(&rest, &out);
        if (event != sizes[i].event)
            fail_msg("%s: %d", sizes[i].text, event);
    }
}

TEST(what_the_head_said_cannot_be_changed_by_a_trailer)
{
    static const char *const forbidden[] = {
        "Content-Length: 1", "transfer-encoding: x", "HOST: a", "auth: x",
        "Cookie: a",         "AccountId: a",         "iid: a"};
    for (size_t i = 0; i < COUNT_OF(forbidden); i++) {
        char text[100];
        (void)snprintf(text, sizeof(text), "0\r\n%s\r\n\r\n", forbidden[i]);
        struct str out, rest = str_from(text);
        chunk_init(&decoder, 100);
        assert_int_equal(next(&rest, &out), CHUNK_BAD_TRAILER);
    }
}

/* Trailers of `count` lines of 100 bytes; the chunk decoder's verdict. */
static enum chunk_event read_trailers(size_t count)
{
    static char text[2 * LIMIT_TRAILER_BYTES];
    size_t len = (size_t)snprintf(text, sizeof(text), "0\r\n");
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "X-A: %093d\r\n", 0);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n");
    struct str out, rest = {text, len};
    chunk_init(&decoder, 100);
    return next(&rest, &out);
}

TEST(trailers_are_counted_together)
{
    const size_t fit = (LIMIT_TRAILER_BYTES - 2) / 100;
    assert_true(fit + 1 < LIMIT_HEADERS);
    assert_int_equal(read_trailers(fit), CHUNK_DONE);
    assert_int_equal(read_trailers(fit + 1), CHUNK_BAD_TRAILER);
}

TEST(there_are_at_most_as_many_trailers_as_headers)
{
    char text[8 * LIMIT_HEADERS + 16] = "0\r\n";
    size_t len = strlen(text);
    for (size_t i = 0; i < LIMIT_HEADERS; i++, len += 6)
        memcpy(text + len, "A: b\r\n", 6);
    memcpy(text + len, "\r\n", 3);
    struct str out, rest = str_from(text);
    chunk_init(&decoder, 100);
    assert_int_equal(next(&rest, &out), CHUNK_DONE);

    memcpy(text + len, "A: b\r\n\r\n", 9);
    rest = str_from(text);
    chunk_init(&decoder, 100);
    assert_int_equal(next(&rest, &out), CHUNK_BAD_TRAILER);
}

TESTS(UNIT(chunks_extensions_and_trailers_are_taken_off_the_body), UNIT(the_end_stays_the_end),
      UNIT(a_size_that_would_wrap_around_is_refused),
      UNIT(what_the_head_said_cannot_be_changed_by_a_trailer), UNIT(trailers_are_counted_together),
      UNIT(there_are_at_most_as_many_trailers_as_headers))
