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

int64_t zones_next_change(const struct zone *a, const struct zone *b, int64_t unix_s,
                          int64_t end_unix_s)
{
    const struct zone *const zones[] = {a, b};
    int64_t first = end_unix_s, change;
    for (size_t i = 0; i < COUNT_OF(zones); i++) {
        if (zone_next_change(zones[i], unix_s, &change) && change < first)
            first = change;
    }
    return first;
}
