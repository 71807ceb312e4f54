/*
 *     text -> libyaml's events -> tree of struct yaml_node in the caller's arena
 *
 * libyaml decides what is YAML; this file decides what of YAML is allowed, and where to point when
 * it is not. Recursion follows the nesting and is bounded by LIMIT_YAML_DEPTH. Each event lives in
 * one function, which deletes it on every path.
 */
#include "base/yaml_read.h"

#include <yaml.h>

#include "base/limits.h"
#include "base/strset.h"

struct reader {
    yaml_parser_t parser;
    const char *file;
    struct str text;
    struct arena *arena;
    struct arena scratch; /* for finding duplicate keys; empty between mappings */
    struct error *err;
    size_t nodes;
    size_t depth;
};

/* ---- saying no ---- */

static bool fail(struct reader *r, const yaml_mark_t *mark, const char *sentence)
{
    return error_at(r->err, r->file, mark->line + 1, mark->column + 1, "%s", sentence);
}

/* As fail(), for a place that is known by its offset only. */
static bool fail_at_byte(struct reader *r, size_t offset, const char *sentence)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < offset && i < r->text.len; i++) {
        bool first_of_character = ((unsigned char)r->text.data[i] & 0xc0) != 0x80;
        column += first_of_character;
        if (r->text.data[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return error_at(r->err, r->file, line, column, "%s", sentence);
}

/*
 * What libyaml finds, and what the author most likely has to change. Where the mistake is that
 * something was not closed, it is noticed late: the third column leads back to where that begins.
 */
static const struct remedy {
    const char *problem, *remedy, *begins;
} remedies[] = {
    {"found character that cannot start any token",
     "indent with spaces, not tabs, and put a text that begins with @, ` or % in quotes", NULL},
    {"mapping values are not allowed in this context",
     "check the indentation, and put a text that holds ': ' in quotes", NULL},
    {"found a tab character that violates indentation", "indent with spaces, not tabs", NULL},
    {"did not find expected alphabetic or numeric character",
     "put a text that begins with * or & in quotes, such as \"*\"", NULL},
    {"did not find expected key", "check the quotes around texts and the indentation of the block",
     "that begins"},
    {"could not find expected ':'", "write ':' and a space behind the key", NULL},
    {"did not find expected ',' or ']'", "separate with commas and close the bracket",
     "that opens"},
    {"did not find expected ',' or '}'", "separate with commas and close the brace", "that opens"},
    {"did not find expected '-' indicator", "check the indentation of the list", "that begins"},
    {"found unexpected end of stream", "close the quotes", "that open"},
    {"did not find expected <document start>", "check the indentation", NULL},
};

static struct remedy remedy_for(const char *problem)
{
    for (size_t i = 0; i < COUNT_OF(remedies); i++) {
        if (strcmp(problem, remedies[i].problem) == 0)
            return remedies[i];
    }
    return (struct remedy){problem, "put texts with special characters in quotes", NULL};
}

static bool fail_as_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    struct remedy remedy = remedy_for(p->problem ? p->problem : "");
    if (!remedy.begins || !p->context)
        return error_at(r->err, r->file, p->problem_mark.line + 1, p->problem_mark.column + 1,
                        "this is not YAML: %s; %s", remedy.problem, remedy.remedy);
    return error_at(r->err, r->file, p->problem_mark.line + 1, p->problem_mark.column + 1,
                    "this is not YAML: %s; %s %s in line %zu", remedy.problem, remedy.remedy,
                    remedy.begins, p->context_mark.line + 1);
}

static bool fail_as_libyaml(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "";
    if (p->error == YAML_MEMORY_ERROR)
        return error_set(r->err, "%s: out of memory", r->file);
    if (p->error != YAML_READER_ERROR)
        return fail_as_syntax(r);
    bool control = strstr(problem, "control characters") != NULL;
    return fail_at_byte(r, p->problem_offset,
                        control ? "a control character is here; remove it"
                                : "this is not UTF-8; save the file in that encoding");
}

/* ---- nodes ---- */

/* The next event. The caller deletes it; there is none to delete when the answer is false. */
static bool next_event(struct reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) || fail_as_libyaml(r);
}

static struct yaml_node *node_new(struct reader *r, enum yaml_kind kind, const yaml_mark_t *mark)
{
    struct yaml_node *node = NULL;
    if (r->nodes++ == LIMIT_YAML_NODES)
        (void)fail(r, mark, "the file holds too many values; split it");
    else if (!(node = arena_alloc(r->arena, sizeof(*node))))
        (void)fail(r, mark, "reading on needs more memory than the gateway gives it");
    else
        *node = (struct yaml_node){
            .kind = kind, .file = r->file, .line = mark->line + 1, .column = mark->column + 1};
    return node;
}

