/*
 *     text -> scan (grammar, UTF-8, duplicates, limits) -> cJSON -> tree in the arena
 *
 * The scan is a loop with a small stack of its own: what nests is bounded, and no input can make
 * it recurse.
 */
#include "base/json_read.h"

#include <pthread.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/limits.h"
#include "base/utf8.h"

static const struct {
    const char *code, *sentence;
} faults[] = {[JSON_OK] = {"", ""},
#define X(name, code, sentence) [JSON_##name] = {code, sentence},
              JSON_FAULTS(X)
#undef X
};

const char *json_fault_code(enum json_fault_kind kind)
{
    return faults[kind].code;
}

const char *json_fault_sentence(enum json_fault_kind kind)
{
    return faults[kind].sentence;
}

/* ---- the scan ---- */

struct scanned_key {
    struct str name; /* unescaped */
    size_t offset;   /* of its opening quote */
};

struct container {
    bool is_object;
    size_t first_key; /* where its keys begin on the stack of keys */
};

#define KEYS_ON_STACK 64

struct scan {
    struct str text;
    size_t at;
    struct arena *arena;
    size_t tokens;
    size_t depth;
    struct container containers[LIMIT_JSON_DEPTH];
    struct scanned_key first_keys[KEYS_ON_STACK]; /* enough for any campaign */
    struct scanned_key *keys;
    size_t key_count, key_capacity;
    json_visitor *visitor; /* or NULL */
    void *visitor_arg;
    struct json_fault *fault;
};

static bool fail_at(struct scan *scan, enum json_fault_kind kind, size_t offset)
{
    *scan->fault = (struct json_fault){.kind = kind, .offset = offset, .line = 1, .column = 1};
    for (size_t i = 0; i < offset; i++) {
        bool line_end = scan->text.data[i] == '\n';
        scan->fault->line += line_end;
        scan->fault->column = line_end ? 1 : scan->fault->column + 1;
    }
    return false;
}

static bool fail(struct scan *scan, enum json_fault_kind kind)
{
    return fail_at(scan, scan->at < scan->text.len ? kind : JSON_TRUNCATED, scan->at);
}

/* The byte at the scan, or NUL at the end, which no rule accepts. */
static char peek(const struct scan *scan)
{
    return scan->at < scan->text.len ? scan->text.data[scan->at] : '\0';
}

static void skip_space(struct scan *scan)
{
    for (;;) {
        char c = peek(scan);
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return;
        scan->at++;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool scan_digits(struct scan *scan)
{
    if (!is_digit(peek(scan)))
        return fail(scan, JSON_NUMBER);
    while (is_digit(peek(scan)))
        scan->at++;
    return true;
}

/* RFC 8259 section 6 */
static bool scan_number(struct scan *scan)
{
    if (peek(scan) == '-')
        scan->at++;
    if (peek(scan) == '0') {
        scan->at++;
        if (is_digit(peek(scan)))
            return fail(scan, JSON_NUMBER);
    } else if (!scan_digits(scan)) {
        return false;
    }
    if (peek(scan) == '.') {
        scan->at++;
        if (!scan_digits(scan))
            return false;
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        scan->at++;
        if (peek(scan) == '+' || peek(scan) == '-')
            scan->at++;
        if (!scan_digits(scan))
            return false;
    }
    return true;
}

static bool scan_word(struct scan *scan, struct str word)
{
    for (size_t i = 0; i < word.len; i++, scan->at++) {
        if (peek(scan) != word.data[i])
            return fail(scan, JSON_SYNTAX);
    }
    return true;
}

/* The four digits behind \u; the scan stands on the first. */
static bool scan_hex4(struct scan *scan, size_t escape_at, unsigned *ret)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++, scan->at++) {
        int digit = hex_digit(peek(scan));
        if (digit < 0)
            return scan->at < scan->text.len ? fail_at(scan, JSON_ESCAPE, escape_at)
                                             : fail(scan, JSON_TRUNCATED);
        value = value << 4 | (unsigned)digit;
    }
    *ret = value;
    return true;
}

