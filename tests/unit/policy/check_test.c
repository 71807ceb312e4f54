/* The rules at work: who may pass, who is refused, and in which words. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "policy_support.h"

static struct arena policy_arena, arena;
static struct violations violations;
static struct policy_findings findings;

static const struct policy_context ordinary = {.now_unix_ms = ORDINARY_MS};

static const struct policy_set *compile(struct str text)
{
    struct error err;
    const struct policy_source source = {"p.yaml", text};
    arena_release(&policy_arena);
    arena_init(&policy_arena, 256 << 20);
    const struct policy_set *set = compile_sources(&source, 1, NULL, &policy_arena, &err);
    if (!set)
        fail_msg("%s", err.text);
    return set;
}

/* What the rules of the organisation and of team billing say about a campaign. */
static void judge(const char *policy, const struct campaign *campaign)
{
    const struct policy_set *set = compile(str_from(policy));
    arena_release(&arena);
    arena_init(&arena, LIMIT_ARENA_BYTES);
    violations_init(&violations, &arena);
    policy_check(set, policy_team(set, STR("billing")), campaign, &ordinary, &violations, &findings,
                 NULL);
}

static int release(void **state)
{
    (void)state;
    arena_release(&policy_arena);
    arena_release(&arena);
    return 0;
}

static void expect_one(enum violation_code code, const char *pointer, const char *rule,
                       const char *team, const char *message)
{
    assert_int_equal(violations.count, 1);
    const struct violation *v = &violations.items[0];
    assert_int_equal(v->code, code);
    EXPECT_STR(v->pointer, pointer);
    EXPECT_STR(v->source.rule, rule);
    EXPECT_STR(v->source.team, team);
    EXPECT_STR(v->message, message);
}

#define PHONE "/dialingStrategy/callerId/phoneNumber"
#define TIMEZONE "/dialingStrategy/callingHours/timezone"
#define FREQUENCY "/dialingStrategy/callingHours/frequency"
#define DAYS "/dialingStrategy/callingHours/days/"

/* ---- caller_ids ---- */

static const char three_caller_ids[] =
    "revision: a\nteams: {billing: {caller_ids: ['+919561612340', '+14155550100', ACME]}}";

TEST(accepts_a_caller_id_of_the_team)
{
    judge(three_caller_ids, &(struct campaign){.caller_id = STR("+14155550100")});
    assert_true(violations_clean(&violations));
}

TEST(refuses_another_caller_id_without_quoting_it)
{
    judge(three_caller_ids, &(struct campaign){.caller_id = STR("+919561612345")});
    expect_one(VIOLATION_CALLER_ID_NOT_ALLOWED, PHONE, "caller_ids", "billing",
               "the caller ID ending in 45 is not one of the 3 allowed for team billing");
}

TEST(refuses_a_caller_id_that_differs_in_case_or_length)
{
    const struct str others[] = {STR("acme"), STR("ACM"), STR("ACMEE"), STR("A"),
                                 STR("+1415555010")};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        judge(three_caller_ids, &(struct campaign){.caller_id = others[i]});
        assert_int_equal(violations.count, 1);
    }
}

TEST(refuses_in_the_organisations_name_when_its_rule_speaks)
{
    judge("revision: a\norganisation: {caller_ids: [ACME]}\nteams: {billing: {}}",
          &(struct campaign){.caller_id = STR("OTHER")});
    expect_one(VIOLATION_CALLER_ID_NOT_ALLOWED, PHONE, "caller_ids", "",
               "the caller ID ending in ER is not the one allowed in the organisation");
}

TEST(a_team_cannot_widen_what_the_organisation_allows)
{
    const char *policy = "revision: a\norganisation: {caller_ids: [A, B]}\n"
                         "teams: {billing: {caller_ids: [B, C]}}";
    judge(policy, &(struct campaign){.caller_id = STR("B")});
    assert_true(violations_clean(&violations));
    judge(policy, &(struct campaign){.caller_id = STR("C")});
    assert_int_equal(violations.count, 1);
    EXPECT_STR(violations.items[0].source.team, "");
    judge(policy, &(struct campaign){.caller_id = STR("A")});
    assert_int_equal(violations.count, 1);
    EXPECT_STR(violations.items[0].source.team, "billing");
}

