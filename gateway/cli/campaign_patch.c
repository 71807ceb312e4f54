/*
 * Both languages are copied into one tree that may be changed, and that is written out.
 */
#include "cli/campaign_patch.h"

#include <math.h>

#include "base/json_write.h"
#include "base/limits.h"
#include "campaign/encoding.h"

struct node {
    enum json_kind kind;
    struct str key;  /* of a member */
    struct str text; /* of a string or a number */
    bool truth;      /* of a boolean */
    struct node *first, *next;
};

struct patcher {
    struct arena *arena;
    const struct yaml_node *change; /* the one being made, for sentences */
    struct error *err;
};

static bool fail(struct patcher *p, const char *sentence)
{
    return yaml_key_error(p->change, p->err, "%s", sentence);
}

static bool out_of_memory(struct patcher *p)
{
    return error_set(p->err, "out of memory while changing a campaign");
}

static struct node *node_new(struct patcher *p, enum json_kind kind)
{
    struct node *node = arena_zalloc(p->arena, 1, sizeof(*node));
    if (node)
        node->kind = kind;
    else
        (void)out_of_memory(p);
    return node;
}

/* ---- JSON and YAML into nodes ---- */

/* Beyond this whole numbers are not exact in a double. */
#define EXACT 9007199254740992.0

static struct str number_text(struct patcher *p, double number)
{
    if (isinf(number))
        return number > 0 ? STR("1e999") : STR("-1e999"); /* as it must have been written */
    bool is_whole = number >= -EXACT && number <= EXACT && (double)(int64_t)number == number;
    return is_whole ? arena_format(p->arena, "%lld", (long long)number)
                    : arena_format(p->arena, "%.17g", number);
}

/* Bounded by LIMIT_JSON_DEPTH. */
static struct node *from_json(struct patcher *p, const struct json_value *value)
{
    struct node *node = node_new(p, json_kind(value));
    if (!node)
        return NULL;
    if (node->kind == JSON_KIND_STRING)
        node->text = json_string(value);
    else if (node->kind == JSON_KIND_NUMBER)
        node->text = number_text(p, json_number(value));
    else if (node->kind == JSON_KIND_BOOL)
        node->truth = json_bool(value);
    if (node->kind != JSON_KIND_OBJECT && node->kind != JSON_KIND_ARRAY)
        return node;
    struct node **end = &node->first;
    for (const struct json_value *each = json_first(value); each; each = json_next(each)) {
        if (!(*end = from_json(p, each)))
            return NULL;
        if (node->kind == JSON_KIND_OBJECT)
            (*end)->key = json_key(each);
        end = &(*end)->next;
    }
    return node;
}

static bool is_number(struct patcher *p, struct str text)
{
    struct json_fault fault;
    bool begins =
        text.len > 0 && (text.data[0] == '-' || (text.data[0] >= '0' && text.data[0] <= '9'));
    return begins && json_scan(text, p->arena, &fault);
}

static struct node *from_scalar(struct patcher *p, const struct yaml_node *yaml)
{
    bool yes = str_equal(yaml->text, STR("true"));
    enum json_kind kind = JSON_KIND_STRING;
    if (yaml_is_null(yaml))
        kind = JSON_KIND_NULL;
    else if (!yaml->quoted && (yes || str_equal(yaml->text, STR("false"))))
        kind = JSON_KIND_BOOL;
    else if (!yaml->quoted && is_number(p, yaml->text))
        kind = JSON_KIND_NUMBER;
    struct node *node = node_new(p, kind);
    if (!node)
        return NULL;
    node->text = yaml->text;
    node->truth = yes;
    return node;
}

