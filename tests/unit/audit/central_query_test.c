/* Searches as SQL: what is asked for never becomes part of the text. */
#include "audit/central_query.h"

#include "base/limits.h"
#include "test.h"

#define EVIL "x' or true; --"

static struct arena arena;
static struct central_query made;
static struct error err;

static bool make(struct search_query query)
{
    arena_init(&arena, LIMIT_ARENA_BYTES);
    query.limit = 50;
    return central_query_make(&query, &arena, &made, &err);
}

static void forget(void)
{
    buf_release(&made.sql);
    arena_release(&arena);
}

static bool asks_for(const char *value)
{
    for (size_t i = 0; i < made.count; i++) {
        if (strcmp(made.parameters[i], value) == 0)
            return true;
    }
    return false;
}

TEST(every_value_is_a_parameter)
{
    const struct str several[] = {STR(EVIL), STR("two")};
    assert_true(make((struct search_query){.source = STR(EVIL),
                                           .id = STR(EVIL),
                                           .kind = STR(EVIL),
                                           .team = STR(EVIL),
                                           .caller = STR(EVIL),
                                           .verdict = STR(EVIL),
                                           .code = STR(EVIL),
                                           .outcome = STR(EVIL),
                                           .caller_ids = several,
                                           .caller_id_count = 2,
                                           .numbers = several,
                                           .number_count = 2,
                                           .campaign = STR(EVIL),
                                           .template = STR(EVIL),
                                           .campaign_id = STR(EVIL),
                                           .policy_revision = STR(EVIL),
                                           .text = STR(EVIL)}));
    assert_null(strstr(made.sql.data, "or true"));
    assert_null(strstr(made.sql.data, "--"));
    assert_int_equal(made.count, 21); /* four words, two numbers, two caller IDs, and a digest */
    char last[16];
    (void)snprintf(last, sizeof(last), "$%zu", made.count);
    assert_non_null(strstr(made.sql.data, last));
    forget();
}

TEST(nothing_asked_is_everything)
{
    assert_true(make((struct search_query){0}));
    assert_int_equal(made.count, 0);
    assert_non_null(strstr(
        made.sql.data, "where true order by r.time desc, r.source_id desc, r.seq desc limit 51"));
    forget();
}

TEST(only_a_star_stands_for_something_else)
{
    assert_true(make((struct search_query){.campaign = STR("50%_off\\*"), .id = STR("a*_")}));
    assert_true(asks_for("50\\%\\_off\\\\%"));
    assert_true(asks_for("a*\\_%"));
    forget();
}

TEST(a_cursor_becomes_three_numbers)
{
    assert_true(
        make((struct search_query){.after = STR("1764288000123456.7.42"), .oldest_first = true}));
    assert_true(asks_for("1764288000123456") && asks_for("7") && asks_for("42"));
    assert_non_null(strstr(made.sql.data, "(r.time, r.source_id, r.seq) > ("));
    forget();
}

TEST(what_is_no_cursor_is_refused)
{
    static const char *const cursors[] = {"1",       "1.2",   "1.2.",   ".2.3",
                                          "1.2.3.4", "a.b.c", "-1.2.3", "1.2.9223372036854775808"};
    for (size_t i = 0; i < COUNT_OF(cursors); i++) {
        assert_false(make((struct search_query){.after = str_from(cursors[i])}));
        assert_non_null(strstr(err.text, "is not a cursor"));
        forget();
    }
}

TEST(more_numbers_than_there_are_parameters_are_refused)
{
    static struct str numbers[LIMIT_CENTRAL_PARAMETERS + 1];
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        numbers[i] = STR("00");
    assert_true(make(
        (struct search_query){.caller_ids = numbers, .caller_id_count = COUNT_OF(numbers) - 1}));
    forget();
    assert_false(
        make((struct search_query){.caller_ids = numbers, .caller_id_count = COUNT_OF(numbers)}));
    assert_non_null(strstr(err.text, "asks for too much"));
    forget();
}

TEST(words_must_be_there_and_not_too_many)
{
    char many[4 * LIMIT_SEARCH_WORDS + 8] = "";
    assert_false(make((struct search_query){.text = STR("   ")}));
    forget();
    for (size_t i = 0; i <= LIMIT_SEARCH_WORDS; i++)
        memcpy(many + 2 * i, "w ", 2);
    assert_false(make((struct search_query){.text = str_from(many)}));
    forget();
    many[2 * LIMIT_SEARCH_WORDS] = '\0';
    assert_true(make((struct search_query){.text = str_from(many)}));
    forget();
}

TESTS(UNIT(every_value_is_a_parameter), UNIT(nothing_asked_is_everything),
      UNIT(only_a_star_stands_for_something_else), UNIT(a_cursor_becomes_three_numbers),
      UNIT(what_is_no_cursor_is_refused), UNIT(more_numbers_than_there_are_parameters_are_refused),
      UNIT(words_must_be_there_and_not_too_many))
