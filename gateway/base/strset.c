#include "base/strset.h"

/* FNV-1a with a final mix: the lists are trusted, so an attacker cannot choose what collides. */
static uint64_t hash_of(struct str key)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (uint8_t)key.data[i]) * 0x100000001b3u;
    return hash ^ (hash >> 32);
}

bool strset_init(struct strset *set, struct arena *arena, size_t expected)
{
    *set = (struct strset){0};
    if (expected == 0)
        return true;
    size_t capacity = 8;
    while (capacity < expected * 2)
        capacity *= 2;
    set->slots = arena_zalloc(arena, capacity, sizeof(*set->slots));
    if (!set->slots)
        return false;
    set->capacity = capacity;
    return true;
}

/* The slot that holds the key, or the free one where it belongs. */
static struct strset_slot *slot_for(const struct strset *set, struct str key, uint64_t hash)
{
    size_t mask = set->capacity - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct strset_slot *slot = &set->slots[i];
        if (!slot->key.data || (slot->hash == hash && str_equal(slot->key, key)))
            return slot;
    }
}

enum strset_added strset_add(struct strset *set, struct str key, const void *value)
{
    if (set->count * 2 >= set->capacity)
        return STRSET_FULL;
    uint64_t hash = hash_of(key);
    struct strset_slot *slot = slot_for(set, key, hash);
    if (slot->key.data)
        return STRSET_PRESENT;
    *slot = (struct strset_slot){key.data ? key : STR(""), value, hash};
    set->count++;
    return STRSET_ADDED;
}

static const struct strset_slot *find(const struct strset *set, struct str key)
{
    if (set->count == 0)
        return NULL;
    const struct strset_slot *slot = slot_for(set, key, hash_of(key));
    return slot->key.data ? slot : NULL;
}

bool strset_has(const struct strset *set, struct str key)
{
    return find(set, key) != NULL;
}

const void *strset_get(const struct strset *set, struct str key)
{
    const struct strset_slot *slot = find(set, key);
    return slot ? slot->value : NULL;
}
