/* Counting what a replay finds, in memory that does not grow with the decisions. */
#include "cli/replay_tally.h"

#include "base/limits.h"
#include "test.h"

static struct arena arena, scratch;
static struct tally tally;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 256 << 20);
    arena_init(&scratch, LIMIT_ARENA_BYTES);
    tally_init(&tally, &arena, 2);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    arena_release(&scratch);
    return 0;
}

static struct recorded_decision decision_of(const char *team, int64_t time_unix_ms)
{
    return (struct recorded_decision){.id = STR("id"),
                                      .team = str_from(team),
                                      .revision = STR("r"),
                                      .digest = STR("d"),
                                      .campaign = {.name = STR("Autumn")},
                                      .time_unix_ms = time_unix_ms};
}

static void add(const char *team, int64_t time_unix_ms, struct replayed replayed)
{
    const struct recorded_decision decision = decision_of(team, time_unix_ms);
    arena_reset(&scratch);
    tally_add(&tally, &decision, &replayed, &scratch);
}

/* Refused now, by one rule on two blocks and by another. */
static struct violations *refusals(void)
{
    static struct violations list;
    static const struct violation_source hours = {.rule = STR("business_hours"),
                                                  .layer = STR("organisation")};
    static const struct violation_source cap = {.rule = STR("priority_cap"),
                                                .layer = STR("team billing")};
    violations_init(&list, &arena);
    violations_add_rule(&list, VIOLATION_OUTSIDE_HOURS, STR("/days/0"), &hours, "too early");
    violations_add_rule(&list, VIOLATION_OUTSIDE_HOURS, STR("/days/1"), &hours, "too late");
    violations_add_rule(&list, VIOLATION_PRIORITY_TOO_HIGH, STR("/priority"), &cap, "too high");
    return &list;
}

TEST(counts_by_result_and_by_team)
{
    add("a", 5, (struct replayed){.result = REPLAY_STILL_ALLOWED});
    add("b", 3, (struct replayed){.result = REPLAY_STILL_DENIED, .is_fixed = true});
    add("a", 9, (struct replayed){.result = REPLAY_STILL_ALLOWED, .is_whole = true});
    add("c", 1, (struct replayed){.result = REPLAY_NOT_POLICY});
    assert_int_equal(tally.counts[REPLAY_STILL_ALLOWED], 2);
    assert_int_equal(tally.fixed, 1);
    assert_int_equal(tally.whole, 1);
    assert_int_equal(tally.first_unix_ms, 3);
    assert_int_equal(tally.last_unix_ms, 9);
    assert_int_equal(tally.teams.count, 2); /* a team of which no policy was asked is none */
    assert_int_equal(tally.teams.items[0]->counts[REPLAY_STILL_ALLOWED], 2);
    assert_false(tally.failed);
}

TEST(a_rule_counts_once_for_a_decision)
{
    size_t count;
    const struct violations *list = refusals();
    for (int i = 0; i < 3; i++)
        add("a", i, (struct replayed){.result = REPLAY_NEWLY_DENIED, .violations = list});
    const struct tally_row **rows = tally_sorted(&tally.rules, REPLAY_NEWLY_DENIED, &arena, &count);
    assert_int_equal(count, 2);
    EXPECT_STR(rows[0]->parts[0], "business_hours");
    EXPECT_STR(rows[1]->parts[2], "priority-too-high");
    assert_int_equal(rows[0]->counts[REPLAY_NEWLY_DENIED], 3);
    assert_non_null(tally_sorted(&tally.rules, REPLAY_NEWLY_ALLOWED, &arena, &count));
    assert_int_equal(count, 0);
}

TEST(keeps_the_first_examples_of_each_kind)
{
    const struct violations *list = refusals();
    for (int i = 0; i < 5; i++)
        add("a", i, (struct replayed){.result = REPLAY_NEWLY_DENIED, .violations = list});
    add("a", 9, (struct replayed){.result = REPLAY_UNTOLD, .reason = "why"});
    const struct replay_example *first = tally.examples[REPLAY_NEWLY_DENIED].first;
    assert_int_equal(first->time_unix_ms, 0);
    assert_int_equal(first->line_count, 3);
    EXPECT_STR(first->lines[1].sentence, "too late");
    assert_int_equal(first->next->time_unix_ms, 1);
    assert_null(first->next->next);
    EXPECT_STR(tally.examples[REPLAY_UNTOLD].first->reason, "why");
    assert_null(tally.examples[REPLAY_STILL_ALLOWED].first);
}

