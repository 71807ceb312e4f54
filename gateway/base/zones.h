/*
 * IANA time zones: names, links, and how far from UTC each is when. From tables made at build time
 * out of tzdata, so that every image knows the same zones whatever its own tzdata says.
 *
 * Pure; names are case-sensitive. What day and minute it is somewhere: base/calendar.h.
 */
#pragma once

#include "base/str.h"

/* One name of the table. Static: it lives as long as the program, and pointers may be compared. */
struct zone;

/* The zone or link of that name; NULL for what zone_canonical does not know either. */
const struct zone *zone_find(struct str name);

/*
 * The canonical name for a zone or a link ("Asia/Calcutta" -> "Asia/Kolkata"); a canonical name
 * gives itself. False for anything that is not in the table: offsets, abbreviations such as EST or
 * IST, paths; *ret is then untouched. The view is static.
 */
MUST_USE bool zone_canonical(struct str name, struct str *ret);

/* Every name the table knows, links included, in byte-wise order; `index` below zone_count(). */
size_t zone_count(void);
struct str zone_name(size_t index);

/* The release of tzdata the tables were made from, such as "2025b". */
const char *zone_table_version(void);

/*
 * What is added to UTC to get local time: 19800 for Asia/Kolkata, negative in the Americas.
 *
 * Known from 2020 to 2100, and as far ahead it is what today's law says. Before and after, the
 * nearest known offset counts.
 */
int zone_offset_s(const struct zone *zone, int64_t unix_s);

/*
 * The first second after `unix_s` that has another offset than the second before it. False when
 * the table knows of none; *ret is then untouched.
 */
MUST_USE bool zone_next_change(const struct zone *zone, int64_t unix_s, int64_t *ret_unix_s);

/*
 * How far `b` is ahead of `a` (negative: behind) from one instant up to, not including, another:
 * each value once, in the order of first occurrence. New York and London are 5 hours apart, and for
 * some weeks in spring and autumn 4. Gives at least the value at `from_unix_s`, and no more than
 * `room`; says how many. Two years of any two zones fit into 8 (four are the most there are).
 */
size_t zone_differences(const struct zone *a, const struct zone *b, int64_t from_unix_s,
                        int64_t to_unix_s, int ret_s[], size_t room);
