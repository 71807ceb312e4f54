/*
 * Windows of a day are kept sorted and apart, so that "inside" is a look at each of a few.
 */
#include "policy/hours.h"

#include "base/buf.h"
#include "campaign/daytime.h"

/* Puts the window in its place, swallowing those it touches. */
static bool add_to_day(struct day_windows *day, struct window added)
{
    struct day_windows merged = {0};
    size_t i = 0;
    for (; i < day->count && day->items[i].closes_min < added.opens_min; i++)
        merged.items[merged.count++] = day->items[i];
    for (; i < day->count && day->items[i].opens_min <= added.closes_min; i++) {
        if (day->items[i].opens_min < added.opens_min)
            added.opens_min = day->items[i].opens_min;
        if (day->items[i].closes_min > added.closes_min)
            added.closes_min = day->items[i].closes_min;
    }
    if (merged.count + 1 + day->count - i > WINDOWS_PER_DAY)
        return false;
    merged.items[merged.count++] = added;
    for (; i < day->count; i++)
        merged.items[merged.count++] = day->items[i];
    *day = merged;
    return true;
}

/* [opens, 24:00) of one day and [0:00, closes) of the next; both or neither. */
static bool add_across_midnight(struct week_windows *week, enum weekday day, int opens_min,
                                int closes_min)
{
    enum weekday tomorrow = (day + 1) % WEEKDAYS;
    struct day_windows late = week->days[day], early = week->days[tomorrow];
    if (!add_to_day(&late, (struct window){opens_min, MINUTES_PER_DAY}) ||
        (closes_min > 0 && !add_to_day(&early, (struct window){0, closes_min})))
        return false;
    week->days[day] = late;
    week->days[tomorrow] = early;
    return true;
}

bool hours_add(struct week_windows *week, enum weekday day, int opens_min, int closes_min)
{
    if (opens_min < 0 || opens_min >= MINUTES_PER_DAY || closes_min < 0 ||
        closes_min > MINUTES_PER_DAY || opens_min == closes_min)
        return false;
    if (closes_min < opens_min)
        return add_across_midnight(week, day, opens_min, closes_min);
    return add_to_day(&week->days[day], (struct window){opens_min, closes_min});
}

bool hours_contain(const struct week_windows *week, enum weekday day, int start_min, int end_min)
{
    const struct day_windows *windows = &week->days[day];
    for (size_t i = 0; i < windows->count; i++) {
        if (windows->items[i].opens_min <= start_min && end_min <= windows->items[i].closes_min)
            return true;
    }
    return false;
}

/* Cutting one window along a day's, and the pieces along the next day's, and so on: 1 + 7 * 15. */
#define PIECES (WEEKDAYS * WINDOWS_PER_DAY)

/* Leaves of the pieces what lies in the day's windows; the new number of pieces. */
static size_t cut(struct window pieces[PIECES], size_t count, const struct day_windows *day)
{
    struct window left[PIECES];
    size_t left_count = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < day->count; k++) {
            struct window piece = pieces[i], open = day->items[k];
            if (piece.opens_min < open.opens_min)
                piece.opens_min = open.opens_min;
            if (piece.closes_min > open.closes_min)
                piece.closes_min = open.closes_min;
            if (piece.opens_min < piece.closes_min)
                left[left_count++] = piece;
        }
    }
    if (left_count)
        memcpy(pieces, left, left_count * sizeof(left[0]));
    return left_count;
}

bool hours_longest_fit(const struct week_windows *week, enum weekday first, enum weekday last,
                       struct window wanted, struct window *ret)
{
    struct window pieces[PIECES] = {wanted};
    size_t count = 1;
    int longest = 0;
    for (enum weekday day = first; day <= last; day++)
        count = cut(pieces, count, &week->days[day]);
    for (size_t i = 0; i < count; i++) {
        int length = pieces[i].closes_min - pieces[i].opens_min;
        if (length <= longest)
            continue;
        longest = length;
        *ret = pieces[i];
    }
    return longest > 0;
}

const struct week_windows *hours_for_zone(const struct hours_table *table, struct str zone)
{
    const struct week_windows *week = strset_get(&table->zones, zone);
    return week ? week : table->fallback;
}

struct str hours_describe(const struct day_windows *day, struct arena *arena)
{
    struct buf text;
    char opens[DAYTIME_SIZE], closes[DAYTIME_SIZE];
    if (day->count == 0)
        return STR("closed");
    buf_init(&text, WINDOWS_PER_DAY * 3 * DAYTIME_SIZE);
    for (size_t i = 0; i < day->count; i++) {
        daytime_format(day->items[i].opens_min, opens);
        daytime_format(day->items[i].closes_min, closes);
        buf_format(&text, "%s%s - %s", i ? ", " : "", opens, closes);
    }
    struct str copy = text.failed ? (struct str){0} : arena_copy(arena, buf_str(&text));
    buf_release(&text);
    return copy;
}
