/* What spreadsheets must not run, and what a terminal must not obey. */
#include "cli/export_format.h"

#include "cli/table.h"
#include "policy/page.h"
#include "test.h"

static struct buf out;

static void expect_cell(const char *text, const char *cell)
{
    buf_init(&out, 1000);
    export_csv_cell(str_from(text), &out);
    EXPECT_STR(buf_str(&out), cell);
    buf_release(&out);
}

TEST(plain_cells_stand_as_they_are)
{
    expect_cell("", "");
    expect_cell("Diwali Offer", "Diwali Offer");
    expect_cell("2026-11-28T11:30:00.123Z", "2026-11-28T11:30:00.123Z");
    expect_cell("a=b+c-d@e", "a=b+c-d@e");
}

TEST(cells_are_quoted_where_they_must_be)
{
    expect_cell("a,b", "\"a,b\"");
    expect_cell("say \"hi\"", "\"say \"\"hi\"\"\"");
    expect_cell("two\r\nlines", "\"two\r\nlines\"");
    expect_cell(" spaced ", "\" spaced \"");
}

TEST(what_begins_like_a_formula_is_none)
{
    static const char *const begins[] = {"=", "+", "-", "@", "\t", "\r", "\n"};
    for (size_t i = 0; i < COUNT_OF(begins); i++) {
        char text[20], cell[30];
        (void)snprintf(text, sizeof(text), "%scmd|x", begins[i]);
        (void)snprintf(cell, sizeof(cell), "\"'%s\"", text);
        expect_cell(text, cell);
    }
    expect_cell("+919561612345", "\"'+919561612345\"");
    expect_cell("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
    expect_cell("\xef\xbc\x9d"
                "1",
                "\"'\xef\xbc\x9d"
                "1\""); /* ＝1 */
}

TEST(also_behind_quotes_and_blanks)
{
    expect_cell("\"=1+1", "\"'\"\"=1+1\"");
    expect_cell("  =1", "\"'  =1\"");
    expect_cell("'=1", "\"''=1\"");
    expect_cell(",=1", "\"',=1\"");
    expect_cell(";=1", "\"';=1\"");
    expect_cell("\"\"", "\"\"\"\"\"\"");
}

/* ---- terminals ---- */

static void expect_json(const char *json, const char *shown)
{
    buf_init(&out, 1000);
    page_show_json(str_from(json), &out);
    EXPECT_STR(buf_str(&out), shown);
    buf_release(&out);
}

TEST(json_is_made_safe_and_means_the_same)
{
    expect_json("{\"a\":\"x\"}\n", "{\"a\":\"x\"}\n");
    expect_json("{\"a\":\"\xc2\x9b"
                "31m\"}",
                "{\"a\":\"\\u009b31m\"}");
    expect_json("{\"a\":\"\xe2\x80\xae"
                "gpj\"}",
                "{\"a\":\"\\u202egpj\"}");
    expect_json("{\"a\":\"\x7f\"}", "{\"a\":\"\\u007f\"}");
    expect_json("{\t\"a\"\r:1}", "{\"a\":1}");
    expect_json("{\"a\":\"\xe0\xa4\xa8\xe2\x80\x8d\xf0\x9f\x98\x80\"}",
                "{\"a\":\"\xe0\xa4\xa8\xe2\x80\x8d\xf0\x9f\x98\x80\"}");
}

TEST(tables_are_aligned_and_safe)
{
    static const char *const titles[] = {"A", "NAME", "B"};
    struct table table;
    table_init(&table, titles, 3);
    table_put(&table, STR("1"));
    table_put(&table, STR("f\xc3\xbcr"));
    table_put(&table, STR("x"));
    table_put(&table, STR("22"));
    table_put(&table, STR("\x1b[31m"));
    table_put(&table, STR(""));
    buf_init(&out, 1000);
    table_write(&table, &out);
    EXPECT_STR(buf_str(&out), "A   NAME        B\n"
                              "1   f\xc3\xbcr         x\n"
                              "22  \\u{1b}[31m  \n");
    buf_release(&out);
    table_release(&table);
}

TESTS(UNIT(plain_cells_stand_as_they_are), UNIT(cells_are_quoted_where_they_must_be),
      UNIT(what_begins_like_a_formula_is_none), UNIT(also_behind_quotes_and_blanks),
      UNIT(json_is_made_safe_and_means_the_same), UNIT(tables_are_aligned_and_safe))
