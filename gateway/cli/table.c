#include "cli/table.h"

#include <assert.h>

#include "cli/print.h"
#include "policy/page.h"

/* Characters, as nearly all of them are one column wide. */
static size_t width_of(struct str text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++)
        width += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return width;
}

void table_init(struct table *table, const char *const *titles, size_t columns)
{
    assert(columns <= TABLE_COLUMNS);
    *table = (struct table){.columns = columns};
    buf_init(&table->cells, LIMIT_REPORT_BYTES);
    for (size_t i = 0; i < columns; i++)
        table_put(table, str_from(titles[i]));
}

void table_release(struct table *table)
{
    buf_release(&table->cells);
}

void table_put(struct table *table, struct str text)
{
    struct buf *cells = &table->cells;
    size_t *width = &table->widths[table->cell_count++ % table->columns];
    size_t start = cells->len, len = 0;
    buf_append(cells, (struct str){(const char *)&len, sizeof(len)});
    page_show(text, cells);
    if (cells->failed)
        return;
    len = cells->len - start - sizeof(len);
    memcpy(cells->data + start, &len, sizeof(len));
    size_t shown = width_of(str_slice(buf_str(cells), start + sizeof(len), cells->len));
    if (shown > *width)
        *width = shown;
}

static void put_padding(size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        buf_append_byte(out, ' ');
}

void table_write(const struct table *table, struct buf *out)
{
    struct str rest = buf_str(&table->cells);
    out->failed |= table->cells.failed;
    for (size_t i = 0; !out->failed && i < table->cell_count; i++) {
        size_t len, column = i % table->columns;
        memcpy(&len, rest.data, sizeof(len));
        struct str cell = str_slice(rest, sizeof(len), sizeof(len) + len);
        rest = str_slice(rest, sizeof(len) + len, rest.len);
        buf_append(out, cell);
        if (column + 1 < table->columns)
            put_padding(table->widths[column] - width_of(cell) + 2, out);
        else
            buf_append_byte(out, '\n');
    }
}
