/* Searches as SQL: what is asked becomes a parameter, never a part of the text. */
#include "audit/central_query.h"

#include "test.h"

static struct central_query made;
static struct arena arena;
static struct error err;

static void make(const struct search_query *query)
{
    arena_init(&arena, 1 << 20);
    assert_true(central_query_make(query, &arena, &made, &err));
}

static void end(void)
{
    buf_release(&made.sql);
    arena_release(&arena);
}

TEST(numbers_of_records_bound_what_is_found)
{
    make(&(struct search_query){.from_seq = 5, .to_seq = UINT64_MAX, .limit = 1});
    assert_non_null(strstr(made.sql.data, " and r.seq >= $1::bigint and r.seq < $2::bigint"));
    assert_string_equal(made.parameters[0], "5");
    assert_string_equal(made.parameters[1], "9223372036854775807");
    end();
}

TEST(any_of_the_words_of_a_number_will_do)
{
    const struct str numbers[] = {STR("491512345678"), STR("00ff")};
    make(&(struct search_query){.numbers = numbers, .number_count = 2, .limit = 1});
    assert_non_null(strstr(made.sql.data, "@@ (audit.audit_asked_words($1) || "
                                          "audit.audit_asked_words($2)))"));
    assert_string_equal(made.parameters[0], "491512345678");
    assert_string_equal(made.parameters[1], "00ff");
    end();
}

TEST(what_is_asked_is_no_part_of_the_text)
{
    struct str evil = STR("x'; drop table audit_record; --");
    make(&(struct search_query){.team = evil,
                                .id = evil,
                                .campaign = evil,
                                .text = evil,
                                .numbers = &evil,
                                .number_count = 1,
                                .limit = 1});
    assert_null(strstr(made.sql.data, "drop"));
    end();
}

TESTS(UNIT(numbers_of_records_bound_what_is_found), UNIT(any_of_the_words_of_a_number_will_do),
      UNIT(what_is_asked_is_no_part_of_the_text))
