/*
 * json_scan, json_read: what the scan accepts, cJSON builds; a fault lies at the first bad byte;
 * the tree, written down and read again, is the same tree.
 */
#include <assert.h>
#include <math.h>

#include "base/json_read.h"
#include "base/json_write.h"
#include "base/limits.h"
#include "fuzz.h"
#include "pieces.h"

/* Everything before the first bad byte could still become JSON, so it is at worst incomplete. */
static void check_prefix(struct str text, size_t offset, struct arena *arena)
{
    struct json_fault fault;
    if (!json_scan(str_slice(text, 0, offset), arena, &fault))
        assert(fault.kind == JSON_TRUNCATED || fault.kind == JSON_EMPTY);
}

static void check_place(struct str text, const struct json_fault *fault)
{
    size_t line = 1, start = 0;
    for (size_t i = 0; i < fault->offset; i++) {
        if (text.data[i] != '\n')
            continue;
        line++;
        start = i + 1;
    }
    assert(fault->line == line && fault->column == fault->offset - start + 1);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t skip_digits(struct str text, size_t at)
{
    size_t begin = at;
    while (at < text.len && is_digit(text.data[at]))
        at++;
    assert(at > begin);
    return at;
}

/* From a number's first byte to behind its last; RFC 8259 section 6. */
static size_t check_number(struct str text, size_t at)
{
    at += text.data[at] == '-';
    bool zero = at < text.len && text.data[at] == '0';
    size_t end = skip_digits(text, at);
    assert(!zero || end == at + 1);
    if (end < text.len && text.data[end] == '.')
        end = skip_digits(text, end + 1);
    if (end < text.len && (text.data[end] | 32) == 'e') {
        end++;
        end += end < text.len && (text.data[end] == '+' || text.data[end] == '-');
        end = skip_digits(text, end);
    }
    return end;
}

/* In an accepted text numbers are numbers, and in its strings are no control and no \\u0000 either.
 */
static void check_grammar(struct str text)
{
    bool inside = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        assert(byte >= ' ' || (!inside && (byte == '\t' || byte == '\n' || byte == '\r')));
        assert(inside || byte < 0x7f);
        if (!inside && (byte == '-' || is_digit((char)byte))) {
            i = check_number(text, i) - 1;
            continue;
        }
        if (byte == '"')
            inside = !inside;
        if (byte != '\\')
            continue;
        assert(inside && !str_equal(str_slice(text, i, i + 6), STR("\\u0000")));
        i++;
    }
    assert(!inside);
}

/* ---- the tree ---- */

static void check_text(struct str text)
{
    assert(is_utf8(text) && str_find(text, '\0') == text.len);
}

/* Each key leads to its member: none hides another, whichever way it was escaped. */
static void check_tree(const struct json_value *value, size_t depth)
{
    enum json_kind kind = json_kind(value);
    size_t count = 0;
    if (kind == JSON_KIND_STRING)
        check_text(json_string(value));
    if (kind != JSON_KIND_OBJECT && kind != JSON_KIND_ARRAY)
        return;
    assert(depth < LIMIT_JSON_DEPTH);
    for (const struct json_value *each = json_first(value); each; each = json_next(each)) {
        if (kind == JSON_KIND_OBJECT) {
            check_text(json_key(each));
            assert(json_member(value, json_key(each)) == each);
        }
        check_tree(each, depth + 1);
        count++;
    }
    assert(count == json_count(value));
}

static void put_text(struct buf *out, struct str text)
{
    struct json_writer w = json_writer(out);
    json_put_str(&w, NULL, text);
}

static void put_tree(struct buf *out, const struct json_value *value);

static void put_container(struct buf *out, const struct json_value *value, bool is_object)
{
    buf_append_byte(out, is_object ? '{' : '[');
    for (const struct json_value *each = json_first(value); each; each = json_next(each)) {
        if (each != json_first(value))
            buf_append_byte(out, ',');
        if (is_object) {
            put_text(out, json_key(each));
            buf_append_byte(out, ':');
        }
        put_tree(out, each);
    }
    buf_append_byte(out, is_object ? '}' : ']');
}

static void put_tree(struct buf *out, const struct json_value *value)
{
    switch (json_kind(value)) {
    case JSON_KIND_NULL:
        buf_append(out, STR("null"));
        break;
    case JSON_KIND_BOOL:
        buf_append(out, json_bool(value) ? STR("true") : STR("false"));
        break;
    case JSON_KIND_NUMBER:
        if (isinf(json_number(value)))
            buf_append(out, json_number(value) < 0 ? STR("-1e999") : STR("1e999"));
        else
            buf_format(out, "%.17g", json_number(value));
        break;
    case JSON_KIND_STRING:
        put_text(out, json_string(value));
        break;
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT:
        put_container(out, value, json_kind(value) == JSON_KIND_OBJECT);
        break;
    }
}

static void check_same(const struct json_value *a, const struct json_value *b)
{
    assert(json_kind(a) == json_kind(b));
    if (json_kind(a) == JSON_KIND_STRING)
        assert(str_equal(json_string(a), json_string(b)));
    if (json_kind(a) == JSON_KIND_BOOL)
        assert(json_bool(a) == json_bool(b));
    if (json_kind(a) == JSON_KIND_NUMBER)
        assert(!(json_number(a) < json_number(b)) && !(json_number(a) > json_number(b)));
    if (json_kind(a) != JSON_KIND_OBJECT && json_kind(a) != JSON_KIND_ARRAY)
        return;
    const struct json_value *x = json_first(a), *y = json_first(b);
    for (; x && y; x = json_next(x), y = json_next(y)) {
        if (json_kind(a) == JSON_KIND_OBJECT)
            assert(str_equal(json_key(x), json_key(y)));
        check_same(x, y);
    }
    assert(!x && !y);
}

static void check_round_trip(const struct json_value *root)
{
    struct arena arena;
    struct buf text;
    struct json_fault fault;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    buf_init(&text, 1 << 20);
    put_tree(&text, root);
    assert(!text.failed);
    const struct json_value *again = json_read(buf_str(&text), &arena, &fault);
    assert(again);
    check_same(root, again);
    buf_release(&text);
    arena_release(&arena);
}

/* With too little memory the answer is the same, or that there is too little. */
static void check_little_memory(struct str text, const struct json_fault *expected)
{
    struct arena arena;
    struct json_fault fault;
    arena_init(&arena, 64 * (text.len % 97));
    bool fine = json_read(text, &arena, &fault) != NULL;
    assert(fine == (fault.kind == JSON_OK));
    assert(fault.kind == JSON_MEMORY || fault.kind == expected->kind);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct arena arena;
    struct json_fault scanned, read;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    bool fine = json_scan(text, &arena, &scanned);
    assert(fine == (scanned.kind == JSON_OK));
    assert(scanned.offset <= size);
    const struct json_value *root = json_read(text, &arena, &read);
    assert((root != NULL) == fine);
    assert(read.kind == scanned.kind && read.offset == scanned.offset);
    if (!fine)
        check_place(text, &scanned);
    if (!fine && scanned.kind != JSON_BYTE_ORDER_MARK)
        check_prefix(text, scanned.offset, &arena);
    if (root) {
        check_grammar(text);
        check_tree(root, 0);
        check_round_trip(root);
    }
    check_little_memory(text, &scanned);
    arena_release(&arena);
    return 0;
}