/* ---- timezones ---- */

static const char two_zones[] =
    "revision: a\norganisation: {timezones: [Asia/Calcutta, America/New_York]}\n"
    "teams: {billing: {}}";

TEST(accepts_a_zone_by_any_of_its_names)
{
    const struct str zones[] = {STR("Asia/Kolkata"), STR("Asia/Calcutta"), STR("US/Eastern")};
    for (size_t i = 0; i < COUNT_OF(zones); i++) {
        judge(two_zones, &(struct campaign){.timezone = zones[i]});
        assert_true(violations_clean(&violations));
    }
}

TEST(refuses_another_zone_and_lists_what_is_allowed)
{
    judge(two_zones, &(struct campaign){.timezone = STR("Europe/London")});
    expect_one(VIOLATION_TIMEZONE_NOT_ALLOWED, TIMEZONE, "timezones", "",
               "the time zone Europe/London is not allowed in the organisation; allowed: "
               "Asia/Kolkata, America/New_York");
}

/* ---- business_hours ---- */

static const char office_hours[] =
    "revision: a\norganisation:\n  business_hours:\n"
    "    Asia/Kolkata: {MO-FR: 9:00 AM - 8:00 PM, SA: [9:00 AM - 1:00 PM, 2:00 PM - 4:00 PM]}\n"
    "    Europe/London: {MO-SU: 6:00 PM - 24:00}\n"
    "teams: {billing: {}}";

static struct campaign one_block(enum frequency frequency, const char *zone,
                                 const struct calling_block *block)
{
    return (struct campaign){.frequency = frequency,
                             .timezone = str_from(zone),
                             .blocks = (struct calling_block *)block,
                             .block_count = 1};
}

#define BLOCK(day_, start_, end_, start_text_, end_text_)                                          \
    (struct calling_block)                                                                         \
    {                                                                                              \
        .day = day_, .start_min = start_, .end_min = end_, .index = 3,                             \
        .start_text = STR(start_text_), .end_text = STR(end_text_)                                 \
    }

TEST(accepts_a_block_with_the_edges_of_the_window)
{
    struct calling_block block = BLOCK(MONDAY, 540, 1200, "9:00 AM", "8:00 PM");
    struct campaign campaign = one_block(FREQUENCY_WEEKLY, "Asia/Calcutta", &block);
    judge(office_hours, &campaign);
    assert_true(violations_clean(&violations));
}

TEST(refuses_a_block_a_minute_too_early_and_says_what_would_pass)
{
    struct calling_block block = BLOCK(MONDAY, 539, 1200, "8:59 AM", "8:00 PM");
    struct campaign campaign = one_block(FREQUENCY_WEEKLY, "Asia/Kolkata", &block);
    judge(office_hours, &campaign);
    expect_one(VIOLATION_OUTSIDE_HOURS, DAYS "3", "business_hours", "",
               "the block 8:59 AM - 8:00 PM is outside the business hours of MO in the "
               "organisation in Asia/Kolkata, which are: 9:00 AM - 8:00 PM; 9:00 AM - 8:00 PM "
               "would be accepted");
}

TEST(refuses_a_block_over_a_gap_and_offers_both_sides)
{
    struct calling_block block = BLOCK(SATURDAY, 540, 960, "9:00 AM", "4:00 PM");
    struct campaign campaign = one_block(FREQUENCY_WEEKLY, "Asia/Kolkata", &block);
    judge(office_hours, &campaign);
    expect_one(VIOLATION_OUTSIDE_HOURS, DAYS "3", "business_hours", "",
               "the block 9:00 AM - 4:00 PM is outside the business hours of SA in the "
               "organisation in Asia/Kolkata, which are: 9:00 AM - 1:00 PM, 2:00 PM - 4:00 PM; "
               "9:00 AM - 1:00 PM and 2:00 PM - 4:00 PM would be accepted");
}

