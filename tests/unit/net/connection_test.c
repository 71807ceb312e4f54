/* A client's connection over a socket pair: how requests, their bytes and their answers meet. */
#include "net/connection.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define ANSWER "HTTP/1.1 204 No Content\r\n\r\n"

/* A crowd of one connection whose handler answers from another turn of the loop. */
struct stage {
    struct loop *loop;
    struct crowd crowd;
    struct counters counters;
    int client; /* our end */
    struct connection *connection;
    int begun, completed, gone, wanted;
    const char *more; /* sent by the client while the first request is being judged */
    struct timer *judging;
    struct task answer_task;
};

static void client_sends(const struct stage *stage, const char *bytes)
{
    ssize_t length = (ssize_t)strlen(bytes);
    assert_int_equal(write(stage->client, bytes, (size_t)length), length);
}

static void run_answer(void *arg)
{
    struct stage *stage = arg;
    connection_answer(stage->connection, STR(ANSWER));
    if (stage->completed >= stage->wanted)
        loop_stop(stage->loop);
}

static void *on_begin(void *context, struct connection *connection, struct str head, bool *wants)
{
    struct stage *stage = context;
    EXPECT_STR(head, REQUEST);
    *wants = true;
    stage->connection = connection;
    stage->begun++;
    return stage;
}

static void on_piece(void *request, struct str piece)
{
    (void)request;
    assert_int_equal(piece.len, 0);
}

static void on_complete(void *request)
{
    struct stage *stage = request;
    stage->completed++;
    timer_set(stage->judging, 1);
}

/* The answer comes first, then the client's bytes: the loop will find both in this order. */
static void on_judged(void *arg)
{
    struct stage *stage = arg;
    loop_post(stage->loop, &stage->answer_task);
    if (stage->more)
        client_sends(stage, stage->more);
    stage->more = NULL;
}

static void on_gone(void *request)
{
    ((struct stage *)request)->gone++;
}

static void open_stage(struct stage *stage, struct admission *admission)
{
    int ends[2];
    const struct sockaddr_in peer = {.sin_family = AF_INET};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    stage->client = ends[0];
    stage->loop = loop_new();
    stage->judging = timer_new(stage->loop, on_judged, stage);
    stage->answer_task = (struct task){.run = run_answer, .arg = stage};
    stage->crowd = (struct crowd){
        .loop = stage->loop,
        .framing = {LIMIT_LINE_BYTES, LIMIT_HEAD_BYTES, LIMIT_HEADERS, LIMIT_BODY_BYTES},
        .deadlines = {.handshake_ms = 20000,
                      .idle_ms = 20000,
                      .head_ms = 20000,
                      .body_ms = 20000,
                      .request_ms = 20000,
                      .write_ms = 20000,
                      .linger_ms = 2000,
                      .drain_idle_ms = 2000,
                      .body_rate = 1,
                      .body_grace_ms = 20000},
        .handler = {.context = stage,
                    .begin = on_begin,
                    .piece = on_piece,
                    .complete = on_complete,
                    .gone = on_gone},
        .admission = admission,
        .counters = &stage->counters,
    };
    crowd_init(&stage->crowd);
    crowd_add(&stage->crowd, ends[1], (const struct sockaddr *)&peer);
}

static void close_stage(struct stage *stage)
{
    crowd_release(&stage->crowd);
    close(stage->client);
    timer_free(stage->judging);
    loop_free(stage->loop);
}

static size_t answers_read(const struct stage *stage)
{
    char text[4096];
    ssize_t got = read(stage->client, text, sizeof(text));
    return got > 0 ? (size_t)got / strlen(ANSWER) : 0;
}

/* Plays until `wanted` requests are answered; each must have begun and ended once. */
static void play(const char *first, const char *more, int wanted)
{
    const struct admission_limits limits = {10, 10, 10, 10, 1 << 20};
    struct admission *admission = admission_new(&limits);
    struct stage stage = {.wanted = wanted, .more = more};
    open_stage(&stage, admission);
    client_sends(&stage, first);
    loop_run(stage.loop);
    assert_int_equal(stage.begun, wanted);
    assert_int_equal(stage.completed, wanted);
    assert_int_equal(answers_read(&stage), wanted);
    close_stage(&stage);
    struct admission_usage usage = admission_usage(admission);
    assert_int_equal(usage.connections + usage.requests + usage.buffer_bytes, 0);
    admission_free(admission);
}

TEST(one_request_is_answered_once)
{
    play(REQUEST, NULL, 1);
}

TEST(pipelined_requests_are_answered_once_each)
{
    play(REQUEST REQUEST REQUEST, NULL, 3);
}

/* The second request waits for its turn when the third one's bytes arrive: it begins but once. */
TEST(bytes_that_come_between_an_answer_and_the_next_request_begin_nothing_twice)
{
    play(REQUEST REQUEST, REQUEST, 3);
    play(REQUEST "GET / HT", "TP/1.1\r\nHost: a\r\n\r\n", 2);
    play(REQUEST REQUEST "GET /", " HTTP/1.1\r\nHost: a\r\n\r\n" REQUEST, 4);
}

TEST(a_client_that_leaves_is_told_of)
{
    const struct admission_limits limits = {10, 10, 10, 10, 1 << 20};
    struct admission *admission = admission_new(&limits);
    struct stage stage = {.wanted = 2};
    open_stage(&stage, admission);
    client_sends(&stage, REQUEST REQUEST);
    loop_run(stage.loop);
    assert_int_equal(stage.gone, 0); /* both were answered */
    close_stage(&stage);
    assert_int_equal(admission_usage(admission).connections, 0);
    admission_free(admission);
}

TESTS(UNIT(one_request_is_answered_once), UNIT(pipelined_requests_are_answered_once_each),
      UNIT(bytes_that_come_between_an_answer_and_the_next_request_begin_nothing_twice),
      UNIT(a_client_that_leaves_is_told_of))
