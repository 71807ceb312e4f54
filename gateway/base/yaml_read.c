#include "base/yaml_read.h"

#include <yaml.h>

#include "base/limits.h"
#include "base/strset.h"

struct reader {
    yaml_parser_t parser;
    const char *file;
    struct arena *arena;
    struct error *err;
    size_t nodes;
    size_t depth;
};

static bool fail(struct reader *r, const yaml_mark_t *mark, const char *sentence)
{
    return error_at(r->err, r->file, mark->line + 1, mark->column + 1, "%s", sentence);
}

/* The next event. The caller deletes it; there is none to delete when the answer is false. */
static bool next_event(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return true;
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_READER_ERROR)
        return error_at(r->err, r->file, 1, 1, "the file is not valid UTF-8 (%s at byte %zu)",
                        p->problem ? p->problem : "unreadable", p->problem_offset);
    return error_at(r->err, r->file, p->problem_mark.line + 1, p->problem_mark.column + 1,
                    "this is not YAML: %s", p->problem ? p->problem : "out of memory");
}

static struct yaml_node *node_new(struct reader *r, enum yaml_kind kind, const yaml_mark_t *mark)
{
    struct yaml_node *node = arena_zalloc(r->arena, 1, sizeof(*node));
    if (!node || ++r->nodes > LIMIT_YAML_NODES) {
        (void)fail(r, mark, "the file holds more than the gateway will read");
        return NULL;
    }
    *node = (struct yaml_node){
        .kind = kind, .file = r->file, .line = mark->line + 1, .column = mark->column + 1};
    return node;
}

/* Anchors and tags give a text a meaning that its reader cannot see where it stands. */
static bool refuse_extras(struct reader *r, const yaml_event_t *event, const void *anchor,
                          const void *tag)
{
    if (anchor)
        return fail(r, &event->start_mark, "anchors (&name) are not supported; write it out");
    if (tag)
        return fail(r, &event->start_mark, "tags (!name) are not supported; remove it");
    return true;
}

static struct yaml_node *read_scalar(struct reader *r, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (!refuse_extras(r, event, event->data.scalar.anchor, event->data.scalar.tag))
        return NULL;
    if (memchr(text, '\0', length)) {
        (void)fail(r, &event->start_mark, "a text must not hold a NUL character");
        return NULL;
    }
    struct yaml_node *node = node_new(r, YAML_SCALAR, &event->start_mark);
    if (!node)
        return NULL;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = arena_copy(r->arena, (struct str){text, length});
    if (node->text.data)
        return node;
    (void)fail(r, &event->start_mark, "out of memory");
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
    if (!strset_init(&seen, r->arena, mapping->count))
        return error_set(r->err, "%s: out of memory", r->file);
    for (const struct yaml_node *each = mapping->first; each; each = each->next) {
        if (strset_add(&seen, each->key, each) == STRSET_ADDED)
            continue;
        const struct yaml_node *before = strset_get(&seen, each->key);
        return yaml_key_error(each, r->err,
                              "the key '%.*s' is here a second time; it is also in "
                              "line %zu",
                              STR_ARGS(each->key), before ? before->key_line : 0);
    }
    return true;
}

static bool read_mapping(struct reader *r, struct yaml_node *mapping)
{
    struct yaml_node *last = NULL, *key, *value;
    bool ended;
    while ((key = read_next(r, YAML_MAPPING_END_EVENT, &ended))) {
        if (key->kind != YAML_SCALAR)
            return yaml_error(key, r->err, "a key must be a plain text");
        bool value_ended;
        value = read_next(r, YAML_NO_EVENT, &value_ended);
        if (!value)
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

const struct yaml_node *yaml_read(const char *file, struct str text, struct arena *arena,
                                  struct error *err)
{
    struct reader reader = {.file = file, .arena = arena, .err = err};
    if (text.len > LIMIT_YAML_BYTES) {
        error_at(err, file, 1, 1, "the file is larger than %d MiB", LIMIT_YAML_BYTES >> 20);
        return NULL;
    }
    if (!yaml_parser_initialize(&reader.parser)) {
        error_set(err, "%s: out of memory", file);
        return NULL;
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.data, text.len);
    const struct yaml_node *root = read_document(&reader);
    yaml_parser_delete(&reader.parser);
    return root;
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
