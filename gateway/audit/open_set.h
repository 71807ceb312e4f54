/*
 * The decisions that have no outcome yet: what was allowed, and nobody knows what became of it.
 * Not thread-safe.
 */
#pragma once

#include "base/id.h"
#include "base/str.h"

struct open_id {
    char text[ID_SIZE]; /* empty: the place is free */
    bool former;        /* of a former run, or given up: no request under way will close it */
};

struct open_set {
    struct open_id *places; /* a hash table, at most half full */
    size_t capacity;        /* a power of two, or 0 */
    size_t count;
    size_t former_count;
};

/* Room for `extra` more, so that open_set_add cannot fail. False when memory is out. */
MUST_USE bool open_set_reserve(struct open_set *set, size_t extra);

/* Adds an id for which room was reserved. Ids that are there already, empty or too long to be one
 * of ours are ignored. */
void open_set_add(struct open_set *set, struct str id, bool former);

/* No request under way will close it any more. */
void open_set_give_up(struct open_set *set, struct str id);

/* Forgets an id, if it is there. */
void open_set_remove(struct open_set *set, struct str id);

MUST_USE bool open_set_has(const struct open_set *set, struct str id);
MUST_USE bool open_set_is_given_up(const struct open_set *set, struct str id);

void open_set_release(struct open_set *set);