TEST(a_block_that_lies_wholly_outside_is_told_the_hours_of_its_day)
{
    struct calling_block block = BLOCK(SATURDAY, 1200, 1260, "8:00 PM", "9:00 PM");
    struct campaign campaign = one_block(FREQUENCY_WEEKLY, "Asia/Kolkata", &block);
    judge(office_hours, &campaign);
    assert_true(str_ends(violations.items[0].message,
                         STR("; no part of this block would be accepted, and 9:00 AM - 1:00 PM and "
                             "2:00 PM - 4:00 PM would")));
}

TEST(refuses_a_block_on_a_closed_day)
{
    struct calling_block block = BLOCK(SUNDAY, 540, 600, "9:00 AM", "10:00 AM");
    struct campaign campaign = one_block(FREQUENCY_WEEKLY, "Asia/Kolkata", &block);
    judge(office_hours, &campaign);
    expect_one(VIOLATION_OUTSIDE_HOURS, DAYS "3", "business_hours", "",
               "the block 9:00 AM - 10:00 AM is outside the business hours of SU in the "
               "organisation in Asia/Kolkata, which are: closed; nothing is accepted on SU; "
               "days with hours: MO, TU, WE, TH, FR, SA");
}

TEST(refuses_every_block_of_a_zone_without_hours)
{
    struct calling_block block = BLOCK(MONDAY, 600, 660, "10:00 AM", "11:00 AM");
    struct campaign campaign = one_block(FREQUENCY_WEEKLY, "Asia/Tokyo", &block);
    judge(office_hours, &campaign);
    expect_one(VIOLATION_OUTSIDE_HOURS, TIMEZONE, "business_hours", "",
               "no business hours are defined in the organisation for the time zone Asia/Tokyo; "
               "zones that have some: Asia/Kolkata, Europe/London");
}

TEST(offers_only_times_that_the_api_can_write)
{
    struct calling_block block = BLOCK(MONDAY, 1020, 1440, "5:00 PM", "12:00 AM");
    struct campaign campaign = one_block(FREQUENCY_WEEKLY, "Europe/London", &block);
    judge(office_hours, &campaign);
    assert_true(str_ends(violations.items[0].message,
                         STR("6:00 PM - 24:00; 6:00 PM - 11:59 PM would be accepted")));
}

TEST(daily_is_accepted_when_every_day_allows_it)
{
    struct calling_block block = BLOCK(MONDAY, 1140, 1200, "7:00 PM", "8:00 PM");
    struct campaign campaign = one_block(FREQUENCY_DAILY, "Europe/London", &block);
    judge(office_hours, &campaign);
    assert_true(violations_clean(&violations));
}

TEST(daily_is_refused_for_the_days_that_do_not_allow_it)
{
    struct calling_block block = BLOCK(MONDAY, 540, 1080, "9:00 AM", "6:00 PM");
    struct campaign campaign = one_block(FREQUENCY_DAILY, "Asia/Kolkata", &block);
    judge(office_hours, &campaign);
    expect_one(VIOLATION_OUTSIDE_HOURS, DAYS "3", "business_hours", "",
               "DAILY may run the block 9:00 AM - 6:00 PM on any day, and it is outside the "
               "business hours in the organisation in Asia/Kolkata on SA (9:00 AM - 1:00 PM, "
               "2:00 PM - 4:00 PM), SU (closed); use WEEKLY");
}

TEST(daily_is_offered_what_all_days_have_in_common)
{
    struct calling_block block = BLOCK(MONDAY, 540, 1080, "9:00 AM", "6:00 PM");
    struct campaign campaign = one_block(FREQUENCY_DAILY, "UTC", &block);
    judge("revision: a\norganisation: {business_hours: {'*': {MO-FR: 8:00 AM - 5:00 PM, SA-SU: "
          "10:00 AM - 8:00 PM}}}\nteams: {billing: {}}",
          &campaign);
    assert_true(str_ends(violations.items[0].message,
                         STR("10:00 AM - 5:00 PM would be accepted, or use WEEKLY")));
}