/* Bounded by LIMIT_YAML_DEPTH. */
static struct node *from_yaml(struct patcher *p, const struct yaml_node *yaml)
{
    if (yaml->kind == YAML_SCALAR)
        return from_scalar(p, yaml);
    bool is_object = yaml->kind == YAML_MAPPING;
    struct node *node = node_new(p, is_object ? JSON_KIND_OBJECT : JSON_KIND_ARRAY);
    struct node **end = node ? &node->first : NULL;
    for (const struct yaml_node *each = yaml->first; node && each; each = each->next) {
        if (!(*end = from_yaml(p, each)))
            return NULL;
        (*end)->key = each->key;
        end = &(*end)->next;
    }
    return node;
}

/* ---- pointers ---- */

/* The next token of a pointer, with ~1 and ~0 undone (RFC 6901 4). */
static bool next_token(struct patcher *p, struct str *pointer, struct str *ret)
{
    struct str raw, rest;
    bool more = str_cut(str_slice(*pointer, 1, pointer->len), '/', &raw, &rest);
    char *text = arena_alloc(p->arena, raw.len + 1);
    size_t len = 0;
    if (!text)
        return out_of_memory(p);
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.data[i];
        if (c == '~' && (i + 1 == raw.len || (raw.data[i + 1] != '0' && raw.data[i + 1] != '1')))
            return fail(p, "in a JSON pointer ~ is written ~0, and ~1 stands for /");
        text[len++] = c != '~' ? c : raw.data[++i] == '0' ? '~' : '/';
    }
    *ret = (struct str){text, len};
    *pointer = more ? (struct str){rest.data - 1, rest.len + 1} : (struct str){0};
    return true;
}

/* Says why there is no such place; the answer of those who look for one. */
static struct node **nowhere(bool said)
{
    (void)said;
    return NULL;
}

/* An index of an array (RFC 6901 4: without leading zeros), its length, or "-" for the latter. */
static struct node **find_element(struct patcher *p, struct node *array, struct str token)
{
    uint64_t index = UINT64_MAX;
    bool appends = str_equal(token, STR("-"));
    bool padded = token.len > 1 && token.data[0] == '0';
    if (!appends && (padded || !str_to_u64(token, &index)))
        return nowhere(yaml_key_error(p->change, p->err,
                                      "'%.*s' is not a place in a list: write 0 for its first "
                                      "element, or - to append",
                                      SHOW_ARGS(token)));
    struct node **at = &array->first;
    uint64_t count = 0;
    for (; *at && count < index; count++)
        at = &(*at)->next;
    return appends || count == index
               ? at
               : nowhere(yaml_key_error(p->change, p->err,
                                        "the list has %llu elements only; write - to append",
                                        (unsigned long long)count));
}

static struct node **find_member(struct node *object, struct str token)
{
    struct node **at = &object->first;
    while (*at && !str_equal((*at)->key, token))
        at = &(*at)->next;
    return at;
}

/* The link where the child stands, or would be appended; NULL with a sentence. */
static struct node **find_child(struct patcher *p, struct node *parent, struct str token)
{
    if (parent->kind == JSON_KIND_ARRAY)
        return find_element(p, parent, token);
    if (parent->kind == JSON_KIND_OBJECT)
        return find_member(parent, token);
    return nowhere(yaml_key_error(p->change, p->err,
                                  "there is nothing below %s; replace it with a mapping or a list",
                                  json_kind_name(parent->kind)));
}

/* A list when its first element is what comes next, a mapping otherwise. */
static bool make_parent(struct patcher *p, struct node **link, struct str key, struct str token)
{
    bool is_list = str_equal(token, STR("-")) || str_equal(token, STR("0"));
    *link = node_new(p, is_list ? JSON_KIND_ARRAY : JSON_KIND_OBJECT);
    if (*link)
        (*link)->key = key;
    return *link != NULL;
}

