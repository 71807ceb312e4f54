/* response_next, response_split, chunk_next: any bytes, cut in any way, give one verdict. */
#include <assert.h>
#include <stdlib.h>

#include "fuzz.h"
#include "http/response.h"

struct story {
    int status;
    enum response_fault fault;
    bool reusable;
    size_t body_bytes;
    uint64_t sum;
};

static struct story run(struct str bytes, size_t step, bool head_request)
{
    struct story story = {0};
    struct response_parser parser;
    size_t done = 0, fed = step && step < bytes.len ? step : bytes.len;
    response_init(&parser, head_request, 512);
    for (;;) {
        size_t held = fed - done;
        char *copy = malloc(held ? held : 1);
        struct str out, input = {copy, held};
        size_t used;
        if (held)
            memcpy(copy, bytes.data + done, held);
        enum response_event event = response_next(&parser, input, fed == bytes.len, &used, &out);
        assert(used <= held);
        if (event == RESPONSE_HEAD) {
            struct arena arena;
            struct http_response response;
            arena_init(&arena, 1 << 20);
            assert(response_split(out, &arena, &response));
            assert(response.status >= 200 && response.status <= 599);
            story.status = response.status;
            arena_release(&arena);
        }
        for (size_t i = 0; event == RESPONSE_PIECE && i < out.len; i++)
            story.sum = story.sum * 1099511628211u + (uint8_t)out.data[i] + 1;
        story.body_bytes += event == RESPONSE_PIECE ? out.len : 0;
        free(copy);
        done += used;
        if (event == RESPONSE_FAULTY || event == RESPONSE_DONE) {
            story.fault = parser.fault;
            story.reusable = event == RESPONSE_DONE && parser.reusable;
            return story;
        }
        if (event == RESPONSE_MORE) {
            assert(fed < bytes.len); /* at the end there must be a verdict */
            fed = fed + step < bytes.len ? fed + step : bytes.len;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    bool head_request = size && data[size - 1] % 8 == 0;
    struct story whole = run(bytes, 0, head_request);
    const size_t steps[] = {1, size ? data[0] % 31u + 2 : 2};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct story split = run(bytes, steps[i], head_request);
        assert(split.fault == whole.fault && split.reusable == whole.reusable);
        assert(split.status == whole.status);
        /* a faulty body may have been given out in part before its fault was seen */
        assert(split.fault != RESPONSE_OK || split.sum == whole.sum);
    }
    return 0;
}