TEST(custom_cannot_be_judged_and_is_refused_once)
{
    struct calling_block blocks[] = {BLOCK(MONDAY, 540, 600, "9:00 AM", "10:00 AM"),
                                     BLOCK(SUNDAY, 0, 600, "12:00 AM", "10:00 AM")};
    struct campaign campaign = one_block(FREQUENCY_CUSTOM, "Asia/Kolkata", blocks);
    campaign.block_count = 2;
    judge(office_hours, &campaign);
    expect_one(VIOLATION_FREQUENCY_NOT_JUDGEABLE, FREQUENCY, "business_hours", "",
               "what CUSTOM does to the hours is not documented, so they cannot be judged; use "
               "WEEKLY");
}

TEST(custom_is_fine_where_nobody_asks_about_hours)
{
    judge("revision: a\nteams: {billing: {}}",
          &(struct campaign){.frequency = FREQUENCY_CUSTOM, .timezone = STR("UTC")});
    assert_true(violations_clean(&violations));
}

/* ---- all together ---- */

TEST(what_broke_the_contract_is_not_judged_again)
{
    judge("revision: a\norganisation: {caller_ids: [A], timezones: [UTC], business_hours: {UTC: "
          "{}}}\nteams: {billing: {caller_ids: [A]}}",
          &(struct campaign){0});
    assert_true(violations_clean(&violations));
}

TEST(every_rule_speaks_in_order_the_organisation_first)
{
    struct calling_block blocks[] = {BLOCK(MONDAY, 0, 60, "12:00 AM", "1:00 AM"),
                                     BLOCK(TUESDAY, 0, 60, "12:00 AM", "1:00 AM")};
    struct campaign campaign = one_block(FREQUENCY_WEEKLY, "UTC", blocks);
    campaign.block_count = 2;
    campaign.caller_id = STR("X");
    judge("revision: a\n"
          "organisation: {business_hours: {'*': {}}, timezones: [GB], caller_ids: [A]}\n"
          "teams: {billing: {timezones: [GB], business_hours: {'*': {}}, caller_ids: [A]}}",
          &campaign);
    const char *const expected[][2] = {
        {"caller_ids", ""},
        {"caller_ids", "billing"},
        {"timezones", ""},
        {"timezones", "billing"},
        {"business_hours", ""},
        {"business_hours", ""},
        {"business_hours", "billing"},
        {"business_hours", "billing"},
    };
    assert_int_equal(violations.count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        EXPECT_STR(violations.items[i].source.rule, expected[i][0]);
        EXPECT_STR(violations.items[i].source.team, expected[i][1]);
    }
}

TEST(more_violations_than_fit_are_never_clean)
{
    static struct calling_block blocks[LIMIT_VIOLATIONS + 50];
    for (size_t i = 0; i < COUNT_OF(blocks); i++)
        blocks[i] = BLOCK(SUNDAY, 0, 60, "12:00 AM", "1:00 AM");
    struct campaign campaign = one_block(FREQUENCY_WEEKLY, "Asia/Kolkata", blocks);
    campaign.block_count = COUNT_OF(blocks);
    judge(office_hours, &campaign);
    assert_int_equal(violations.count, LIMIT_VIOLATIONS);
    assert_true(violations.truncated);
    assert_false(violations_clean(&violations));
}

TEST(memory_that_runs_out_is_never_clean)
{
    struct calling_block block = BLOCK(SUNDAY, 540, 600, "9:00 AM", "10:00 AM");
    struct campaign campaign = one_block(FREQUENCY_DAILY, "Asia/Kolkata", &block);
    const struct policy_set *set = compile(STR(office_hours));
    for (size_t limit = 0; limit < 4096; limit += 16) {
        arena_release(&arena);
        arena_init(&arena, limit);
        violations_init(&violations, &arena);
        policy_check(set, policy_team(set, STR("billing")), &campaign, &ordinary, &violations,
                     &findings, NULL);
        assert_false(violations_clean(&violations));
    }
}

