/*
 * Two tables and a binary search in each. The names are sorted byte-wise, links already led to
 * their final zone (zones_table.awk). Each has a slice of one long list of offset changes, which
 * zones that keep the same time share (zone_offsets_table.c):
 *
 *     offset_slices[i]  first, count
 *                         |
 *     offset_changes    ..{2020-01-01, -18000} {2020-03-08 07:00, -14400} {2020-11-01 06:00, ...
 *
 * The first entry of a slice is no change but what the table begins with.
 */
#include "base/zones.h"

struct zone {
    struct str name, canonical;
};

struct offset_change {
    uint32_t from_unix_s;
    int32_t offset_s;
};

struct offset_slice {
    uint16_t first, count;
};

#include "zone_offsets_table.inc"
#include "zones_table.inc"

_Static_assert(COUNT_OF(offset_slices) == COUNT_OF(zone_rows), "a slice for each name");
_Static_assert(COUNT_OF(offset_changes) <= UINT16_MAX, "a slice can be numbered");

/* ---- names ---- */

const struct zone *zone_find(struct str name)
{
    size_t low = 0, high = COUNT_OF(zone_rows);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(name, zone_rows[middle].name);
        if (order == 0)
            return &zone_rows[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool zone_canonical(struct str name, struct str *ret)
{
    const struct zone *zone = zone_find(name);
    if (!zone)
        return false;
    *ret = zone->canonical;
    return true;
}

size_t zone_count(void)
{
    return COUNT_OF(zone_rows);
}

struct str zone_name(size_t index)
{
    return zone_rows[index].name;
}

const char *zone_table_version(void)
{
    return ZONES_VERSION;
}

/* ---- offsets ---- */

/* The slice of a zone as pointers: the entry that counts at `unix_s`, and where the slice ends. */
struct entry {
    const struct offset_change *current, *end;
};

static struct entry entry_at(const struct zone *zone, int64_t unix_s)
{
    struct offset_slice slice = offset_slices[zone - zone_rows];
    const struct offset_change *first = &offset_changes[slice.first];
    size_t low = 0,
           high = slice.count; /* `low` counts, also before its time; `high` does not yet */
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (first[middle].from_unix_s <= unix_s)
            low = middle;
        else
            high = middle;
    }
    return (struct entry){first + low, first + slice.count};
}

int zone_offset_s(const struct zone *zone, int64_t unix_s)
{
    return entry_at(zone, unix_s).current->offset_s;
}

bool zone_next_change(const struct zone *zone, int64_t unix_s, int64_t *ret_unix_s)
{
    struct entry entry = entry_at(zone, unix_s);
    if (entry.current + 1 == entry.end)
        return false;
    *ret_unix_s = entry.current[1].from_unix_s;
    return true;
}

/* ---- two zones ---- */

static bool next_change_of_either(const struct zone *a, const struct zone *b, int64_t unix_s,
                                  int64_t *ret_unix_s)
{
    int64_t next_a, next_b;
    bool a_changes = zone_next_change(a, unix_s, &next_a);
    bool b_changes = zone_next_change(b, unix_s, &next_b);
    if (!a_changes && !b_changes)
        return false;
    *ret_unix_s = !b_changes || (a_changes && next_a < next_b) ? next_a : next_b;
    return true;
}

static bool contains(const int *values, size_t count, int value)
{
    size_t i = 0;
    while (i < count && values[i] != value)
        i++;
    return i < count;
}

size_t zone_differences(const struct zone *a, const struct zone *b, int64_t from_unix_s,
                        int64_t to_unix_s, int ret_s[], size_t room)
{
    size_t count = 0;
    int64_t at = from_unix_s;
    do {
        int ahead_s = zone_offset_s(b, at) - zone_offset_s(a, at);
        if (!contains(ret_s, count, ahead_s) && count < room)
            ret_s[count++] = ahead_s;
    } while (next_change_of_either(a, b, at, &at) && at < to_unix_s);
    return count;
}
