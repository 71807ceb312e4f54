/* framing_next, framing_split, chunk_next: any bytes, and any way of cutting them, give one story.
 */
#include <assert.h>
#include <stdlib.h>

#include "fuzz.h"
#include "http/framing.h"

static const struct framing_limits limits = {256, 1024, 16, 512};

struct story {
    size_t heads, dones, body_bytes;
    enum framing_refusal refusal;
    uint64_t sum; /* over head and body bytes, in order */
};

static void add(struct story *story, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        story->sum = story->sum * 1099511628211u + (uint8_t)bytes.data[i] + 1;
}

static void split_head(struct str head)
{
    struct arena arena;
    struct http_request request;
    arena_init(&arena, 1 << 20);
    assert(framing_split(head, &arena, &request));
    assert(request.method.len && request.target.len && request.host.len);
    assert(request.header_count <= limits.headers);
    arena_release(&arena);
}

/* Feeds `step` bytes at a time (0: all at once). */
static struct story run(struct str bytes, size_t step)
{
    struct story story = {0};
    struct framing framing;
    size_t done = 0, fed = step && step < bytes.len ? step : bytes.len;
    framing_init(&framing, &limits);
    for (;;) {
        /* a copy of exactly what has come: reading further shows under ASan */
        size_t held = fed - done;
        char *copy = malloc(held ? held : 1);
        struct str out, input = {copy, held};
        size_t used;
        if (held)
            memcpy(copy, bytes.data + done, held);
        enum framing_event event = framing_next(&framing, input, &used, &out);
        assert(used <= held);
        if (event == FRAMING_HEAD) {
            story.heads++;
            split_head(out);
            add(&story, out);
        } else if (event == FRAMING_PIECE) {
            story.body_bytes += out.len;
            add(&story, out);
            assert(story.body_bytes <= limits.body_bytes * story.heads);
        } else if (event == FRAMING_DONE) {
            story.dones++;
            framing_init(&framing, &limits);
        }
        free(copy);
        done += used;
        if (event == FRAMING_REFUSED) {
            story.refusal = framing.refusal;
            return story;
        }
        if (event == FRAMING_MORE) {
            if (fed == bytes.len)
                return story;
            fed = fed + step < bytes.len ? fed + step : bytes.len;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct story whole = run(bytes, 0);
    const size_t steps[] = {1, size ? data[0] % 31u + 2 : 2, size / 2 + 1};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct story split = run(bytes, steps[i]);
        assert(split.heads == whole.heads && split.dones == whole.dones);
        assert(split.refusal == whole.refusal);
        assert(split.body_bytes == whole.body_bytes && split.sum == whole.sum);
    }
    return 0;
}
