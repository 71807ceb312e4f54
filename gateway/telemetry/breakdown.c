#include "telemetry/breakdown.h"

#include <stdbool.h>
#include <string.h>

#define LIMIT_USED (BREAKDOWN_SLOTS * 3 / 4)

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* ---- while counting: by address ---- */

static uint64_t hash_of_addresses(const char *const labels[BREAKDOWN_LABELS])
{
    uint64_t hash = 0;
    for (size_t i = 0; i < BREAKDOWN_LABELS; i++)
        hash = mix(hash, (uintptr_t)labels[i]);
    return hash;
}

static bool same_addresses(const char *const a[BREAKDOWN_LABELS],
                           const char *const b[BREAKDOWN_LABELS])
{
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

/* ---- while adding up: by text ---- */

static uint64_t hash_of_texts(const char *const labels[BREAKDOWN_LABELS])
{
    uint64_t hash = 0;
    for (size_t i = 0; i < BREAKDOWN_LABELS; i++) {
        for (const char *text = labels[i]; text && *text; text++)
            hash = mix(hash, (unsigned char)*text);
        hash = mix(hash, 256);
    }
    return hash;
}

static bool same_texts(const char *const a[BREAKDOWN_LABELS], const char *const b[BREAKDOWN_LABELS])
{
    for (size_t i = 0; i < BREAKDOWN_LABELS; i++) {
        if (a[i] != b[i] && (!a[i] || !b[i] || strcmp(a[i], b[i]) != 0))
            return false;
    }
    return true;
}

/* ---- both ---- */

/* Where these labels are counted, or will be; `other` when there is no room for more. */
static atomic_uint_fast64_t *
find(struct breakdown *breakdown, uint64_t hash, const char *const labels[BREAKDOWN_LABELS],
     bool (*same)(const char *const a[BREAKDOWN_LABELS], const char *const b[BREAKDOWN_LABELS]))
{
    size_t i = hash % BREAKDOWN_SLOTS;
    while (atomic_load_explicit(&breakdown->slots[i].count, memory_order_relaxed) != 0) {
        if (same(breakdown->slots[i].labels, labels))
            return &breakdown->slots[i].count;
        i = (i + 1) % BREAKDOWN_SLOTS;
    }
    if (breakdown->used == LIMIT_USED)
        return &breakdown->other;
    breakdown->used++;
    memcpy(breakdown->slots[i].labels, labels, sizeof(breakdown->slots[i].labels));
    return &breakdown->slots[i].count;
}

/* Whoever sees the count sees the labels. */
static void add(atomic_uint_fast64_t *count, uint64_t value)
{
    atomic_fetch_add_explicit(count, value, memory_order_release);
}

void breakdown_count(struct breakdown *breakdown, const char *const labels[BREAKDOWN_LABELS])
{
    add(find(breakdown, hash_of_addresses(labels), labels, same_addresses), 1);
}

void breakdown_add(struct breakdown *into, const struct breakdown *from)
{
    for (size_t i = 0; i < BREAKDOWN_SLOTS; i++) {
        const struct breakdown_slot *slot = &from->slots[i];
        uint64_t count = atomic_load_explicit(&slot->count, memory_order_acquire);
        if (count > 0)
            add(find(into, hash_of_texts(slot->labels), slot->labels, same_texts), count);
    }
    add(&into->other, atomic_load_explicit(&from->other, memory_order_relaxed));
}