/* What stands at the pointer, or would; with `make`, what is missing on the way is made. */
static struct node **find_link(struct patcher *p, struct node **root, bool make,
                               struct str *ret_key)
{
    struct str pointer = p->change->key, token = {0};
    struct node **link = root;
    if (pointer.len > 0 && pointer.data[0] != '/')
        return nowhere(fail(p, "this is not a JSON pointer: it begins with /, such as /priority"));
    while (link && pointer.len > 0) {
        struct str previous = token;
        if (!next_token(p, &pointer, &token))
            return NULL;
        if (!*link && !make)
            return nowhere(fail(p, "there is nothing to remove"));
        if (!*link && !make_parent(p, link, previous, token))
            return NULL;
        link = find_child(p, *link, token);
    }
    *ret_key = token;
    return link;
}

/* ---- changes ---- */

static bool remove_value(struct patcher *p, struct node **root)
{
    struct str key;
    struct node **link = find_link(p, root, false, &key);
    if (!link)
        return false;
    if (!*link)
        return fail(p, "there is nothing to remove");
    if (link == root)
        return fail(p, "the whole body cannot be removed");
    *link = (*link)->next;
    return true;
}

static bool put_value(struct patcher *p, struct node **root)
{
    struct str key;
    struct node **link = find_link(p, root, true, &key);
    struct node *node = link ? from_yaml(p, p->change) : NULL;
    if (!node)
        return false;
    node->key = key;
    node->next = *link ? (*link)->next : NULL;
    *link = node;
    return true;
}

static bool change(struct patcher *p, struct node **root, const struct yaml_node *yaml)
{
    p->change = yaml;
    return yaml_is_null(yaml) ? remove_value(p, root) : put_value(p, root);
}

/* The message in clear is a change like any other, of the encoded text. */
static bool change_message(struct patcher *p, struct node **root, const struct yaml_node *message)
{
    struct yaml_node encoded = *message;
    encoded.quoted = true;
    encoded.key = STR("/message/message");
    encoded.text = message_encode(message->text, p->arena);
    return encoded.text.data ? change(p, root, &encoded) : out_of_memory(p);
}

/* ---- nodes into JSON ---- */

static void write_node(struct json_writer *w, const struct node *node)
{
    switch (node->kind) {
    case JSON_KIND_NULL:
        json_put_null(w, NULL);
        return;
    case JSON_KIND_BOOL:
        json_put_bool(w, NULL, node->truth);
        return;
    case JSON_KIND_NUMBER:
        json_put_number(w, NULL, node->text);
        return;
    case JSON_KIND_STRING:
        json_put_str(w, NULL, node->text);
        return;
    case JSON_KIND_ARRAY:
        json_open_array_at(w, NULL);
        for (const struct node *each = node->first; each; each = each->next)
            write_node(w, each);
        json_close_array(w);
        return;
    case JSON_KIND_OBJECT:
        json_open_object(w);
        for (const struct node *each = node->first; each; each = each->next) {
            json_put_key(w, each->key);
            write_node(w, each);
        }
        json_close_object(w);
    }
}

static bool write_tree(struct patcher *p, const struct node *root, struct str *ret)
{
    struct buf out;
    buf_init(&out, LIMIT_BODY_CONFIGURABLE);
    struct json_writer w = json_writer(&out);
    write_node(&w, root);
    struct str copy = out.failed ? (struct str){0} : arena_copy(p->arena, buf_str(&out));
    buf_release(&out);
    if (!copy.data)
        return error_set(p->err, "a campaign has become larger than %d bytes",
                         LIMIT_BODY_CONFIGURABLE);
    *ret = copy;
    return true;
}

bool campaign_patch(const struct json_value *base, const struct yaml_node *message,
                    const struct yaml_node *changes, struct arena *arena, struct str *ret,
                    struct error *err)
{
    struct patcher p = {arena, NULL, err};
    struct node *root = from_json(&p, base);
    if (!root || (message && !change_message(&p, &root, message)))
        return false;
    for (const struct yaml_node *each = changes ? changes->first : NULL; each; each = each->next) {
        if (!change(&p, &root, each))
            return false;
    }
    return write_tree(&p, root, ret);
}
