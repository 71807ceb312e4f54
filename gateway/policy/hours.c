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

/* Both are sorted, so one walk along the two finds all pieces, sorted. */
void hours_intersect_day(struct day_windows *day, const struct day_windows *with)
{
    struct day_windows both = {0};
    size_t i = 0, k = 0;
    while (i < day->count && k < with->count && both.count < WINDOWS_PER_DAY) {
        struct window a = day->items[i], b = with->items[k];
        struct window piece = {a.opens_min > b.opens_min ? a.opens_min : b.opens_min,
                               a.closes_min < b.closes_min ? a.closes_min : b.closes_min};
        if (piece.opens_min < piece.closes_min)
            both.items[both.count++] = piece;
        if (a.closes_min < b.closes_min)
            i++;
        else
            k++;
    }
    *day = both;
}

void hours_intersect(struct week_windows *week, const struct week_windows *with)
{
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++)
        hours_intersect_day(&week->days[day], &with->days[day]);
}

/* What is left of one window, sorted, behind what `left` has already. */
static void subtract_day(struct window window, const struct day_windows *without,
                         struct day_windows *left)
{
    int opens = window.opens_min;
    for (size_t i = 0; i <= without->count && left->count < WINDOWS_PER_DAY; i++) {
        struct window hole = i < without->count ? without->items[i]
                                                : (struct window){MINUTES_PER_DAY, MINUTES_PER_DAY};
        int closes = hole.opens_min < window.closes_min ? hole.opens_min : window.closes_min;
        if (opens < closes)
            left->items[left->count++] = (struct window){opens, closes};
        opens = hole.closes_min > opens ? hole.closes_min : opens;
    }
}

void hours_subtract(struct week_windows *week, const struct week_windows *without)
{
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        struct day_windows left = {0};
        for (size_t i = 0; i < week->days[day].count; i++)
            subtract_day(week->days[day].items[i], &without->days[day], &left);
        week->days[day] = left;
    }
}

/* [start, end) in minutes of the week, which is a ring; no longer than a day. */
static void add_to_ring(struct week_windows *week, int start_min, int end_min)
{
    int start = (start_min % MINUTES_PER_WEEK + MINUTES_PER_WEEK) % MINUTES_PER_WEEK;
    int opens = start % MINUTES_PER_DAY, length = end_min - start_min;
    enum weekday day = (enum weekday)(start / MINUTES_PER_DAY);
    int closes = opens + length;
    int today = closes < MINUTES_PER_DAY ? closes : MINUTES_PER_DAY;
    /* a window for which there is no room stays closed */
    (void)add_to_day(&week->days[day], (struct window){opens, today});
    if (closes > MINUTES_PER_DAY)
        (void)add_to_day(&week->days[(day + 1) % WEEKDAYS],
                         (struct window){0, closes - MINUTES_PER_DAY});
}

void hours_shift(const struct week_windows *week, int ahead_min, struct week_windows *ret)
{
    *ret = (struct week_windows){0};
    for (enum weekday day = MONDAY; day < WEEKDAYS; day++) {
        for (size_t i = 0; i < week->days[day].count; i++) {
            int midnight_min = (int)day * MINUTES_PER_DAY + ahead_min;
            add_to_ring(ret, midnight_min + week->days[day].items[i].opens_min,
                        midnight_min + week->days[day].items[i].closes_min);
        }
    }
}

/* Opens all but the span, a day at a time, so that only the span is narrowed. */
void hours_intersect_during(struct week_windows *week, const struct week_windows *with,
                            int start_min, int length_min)
{
    struct week_windows mask = *with;
    int end_min = start_min + MINUTES_PER_WEEK;
    for (int from = start_min + length_min; from < end_min; from += MINUTES_PER_DAY)
        add_to_ring(&mask, from,
                    from + MINUTES_PER_DAY < end_min ? from + MINUTES_PER_DAY : end_min);
    hours_intersect(week, &mask);
}

/* `last_min` is what the day's end is called. */
static struct str describe(const struct day_windows *day, const char *separator, int last_min,
                           struct arena *arena)
{
    struct buf text;
    char opens[DAYTIME_SIZE], closes[DAYTIME_SIZE];
    buf_init(&text, WINDOWS_PER_DAY * 3 * DAYTIME_SIZE);
    for (size_t i = 0; i < day->count; i++) {
        int closes_min = day->items[i].closes_min;
        daytime_format(day->items[i].opens_min, opens);
        daytime_format(closes_min < last_min ? closes_min : last_min, closes);
        buf_format(&text, "%s%s - %s", i ? separator : "", opens, closes);
    }
    struct str copy = text.failed ? (struct str){0} : arena_copy(arena, buf_str(&text));
    buf_release(&text);
    return copy;
}

struct str hours_describe(const struct day_windows *day, struct arena *arena)
{
    return day->count ? describe(day, ", ", MINUTES_PER_DAY, arena) : STR("closed");
}

struct str hours_describe_blocks(const struct day_windows *day, struct arena *arena)
{
    return describe(day, " and ", MINUTES_PER_DAY - 1, arena);
}
