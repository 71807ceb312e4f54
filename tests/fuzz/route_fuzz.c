/*
 * route_find, route_check_query: only the campaign route, exactly as written, is one, whatever a
 * server might read that decodes, folds and tidies paths.
 */
#include <assert.h>
#include <stdio.h>

#include "base/buf.h"
#include "fuzz.h"
#include "http/framing.h"
#include "http/route.h"
#include "pieces.h"

static const struct framing_limits limits = {8000, 32768, 16, 512};
static const char route[] = "/campaign/api/v2/public/st-06/campaign";

/* ---- how other servers read a path ---- */

static bool is_route(struct str path, bool any_stream)
{
    static const struct str before = STR("/campaign/api/v2/public/"), after = STR("/campaign");
    if (path.len <= before.len + after.len || !str_starts(path, before) || !str_ends(path, after))
        return false;
    struct str stream = str_slice(path, before.len, path.len - after.len);
    return any_stream ? str_find(stream, '/') == stream.len : str_is_identifier(stream);
}

/* Percent-decoding once, "\" for "/", small letters, no blanks. */
static size_t soften(char *path, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        char c = path[i];
        if (c == '%' && i + 2 < len && hex_digit(path[i + 1]) >= 0 && hex_digit(path[i + 2]) >= 0) {
            c = (char)(hex_digit(path[i + 1]) << 4 | hex_digit(path[i + 2]));
            i += 2;
        }
        if (c == '\\')
            c = '/';
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if ((uint8_t)c > ' ' && c != '+')
            path[out++] = c;
    }
    return out;
}

/* No query, fragment or ;parameters, no empty, "." or ".." segments. */
static size_t tidy(char *path, size_t len)
{
    struct str rest = {path, len}, segment, plain, ignored;
    char copy[8192];
    size_t out = 0;
    assert(len < sizeof(copy));
    (void)str_cut(rest, '?', &rest, &ignored);
    (void)str_cut(rest, '#', &rest, &ignored);
    while (rest.len) {
        (void)str_cut(rest, '/', &segment, &rest);
        (void)str_cut(segment, ';', &plain, &ignored);
        if (plain.len == 0 || str_equal(plain, STR(".")))
            continue;
        if (str_equal(plain, STR(".."))) {
            while (out > 0 && copy[--out] != '/')
                ;
            continue;
        }
        copy[out++] = '/';
        memcpy(copy + out, plain.data, plain.len);
        out += plain.len;
    }
    memcpy(path, copy, out);
    return out;
}

static bool looks_like_the_route(struct str path)
{
    char text[8192];
    size_t len = path.len, before;
    assert(len < sizeof(text));
    memcpy(text, path.data, len);
    do {
        before = len;
        len = tidy(text, soften(text, len));
    } while (len != before);
    return is_route((struct str){text, len}, true);
}

/* ---- what we make of it ---- */

static struct route find(struct str method, struct str target)
{
    const struct http_request request = {.method = method, .target = target};
    struct route found;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    route_find(&request, &arena, &found);
    arena_release(&arena);
    return found;
}

/* Everything that the query may be, and nothing else is clean. */
static void check_query(struct route *found)
{
    struct arena arena;
    struct violations violations;
    struct str first, second, name, value = {0};
    bool expected;
    arena_init(&arena, 1 << 20);
    violations_init(&violations, &arena);
    route_check_query(found, &violations);
    if (str_cut(found->query, '&', &first, &second)) {
        bool leads = str_equal(first, STR("campaignType=sms"));
        (void)str_cut(leads ? second : first, '=', &name, &value);
        expected = (leads || str_equal(second, STR("campaignType=sms"))) &&
                   str_equal(name, STR("accountId")) && str_is_identifier(value);
    } else {
        expected = str_equal(first, STR("campaignType=sms"));
    }
    assert(violations_clean(&violations) == expected);
    if (expected)
        assert(str_equal(found->account_id, value) && found->has_account_id == (value.len > 0));
    arena_release(&arena);
}

static void check_target(struct str method, struct str target)
{
    struct route found = find(method, target);
    bool exact = is_route(found.path, false);
    assert((found.kind == ROUTE_CAMPAIGN) == (exact && str_equal(method, STR("POST"))));
    if (exact && found.kind != ROUTE_CAMPAIGN)
        assert(found.kind == ROUTE_METHOD_NOT_ALLOWED && found.allow);
    if (found.kind == ROUTE_CAMPAIGN)
        check_query(&found);
    if (exact)
        assert(looks_like_the_route(found.path));
}

/* ---- targets that were meant to deceive ---- */

/* One character of the route, in a disguise when `how` is large. */
static void put_disguised(struct buf *out, char c, uint8_t how)
{
    static const char *const before_slash[] = {"/", "/.", "/x/..", "/%2e", ";a=b", "%2Fx%2f%2e%2E"};
    bool is_slash = c == '/', is_letter = (c | 32) >= 'a' && (c | 32) <= 'z';
    if (how < 200)
        buf_append_byte(out, c);
    else if (how < 215)
        buf_format(out, "%%%02x", (unsigned)c);
    else if (how < 225)
        buf_format(out, "%%25%02X", (unsigned)c);
    else if (how < 235 && is_letter)
        buf_append_byte(out, (char)(c ^ 32));
    else if (how < 250 && is_slash)
        buf_format(out, "%s/", before_slash[how % COUNT_OF(before_slash)]);
    else if (is_slash)
        buf_append(out, how & 1 ? STR("\\") : STR("%5c"));
    else
        buf_append_byte(out, c);
}

/* The route, disguised as the bytes say: nobody else may take it for the route and we not refuse.
 */
static void check_disguises(const uint8_t *data, size_t size)
{
    struct buf target;
    buf_init(&target, 4096);
    for (size_t i = 0; i < sizeof(route) - 1; i++)
        put_disguised(&target, route[i], i < size ? data[i] : 0);
    if (size >= sizeof(route) && data[sizeof(route) - 1] >= 200)
        buf_append(&target, data[sizeof(route) - 1] & 1 ? STR("/") : STR(";a"));
    struct str path = buf_str(&target);
    assert(!target.failed && looks_like_the_route(path));
    check_target(STR("POST"), path);
    enum route_kind kind = find(STR("POST"), path).kind;
    assert(kind == (is_route(path, false) ? ROUTE_CAMPAIGN : ROUTE_LOOKALIKE));
    buf_release(&target);
}

/* "METHOD SP target": what framing takes for a request. */
static void check_request_line(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct framing framing;
    struct http_request request;
    struct str out;
    size_t used;
    arena_init(&arena, 1 << 20);
    struct str head = arena_format(&arena, "%.*s HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                                   (int)size, (const char *)data);
    framing_init(&framing, &limits);
    if (framing_next(&framing, head, &used, &out) == FRAMING_HEAD) {
        assert(framing_split(out, &arena, &request));
        check_target(request.method, request.target);
    }
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_request_line(data, size);
    check_target(STR("POST"), (struct str){(const char *)data, size < 8000 ? size : 8000});
    check_disguises(data, size);
    return 0;
}