/* ---- cost ---- */

/* An example campaign against a list of so many caller IDs, in nanoseconds. */
static int64_t time_check(int caller_ids)
{
    enum { ROUNDS = 20000 };
    struct buf text;
    buf_init(&text, LIMIT_YAML_BYTES);
    buf_format(&text, "revision: a\norganisation:\n  timezones: [Asia/Kolkata]\n"
                      "  business_hours: {Asia/Kolkata: {MO-SA: 9:00 AM - 8:00 PM}}\n"
                      "teams:\n  billing:\n    caller_ids:\n");
    for (int i = 0; i < caller_ids; i++)
        buf_format(&text, "      - \"+9195%08d\"\n", i);
    struct calling_block blocks[5];
    for (size_t i = 0; i < COUNT_OF(blocks); i++)
        blocks[i] = BLOCK((enum weekday)i, 540, 1080, "9:00 AM", "6:00 PM");
    struct campaign campaign = one_block(FREQUENCY_WEEKLY, "Asia/Kolkata", blocks);
    campaign.block_count = COUNT_OF(blocks);
    campaign.caller_id = STR("+919500000007");
    const struct policy_set *set = compile(buf_str(&text));
    buf_release(&text);

    arena_init(&arena, LIMIT_ARENA_BYTES);
    int64_t before_us = clock_mono_us();
    for (int i = 0; i < ROUNDS; i++) {
        arena_reset(&arena);
        violations_init(&violations, &arena);
        policy_check(set, policy_team(set, STR("billing")), &campaign, &ordinary, &violations,
                     &findings, NULL);
    }
    int64_t spent_us = clock_mono_us() - before_us;
    assert_true(violations_clean(&violations));
    arena_release(&arena);
    return spent_us * 1000 / ROUNDS;
}

TEST(ten_or_a_hundred_thousand_caller_ids_cost_about_the_same)
{
    int64_t few_ns = time_check(10), many_ns = time_check(100000);
    print_message("policy_check: %lld ns with 10 caller IDs, %lld ns with 100,000\n",
                  (long long)few_ns, (long long)many_ns);
    assert_true(many_ns < few_ns * 20 + 20000); /* a walk through the list would be 1000 times */
}

#define STORY(name) cmocka_unit_test_teardown(name, release)

TESTS(STORY(accepts_a_caller_id_of_the_team), STORY(refuses_another_caller_id_without_quoting_it),
      STORY(refuses_a_caller_id_that_differs_in_case_or_length),
      STORY(refuses_in_the_organisations_name_when_its_rule_speaks),
      STORY(a_team_cannot_widen_what_the_organisation_allows),
      STORY(accepts_a_zone_by_any_of_its_names),
      STORY(refuses_another_zone_and_lists_what_is_allowed),
      STORY(accepts_a_block_with_the_edges_of_the_window),
      STORY(refuses_a_block_a_minute_too_early_and_says_what_would_pass),
      STORY(refuses_a_block_over_a_gap_and_offers_both_sides),
      STORY(a_block_that_lies_wholly_outside_is_told_the_hours_of_its_day),
      STORY(refuses_a_block_on_a_closed_day), STORY(refuses_every_block_of_a_zone_without_hours),
      STORY(offers_only_times_that_the_api_can_write),
      STORY(daily_is_accepted_when_every_day_allows_it),
      STORY(daily_is_refused_for_the_days_that_do_not_allow_it),
      STORY(daily_is_offered_what_all_days_have_in_common),
      STORY(custom_cannot_be_judged_and_is_refused_once),
      STORY(custom_is_fine_where_nobody_asks_about_hours),
      STORY(what_broke_the_contract_is_not_judged_again),
      STORY(every_rule_speaks_in_order_the_organisation_first),
      STORY(more_violations_than_fit_are_never_clean), STORY(memory_that_runs_out_is_never_clean),
      STORY(ten_or_a_hundred_thousand_caller_ids_cost_about_the_same))