static bool scan_unicode_escape(struct scan *scan, size_t escape_at)
{
    unsigned high = 0, low = 0;
    scan->at++;
    if (!scan_hex4(scan, escape_at, &high))
        return false;
    if (high == 0)
        return fail_at(scan, JSON_NUL, escape_at);
    if (high < 0xd800 || high > 0xdfff)
        return true;
    if (high > 0xdbff)
        return fail_at(scan, JSON_SURROGATE, escape_at); /* a second half without a first */
    size_t second_at = scan->at;
    for (int i = 0; i < 2; i++, scan->at++) {
        if (scan->at == scan->text.len)
            return fail(scan, JSON_TRUNCATED);
        if (peek(scan) != "\\u"[i])
            return fail_at(scan, JSON_SURROGATE, escape_at);
    }
    if (!scan_hex4(scan, second_at, &low))
        return false;
    if (low < 0xdc00 || low > 0xdfff)
        return fail_at(scan, JSON_SURROGATE, escape_at);
    return true;
}

static bool scan_escape(struct scan *scan)
{
    size_t escape_at = scan->at++;
    if (scan->at == scan->text.len)
        return fail(scan, JSON_TRUNCATED);
    char c = peek(scan);
    if (c == 'u')
        return scan_unicode_escape(scan, escape_at);
    if (!c || !strchr("\"\\/bfnrt", c))
        return fail_at(scan, JSON_ESCAPE, escape_at);
    scan->at++;
    return true;
}

/* clang-format off */
/* Bytes of a string that need a look: controls, quote, backslash, everything beyond ASCII. */
static const bool special[256] = {
    [0x00 ... 0x1f] = 1, ['"'] = 1, ['\\'] = 1, [0x80 ... 0xff] = 1,
};
/* clang-format on */

/* From the opening quote to behind the closing one. *raw is what stands between them. */
static bool scan_string(struct scan *scan, struct str *raw, bool *has_escapes)
{
    const size_t start = ++scan->at;
    *has_escapes = false;
    for (;;) {
        while (scan->at < scan->text.len && !special[(uint8_t)scan->text.data[scan->at]])
            scan->at++;
        if (scan->at == scan->text.len)
            return fail(scan, JSON_TRUNCATED);
        uint8_t byte = (uint8_t)scan->text.data[scan->at];
        if (byte == '"')
            break;
        if (byte == '\\') {
            *has_escapes = true;
            if (!scan_escape(scan))
                return false;
            continue;
        }
        if (byte < 0x20)
            return fail(scan, byte ? JSON_CONTROL : JSON_NUL);
        size_t length = utf8_length(str_slice(scan->text, scan->at, scan->text.len));
        if (length == 0)
            return fail(scan, JSON_UTF8);
        scan->at += length;
    }
    *raw = str_slice(scan->text, start, scan->at++);
    return true;
}

/* ---- keys ---- */

static size_t put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

static unsigned hex4(const char *digits)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 4 | (unsigned)hex_digit(digits[i]);
    return value;
}

