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

/* The same of two zones, whichever changes first; `end_unix_s` when neither does before it. */
int64_t zones_next_change(const struct zone *a, const struct zone *b, int64_t unix_s,
                          int64_t end_unix_s);
