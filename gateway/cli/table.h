/*
 * Rows of texts in columns, for a terminal.
 */
#pragma once

#include "base/buf.h"

#define TABLE_COLUMNS 8

struct table {
    struct buf cells; /* each with its length in front */
    size_t columns, cell_count;
    size_t widths[TABLE_COLUMNS]; /* in characters */
};

/* The titles are the first row. */
void table_init(struct table *table, const char *const *titles, size_t columns);
void table_release(struct table *table);

/* The next cell of the row; what others wrote is made safe to show. */
void table_put(struct table *table, struct str text);

/* All rows, each with an LF; the last column is not padded. */
void table_write(const struct table *table, struct buf *out);
