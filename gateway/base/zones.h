/*
 * IANA time zone names and links, from a table made at build time out of tzdata, so that every
 * image knows the same zones whatever its own tzdata says. Pure; names are case-sensitive.
 */
#pragma once

#include "base/str.h"

/*
 * The canonical name for a zone or a link ("Asia/Calcutta" -> "Asia/Kolkata"); a canonical name
 * gives itself. False for anything that is not in the table: offsets, abbreviations such as EST or
 * IST, paths; *ret is then untouched. The view is static.
 */
MUST_USE bool zone_canonical(struct str name, struct str *ret);

/* Every name the table knows, links included, in byte-wise order; `index` below zone_count(). */
size_t zone_count(void);
struct str zone_name(size_t index);

/* The release of tzdata the table was made from, such as "2025b". */
const char *zone_table_version(void);
