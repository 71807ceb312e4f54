/* What a change of one setting does to whoever it judges. */
#include "policy/setting_change.h"

#include "base/limits.h"
#include "policy_support.h"

static struct arena arena;

static const void *setting_of(const char *rule, enum policy_rule *ret)
{
    struct error err;
    struct str name, rest;
    const struct policy_source source = {
        "p.yaml", arena_format(&arena, "revision: a\nteams: {b: }\norganisation: {%s}\n", rule)};
    const struct policy_set *set = compile_sources(&source, 1, NULL, &arena, &err);
    if (!set)
        fail_msg("%s", err.text);
    (void)str_cut(str_from(rule), ':', &name, &rest);
    assert_true(policy_rule_parse(name, ret));
    return find_setting(&set->shared, *ret, organisation_of(set));
}

static const char *const words[] = {"none", "more", "less", "other"};

static void expect(const char *before, const char *after, const char *expected)
{
    struct arena scratch;
    enum policy_rule rule, same;
    arena_init(&arena, 16 << 20);
    arena_init(&scratch, 16 << 20);
    const void *was = setting_of(before, &rule), *is = setting_of(after, &same);
    assert_int_equal(rule, same);
    enum change change = setting_change(rule, was, is, &scratch);
    if (strcmp(words[change], expected) != 0)
        fail_msg("%s -> %s: %s", before, after, words[change]);
    arena_release(&scratch);
    arena_release(&arena);
}

static void expect_both_ways(const char *strict, const char *free)
{
    expect(strict, free, "more");
    expect(free, strict, "less");
    expect(free, free, "none");
    expect(strict, strict, "none");
}

TEST(a_setting_that_lets_more_through_and_one_that_lets_less)
{
    expect_both_ways("banned_words: [loan, casino]", "banned_words: [loan]");
    expect_both_ways("opt_out: [STOP]", "opt_out: [STOP, ARRET]");
    expect_both_ways("sender_identity: [Acme]", "sender_identity: [Acme, Bank]");
    expect_both_ways("urls: [acme.com]", "urls: [acme.com, evil.com]");
    expect_both_ways("urls: none", "urls: [acme.com]");
    expect_both_ways("markup: none", "markup: {placeholders: [Name]}");
    expect_both_ways("segments: 2", "segments: 3");
    expect_both_ways("segments: {most: 2, gsm_only: true}", "segments: {most: 2}");
    expect_both_ways("caller_ids: [A]", "caller_ids: [A, B]");
    expect_both_ways("caller_ids: [{id: A, classes: [service]}]", "caller_ids: [A]");
    expect_both_ways("contact_lists: [A]", "contact_lists: ['A*', A]");
    expect_both_ways("blocks: {shortest_minutes: 60}", "blocks: {shortest_minutes: 30}");
}

TEST(what_is_written_in_another_way_is_no_change)
{
    expect("banned_words: [loan, casino]", "banned_words: [casino, loan]", "none");
    expect("urls: ['*.acme.com', go.acme.com]", "urls: ['*.acme.com']", "none");
    expect("segments: 2", "segments: {most: 2}", "none");
}

TEST(what_goes_both_ways_or_neither_is_not_sure)
{
    expect("banned_words: [loan]", "banned_words: [casino]", "other");
    expect("urls: [a.com]", "urls: [b.com]", "other");
    expect("segments: 2", "segments: {most: 2, placeholder_characters: 5}", "other");
    expect("segments: {most: 2, gsm_only: true}", "segments: 3", "more");
    expect("segments: {most: 3, gsm_only: true}", "segments: 4", "more");
    expect("segments: {most: 2}", "segments: {most: 3, gsm_only: true}", "other");
    expect("description_pattern: a", "description_pattern: b", "other");
    expect("description_pattern: a", "description_pattern: a", "none");
}

TEST(of_a_registry_one_template_can_be_compared)
{
    static const struct template_entry any = {.name = STR("T")}, service = {.name = STR("T"),
                                                                            .classified = true,
                                                                            .class = CLASS_SERVICE};
    static const struct template_version fixed = {
        .sha256 = STR("00"), .valid_from_ms = INT64_MIN, .valid_until_ms = INT64_MAX};
    const struct template_entry one = {.name = STR("T"), .versions = &fixed, .version_count = 1},
                                retired = {.name = STR("T"), .retired = true};
    struct arena scratch;
    arena_init(&scratch, 1 << 20);
    assert_int_equal(template_change(&any, &any, &scratch), CHANGE_NONE);
    assert_int_equal(template_change(&one, &any, &scratch), CHANGE_MORE);
    assert_int_equal(template_change(&any, &one, &scratch), CHANGE_LESS);
    assert_int_equal(template_change(&any, &service, &scratch), CHANGE_OTHER);
    assert_int_equal(template_change(&any, &retired, &scratch), CHANGE_OTHER);
    arena_release(&scratch);
}

TEST(without_memory_nothing_is_sure)
{
    struct arena small;
    enum policy_rule rule;
    arena_init(&arena, 16 << 20);
    arena_init(&small, 64);
    const void *value = setting_of("banned_words: [loan]", &rule);
    assert_int_equal(setting_change(rule, value, value, &small), CHANGE_OTHER);
    arena_release(&small);
    arena_release(&arena);
}

TESTS(UNIT(a_setting_that_lets_more_through_and_one_that_lets_less),
      UNIT(what_is_written_in_another_way_is_no_change),
      UNIT(what_goes_both_ways_or_neither_is_not_sure),
      UNIT(of_a_registry_one_template_can_be_compared), UNIT(without_memory_nothing_is_sure))
