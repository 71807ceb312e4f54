#include "test.h"

#include "cli/test_file.h"

#define HEAD "policy: ..\nbase: campaign.json\nteam: billing\nat: 2026-11-24T10:00:00+05:30\n"

static struct arena arena;
static struct problems problems;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 22);
    problems_init(&problems);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    problems_release(&problems);
    arena_release(&arena);
    return 0;
}

static const struct test_file *read_text(const char *text)
{
    problems_release(&problems);
    problems_init(&problems);
    return test_file_read("policy/tests/t.yaml", str_from(text), &arena, &problems);
}

static void expect_problem(const char *text, const char *sentences)
{
    assert_null(read_text(text));
    EXPECT_STR(buf_str(&problems.lines), sentences);
}

TEST(a_test_inherits_what_stands_at_the_top)
{
    const struct test_file *file = read_text(HEAD "tests:\n"
                                                  "  - {name: a, expect: allow}\n"
                                                  "  - name: b\n"
                                                  "    team: marketing\n"
                                                  "    at: 2026-11-25T10:00:00Z\n"
                                                  "    base: ../other.json\n"
                                                  "    expect: [outside-hours, frozen]\n"
                                                  "    rules: kill_switch\n"
                                                  "    exceptions: [EX-1, EX-2]\n");
    assert_non_null(file);
    assert_int_equal(file->case_count, 2);
    EXPECT_STR(file->policies[0].path, "policy");
    const struct test_case *a = &file->cases[0], *b = &file->cases[1];
    EXPECT_STR(a->base, "policy/tests/campaign.json");
    EXPECT_STR(a->team->text, "billing");
    assert_false(a->codes[VIOLATION_FROZEN] || a->compares_rules || a->compares_reported);
    EXPECT_STR(b->base, "policy/other.json");
    EXPECT_STR(b->team->text, "marketing");
    assert_true(b->at_unix_ms - a->at_unix_ms == (24 * 60 + 330) * 60000);
    assert_true(b->codes[VIOLATION_FROZEN] && b->codes[VIOLATION_OUTSIDE_HOURS]);
    assert_true(b->compares_rules && b->rules[RULE_kill_switch] && !b->compares_reported);
    assert_int_equal(b->exception_count, 2);
    assert_int_equal(b->place->line, 7);
}

TEST(what_is_wrong_has_its_place_and_a_remedy)
{
    expect_problem(HEAD "colour: red\ntests: []\n",
                   "policy/tests/t.yaml:5:1: unknown key 'colour'; a file of tests has: policy "
                   "with base team at sender_ids tests\n");
    expect_problem(HEAD "tests:\n  - {name: a, expect: [outside-hour, frozn]}\n",
                   "policy/tests/t.yaml:6:24: there is no code 'outside-hour'; did you mean "
                   "'outside-hours'?\n"
                   "policy/tests/t.yaml:6:38: there is no code 'frozn'; did you mean 'frozen'?\n");
    expect_problem(HEAD "tests:\n  - {name: a, expect: allow, rules: [hours]}\n",
                   "policy/tests/t.yaml:6:38: there is no rule 'hours'\n");
    expect_problem(HEAD "tests:\n  - {name: a, expect: []}\n",
                   "policy/tests/t.yaml:6:23: write allow when nothing refuses\n");
    expect_problem(HEAD "tests:\n  - {name: a}\n  - {expect: allow}\n",
                   "policy/tests/t.yaml:6:5: a test needs an 'expect': allow, or the codes that "
                   "refuse\n"
                   "policy/tests/t.yaml:7:5: a test needs a 'name'\n");
    expect_problem(HEAD "tests:\n  - {name: a, expect: allow, at: 10:00}\n",
                   "policy/tests/t.yaml:6:34: '10:00' is not a time, such as "
                   "2026-11-24T10:00:00+05:30 or 2026-11-24T04:30:00Z\n");
    expect_problem(HEAD "tests:\n  - {name: a, expect: allow, patch: [x]}\n",
                   "policy/tests/t.yaml:6:37: patch must be a mapping, not a list\n");
    expect_problem("policy: ..\ntests:\n  - {name: a, expect: allow, base: c.json}\n",
                   "policy/tests/t.yaml:3:5: a test needs an 'at', the moment at which it is "
                   "judged; it may stand at the top, for all tests\n");
    expect_problem("base: c.json\ntests: []\n",
                   "policy/tests/t.yaml:1:1: a file of tests needs a 'policy': what is tested\n");
    expect_problem(HEAD, "policy/tests/t.yaml:1:1: a file of tests needs 'tests', a list\n");
    expect_problem("[]",
                   "policy/tests/t.yaml:1:1: a file of tests must be a mapping, not a list\n");
    expect_problem("a: b: c", "policy/tests/t.yaml:1:5: this is not YAML: mapping values are not "
                              "allowed in this context; check the indentation, and put a text that "
                              "holds ': ' in quotes\n");
}

TEST(with_is_a_policy_whose_lines_stay_where_they_are)
{
    const struct test_file *file = read_text("policy: ..\n"
                                             "with: # beside it\n"
                                             "  revision: a\n"
                                             "  teams:\n"
                                             "    x:\n"
                                             "base: c.json\n"
                                             "tests: []\n");
    assert_non_null(file);
    EXPECT_STR(file->with, "          \n"
                           "                 \n"
                           "  revision: a\n"
                           "  teams:\n"
                           "    x:\n");
    file = read_text("with: {revision: a}\ntests: []\n");
    assert_non_null(file);
    EXPECT_STR(file->with, "      {revision: a}\n");
    file = read_text("base: 'a\xe2\x80\xa8 b'\ntests: []\nwith:\n  a: b");
    assert_non_null(file);
    EXPECT_STR(file->with, "        \xe2\x80\xa8   \n         \n     \n  a: b");
}

TEST(with_does_not_stand_in_braces)
{
    expect_problem("{with: {revision: a}, tests: []}",
                   "policy/tests/t.yaml:1:8: 'with' needs a file that is not in braces itself\n");
}

TEST(with_must_be_a_mapping)
{
    expect_problem("with: x\ntests: []\n",
                   "policy/tests/t.yaml:1:7: with must be a mapping, not a text\n");
}

#define FRESH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

TESTS(FRESH(a_test_inherits_what_stands_at_the_top),
      FRESH(what_is_wrong_has_its_place_and_a_remedy),
      FRESH(with_is_a_policy_whose_lines_stay_where_they_are), FRESH(with_does_not_stand_in_braces),
      FRESH(with_must_be_a_mapping))