/* The content of a string that the scan accepted. NULL data when memory ran out. */
static struct str unescape(struct str raw, struct arena *arena)
{
    static const char plain[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    char *out = arena_alloc(arena, raw.len + 1);
    if (!out)
        return (struct str){0};
    size_t len = 0;
    for (size_t i = 0; i < raw.len;) {
        if (raw.data[i] != '\\') {
            out[len++] = raw.data[i++];
            continue;
        }
        if (raw.data[i + 1] != 'u') {
            out[len++] = plain[(uint8_t)raw.data[i + 1]];
            i += 2;
            continue;
        }
        unsigned code = hex4(raw.data + i + 2);
        i += 6;
        if (code >= 0xd800 && code <= 0xdbff) {
            code = 0x10000 + ((code - 0xd800) << 10) + (hex4(raw.data + i + 2) - 0xdc00);
            i += 6;
        }
        len += put_utf8(out + len, code);
    }
    return (struct str){out, len};
}

static bool grow_keys(struct scan *scan)
{
    struct scanned_key *keys =
        arena_alloc(scan->arena, 2 * scan->key_capacity * sizeof(*scan->keys));
    if (!keys)
        return false;
    memcpy(keys, scan->keys, scan->key_count * sizeof(*keys));
    scan->keys = keys;
    scan->key_capacity *= 2;
    return true;
}

static bool scan_key(struct scan *scan)
{
    struct scanned_key key = {.offset = scan->at};
    bool has_escapes;
    if (peek(scan) != '"')
        return fail(scan, JSON_SYNTAX);
    if (++scan->tokens > LIMIT_JSON_TOKENS)
        return fail(scan, JSON_TOKENS);
    if (!scan_string(scan, &key.name, &has_escapes))
        return false;
    if (scan->key_count - scan->containers[scan->depth - 1].first_key == LIMIT_JSON_KEYS)
        return fail_at(scan, JSON_KEYS, key.offset);
    if (has_escapes)
        key.name = unescape(key.name, scan->arena);
    if (!key.name.data || (scan->key_count == scan->key_capacity && !grow_keys(scan)))
        return fail_at(scan, JSON_MEMORY, key.offset);
    scan->keys[scan->key_count++] = key;
    skip_space(scan);
    if (peek(scan) != ':')
        return fail(scan, JSON_SYNTAX);
    scan->at++;
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    const struct scanned_key *x = a, *y = b;
    int order = str_compare(x->name, y->name);
    return order ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

/* Offset of the earliest key that repeats another one, or SIZE_MAX. May sort the keys. */
static size_t find_duplicate(struct scanned_key *keys, size_t count)
{
    const size_t few = 16; /* up to here comparing all pairs is faster than sorting */
    size_t earliest = SIZE_MAX;
    if (count > few)
        qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count; i++) {
        for (size_t k = count > few ? i - 1 : 0; k < i; k++) {
            if (str_equal(keys[k].name, keys[i].name) && keys[i].offset < earliest)
                earliest = keys[i].offset;
        }
    }
    return earliest;
}

/* ---- containers ---- */

static bool open_container(struct scan *scan, bool is_object)
{
    if (scan->depth == LIMIT_JSON_DEPTH)
        return fail(scan, JSON_DEPTH);
    scan->containers[scan->depth++] =
        (struct container){.is_object = is_object, .first_key = scan->key_count};
    scan->at++;
    return true;
}

static bool close_container(struct scan *scan)
{
    struct container *container = &scan->containers[--scan->depth];
    scan->at++;
    if (!container->is_object)
        return true;
    size_t duplicate =
        find_duplicate(scan->keys + container->first_key, scan->key_count - container->first_key);
    scan->key_count = container->first_key;
    return duplicate == SIZE_MAX || fail_at(scan, JSON_DUPLICATE_KEY, duplicate);
}

/* The key at each depth: the last one of its container so far. */
static struct json_path path_of(const struct scan *scan, struct str keys[LIMIT_JSON_DEPTH])
{
    for (size_t i = 0; i < scan->depth; i++) {
        size_t end = i + 1 < scan->depth ? scan->containers[i + 1].first_key : scan->key_count;
        keys[i] = scan->containers[i].is_object ? scan->keys[end - 1].name : (struct str){0};
    }
    return (struct json_path){keys, scan->depth};
}

static bool visit(struct scan *scan, enum json_kind kind, struct str text)
{
    struct str keys[LIMIT_JSON_DEPTH];
    struct json_path path = path_of(scan, keys);
    scan->visitor(scan->visitor_arg, &path, kind, text);
    return true;
}

static bool visit_string(struct scan *scan, struct str raw, bool has_escapes)
{
    if (has_escapes)
        raw = unescape(raw, scan->arena);
    return raw.data ? visit(scan, JSON_KIND_STRING, raw) : fail(scan, JSON_MEMORY);
}

static bool scan_plain(struct scan *scan)
{
    switch (peek(scan)) {
    case 't':
        return scan_word(scan, STR("true"));
    case 'f':
        return scan_word(scan, STR("false"));
    case 'n':
        return scan_word(scan, STR("null"));
    default:
        if (peek(scan) != '-' && !is_digit(peek(scan)))
            return fail(scan, JSON_SYNTAX);
        return scan_number(scan);
    }
}

static enum json_kind kind_of(char first)
{
    return first == 't' || first == 'f' ? JSON_KIND_BOOL
           : first == 'n'               ? JSON_KIND_NULL
                                        : JSON_KIND_NUMBER;
}

static bool scan_scalar(struct scan *scan)
{
    struct str raw = {0};
    bool has_escapes;
    const size_t start = scan->at;
    if (peek(scan) == '"')
        return scan_string(scan, &raw, &has_escapes) &&
               (!scan->visitor || visit_string(scan, raw, has_escapes));
    return scan_plain(scan) && (!scan->visitor || visit(scan, kind_of(scan->text.data[start]),
                                                        str_slice(scan->text, start, scan->at)));
}

/* Whether the scan now stands before a value (true) or behind one (false). */
enum position { BEFORE_VALUE, BEHIND_VALUE, FAILED };

/* A value begins: a scalar is taken whole, of a container only what leads to its first value. */
static enum position begin_value(struct scan *scan)
{
    if (++scan->tokens > LIMIT_JSON_TOKENS) {
        (void)fail(scan, JSON_TOKENS);
        return FAILED;
    }
    char opening = peek(scan);
    if (opening != '{' && opening != '[')
        return scan_scalar(scan) ? BEHIND_VALUE : FAILED;
    if (!open_container(scan, opening == '{'))
        return FAILED;
    skip_space(scan);
    if (peek(scan) == (opening == '{' ? '}' : ']'))
        return close_container(scan) ? BEHIND_VALUE : FAILED;
    if (opening == '{' && !scan_key(scan))
        return FAILED;
    return BEFORE_VALUE;
}

/* A value has ended inside a container: another one follows, or the container ends, too. */
static enum position continue_container(struct scan *scan)
{
    bool is_object = scan->containers[scan->depth - 1].is_object;
    char c = peek(scan);
    if (c == (is_object ? '}' : ']'))
        return close_container(scan) ? BEHIND_VALUE : FAILED;
    if (c != ',') {
        (void)fail(scan, JSON_SYNTAX);
        return FAILED;
    }
    scan->at++;
    skip_space(scan);
    return !is_object || scan_key(scan) ? BEFORE_VALUE : FAILED;
}

static bool scan_text(struct scan *scan)
{
    if (str_starts(scan->text, STR("\xef\xbb\xbf")))
        return fail_at(scan, JSON_BYTE_ORDER_MARK, 0);
    skip_space(scan);
    if (scan->at == scan->text.len)
        return fail_at(scan, JSON_EMPTY, scan->at);
    enum position position = BEFORE_VALUE;
    do {
        skip_space(scan);
        position = position == BEFORE_VALUE ? begin_value(scan) : continue_container(scan);
        if (position == FAILED)
            return false;
    } while (position == BEFORE_VALUE || scan->depth > 0);
    skip_space(scan);
    return scan->at == scan->text.len || fail_at(scan, JSON_TRAILING, scan->at);
}

bool json_visit(struct str text, struct arena *scratch, json_visitor *visitor, void *arg,
                struct json_fault *fault)
{
    struct scan scan; /* not zeroed as a whole: the stacks are large and filled as they grow */
    scan.text = text;
    scan.at = scan.tokens = scan.depth = scan.key_count = 0;
    scan.arena = scratch;
    scan.keys = scan.first_keys;
    scan.key_capacity = KEYS_ON_STACK;
    scan.visitor = visitor;
    scan.visitor_arg = arg;
    scan.fault = fault;
    *fault = (struct json_fault){0};
    return scan_text(&scan);
}

bool json_scan(struct str text, struct arena *scratch, struct json_fault *fault)
{
    return json_visit(text, scratch, NULL, NULL, fault);
}

/* ---- the tree ---- */

/*
 * cJSON's allocator is one for the whole process, so it is told once; where its memory comes from
 * is a matter of the thread that is parsing. Freeing is the arena's business.
 */
static _Thread_local struct {
    struct arena *arena;
    bool exhausted; /* tells a text that needs too much memory from one that cJSON dislikes */
} parsing;
static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;

static void *allocate(size_t size)
{
    void *memory = parsing.arena ? arena_alloc(parsing.arena, size) : NULL;
    parsing.exhausted |= !memory;
    return memory;
}

static void release(void *memory)
{
    (void)memory;
}

static void install_hooks(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = allocate, .free_fn = release});
}