/*
 * Anchors and tags give a text a meaning that its reader cannot see where it stands. "!", the
 * non-specific tag, asks for nothing we do not do anyway.
 */
static bool refuse_extras(struct reader *r, const yaml_event_t *event, const yaml_char_t *anchor,
                          const yaml_char_t *tag)
{
    if (anchor)
        return fail(r, &event->start_mark, "anchors (&name) are not supported; write it out");
    if (tag && strcmp((const char *)tag, "!") != 0)
        return fail(r, &event->start_mark, "tags (!name) are not supported; remove it");
    return true;
}

static struct yaml_node *read_scalar(struct reader *r, const yaml_event_t *event)
{
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    if (!refuse_extras(r, event, event->data.scalar.anchor, event->data.scalar.tag))
        return NULL;
    if (str_find(text, '\0') < text.len) {
        (void)fail(r, &event->start_mark, "a text must not hold a NUL character");
        return NULL;
    }
    struct yaml_node *node = node_new(r, YAML_SCALAR, &event->start_mark);
    if (!node)
        return NULL;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = arena_copy(r->arena, text);
    if (node->text.data)
        return node;
    (void)fail(r, &event->start_mark, "this text needs more memory than the gateway gives it");
    return NULL;
}

static struct yaml_node *read_node(struct reader *r, const yaml_event_t *event);

/* One event and the node it begins; NULL at the end of the collection (*ended) or on an error. */
static struct yaml_node *read_next(struct reader *r, yaml_event_type_t end, bool *ended)
{
    yaml_event_t event;
    *ended = false;
    if (!next_event(r, &event))
        return NULL;
    *ended = event.type == end;
    struct yaml_node *node = *ended ? NULL : read_node(r, &event);
    yaml_event_delete(&event);
    return node;
}

/* ---- collections ---- */

static void append(struct yaml_node *parent, struct yaml_node **last, struct yaml_node *child)
{
    if (*last)
        (*last)->next = child;
    else
        parent->first = child;
    *last = child;
    parent->count++;
}

static bool read_sequence(struct reader *r, struct yaml_node *sequence)
{
    struct yaml_node *last = NULL, *child;
    bool ended;
    while ((child = read_next(r, YAML_SEQUENCE_END_EVENT, &ended)))
        append(sequence, &last, child);
    return ended;
}

/* The same key twice: which of them counts is anybody's guess, so neither does. */
static bool check_keys(struct reader *r, const struct yaml_node *mapping)
{
    struct strset seen;
    if (!strset_init(&seen, &r->scratch, mapping->count))
        return error_set(r->err, "%s: out of memory", r->file);
    for (const struct yaml_node *each = mapping->first; each; each = each->next) {
        if (strset_add(&seen, each->key, each) == STRSET_ADDED)
            continue;
        const struct yaml_node *before = strset_get(&seen, each->key);
        return yaml_key_error(each, r->err,
                              "the key '%.*s' is here a second time; it is also in line %zu",
                              SHOW_ARGS(each->key), before->key_line);
    }
    arena_reset(&r->scratch);
    return true;
}

static bool check_key(struct reader *r, const struct yaml_node *key)
{
    if (key->kind != YAML_SCALAR)
        return yaml_error(key, r->err, "a key must be a plain text");
    if (yaml_is_null(key))
        return yaml_error(key, r->err, "a key is missing here; write one in front of the ':'");
    return true;
}

static bool read_mapping(struct reader *r, struct yaml_node *mapping)
{
    struct yaml_node *last = NULL, *key, *value;
    bool ended, value_ended;
    while ((key = read_next(r, YAML_MAPPING_END_EVENT, &ended))) {
        if (!check_key(r, key) || !(value = read_next(r, YAML_NO_EVENT, &value_ended)))
            return false;
        value->key = key->text;
        value->key_line = key->line;
        value->key_column = key->column;
        append(mapping, &last, value);
    }
    return ended && check_keys(r, mapping);
}

static struct yaml_node *read_collection(struct reader *r, const yaml_event_t *event,
                                         enum yaml_kind kind)
{
    if (r->depth == LIMIT_YAML_DEPTH) {
        (void)fail(r, &event->start_mark, "this is nested too deeply");
        return NULL;
    }
    struct yaml_node *node = node_new(r, kind, &event->start_mark);
    r->depth++;
    bool fine = node && (kind == YAML_SEQUENCE ? read_sequence(r, node) : read_mapping(r, node));
    r->depth--;
    return fine ? node : NULL;
}

