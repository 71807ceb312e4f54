/*
 * A table and a binary search in it. The rows are made at build time (zones_table.awk), sorted
 * byte-wise by name, links already led to their final zone.
 */
#include "base/zones.h"

struct zone_row {
    struct str name, canonical;
};

#include "zones_table.inc"

bool zone_canonical(struct str name, struct str *ret)
{
    size_t low = 0, high = COUNT_OF(zone_rows);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(name, zone_rows[middle].name);
        if (order == 0) {
            *ret = zone_rows[middle].canonical;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
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
