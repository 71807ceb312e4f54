/* content_refusal: of all that framing accepts, only plain JSON said once is taken. */
#include <assert.h>

#include "base/arena.h"
#include "fuzz.h"
#include "http/content.h"
#include "http/framing.h"

static const struct framing_limits limits = {8000, 32768, 100, 512};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* In small letters, and without the blanks that may stand around the semicolon. */
static struct str plain_form(struct str value, struct arena *arena)
{
    char *out = arena_alloc(arena, value.len + 1);
    size_t len = 0;
    bool behind_semicolon = false;
    assert(out);
    for (size_t i = 0; i < value.len; i++) {
        bool blank = value.data[i] == ' ' || value.data[i] == '\t';
        if (value.data[i] == ';') {
            while (len && (out[len - 1] == ' ' || out[len - 1] == '\t'))
                len--;
        }
        if (blank && behind_semicolon)
            continue;
        behind_semicolon = value.data[i] == ';';
        out[len++] = lower(value.data[i]);
    }
    return (struct str){out, len};
}

/* What the answer should be, by listing the three forms there are. */
static bool expected(const struct http_request *request, struct arena *arena)
{
    size_t types = 0;
    bool json = false;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        if (str_equal_nocase(header->name, STR("content-encoding")))
            return false;
        if (!str_equal_nocase(header->name, STR("content-type")))
            continue;
        struct str value = plain_form(header->value, arena);
        json = str_equal(value, STR("application/json")) ||
               str_equal(value, STR("application/json;charset=utf-8")) ||
               str_equal(value, STR("application/json;charset=\"utf-8\""));
        types++;
    }
    return types == 1 && json;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct framing framing;
    struct http_request request;
    struct str out;
    size_t used;
    arena_init(&arena, 1 << 20);
    char *head = arena_alloc(&arena, size + 64);
    struct str before = STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n");
    assert(head);
    memcpy(head, before.data, before.len);
    if (size)
        memcpy(head + before.len, data, size);
    memcpy(head + before.len + size, "\r\n\r\n", 4);
    framing_init(&framing, &limits);
    if (framing_next(&framing, (struct str){head, before.len + size + 4}, &used, &out) ==
        FRAMING_HEAD) {
        assert(framing_split(out, &arena, &request));
        const char *refusal = content_refusal(&request);
        assert((refusal == NULL) == expected(&request, &arena));
        assert(!refusal || refusal[0]);
    }
    arena_release(&arena);
    return 0;
}