const struct json_value *json_read(struct str text, struct arena *arena, struct json_fault *fault)
{
    if (!json_scan(text, arena, fault))
        return NULL;
    pthread_once(&hooks_once, install_hooks);
    parsing.arena = arena;
    parsing.exhausted = false;
    const cJSON *root = cJSON_ParseWithLengthOpts(text.data, text.len, NULL, 0);
    parsing.arena = NULL;
    if (!root) {
        /* Some builds of cJSON read at most 63 bytes of a number: theirs is a refusal, not ours. */
        enum json_fault_kind kind = parsing.exhausted ? JSON_MEMORY : JSON_SYNTAX;
        *fault = (struct json_fault){.kind = kind, .line = 1, .column = 1};
    }
    return (const struct json_value *)root;
}

static const cJSON *node(const struct json_value *value)
{
    return (const cJSON *)value;
}

enum json_kind json_kind(const struct json_value *value)
{
    switch (node(value)->type & 0xff) {
    case cJSON_False:
    case cJSON_True:
        return JSON_KIND_BOOL;
    case cJSON_Number:
        return JSON_KIND_NUMBER;
    case cJSON_String:
        return JSON_KIND_STRING;
    case cJSON_Array:
        return JSON_KIND_ARRAY;
    case cJSON_Object:
        return JSON_KIND_OBJECT;
    default:
        return JSON_KIND_NULL;
    }
}

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = {
        [JSON_KIND_NULL] = "null",       [JSON_KIND_BOOL] = "a boolean",
        [JSON_KIND_NUMBER] = "a number", [JSON_KIND_STRING] = "a string",
        [JSON_KIND_ARRAY] = "an array",  [JSON_KIND_OBJECT] = "an object",
    };
    return names[kind];
}

const struct json_value *json_member(const struct json_value *value, struct str key)
{
    char first = key.len ? key.data[0] : '\0'; /* in which most keys differ */
    for (const cJSON *each = node(value)->child; each; each = each->next) {
        if (each->string[0] == first && strncmp(each->string, key.data, key.len) == 0 &&
            !each->string[key.len])
            return (const struct json_value *)each;
    }
    return NULL;
}

const struct json_value *json_first(const struct json_value *value)
{
    return (const struct json_value *)node(value)->child;
}

const struct json_value *json_next(const struct json_value *value)
{
    return (const struct json_value *)node(value)->next;
}

size_t json_count(const struct json_value *value)
{
    size_t count = 0;
    for (const cJSON *each = node(value)->child; each; each = each->next)
        count++;
    return count;
}

struct str json_key(const struct json_value *member)
{
    return str_from(node(member)->string);
}

struct str json_string(const struct json_value *value)
{
    return str_from(node(value)->valuestring);
}

bool json_bool(const struct json_value *value)
{
    return (node(value)->type & 0xff) == cJSON_True;
}

double json_number(const struct json_value *value)
{
    return node(value)->valuedouble;
}
