/* Policies: what compiles, what is refused and where, how windows behave, and size. */
#include "policy/policy.h"

#include "base/buf.h"

#include "test.h"

static struct arena arena;
static struct error err;

static const struct policy_set *compile(const char *text)
{
    struct policy_source source = {"p.yaml", str_from(text)};
    arena_release(&arena);
    arena_init(&arena, 256 << 20);
    return policy_compile(&source, 1, &arena, &err);
}

static const struct {
    const char *text, *sentence;
} refused[] = {
    {"", "p.yaml:1:1: the file is empty"},
    {"[]", "p.yaml:1:1: a policy file must be a mapping, not a list"},
    {"teams: {}", "p.yaml: the policy has no 'revision'"},
    {"revision: a\nrevision: b", "p.yaml:2:1: the key 'revision' is here a second time"},
    {"revision: ''", "p.yaml:1:11: a revision is a short text"},
    {"revision: [a]", "p.yaml:1:11: revision must be a text, not a list"},
    {"revision: a\nrules: {}", "p.yaml:2:1: unknown key 'rules'"},
    {"revision: a\n---\nb: 1", "p.yaml:2:1: a second document begins here"},
    {"revision: &x a", "p.yaml:1:11: anchors (&name) are not supported"},
    {"revision: *x", "p.yaml:1:11: aliases (*name) are not supported"},
    {"revision: !t a", "p.yaml:1:11: tags (!name) are not supported"},
    {"revision: a\norganisation: {? [x] : y}", "p.yaml:2:18: a key must be a plain text"},
    {"revision: a\n\torganisation: {}", "p.yaml:2:1: this is not YAML"},
    {"revision: a\norganisation: []", "p.yaml:2:15: organisation must be a mapping, not a list"},
    {"revision: a\norganisation: {caller_id: []}", "p.yaml:2:16: unknown rule 'caller_id'"},
    {"revision: a\norganisation: {caller_ids: x}", "p.yaml:2:28: caller_ids must be a list"},
    {"revision: a\norganisation: {caller_ids: []}", "p.yaml:2:28: an empty list would refuse"},
    {"revision: a\norganisation: {caller_ids: [[x]]}", "p.yaml:2:29: a caller ID must be a text"},
    {"revision: a\norganisation: {caller_ids: ['a b']}", "p.yaml:2:29: a caller ID is written"},
    {"revision: a\norganisation: {caller_ids: [919561]}", "p.yaml:2:29: a number starts with +"},
    {"revision: a\norganisation: {caller_ids: [A, A]}",
     "p.yaml:2:32: this caller ID is in the list"},
    {"revision: a\norganisation: {timezones: []}", "p.yaml:2:27: an empty list would refuse"},
    {"revision: a\norganisation: {timezones: [EST]}",
     "p.yaml:2:28: 'EST' is not an IANA time zone"},
    {"revision: a\norganisation: {timezones: [Asia/Kolkata, Asia/Calcutta]}",
     "p.yaml:2:42: Asia/Calcutta is in the list already"},
    {"revision: a\norganisation: {business_hours: []}",
     "p.yaml:2:32: business_hours must be a mapping"},
    {"revision: a\norganisation: {business_hours: {IST: {}}}", "p.yaml:2:33: 'IST' is neither"},
    {"revision: a\norganisation: {business_hours: {'*': {XX: closed}}}",
     "p.yaml:2:39: 'XX' is not a day"},
    {"revision: a\norganisation: {business_hours: {'*': {MO-: closed}}}",
     "p.yaml:2:39: 'MO-' is not a day"},
    {"revision: a\norganisation: {business_hours: {'*': {MO-FR: closed, FR: closed}}}",
     "p.yaml:2:54: FR is given twice"},
    {"revision: a\norganisation: {business_hours: {'*': {MO: 9-5}}}",
     "p.yaml:2:43: '9-5' is not a window"},
    {"revision: a\norganisation: {business_hours: {'*': {MO: 9:00 AM - 9:00 AM}}}",
     "p.yaml:2:43: this window opens and closes at the same time"},
    {"revision: a\norganisation: {business_hours: {Asia/Kolkata: {}, Asia/Calcutta: {}}}",
     "p.yaml:2:51: Asia/Kolkata is given twice"},
    {"revision: a\nteams: [x]", "p.yaml:2:8: teams must be a mapping"},
    {"revision: a\nteams: {x: y}", "p.yaml:2:12: a team's rules must be a mapping"},
};

TEST(a_bad_policy_is_refused_with_its_place)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        assert_null(compile(refused[i].text));
        if (!str_starts(str_from(err.text), str_from(refused[i].sentence)))
            EXPECT_STR(str_from(err.text), refused[i].sentence);
    }
    arena_release(&arena);
}

