/*
 * Reads JSON strictly: one pure scan decides, then cJSON builds a tree in an arena.
 *
 * The scan accepts RFC 8259 texts in UTF-8 (RFC 3629) and refuses what parsers read in different
 * ways: duplicate keys (compared after unescaping), NUL (raw or \u0000), lone surrogates, bytes
 * behind the value, a byte order mark, and more depth, tokens or keys than limits.h allows. Only
 * a text that passed is shown to cJSON, so cJSON's leniency never decides anything.
 *
 * json_read.c is the only file that knows cJSON. Safe on several threads at once.
 */
#pragma once

#include "base/arena.h"

#define JSON_FAULTS(X)                                                                             \
    X(EMPTY, "json-empty", "the text is empty")                                                    \
    X(BYTE_ORDER_MARK, "json-byte-order-mark", "the text starts with a byte order mark")           \
    X(SYNTAX, "json-syntax", "the text is not JSON")                                               \
    X(UTF8, "json-utf8", "a string is not valid UTF-8")                                            \
    X(CONTROL, "json-control-character", "a string holds an unescaped control character")          \
    X(ESCAPE, "json-escape", "a string holds an unknown escape")                                   \
    X(NUL, "json-nul", "a string holds the character U+0000")                                      \
    X(SURROGATE, "json-lone-surrogate", "a \\u escape is half of a surrogate pair")                \
    X(NUMBER, "json-number", "a number is not written as JSON requires")                           \
    X(DUPLICATE_KEY, "json-duplicate-key", "an object has the same key twice")                     \
    X(TRAILING, "json-trailing-bytes", "something follows the JSON value")                         \
    X(TRUNCATED, "json-truncated", "the text ends in the middle of a value")                       \
    X(DEPTH, "json-too-deep", "objects and arrays are nested too deeply")                          \
    X(TOKENS, "json-too-many-values", "there are too many values")                                 \
    X(KEYS, "json-too-many-keys", "an object has too many keys")                                   \
    X(MEMORY, "json-no-memory", "the text needs more memory than a request may use")

enum json_fault_kind {
    JSON_OK,
#define X(name, code, sentence) JSON_##name,
    JSON_FAULTS(X)
#undef X
};

/* Where and why a text was refused. `line` and `column` start at 1; columns count bytes. */
struct json_fault {
    enum json_fault_kind kind;
    size_t offset; /* bytes before the offending one */
    size_t line;
    size_t column;
};

/* The public code ("json-utf8") and sentence of a fault. Static strings. */
const char *json_fault_code(enum json_fault_kind kind);
const char *json_fault_sentence(enum json_fault_kind kind);

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_NUMBER,
    JSON_KIND_STRING,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT,
};

/*
 * Told of each value that is neither object nor array, in document order. `keys` leads to it from
 * the outermost container inwards: a member's key, or the empty view for an array's element; at
 * most LIMIT_JSON_DEPTH. `text` is a string's content, or how the value is written. All live until
 * the visitor returns.
 */
struct json_path {
    const struct str *keys;
    size_t depth;
};
typedef void json_visitor(void *arg, const struct json_path *path, enum json_kind kind,
                          struct str text);

/* The scan, with a visitor: for those who read much and need no tree. What a text that is refused
 * in the end told before is void. Memory for strings with escapes is taken from `scratch`. */
MUST_USE bool json_visit(struct str text, struct arena *scratch, json_visitor *visitor, void *arg,
                         struct json_fault *fault);

/* A value in the tree; it lives as long as the arena it was built in. */
struct json_value;

/* Only the scan: true when `text` is acceptable; otherwise *fault says where and why. `scratch`
 * lends memory for keys with escapes and for nesting; nothing in it is needed afterwards. */
MUST_USE bool json_scan(struct str text, struct arena *scratch, struct json_fault *fault);

/* Scan and tree. NULL with *fault filled when refused. Strings are copied out of `text`. */
MUST_USE const struct json_value *json_read(struct str text, struct arena *arena,
                                            struct json_fault *fault);

enum json_kind json_kind(const struct json_value *value);

/* "an object", "a string" … for sentences. */
const char *json_kind_name(enum json_kind kind);

/* The member with exactly this key (case-sensitive), or NULL. `value` must be an object. */
const struct json_value *json_member(const struct json_value *value, struct str key);

/* Members or elements in document order: json_first, then json_next until NULL. */
const struct json_value *json_first(const struct json_value *value);
const struct json_value *json_next(const struct json_value *value);
size_t json_count(const struct json_value *value);

/* The key of a member; the content of a string (unescaped UTF-8); the truth of a bool. */
struct str json_key(const struct json_value *member);
struct str json_string(const struct json_value *value);
bool json_bool(const struct json_value *value);
double json_number(const struct json_value *value);
