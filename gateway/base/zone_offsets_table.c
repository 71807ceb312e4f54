/*
 * A tool of the build, no part of the gateway: asks the C library for the UTC offset of every zone
 * of zones_table.inc from 2020 to 2100, and prints the changes as C initialisers for zones.c.
 *
 *     zone_offsets_table /usr/share/zoneinfo > zone_offsets_table.inc
 *
 * Asked, rather than read out of tzdata.zi: its rules are a language, and a second reading of it
 * is a second opinion. Offsets are all that counts here; a change of name or of the summer time
 * flag alone is no change (Dublin's winter is its "daylight saving").
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

struct zone {
    struct str name, canonical;
};

#include "zones_table.inc"

#define FROM_UNIX_S 1577836800 /* 2020-01-01T00:00:00Z */
#define TO_UNIX_S 4102444800   /* 2100-01-01T00:00:00Z; what is printed fits 32 bits until 2106 */
#define STEP_S (24 * 3600)     /* no two changes in tzdata are closer than 4 days (Freetown 1939) */

struct change {
    uint32_t from_unix_s;
    int32_t offset_s;
};

struct slice {
    size_t first, count;
};

static struct change changes[100000];
static size_t change_count;
static struct slice slices[COUNT_OF(zone_rows)];

static _Noreturn void fail(const char *subject, const char *reason)
{
    (void)fprintf(stderr, "zone_offsets_table: %s: %s\n", subject, reason);
    exit(1);
}

/* ---- what the C library says ---- */

/* For a zone it cannot read the C library answers as for UTC, and tells nobody. */
static void require_zone_file(const char *path)
{
    char magic[4];
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(path, "cannot be opened");
    if (fread(magic, 1, sizeof(magic), file) != sizeof(magic) || memcmp(magic, "TZif", 4) != 0)
        fail(path, "is not a compiled time zone");
    (void)fclose(file);
}

static void use_zone(const char *directory, struct str name)
{
    char place[4096]; /* ":PATH" is how POSIX spells a file */
    int length = snprintf(place, sizeof(place), ":%s/%.*s", directory, STR_ARGS(name));
    if (length < 0 || (size_t)length >= sizeof(place))
        fail(directory, "is too long");
    require_zone_file(place + 1);
    if (setenv("TZ", place, 1) != 0)
        fail(place, "cannot be put into the environment");
    tzset();
}

static int32_t offset_at(int64_t unix_s)
{
    time_t when = (time_t)unix_s;
    struct tm parts;
    if (!localtime_r(&when, &parts))
        fail("localtime_r", "failed");
    return (int32_t)parts.tm_gmtoff;
}

/* The first second after `before` with another offset, given that `after` has another one. */
static int64_t change_between(int64_t before, int64_t after)
{
    int32_t offset_s = offset_at(before);
    while (after - before > 1) {
        int64_t middle = before + (after - before) / 2;
        if (offset_at(middle) == offset_s)
            before = middle;
        else
            after = middle;
    }
    return after;
}

/* ---- the slices ---- */

static void add_change(int64_t from_unix_s, int32_t offset_s)
{
    if (change_count == COUNT_OF(changes))
        fail("changes", "there are more than anybody thought");
    changes[change_count++] = (struct change){(uint32_t)from_unix_s, offset_s};
}

/* Adds the offset at the beginning, then every change. */
static struct slice list_changes(void)
{
    struct slice slice = {.first = change_count};
    int32_t offset_s = offset_at(FROM_UNIX_S);
    add_change(FROM_UNIX_S, offset_s);
    for (int64_t at = FROM_UNIX_S, next; at < TO_UNIX_S; at = next) {
        next = at + STEP_S;
        if (offset_at(next) == offset_s)
            continue;
        next = change_between(at, next);
        offset_s = offset_at(next);
        add_change(next, offset_s);
    }
    slice.count = change_count - slice.first;
    return slice;
}

static bool same_changes(struct slice a, struct slice b)
{
    return a.count == b.count &&
           memcmp(&changes[a.first], &changes[b.first], a.count * sizeof(changes[0])) == 0;
}

/* Most of Europe is one slice: what an earlier zone has said already is given back. */
static struct slice share(struct slice slice, size_t earlier_rows)
{
    for (size_t i = 0; i < earlier_rows; i++) {
        if (slices[i].count > 0 && same_changes(slices[i], slice)) {
            change_count = slice.first;
            return slices[i];
        }
    }
    return slice;
}

static bool is_link(const struct zone *row)
{
    return !str_equal(row->name, row->canonical);
}

static struct slice slice_of(struct str name)
{
    size_t i = 0;
    while (i < COUNT_OF(zone_rows) && !str_equal(zone_rows[i].name, name))
        i++;
    if (i == COUNT_OF(zone_rows) || slices[i].count == 0)
        fail(name.data, "is where a link leads, but no zone");
    return slices[i];
}

static void fill_slices(const char *directory)
{
    for (size_t i = 0; i < COUNT_OF(zone_rows); i++) {
        if (is_link(&zone_rows[i]))
            continue;
        use_zone(directory, zone_rows[i].name);
        slices[i] = share(list_changes(), i);
    }
    for (size_t i = 0; i < COUNT_OF(zone_rows); i++) {
        if (is_link(&zone_rows[i]))
            slices[i] = slice_of(zone_rows[i].canonical);
    }
}

static void print_slices(void)
{
    printf("/* tzdata %s: %zu changes */\n", ZONES_VERSION, change_count);
    puts("static const struct offset_change offset_changes[] = {");
    for (size_t i = 0; i < change_count; i++)
        printf("    {%uu, %d},\n", (unsigned)changes[i].from_unix_s, (int)changes[i].offset_s);
    puts("};\n\n/* one for each of zone_rows */\nstatic const struct offset_slice offset_slices[] "
         "= {");
    for (size_t i = 0; i < COUNT_OF(slices); i++)
        printf("    {%zu, %zu},\n", slices[i].first, slices[i].count);
    puts("};");
}

int main(int argc, char *argv[])
{
    if (argc != 2)
        fail("usage", "zone_offsets_table DIRECTORY");
    fill_slices(argv[1]);
    print_slices();
    if (fflush(stdout) != 0 || ferror(stdout))
        fail("standard output", "cannot be written");
    return 0;
}