TEST(names_the_policies_that_would_have_to_be_at_hand)
{
    size_t count;
    add("a", 1, (struct replayed){.result = REPLAY_UNTOLD, .lacks_old = true});
    add("a", 2, (struct replayed){.result = REPLAY_UNTOLD});
    const struct tally_row **rows = tally_sorted(&tally.policies, REPLAY_UNTOLD, &arena, &count);
    assert_int_equal(count, 1);
    EXPECT_STR(rows[0]->parts[0], "r");
    assert_int_equal(rows[0]->counts[REPLAY_UNTOLD], 1);
}

TEST(the_greatest_come_first_and_equals_by_name)
{
    static const char *const teams[] = {"c", "b", "a", "b"};
    size_t count;
    for (size_t i = 0; i < COUNT_OF(teams); i++)
        add(teams[i], 0, (struct replayed){.result = REPLAY_STILL_ALLOWED});
    const struct tally_row **rows =
        tally_sorted(&tally.teams, REPLAY_STILL_ALLOWED, &arena, &count);
    assert_int_equal(count, 3);
    EXPECT_STR(rows[0]->parts[0], "b");
    EXPECT_STR(rows[1]->parts[0], "a");
    EXPECT_STR(rows[2]->parts[0], "c");
}

TEST(too_many_rows_are_counted_together)
{
    char team[32];
    size_t count;
    for (unsigned i = 0; i < LIMIT_TALLY_ROWS + 50; i++) {
        (void)snprintf(team, sizeof(team), "team %u", i);
        add(team, 0, (struct replayed){.result = REPLAY_STILL_ALLOWED});
    }
    assert_int_equal(tally.teams.count, LIMIT_TALLY_ROWS);
    assert_int_equal(tally.teams.others.counts[REPLAY_STILL_ALLOWED], 50);
    const struct tally_row **rows =
        tally_sorted(&tally.teams, REPLAY_STILL_ALLOWED, &arena, &count);
    assert_int_equal(count, LIMIT_TALLY_ROWS + 1);
    assert_int_equal(rows[count - 1]->counts[REPLAY_STILL_ALLOWED], 50);
    assert_false(tally.failed);
}

TEST(memory_does_not_grow_with_the_decisions)
{
    const struct violations *list = refusals();
    for (int i = 0; i < 10; i++)
        add("a", i, (struct replayed){.result = REPLAY_NEWLY_DENIED, .violations = list});
    size_t before = arena.used_bytes;
    for (int i = 0; i < 10000; i++)
        add("a", i, (struct replayed){.result = REPLAY_NEWLY_DENIED, .violations = list});
    assert_int_equal(arena.used_bytes, before);
}

TEST(a_record_that_nobody_understands_is_untold)
{
    tally_add_wrong(&tally, 7, "no JSON", &scratch);
    assert_int_equal(tally.counts[REPLAY_UNTOLD], 1);
    EXPECT_STR(tally.examples[REPLAY_UNTOLD].first->id, "record 7");
    assert_int_equal(tally.timed, 0);
}

TEST(when_memory_is_out_it_says_so)
{
    struct arena small;
    for (size_t bytes = 0; bytes < 3000; bytes += 100) {
        arena_init(&small, bytes);
        tally_init(&tally, &small, 2);
        add("a", 1, (struct replayed){.result = REPLAY_UNTOLD, .reason = "why"});
        assert_int_equal(tally.counts[REPLAY_UNTOLD], 1);
        assert_true(tally.failed);
        arena_release(&small);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
TESTS(CASE(counts_by_result_and_by_team), CASE(a_rule_counts_once_for_a_decision),
      CASE(keeps_the_first_examples_of_each_kind),
      CASE(names_the_policies_that_would_have_to_be_at_hand),
      CASE(the_greatest_come_first_and_equals_by_name), CASE(too_many_rows_are_counted_together),
      CASE(memory_does_not_grow_with_the_decisions),
      CASE(a_record_that_nobody_understands_is_untold), CASE(when_memory_is_out_it_says_so))
