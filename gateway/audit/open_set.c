/*
 * Open addressing with linear probing; removal moves what follows back (Knuth 6.4, algorithm R),
 * so that no tombstones pile up in a set that is filled and emptied all day.
 */
#include "audit/open_set.h"

#include <stdlib.h>

#define LEAST_CAPACITY 64

/* FNV-1a; ids are random at their end, and nobody outside chooses them. */
static size_t hash(struct str id)
{
    uint64_t value = 14695981039346656037ULL;
    for (size_t i = 0; i < id.len; i++)
        value = (value ^ (unsigned char)id.data[i]) * 1099511628211ULL;
    return (size_t)(value ^ value >> 32);
}

static size_t home(const struct open_set *set, struct str id)
{
    return hash(id) & (set->capacity - 1);
}

/* Where the id is, or the free place where it would be. */
static size_t find(const struct open_set *set, struct str id)
{
    size_t at = home(set, id);
    while (set->places[at].text[0] && !str_equal(str_from(set->places[at].text), id))
        at = (at + 1) & (set->capacity - 1);
    return at;
}

static bool is_id(struct str id)
{
    return id.len > 0 && id.len < ID_SIZE && !memchr(id.data, '\0', id.len);
}

static void put(struct open_set *set, struct str id, bool former)
{
    struct open_id *place = &set->places[find(set, id)];
    memcpy(place->text, id.data, id.len);
    place->text[id.len] = '\0';
    place->former = former;
}

bool open_set_reserve(struct open_set *set, size_t extra)
{
    size_t capacity = set->capacity ? set->capacity : LEAST_CAPACITY;
    while (capacity < 2 * (set->count + extra))
        capacity *= 2;
    if (capacity == set->capacity)
        return true;
    struct open_set grown = {.capacity = capacity,
                             .count = set->count,
                             .former_count = set->former_count,
                             .places = calloc(capacity, sizeof(*grown.places))};
    if (!grown.places)
        return false;
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->places[i].text[0])
            put(&grown, str_from(set->places[i].text), set->places[i].former);
    }
    free(set->places);
    *set = grown;
    return true;
}

void open_set_add(struct open_set *set, struct str id, bool former)
{
    if (!is_id(id) || open_set_has(set, id))
        return;
    put(set, id, former);
    set->count++;
    set->former_count += former;
}

bool open_set_has(const struct open_set *set, struct str id)
{
    return set->capacity > 0 && is_id(id) && set->places[find(set, id)].text[0];
}

bool open_set_is_given_up(const struct open_set *set, struct str id)
{
    return open_set_has(set, id) && set->places[find(set, id)].former;
}

void open_set_give_up(struct open_set *set, struct str id)
{
    if (!open_set_has(set, id))
        return;
    struct open_id *place = &set->places[find(set, id)];
    set->former_count += !place->former;
    place->former = true;
}

void open_set_remove(struct open_set *set, struct str id)
{
    if (!open_set_has(set, id))
        return;
    size_t hole = find(set, id);
    set->count--;
    set->former_count -= set->places[hole].former;
    for (size_t at = hole;;) {
        at = (at + 1) & (set->capacity - 1);
        if (!set->places[at].text[0])
            break;
        size_t wants = home(set, str_from(set->places[at].text));
        bool stays = hole <= at ? hole < wants && wants <= at : hole < wants || wants <= at;
        if (stays)
            continue;
        set->places[hole] = set->places[at];
        hole = at;
    }
    set->places[hole] = (struct open_id){0};
}

void open_set_release(struct open_set *set)
{
    free(set->places);
    *set = (struct open_set){0};
}
