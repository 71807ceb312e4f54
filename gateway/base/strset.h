/*
 * An immutable hash set of strings, with a value beside each: 10 or 100,000 members cost the same.
 *
 * Built once from trusted lists (policy files), then only read; safe on any thread after building.
 * The memory is the arena's. Keys are compared byte by byte.
 */
#pragma once

#include "base/arena.h"

struct strset_slot {
    struct str key;
    const void *value;
    uint64_t hash;
};

struct strset {
    struct strset_slot *slots;
    size_t capacity; /* a power of two, or 0 for the empty set */
    size_t count;
};

/* An empty set with room for `expected` members. False when the arena is full. */
MUST_USE bool strset_init(struct strset *set, struct arena *arena, size_t expected);

enum strset_added { STRSET_ADDED, STRSET_PRESENT, STRSET_FULL };

/* Adds a key (not copied) with its value. FULL: more keys than were expected. */
MUST_USE enum strset_added strset_add(struct strset *set, struct str key, const void *value);

bool strset_has(const struct strset *set, struct str key);

/* The value added with the key, or NULL. */
const void *strset_get(const struct strset *set, struct str key);
