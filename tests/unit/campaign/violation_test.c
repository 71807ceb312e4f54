/* The list of violations: it grows, it stops, and it never looks clean when it is not. */
#include "campaign/violation.h"

#include <ctype.h>

#include "base/limits.h"
#include "test.h"

TEST(keeps_what_was_said_in_order)
{
    struct arena arena;
    struct violations list;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    violations_init(&list, &arena);
    assert_true(violations_clean(&list));
    violations_add(&list, VIOLATION_FIELD_MISSING, STR("/name"), "%s is %d", "name", 1);
    violations_add_rule(
        &list, VIOLATION_OUTSIDE_HOURS, STR("/days/0"),
        &(struct violation_source){STR("business_hours"), STR("billing"), STR("team billing")},
        "too late");
    assert_int_equal(list.count, 2);
    EXPECT_STR(list.items[0].pointer, "/name");
    EXPECT_STR(list.items[0].message, "name is 1");
    EXPECT_STR(list.items[0].source.rule, "");
    EXPECT_STR(list.items[1].source.rule, "business_hours");
    EXPECT_STR(list.items[1].source.team, "billing");
    assert_false(violations_clean(&list));
    arena_release(&arena);
}

TEST(stops_at_its_limit_and_says_so)
{
    struct arena arena;
    struct violations list;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    violations_init(&list, &arena);
    for (int i = 0; i < LIMIT_VIOLATIONS; i++)
        violations_add(&list, VIOLATION_FIELD_UNKNOWN, STR("/x"), "%d", i);
    assert_false(list.truncated);
    violations_add(&list, VIOLATION_FIELD_UNKNOWN, STR("/x"), "one too many");
    assert_true(list.truncated);
    assert_int_equal(list.count, LIMIT_VIOLATIONS);
    EXPECT_STR(list.items[LIMIT_VIOLATIONS - 1].message, "99");
    arena_release(&arena);
}

TEST(is_not_clean_when_memory_ran_out)
{
    for (size_t bytes = 0; bytes < 1200; bytes += 16) {
        struct arena arena;
        struct violations list;
        arena_init(&arena, bytes);
        violations_init(&list, &arena);
        violations_add(&list, VIOLATION_FIELD_MISSING, STR("/name"), "%0200d", 1);
        assert_false(violations_clean(&list));
        assert_true(list.truncated == (list.count == 0));
        arena_release(&arena);
    }
}

TEST(tells_contract_from_policy)
{
    struct arena arena;
    struct violations list;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    violations_init(&list, &arena);
    violations_add(&list, VIOLATION_OUTSIDE_HOURS, STR(""), "policy");
    assert_false(violations_break_contract(&list));
    violations_add(&list, VIOLATION_TIME_FORMAT, STR(""), "contract");
    assert_true(violations_break_contract(&list));
    arena_release(&arena);
}

TEST(codes_are_kebab_case_and_different)
{
    for (int i = 0; i < VIOLATION_COUNT; i++) {
        const char *code = violation_code_text((enum violation_code)i);
        for (const char *c = code; *c; c++)
            assert_true(islower((unsigned char)*c) || *c == '-');
        for (int k = 0; k < i; k++)
            assert_string_not_equal(code, violation_code_text((enum violation_code)k));
        struct str meaning = str_from(violation_code_meaning((enum violation_code)i));
        assert_true(str_ends(meaning, STR(".")));
    }
}

TESTS(UNIT(keeps_what_was_said_in_order), UNIT(stops_at_its_limit_and_says_so),
      UNIT(is_not_clean_when_memory_ran_out), UNIT(tells_contract_from_policy),
      UNIT(codes_are_kebab_case_and_different))
