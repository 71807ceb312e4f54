/*
 * framing_next, framing_split, chunk_next: any bytes, cut in any way, give one story, and what is
 * accepted ends where a careless server would end it, too.
 */
#include <assert.h>
#include <stdlib.h>

#include "careless.h"
#include "fuzz.h"
#include "http/field.h"
#include "http/framing.h"
#include "pieces.h"

/* Small, so that inputs of a few hundred bytes reach them. */
static const struct framing_limits limits = {256, 1024, 16, 512};

struct story {
    size_t heads, dones, body_bytes;
    enum framing_refusal refusal;
    uint64_t sum; /* over head and body bytes, in order */
};

static bool is_host_byte(char c)
{
    return str_is_identifier((struct str){&c, 1}) || c == '.' || c == ':' || c == '[' || c == ']';
}

/* RFC 3986 leaves these out of every part of a URI but for the fragment's "#". */
static bool is_target_byte(char c)
{
    return c > ' ' && c < 0x7f && !strchr("\"#<>[\\]^`{|}", c);
}

static void check_views(struct str head, const struct http_request *request)
{
    const struct str parts[] = {request->method, request->target, request->host};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        assert(parts[i].len > 0 && parts[i].data >= head.data);
        assert(parts[i].data + parts[i].len <= head.data + head.len);
    }
    assert(request->target.data[0] == '/' || str_equal(request->target, STR("*")));
    for (size_t i = 0; i < request->target.len; i++)
        assert(is_target_byte(request->target.data[i]));
    assert(request->header_count > 0 && request->header_count <= limits.headers);
    for (size_t i = 0; i < request->header_count; i++) {
        assert(is_token(request->headers[i].name));
        assert(is_field_value(request->headers[i].value));
    }
}

/* Whatever else reads the head, too, takes the same body and the same host from it. */
static void check_agreed(struct str head, const struct framing *framing,
                         const struct http_request *request)
{
    struct careless_head careless = careless_head(head);
    struct str target, authority, ignored;
    check_plain(head);
    check_unambiguous(&careless);
    assert(careless.rest.len == 0 && careless.hosts == 1);
    assert(str_equal(careless.host, request->host));
    assert(careless.lengths == framing->seen_length && careless.codings == framing->seen_coding);
    assert(!careless.lengths || careless.length == framing->content_length);
    assert(careless.length <= limits.body_bytes);
    assert(!careless.codings || request->version_minor == 1);
    assert(framing->keep_alive == (request->version_minor == 1 && !careless.closes));
    for (size_t i = 0; i < careless.host.len; i++)
        assert(is_host_byte(careless.host.data[i]));
    if (str_equal(request->method, STR("POST")) || str_equal(request->method, STR("PUT")))
        assert(careless.lengths + careless.codings == 1);
    (void)str_cut(careless.first_line, ' ', &ignored, &target);
    if (target.data[0] != '/' && target.data[0] != '*') {
        (void)str_cut(target, '/', &ignored, &target);
        (void)str_cut(str_slice(target, 1, target.len), '/', &authority, &ignored);
        assert(str_equal_nocase(authority, request->host));
    }
}

/* An accepted head is a head by itself, and splits into parts that lie inside it. */
static void check_head(struct str head)
{
    struct framing again;
    struct arena arena;
    struct http_request request;
    struct str out, copy = copy_of(head);
    size_t used;
    framing_init(&again, &limits);
    assert(framing_next(&again, copy, &used, &out) == FRAMING_HEAD);
    assert(used == copy.len && str_equal(out, head));
    arena_init(&arena, 1 << 20);
    assert(framing_split(copy, &arena, &request));
    check_views(copy, &request);
    check_agreed(copy, &again, &request);
    assert(request.version_minor == 1 || !again.keep_alive);
    arena_release(&arena);
    free((char *)copy.data);
}

static void check_end(const struct framing *framing, size_t body_bytes)
{
    assert(framing->seen_coding ? body_bytes == framing->chunks.body_bytes
                                : body_bytes == framing->content_length);
    assert(body_bytes <= limits.body_bytes && (framing->has_body || body_bytes == 0));
}

/* The request from `begin` to `end` is the same for a server that reads carelessly. */
static void check_careless(struct str bytes, size_t begin, size_t end, struct str sent_body)
{
    struct careless_head head = careless_head(str_slice(bytes, begin, bytes.len));
    struct careless_body body = careless_body(&head, sum_of(0, STR("")));
    assert(body.rest.data == bytes.data + end);
    assert(body.bytes == sent_body.len && body.sum == sum_of(0, sent_body));
}

static struct story run(struct str bytes, enum pace pace)
{
    struct story story = {0};
    struct framing framing;
    uint64_t random = sum_of(14695981039346656037u, bytes) | 1;
    size_t done = 0, fed = 0, body_bytes = 0, begin = 0;
    enum framing_event event = FRAMING_MORE;
    char body[512]; /* limits.body_bytes */
    framing_init(&framing, &limits);
    while (event != FRAMING_REFUSED && !(event == FRAMING_MORE && fed == bytes.len)) {
        if (event == FRAMING_MORE)
            fed += next_step(pace, &random, bytes.len);
        if (fed > bytes.len)
            fed = bytes.len;
        struct str out, input = copy_of(str_slice(bytes, done, fed));
        size_t used;
        event = framing_next(&framing, input, &used, &out);
        assert(used <= input.len);
        done += used;
        story.sum = sum_of(story.sum, out);
        if (event == FRAMING_HEAD) {
            check_head(out);
            assert(used - out.len <= 2 * LIMIT_LEADING_CRLF);
            story.heads++;
            body_bytes = 0;
        } else if (event == FRAMING_PIECE) {
            assert(out.len > 0 && body_bytes + out.len <= sizeof(body));
            memcpy(body + body_bytes, out.data, out.len);
            body_bytes += out.len;
            story.body_bytes += out.len;
        } else if (event == FRAMING_DONE) {
            check_end(&framing, body_bytes);
            check_careless(bytes, begin, done, (struct str){body, body_bytes});
            begin = done;
            story.dones++;
            framing_init(&framing, &limits);
        }
        free((char *)input.data);
    }
    story.refusal = framing.refusal;
    return story;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct story whole = run(bytes, WHOLE);
    for (enum pace pace = SINGLE; pace <= VARYING; pace++) {
        struct story split = run(bytes, pace);
        assert(split.heads == whole.heads && split.dones == whole.dones);
        assert(split.refusal == whole.refusal);
        assert(split.body_bytes == whole.body_bytes && split.sum == whole.sum);
    }
    return 0;
}
