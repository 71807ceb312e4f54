/* How old what waits for the central database is, within bounds. */
#include "audit/backlog.h"

#include "test.h"

TEST(nothing_waits_for_no_time)
{
    struct backlog backlog = {0};
    assert_int_equal(backlog_age_us(&backlog, 1000), 0);
    backlog_add(&backlog, 5, 100);
    backlog_confirm(&backlog, 5);
    assert_int_equal(backlog_age_us(&backlog, 1000), 0);
}

TEST(the_oldest_counts_until_it_is_confirmed)
{
    struct backlog backlog = {0};
    backlog_add(&backlog, 5, 100);
    backlog_add(&backlog, 8, 300);
    assert_int_equal(backlog_age_us(&backlog, 1000), 900);
    backlog_confirm(&backlog, 4);
    assert_int_equal(backlog_age_us(&backlog, 1000), 900);
    backlog_confirm(&backlog, 7);
    assert_int_equal(backlog_age_us(&backlog, 1000), 700);
    backlog_confirm(&backlog, 9);
    assert_int_equal(backlog_age_us(&backlog, 1000), 0);
}

/* An outage of any length: never younger than it is, and right at its beginning. */
TEST(a_long_outage_is_remembered_in_little)
{
    struct backlog backlog = {0};
    for (int64_t i = 1; i <= 100000; i++)
        backlog_add(&backlog, (uint64_t)i, i);
    assert_int_equal(backlog_age_us(&backlog, 100000), 99999);
    for (int64_t confirmed = 1; confirmed < 100000; confirmed += 777) {
        backlog_confirm(&backlog, (uint64_t)confirmed);
        assert_true(backlog_age_us(&backlog, 100000) >= 100000 - confirmed - 1);
    }
    backlog_confirm(&backlog, 100000);
    assert_int_equal(backlog_age_us(&backlog, 200000), 0);
}

TESTS(UNIT(nothing_waits_for_no_time), UNIT(the_oldest_counts_until_it_is_confirmed),
      UNIT(a_long_outage_is_remembered_in_little))
