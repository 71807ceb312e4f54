/*
 * Reads YAML strictly into a tree whose every node knows its place.
 *
 * One document of UTF-8; duplicate keys, anchors, aliases, tags, empty and non-scalar keys are
 * errors, because each of them has led readers and parsers of configuration to different meanings.
 * Nothing is guessed from a text's look: `no` is a text, 1e3 is a text, and `<<` is a key like any
 * other. JSON is YAML too. yaml_read.c is the only file that knows libyaml. Pure: the caller reads
 * the file.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    bool quoted;                 /* a scalar written in quotes: never a number, a bool or null */
    struct str text;             /* a scalar's content; NUL-terminated for convenience */
    struct str key;              /* when this node is a mapping's value: its key */
    const char *file;            /* as given to yaml_read; for messages */
    size_t line, column;         /* of the value, from 1 */
    size_t key_line, key_column; /* of the key, from 1; 0 when there is none */
    struct yaml_node *first;     /* elements, or values of a mapping, in document order */
    struct yaml_node *next;      /* the sibling behind this one */
    size_t count;                /* children */
};

/*
 * The tree of `text`, in `arena`; NULL with `err` naming file, line, column and remedy.
 * `file` is used in messages and must live as long as the tree. An empty document is an error.
 */
MUST_USE const struct yaml_node *yaml_read(const char *file, struct str text, struct arena *arena,
                                           struct error *err);

/* True when nothing was written where a value could stand, or an unquoted ~ or null. */
bool yaml_is_null(const struct yaml_node *node);

/* The value under `key` of a mapping, or NULL. Walks the mapping. */
const struct yaml_node *yaml_member(const struct yaml_node *mapping, struct str key);

/* error_at() the place of a node's value; returns false. */
bool yaml_error(const struct yaml_node *node, struct error *err, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* error_at() the place of a node's key; returns false. */
bool yaml_key_error(const struct yaml_node *node, struct error *err, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* "a mapping", "a list", "a text" for sentences. */
const char *yaml_kind_name(enum yaml_kind kind);
