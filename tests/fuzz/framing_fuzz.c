/* framing_next, framing_split, chunk_next: any bytes, cut in any way, give one story. */
#include <assert.h>
#include <stdlib.h>

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

static void check_views(struct str head, const struct http_request *request)
{
    const struct str parts[] = {request->method, request->target, request->host};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        assert(parts[i].len > 0 && parts[i].data >= head.data);
        assert(parts[i].data + parts[i].len <= head.data + head.len);
    }
    assert(request->target.data[0] == '/' || str_equal(request->target, STR("*")));
    assert(request->header_count > 0 && request->header_count <= limits.headers);
    for (size_t i = 0; i < request->header_count; i++) {
        assert(is_token(request->headers[i].name));
        assert(is_field_value(request->headers[i].value));
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

static struct story run(struct str bytes, enum pace pace)
{
    struct story story = {0};
    struct framing framing;
    uint64_t random = sum_of(14695981039346656037u, bytes) | 1;
    size_t done = 0, fed = 0, body_bytes = 0;
    enum framing_event event = FRAMING_MORE;
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
            story.heads++;
            body_bytes = 0;
        } else if (event == FRAMING_PIECE) {
            assert(out.len > 0);
            body_bytes += out.len;
            story.body_bytes += out.len;
        } else if (event == FRAMING_DONE) {
            check_end(&framing, body_bytes);
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