TEST(files_are_merged_and_conflicts_refused)
{
    struct policy_source good[] = {{"a.yaml", STR("revision: r\nteams: {a: {}}")},
                                   {"b.yaml", STR("teams: {b: {caller_ids: [X]}}")}};
    arena_init(&arena, 1 << 20);
    const struct policy_set *set = policy_compile(good, 2, &arena, &err);
    assert_non_null(set);
    assert_non_null(policy_team(set, STR("a")));
    assert_non_null(policy_team(set, STR("b"))->caller_ids);
    assert_null(policy_team(set, STR("c")));
    struct policy_source bad[] = {{"a.yaml", STR("revision: r\nteams: {a: {}}")},
                                  {"b.yaml", STR("teams: {a: {}}")}};
    assert_null(policy_compile(bad, 2, &arena, &err));
    assert_true(str_starts(str_from(err.text), STR("b.yaml:1:9: the team 'a' is given twice")));
    struct policy_source twice[] = {{"a.yaml", STR("revision: r\norganisation: {caller_ids: [X]}")},
                                    {"b.yaml", STR("organisation: {caller_ids: [Y]}")}};
    assert_null(policy_compile(twice, 2, &arena, &err));
    assert_true(
        str_starts(str_from(err.text), STR("b.yaml:1:16: 'caller_ids' is given twice for")));
    arena_release(&arena);
}

/* ---- hours ---- */

static struct week_windows week;

TEST(touching_windows_become_one)
{
    week = (struct week_windows){0};
    assert_true(hours_add(&week, MONDAY, 9 * 60, 12 * 60));
    assert_true(hours_add(&week, MONDAY, 14 * 60, 18 * 60));
    assert_false(hours_contain(&week, MONDAY, 11 * 60, 15 * 60));
    assert_true(hours_add(&week, MONDAY, 12 * 60, 14 * 60));
    assert_true(hours_contain(&week, MONDAY, 9 * 60, 18 * 60));
    assert_int_equal(week.days[MONDAY].count, 1);
}

TEST(edges_belong_to_the_window)
{
    week = (struct week_windows){0};
    assert_true(hours_add(&week, MONDAY, 540, 1080));
    assert_true(hours_contain(&week, MONDAY, 540, 1080));
    assert_false(hours_contain(&week, MONDAY, 539, 1080));
    assert_false(hours_contain(&week, MONDAY, 540, 1081));
    assert_false(hours_contain(&week, TUESDAY, 540, 1080));
}

TEST(a_window_across_midnight_continues_on_the_next_day)
{
    week = (struct week_windows){0};
    assert_true(hours_add(&week, SUNDAY, 21 * 60, 2 * 60));
    assert_true(hours_contain(&week, SUNDAY, 21 * 60, MINUTES_PER_DAY));
    assert_true(hours_contain(&week, MONDAY, 0, 120));
    assert_false(hours_contain(&week, MONDAY, 0, 121));
}

TEST(impossible_windows_are_refused)
{
    week = (struct week_windows){0};
    assert_false(hours_add(&week, MONDAY, 60, 60));
    assert_false(hours_add(&week, MONDAY, -1, 60));
    assert_false(hours_add(&week, MONDAY, 0, 1441));
    assert_false(hours_add(&week, MONDAY, 1440, 60));
    for (int i = 0; i < WINDOWS_PER_DAY; i++)
        assert_true(hours_add(&week, TUESDAY, i * 60, i * 60 + 30));
    assert_false(hours_add(&week, TUESDAY, 23 * 60, 23 * 60 + 30));
}

TEST(hours_are_described_for_people)
{
    week = (struct week_windows){0};
    arena_init(&arena, 1 << 16);
    EXPECT_STR(hours_describe(&week.days[MONDAY], &arena), "closed");
    assert_true(hours_add(&week, MONDAY, 0, 720));
    assert_true(hours_add(&week, MONDAY, 721, 1440));
    EXPECT_STR(hours_describe(&week.days[MONDAY], &arena), "12:00 AM - 12:00 PM, 12:01 PM - 24:00");
    arena_release(&arena);
}

/* ---- size ---- */

TEST(ten_thousand_teams_and_a_hundred_thousand_caller_ids)
{
    struct buf text;
    buf_init(&text, 8 << 20);
    buf_format(&text, "revision: big\norganisation:\n  caller_ids:\n");
    for (int i = 0; i < 100000; i++)
        buf_format(&text, "    - \"+4915%07d\"\n", i);
    buf_format(&text, "teams:\n");
    for (int i = 0; i < 10000; i++)
        buf_format(&text, "  team-%d: {caller_ids: [\"+4915%07d\"]}\n", i, i);
    buf_append_byte(&text, '\0');
    assert_false(text.failed);
    const struct policy_set *set = compile(text.data);
    assert_non_null(set);
    assert_int_equal(set->teams.count, 10000);
    const struct policy_layer *team = policy_team(set, STR("team-9999"));
    struct campaign campaign = {.caller_id = STR("+49150009999")};
    struct violations violations;
    violations_init(&violations, &arena);
    policy_check(set, team, &campaign, &violations);
    assert_true(violations_clean(&violations));
    campaign.caller_id = STR("+49150009998");
    policy_check(set, team, &campaign, &violations);
    assert_int_equal(violations.count, 1);
    EXPECT_STR(violations.items[0].team, "team-9999");
    buf_release(&text);
    arena_release(&arena);
}

TESTS(UNIT(a_bad_policy_is_refused_with_its_place), UNIT(files_are_merged_and_conflicts_refused),
      UNIT(touching_windows_become_one), UNIT(edges_belong_to_the_window),
      UNIT(a_window_across_midnight_continues_on_the_next_day),
      UNIT(impossible_windows_are_refused), UNIT(hours_are_described_for_people),
      UNIT(ten_thousand_teams_and_a_hundred_thousand_caller_ids))
