/*
 * yaml_read: a tree in which everything is where it says, or a sentence with a place; the tree,
 * written down and read again, is the same tree; what is JSON, too, means the same in both.
 */
#include <assert.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/json_read.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "base/yaml_read.h"
#include "fuzz.h"
#include "pieces.h"

/* ---- places ---- */

static void check_text(struct str text)
{
    assert(text.data && text.data[text.len] == '\0');
    assert(is_utf8(text) && str_find(text, '\0') == text.len);
}

static size_t count_lines(struct str text)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++) /* every break that YAML 1.1 knows, generously */
        lines += text.data[i] == '\n' || text.data[i] == '\r' || (uint8_t)text.data[i] >= 0x80;
    return lines;
}

static void check_place(size_t line, size_t column, struct str input)
{
    assert(line >= 1 && line <= count_lines(input) + 1);
    assert(column >= 1 && column <= input.len + 1);
}

static void check_tree(const struct yaml_node *node, struct str input, size_t depth)
{
    size_t count = 0;
    assert(depth < LIMIT_YAML_DEPTH || node->kind == YAML_SCALAR);
    assert(strcmp(node->file, "f.yaml") == 0);
    check_place(node->line, node->column, input);
    if (node->kind == YAML_SCALAR) {
        check_text(node->text);
        assert(!node->first && node->count == 0);
        return;
    }
    for (const struct yaml_node *each = node->first; each; each = each->next, count++) {
        check_tree(each, input, depth + 1);
        if (node->kind != YAML_MAPPING)
            continue;
        check_text(each->key);
        check_place(each->key_line, each->key_column, input);
        assert(yaml_member(node, each->key) == each); /* nothing hides it */
    }
    assert(count == node->count);
}

static void check_sentence(const struct error *err)
{
    size_t line = 0, column = 0;
    struct str sentence = str_from(err->text);
    assert(sscanf(err->text, "f.yaml:%zu:%zu: ", &line, &column) == 2);
    assert(line >= 1 && column >= 1);
    for (size_t i = 0; i < sentence.len; i++)
        assert((uint8_t)sentence.data[i] >= 0x20 && sentence.data[i] != 0x7f);
}

/* ---- the round trip ---- */

static void put_character(struct buf *out, struct str character)
{
    uint32_t code = (uint8_t)character.data[0];
    if (character.len > 1)
        code &= 0xffu >> (character.len + 1);
    for (size_t i = 1; i < character.len; i++)
        code = code << 6 | ((uint8_t)character.data[i] & 0x3f);
    if (code >= 0x20 && code < 0x7f && code != '"' && code != '\\')
        buf_append(out, character);
    else
        buf_format(out, "\\U%08x", code);
}

static void put_text(struct buf *out, struct str text)
{
    buf_append_byte(out, '"');
    for (size_t i = 0, length; i < text.len; i += length) {
        length = utf8_length(str_slice(text, i, text.len));
        put_character(out, str_slice(text, i, i + length));
    }
    buf_append_byte(out, '"');
}

static void put_tree(struct buf *out, const struct yaml_node *node)
{
    bool is_mapping = node->kind == YAML_MAPPING;
    if (node->kind == YAML_SCALAR) {
        if (yaml_is_null(node))
            buf_append(out, node->text.len ? node->text : STR("~"));
        else
            put_text(out, node->text);
        return;
    }
    buf_append_byte(out, is_mapping ? '{' : '[');
    for (const struct yaml_node *each = node->first; each; each = each->next) {
        if (is_mapping) {
            buf_append(out, STR("? ")); /* a key longer than 1024 characters needs it */
            put_text(out, each->key);
            buf_append(out, STR(" : "));
        }
        put_tree(out, each);
        buf_append(out, STR(" ,\n"));
    }
    buf_append_byte(out, is_mapping ? '}' : ']');
}

static void check_same(const struct yaml_node *a, const struct yaml_node *b)
{
    assert(a->kind == b->kind && a->count == b->count && yaml_is_null(a) == yaml_is_null(b));
    if (a->kind == YAML_SCALAR && !yaml_is_null(a))
        assert(str_equal(a->text, b->text));
    const struct yaml_node *x = a->first, *y = b->first;
    for (; x; x = x->next, y = y->next) {
        assert(str_equal(x->key, y->key));
        check_same(x, y);
    }
}

static void check_round_trip(const struct yaml_node *root)
{
    struct arena arena;
    struct buf text;
    struct error err = {""};
    arena_init(&arena, 64 << 20);
    buf_init(&text, 1 << 20);
    put_tree(&text, root);
    assert(!text.failed);
    const struct yaml_node *again = yaml_read("f.yaml", buf_str(&text), &arena, &err);
    assert(again);
    check_same(root, again);
    buf_release(&text);
    arena_release(&arena);
}

/* ---- JSON is YAML ---- */

static void check_json(const struct yaml_node *node, const struct json_value *value)
{
    enum json_kind kind = json_kind(value);
    assert((node->kind == YAML_MAPPING) == (kind == JSON_KIND_OBJECT));
    assert((node->kind == YAML_SEQUENCE) == (kind == JSON_KIND_ARRAY));
    assert(yaml_is_null(node) == (kind == JSON_KIND_NULL));
    if (node->kind == YAML_SCALAR) {
        assert(node->quoted == (kind == JSON_KIND_STRING));
        if (kind == JSON_KIND_STRING)
            assert(str_equal(node->text, json_string(value)));
        if (kind == JSON_KIND_BOOL)
            assert(str_equal(node->text, json_bool(value) ? STR("true") : STR("false")));
        return;
    }
    assert(node->count == json_count(value));
    const struct json_value *each = json_first(value);
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        if (kind == JSON_KIND_OBJECT)
            assert(str_equal(child->key, json_key(each)));
        check_json(child, each);
        each = json_next(each);
    }
}

/* YAML 1.1 breaks lines at U+0085, U+2028 and U+2029, JSON does not. */
static bool has_other_breaks(struct str text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (memcmp(text.data + i, "\xc2\x85", 2) == 0 || memcmp(text.data + i, "\xe2\x80", 2) == 0)
            return true;
    }
    return false;
}

static void check_against_json(struct str text, const struct yaml_node *root, struct arena *arena)
{
    struct json_fault fault;
    const struct json_value *value = json_read(text, arena, &fault);
    if (value && !has_other_breaks(text))
        check_json(root, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct arena arena, little;
    struct error err = {""};
    arena_init(&arena, 64 << 20);
    arena_init(&little, 16 * (size_t)(sum_of(size, text) % 256));
    const struct yaml_node *root = yaml_read("f.yaml", text, &arena, &err);
    if (root) {
        check_tree(root, text, 0);
        check_round_trip(root);
        check_against_json(text, root, &arena);
    } else {
        check_sentence(&err);
    }
    if (yaml_read("f.yaml", text, &little, &err))
        assert(root);
    arena_release(&little);
    arena_release(&arena);
    return 0;
}
