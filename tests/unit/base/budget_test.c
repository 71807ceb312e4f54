/* Buffers and arenas take from their budget what they hold, and give all of it back. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"

#include "test.h"

TEST(a_buffer_takes_what_it_holds_and_gives_it_back)
{
    struct budget budget = {.max = 4096};
    struct buf buf;
    buf_init_within(&buf, 100000, &budget);
    assert_true(buf_append(&buf, STR("x")));
    assert_int_equal(budget.used, buf.capacity);
    assert_true(buf_reserve(&buf, 3000));
    assert_int_equal(budget.used, buf.capacity);
    assert_false(buf_reserve(&buf, 8000));
    assert_true(buf.failed);
    assert_int_equal(budget.used, buf.capacity);
    buf_release(&buf);
    assert_int_equal(budget.used, 0);
    assert_false(buf.failed);
    assert_true(buf_reserve(&buf, 4096));
    buf_release(&buf);
}

TEST(an_arena_takes_what_it_holds_and_gives_it_back)
{
    struct budget budget = {.max = 100000};
    struct arena arena;
    arena_init_within(&arena, 1 << 20, &budget);
    assert_non_null(arena_alloc(&arena, 10));
    size_t first = budget.used;
    assert_true(first >= 10);
    assert_non_null(arena_alloc(&arena, 50000));
    assert_null(arena_alloc(&arena, 60000));
    assert_non_null(arena_alloc(&arena, 20));
    arena_reset(&arena);
    assert_int_equal(budget.used, first); /* the first block is kept */
    arena_release(&arena);
    assert_int_equal(budget.used, 0);
    assert_non_null(arena_alloc(&arena, 60000));
    arena_reset(&arena); /* an unusual first block is not */
    assert_int_equal(budget.used, 0);
    arena_release(&arena);
}

TEST(a_budget_is_tight_from_three_quarters_on)
{
    struct budget budget = {.max = 100};
    assert_true(budget_take(&budget, 75));
    assert_false(budget_is_tight(&budget));
    assert_true(budget_take(&budget, 1));
    assert_true(budget_is_tight(&budget));
}

TEST(a_day_ends_where_the_next_one_begins)
{
    static const struct {
        const char *text;
        int64_t unix_ms;
    } days[] = {{"1970-01-01", 86400000},
                {"2024-02-29", 1709251200000},
                {"2026-11-24", 1795564800000},
                {"2999-12-31", 32503680000000}};
    static const char *const wrong[] = {"",           "2026-11-2",  "2026-11-240", "2026-02-29",
                                        "2026-13-01", "2026-00-01", "2026-01-00",  "2026-04-31",
                                        "2026/01/01", "2026-1-010", "26-01-01",    "2026-01-0x",
                                        "+026-01-01", "x026-01-01", "2026-01- 1"};
    for (size_t i = 0; i < COUNT_OF(days); i++) {
        int64_t end_ms;
        assert_true(clock_parse_day_end(str_from(days[i].text), &end_ms));
        assert_true(end_ms == days[i].unix_ms);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        int64_t end_ms = 7;
        assert_false(clock_parse_day_end(str_from(wrong[i]), &end_ms));
        assert_true(end_ms == 7);
    }
}

TESTS(UNIT(a_buffer_takes_what_it_holds_and_gives_it_back),
      UNIT(an_arena_takes_what_it_holds_and_gives_it_back),
      UNIT(a_budget_is_tight_from_three_quarters_on), UNIT(a_day_ends_where_the_next_one_begins))
