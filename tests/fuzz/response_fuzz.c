/*
 * response_next, response_split, chunk_next: any bytes, cut in any way, give one verdict, and an
 * accepted answer ends where a careless client would end it, too.
 */
#include <assert.h>
#include <stdlib.h>

#include "careless.h"
#include "fuzz.h"
#include "http/field.h"
#include "http/response.h"
#include "pieces.h"

#define MAX_BODY 512 /* small, so that inputs of a few hundred bytes reach it */

struct story {
    int status;
    enum response_fault fault;
    bool reusable;
    size_t body_bytes;
    size_t rest; /* bytes behind the answer */
    uint64_t sum;
};

/* The status of an accepted head, whose parts are as clean as they should be. */
static int check_head(struct str head)
{
    struct arena arena;
    struct http_response response;
    struct str copy = copy_of(head);
    struct careless_head careless = careless_head(head);
    check_plain(head);
    check_unambiguous(&careless);
    arena_init(&arena, 1 << 20);
    assert(response_split(copy, &arena, &response));
    assert(response.status >= 200 && response.status <= 599);
    assert(is_field_value(response.reason) || response.reason.len == 0);
    assert(response.header_count <= LIMIT_HEADERS);
    for (size_t i = 0; i < response.header_count; i++) {
        assert(is_token(response.headers[i].name));
        assert(is_field_value(response.headers[i].value));
    }
    arena_release(&arena);
    free((char *)copy.data);
    return response.status;
}

static void check_end(const struct response_parser *parser, const struct story *story)
{
    bool without = parser->head_request || story->status == 204 || story->status == 304;
    assert(story->body_bytes <= MAX_BODY);
    if (without)
        assert(story->body_bytes == 0);
    else if (parser->seen_coding)
        assert(story->body_bytes == parser->chunks.body_bytes);
    else if (parser->seen_length)
        assert(story->body_bytes == parser->content_length);
    else
        assert(!parser->reusable && story->rest == 0);
}

/* An accepted answer is the same for a client that reads carelessly, behind the interim ones. */
static void check_careless(struct str bytes, const struct response_parser *parser,
                           const struct story *story, uint64_t head_sum)
{
    struct careless_head head = {.rest = bytes};
    unsigned long long status;
    do {
        head = careless_head(head.rest);
        status = careless_number(str_slice(head.first_line, 9, 12), 10);
        assert(status != 101 && (status >= 200 || (!head.lengths && !head.codings)));
    } while (status < 200);
    if (parser->reusable)
        assert(!head.closes && str_starts(head.first_line, STR("HTTP/1.1")));
    struct careless_body body = {.sum = head_sum, .rest = head.rest};
    bool bodiless = parser->head_request || story->status == 204 || story->status == 304;
    check_unambiguous(&head);
    if (story->status == 204 && parser->reusable) /* nobody may wait for what it announces */
        assert(head.length == 0 && !head.codings);
    if (!bodiless && (head.codings || head.lengths))
        body = careless_body(&head, head_sum);
    else if (!bodiless)
        careless_take(&body, head.rest.len);
    assert(body.bytes == story->body_bytes && body.sum == story->sum);
    assert(body.rest.len == story->rest);
}

static struct story run(struct str bytes, enum pace pace, bool head_request)
{
    struct story story = {0};
    struct response_parser parser;
    uint64_t random = sum_of(14695981039346656037u, bytes) | 1, head_sum = 0;
    size_t done = 0, fed = 0;
    enum response_event event = RESPONSE_MORE;
    response_init(&parser, head_request, MAX_BODY);
    while (event != RESPONSE_DONE && event != RESPONSE_FAULTY) {
        assert(event != RESPONSE_MORE || fed < bytes.len || fed == 0); /* the end: a verdict */
        if (event == RESPONSE_MORE)
            fed += next_step(pace, &random, bytes.len);
        if (fed > bytes.len)
            fed = bytes.len;
        struct str out, input = copy_of(str_slice(bytes, done, fed));
        size_t used;
        event = response_next(&parser, input, fed == bytes.len, &used, &out);
        assert(used <= input.len);
        done += used;
        if (event == RESPONSE_HEAD)
            story.status = check_head(out);
        if (event == RESPONSE_PIECE) {
            assert(out.len > 0);
            story.body_bytes += out.len;
        }
        if (event == RESPONSE_HEAD || event == RESPONSE_PIECE)
            story.sum = sum_of(story.sum, out);
        if (event == RESPONSE_HEAD)
            head_sum = story.sum;
        free((char *)input.data);
    }
    story.fault = parser.fault;
    if (event == RESPONSE_DONE) {
        story.reusable = parser.reusable;
        story.rest = bytes.len - done;
        check_end(&parser, &story);
        check_careless(bytes, &parser, &story, head_sum);
    }
    return story;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    bool head_request = size && data[size - 1] % 8 == 0;
    struct story whole = run(bytes, WHOLE, head_request);
    for (enum pace pace = SINGLE; pace <= VARYING; pace++) {
        struct story split = run(bytes, pace, head_request);
        assert(split.status == whole.status && split.fault == whole.fault);
        assert(split.reusable == whole.reusable && split.rest == whole.rest);
        assert(split.body_bytes == whole.body_bytes && split.sum == whole.sum);
    }
    return 0;
}