static struct yaml_node *read_node(struct reader *r, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(r, event);
    case YAML_SEQUENCE_START_EVENT:
        if (!refuse_extras(r, event, event->data.sequence_start.anchor,
                           event->data.sequence_start.tag))
            return NULL;
        return read_collection(r, event, YAML_SEQUENCE);
    case YAML_MAPPING_START_EVENT:
        if (!refuse_extras(r, event, event->data.mapping_start.anchor,
                           event->data.mapping_start.tag))
            return NULL;
        return read_collection(r, event, YAML_MAPPING);
    case YAML_ALIAS_EVENT:
        (void)fail(r, &event->start_mark, "aliases (*name) are not supported; write it out");
        return NULL;
    default:
        (void)fail(r, &event->start_mark, "the document is empty");
        return NULL;
    }
}

/* ---- the document ---- */

/* Reads one event and demands its type. */
static bool expect(struct reader *r, yaml_event_type_t type, const char *otherwise)
{
    yaml_event_t event;
    if (!next_event(r, &event))
        return false;
    bool fine = event.type == type;
    if (!fine)
        (void)fail(r, &event.start_mark, otherwise);
    yaml_event_delete(&event);
    return fine;
}

static const struct yaml_node *read_document(struct reader *r)
{
    bool ended;
    if (!expect(r, YAML_STREAM_START_EVENT, "this is not YAML") ||
        !expect(r, YAML_DOCUMENT_START_EVENT, "the file is empty"))
        return NULL;
    const struct yaml_node *root = read_next(r, YAML_NO_EVENT, &ended);
    if (!root || !expect(r, YAML_DOCUMENT_END_EVENT, "the document does not end here") ||
        !expect(r, YAML_STREAM_END_EVENT, "a second document begins here; one file holds one"))
        return NULL;
    return root;
}

/* libyaml is told that the text is UTF-8, so that no byte order mark can change how it is read. */
static bool start(struct reader *r, struct str text)
{
    if (text.len > LIMIT_YAML_BYTES)
        return error_at(r->err, r->file, 1, 1, "the file is larger than %d MiB; split it",
                        LIMIT_YAML_BYTES >> 20);
    if (str_starts(text, STR("\xff\xfe")) || str_starts(text, STR("\xfe\xff")))
        return error_at(r->err, r->file, 1, 1, "the file is in UTF-16; save it as UTF-8");
    if (!yaml_parser_initialize(&r->parser))
        return error_set(r->err, "%s: out of memory", r->file);
    /* what some editors put in front of UTF-8; left in, it would shift the first line's columns */
    r->text = str_starts(text, STR("\xef\xbb\xbf")) ? str_slice(text, 3, text.len) : text;
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text.data, r->text.len);
    return true;
}

const struct yaml_node *yaml_read(const char *file, struct str text, struct arena *arena,
                                  struct error *err)
{
    struct reader reader = {.file = file, .arena = arena, .err = err};
    if (!start(&reader, text))
        return NULL;
    arena_init(&reader.scratch, arena->max_bytes);
    const struct yaml_node *root = read_document(&reader);
    arena_release(&reader.scratch);
    yaml_parser_delete(&reader.parser);
    return root;
}

/* ---- the tree ---- */

bool yaml_is_null(const struct yaml_node *node)
{
    static const char *const spellings[] = {"", "~", "null", "Null", "NULL"};
    if (node->kind != YAML_SCALAR || node->quoted)
        return false;
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        if (str_equal(node->text, str_from(spellings[i])))
            return true;
    }
    return false;
}

const struct yaml_node *yaml_member(const struct yaml_node *mapping, struct str key)
{
    for (const struct yaml_node *each = mapping->first; each; each = each->next) {
        if (str_equal(each->key, key))
            return each;
    }
    return NULL;
}

bool yaml_error(const struct yaml_node *node, struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)error_vat(err, node->file, node->line, node->column, format, args);
    va_end(args);
    return false;
}

bool yaml_key_error(const struct yaml_node *node, struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)error_vat(err, node->file, node->key_line, node->key_column, format, args);
    va_end(args);
    return false;
}

const char *yaml_kind_name(enum yaml_kind kind)
{
    static const char *const names[] = {"a text", "a list", "a mapping"};
    return names[kind];
}
