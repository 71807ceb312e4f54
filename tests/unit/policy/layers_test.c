/*
 * Who is asked: packs, organisation, teams, cases; and what lets a campaign pass all the same:
 * modes, exceptions, rules that a team may replace. Times are pinned.
 */
#include "base/clock.h"
#include "base/limits.h"
#include "policy_support.h"

static struct arena policy_arena, arena;
static struct error err;
static struct campaign campaign;
static struct str lists[2];
static struct calling_block block;
static struct violations violations;
static struct policy_findings findings;
static int64_t now_ms;

static int start(void **state)
{
    (void)state;
    block = (struct calling_block){MONDAY, 540, 1080, 0, STR("9:00 AM"), STR("6:00 PM")};
    lists[0] = STR("customers");
    campaign = (struct campaign){.name = STR("Diwali offer"),
                                 .contact_lists = lists,
                                 .contact_list_count = 1,
                                 .priority = 5,
                                 .template_name = STR("Welcome"),
                                 .message = STR("hello"),
                                 .caller_id = STR("+919561612345"),
                                 .frequency = FREQUENCY_WEEKLY,
                                 .timezone = STR("Asia/Kolkata"),
                                 .blocks = &block,
                                 .block_count = 1};
    now_ms = ORDINARY_MS;
    return 0;
}

static int release(void **state)
{
    (void)state;
    arena_release(&policy_arena);
    arena_release(&arena);
    return 0;
}

/* Files that others can include, by their names. */
static const struct policy_source *library;
static size_t library_count;

static bool read_file(void *context, const char *from, struct str path, struct policy_source *ret,
                      struct error *why)
{
    (void)context, (void)from;
    for (size_t i = 0; i < library_count; i++) {
        if (!str_equal(path, str_from(library[i].name)))
            continue;
        *ret = library[i];
        return true;
    }
    return error_set(why, "cannot read '%.*s'", STR_ARGS(path));
}

static const struct policy_set *compile(const char *text)
{
    static const struct policy_includer includer = {NULL, read_file};
    const struct policy_source source = {"p.yaml", str_from(text)};
    arena_release(&policy_arena);
    arena_init(&policy_arena, 64 << 20);
    return compile_sources(&source, 1, &includer, &policy_arena, &err);
}

static void at(const char *time)
{
    assert_true(clock_parse_utc(str_from(time), &now_ms));
}

/* Judges the campaign for team "t"; how many violations refuse. */
static size_t judge(const char *policy)
{
    const struct policy_set *set = compile(policy);
    if (!set)
        fail_msg("%s", err.text);
    const struct policy_context context = {.now_unix_ms = now_ms};
    arena_release(&arena);
    arena_init(&arena, LIMIT_ARENA_BYTES);
    violations_init(&violations, &arena);
    policy_check(set, policy_team(set, STR("t")), &campaign, &context, &violations, &findings,
                 NULL);
    return violations.count;
}

#define PASSES(policy) assert_int_equal(judge(policy), 0)
#define REFUSES(policy) assert_int_equal(judge(policy), 1)
#define ENDS "\nteams: {t: }\n"

/* ---- cases ---- */

TEST(a_case_applies_to_its_message_classes)
{
    const char *policy = "revision: r\norganisation:\n  cases:\n"
                         "    - {name: adverts, applies_to: {classes: [promotional]}, "
                         "priority_cap: 1}\n"
                         "  templates: {Welcome: {class: %s}, Other: {class: promotional}}" ENDS;
    char text[512];
    (void)snprintf(text, sizeof(text), policy, "promotional");
    REFUSES(text);
    EXPECT_STR(violations.items[0].source.layer, "organisation, adverts");
    EXPECT_STR(violations.items[0].source.team, "");
    EXPECT_STR(violations.items[0].message, "the priority \"5\" is too high in the organisation, "
                                            "adverts; at most \"1\" is allowed (5 is the highest)");
    (void)snprintf(text, sizeof(text), policy, "service");
    PASSES(text);
    assert_int_equal(findings.class, CLASS_SERVICE);
}

TEST(a_message_is_promotional_until_somebody_says_otherwise)
{
    PASSES("revision: r" ENDS);
    assert_int_equal(findings.class, CLASS_PROMOTIONAL);
    PASSES("revision: r\nteams: {t: {message_class: transactional}}");
    assert_int_equal(findings.class, CLASS_TRANSACTIONAL);
    PASSES("revision: r\norganisation: {message_class: transactional}" ENDS);
    assert_int_equal(findings.class, CLASS_TRANSACTIONAL);
}

TEST(of_two_classes_the_stricter_counts)
{
    PASSES("revision: r\norganisation: {message_class: service}\n"
           "teams: {t: {message_class: transactional}}");
    assert_int_equal(findings.class, CLASS_SERVICE);
    PASSES("revision: r\norganisation: {templates: {Welcome: {class: service}}}\n"
           "teams: {t: {templates: {Welcome: {class: transactional}}}}");
    assert_int_equal(findings.class, CLASS_SERVICE);
    PASSES("revision: r\norganisation: {message_class: transactional, templates: {Welcome: {class: "
           "service}}}" ENDS); /* the registry knows better */
    assert_int_equal(findings.class, CLASS_SERVICE);
    PASSES("revision: r\nteams: {t: {message_class: promotional, templates: {Welcome: {class: "
           "service}}}}");
    assert_int_equal(findings.class, CLASS_SERVICE);
}

TEST(a_team_cannot_make_a_class_freer)
{
    PASSES("revision: r\norganisation: {message_class: promotional}\n"
           "teams: {t: {templates: {Welcome: {class: service}}}}");
    assert_int_equal(findings.class, CLASS_PROMOTIONAL);
    PASSES("revision: r\norganisation: {message_class: service}\n"
           "teams: {t: {templates: {Welcome: {class: promotional}}}}");
    assert_int_equal(findings.class, CLASS_PROMOTIONAL);
}

#define CASE(scope)                                                                                \
    "revision: r\nteams:\n  t:\n    templates: {Welcome: {language: hi}}\n    cases:\n"            \
    "      - {name: c, applies_to: {" scope "}, priority_cap: 1}\n"

TEST(a_case_applies_by_zone_language_sender_and_lists)
{
    REFUSES(CASE("timezones: [Asia/Calcutta]"));
    EXPECT_STR(violations.items[0].source.layer, "team t, c");
    EXPECT_STR(violations.items[0].source.team, "t");
    PASSES(CASE("timezones: [Europe/London]"));
    REFUSES(CASE("languages: [hi, en]"));
    PASSES(CASE("languages: [en]"));
    REFUSES(CASE("caller_ids: ['+91*']"));
    PASSES(CASE("caller_ids: ['+1*']"));
    REFUSES(CASE("contact_lists: ['cust*']"));
    PASSES(CASE("contact_lists: ['US-*']"));
    REFUSES(CASE("other_contact_lists: ['US-*']"));
    PASSES(CASE("other_contact_lists: ['cust*']"));
    PASSES(CASE("timezones: [Asia/Calcutta], languages: [en]")); /* all of them must hold */
}

TEST(a_team_cannot_call_the_organisations_language_another)
{
    const char *policy = "revision: r\norganisation:\n  templates: {Welcome: {%s}}\n"
                         "  cases: [{name: c, applies_to: {languages: hi}, priority_cap: 1}]\n"
                         "teams: {t: {templates: {Welcome: {language: en}}}}";
    char text[512];
    (void)snprintf(text, sizeof(text), policy, "language: hi");
    REFUSES(text);
    EXPECT_STR(findings.language, "hi");
    (void)snprintf(text, sizeof(text), policy, "class: promotional");
    PASSES(text);
    EXPECT_STR(findings.language, "en");
}

TEST(one_list_among_several_is_enough)
{
    lists[1] = STR("US-TX-7");
    campaign.contact_list_count = 2;
    REFUSES(CASE("contact_lists: ['US-TX-*']"));
    REFUSES(CASE("other_contact_lists: ['US-*']"));
    PASSES(CASE("other_contact_lists: ['US-*', customers]"));
}

TEST(cases_narrow_further)
{
    const char *policy = "revision: r\norganisation:\n  timezones: [Asia/Kolkata]\n  cases:\n"
                         "    - {name: c, applies_to: {timezones: [Asia/Kolkata]}, "
                         "business_hours: {'*': {MO-FR: 10:00 AM - 1:00 PM}}}\n"
                         "  business_hours: {'*': {MO-FR: 8:00 AM - 12:00 PM}}" ENDS;
    assert_int_equal(judge(policy), 2);
    /* what would be accepted passes both */
    for (size_t i = 0; i < 2; i++)
        assert_true(
            str_ends(violations.items[i].message, STR("; 10:00 AM - 12:00 PM would be accepted")));
}

/* ---- packs ---- */

static const struct policy_source packs[] = {
    {"india.yaml", STR("pack:\n  name: india\n  title: India\n  applies_to: {timezones: "
                       "[Asia/Kolkata]}\n  priority_cap: 3\n  cases:\n    - {name: adverts, "
                       "applies_to: {classes: [promotional]}, priority_cap: 2}\n")},
    {"states.yaml", STR("revision: 7\npack: {name: states, include: federal.yaml, days: MO}")},
    {"federal.yaml", STR("pack: {name: federal, priority_cap: 4}")},
    {"circle.yaml", STR("pack: {name: circle, include: [square.yaml]}")},
    {"square.yaml", STR("pack: {name: square, include: [circle.yaml]}")},
    {"twin.yaml", STR("pack: {name: india}")},
    {"teams.yaml", STR("teams: {x: }")},
    {"mixed.yaml", STR("pack: {name: mixed}\nteams: {x: }")},
    {"wrong.yaml", STR("pack: {name: wrong, priority_cap: 9}")},
};

#define INCLUDES(what) "revision: r\norganisation: {include: " what "}" ENDS

static int start_with_packs(void **state)
{
    library = packs;
    library_count = COUNT_OF(packs);
    return start(state);
}

TEST(a_pack_and_its_cases_bind_where_they_apply)
{
    assert_int_equal(judge(INCLUDES("[india.yaml]")), 2);
    EXPECT_STR(violations.items[0].source.layer, "pack india");
    EXPECT_STR(violations.items[1].source.layer, "pack india, adverts");
    EXPECT_STR(violations.items[0].message, "the priority \"5\" is too high by pack india; at most "
                                            "\"3\" is allowed (5 is the highest)");
    campaign.timezone = STR("Europe/London");
    PASSES(INCLUDES("[india.yaml]")); /* its case neither */
}

TEST(a_pack_may_include_another)
{
    assert_int_equal(judge(INCLUDES("states.yaml")), 1);
    EXPECT_STR(violations.items[0].source.layer, "pack federal");
    block.day = TUESDAY;
    assert_int_equal(judge(INCLUDES("[states.yaml, federal.yaml]")), 2); /* once is enough */
}

TEST(a_pack_may_be_tried_before_it_counts)
{
    const char *tried = INCLUDES("[{file: federal.yaml, mode: report, enforce_from: 2026-12-01}]");
    PASSES(tried);
    assert_int_equal(findings.observed.count, 1);
    at("2026-12-01T00:00:00Z");
    REFUSES(tried);
    PASSES(INCLUDES("[{file: states.yaml, mode: off}]")); /* what it includes is off as well */
    assert_int_equal(findings.observed.count, 0);
}

TEST(bad_includes_are_refused_with_their_place)
{
    const char *const refused[][2] = {
        {"[nothing.yaml]", "p.yaml:2:26: cannot read 'nothing.yaml'"},
        {"[circle.yaml]", "square.yaml:1:32: 'circle.yaml' includes itself, here or by way of "
                          "other files"},
        {"[india.yaml, twin.yaml]", "twin.yaml:1:7: another pack has the name 'india'"},
        {"[teams.yaml]",
         "teams.yaml:1:1: this file is included, so it must be a pack: 'pack:' with "
         "its name and rules beneath"},
        {"[mixed.yaml]", "mixed.yaml:2:1: 'teams' cannot stand beside 'pack'; a pack's file holds "
                         "its pack and, if you like, a revision"},
        {"[wrong.yaml]", "wrong.yaml:1:35: priority_cap is a number from 1 to 5"},
        {"[federal.yaml, {file: federal.yaml, mode: report}]",
         "p.yaml:2:47: pack federal is included already, with another mode; include it once"},
        {"[{mode: report}]", "p.yaml:2:26: an include needs a 'file'"},
        {"{a: b}", "p.yaml:2:25: include must be a list, not a mapping"},
    };
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "revision: r\norganisation: {include: %s}\n",
                       refused[i][0]);
        assert_null(compile(text));
        EXPECT_STR(str_from(err.text), refused[i][1]);
    }
}

TEST(a_pack_on_its_own_can_be_read)
{
    const struct policy_set *set = compile("pack: {name: alone, priority_cap: 1}");
    assert_non_null(set);
    EXPECT_STR(set->layers[0]->title, "pack alone");
}

/* ---- disclosure ---- */

TEST(the_caller_ids_are_told_only_where_the_organisation_lets_it)
{
    REFUSES("revision: r\nteams: {t: {caller_ids: ['+14155550100', ACME]}}");
    EXPECT_STR(violations.items[0].message,
               "the caller ID ending in 45 is not one of the 2 allowed for team t");
    REFUSES("revision: r\norganisation: {disclose_caller_ids: true}\n"
            "teams: {t: {caller_ids: ['+14155550100', ACME]}}");
    EXPECT_STR(violations.items[0].message,
               "the caller ID ending in 45 is not one of the 2 allowed for team t; allowed: "
               "+14155550100, ACME");
}

/* ---- overriding ---- */

TEST(a_team_replaces_what_the_organisation_lets_it)
{
    REFUSES("revision: r\norganisation: {priority_cap: 2}\nteams: {t: {priority_cap: 5}}");
    PASSES("revision: r\norganisation: {priority_cap: 2, overridable: [priority_cap]}\n"
           "teams: {t: {priority_cap: 5}}");
    REFUSES("revision: r\norganisation: {priority_cap: 2, overridable: [priority_cap]}" ENDS);
}

TEST(a_pack_cannot_be_replaced)
{
    assert_int_equal(judge("revision: r\norganisation: {include: federal.yaml, overridable: "
                           "[priority_cap], priority_cap: 1}\nteams: {t: {priority_cap: 5}}"),
                     1);
    EXPECT_STR(violations.items[0].source.layer, "pack federal");
}

/* ---- modes ---- */

TEST(a_rule_may_only_report_or_be_off)
{
    PASSES("revision: r\norganisation: {priority_cap: 1, modes: {priority_cap: report}}" ENDS);
    assert_int_equal(findings.observed.count, 1);
    assert_int_equal(findings.observed.items[0].effect, EFFECT_REPORTED);
    assert_int_equal(findings.observed.items[0].code, VIOLATION_PRIORITY_TOO_HIGH);
    PASSES("revision: r\norganisation: {priority_cap: 1, modes: {priority_cap: off}}" ENDS);
    assert_int_equal(findings.observed.count, 0);
    REFUSES("revision: r\norganisation: {priority_cap: 1, modes: {priority_cap: enforce}}" ENDS);
}

TEST(what_does_not_refuse_may_find_any_number)
{
    static char many[3 * (LIMIT_VIOLATIONS + 1)];
    for (size_t i = 0; i < sizeof(many); i += 3)
        memcpy(many + i, "<b>", 3);
    campaign.message = (struct str){many, sizeof(many)};
    PASSES("revision: r\norganisation: {markup: none, modes: {markup: report}}" ENDS);
    assert_true(violations_clean(&violations));
    assert_int_equal(findings.observed.count, LIMIT_VIOLATIONS);
    assert_true(findings.observed.truncated);
    assert_int_equal(judge("revision: r\norganisation: {markup: none}" ENDS), LIMIT_VIOLATIONS);
    assert_true(violations.truncated);
}

TEST(a_text_that_cannot_be_folded_is_tried_once_and_refused)
{
    static char many[3 * 65536]; /* U+3300 takes five times its length */
    for (size_t i = 0; i < sizeof(many); i += 3)
        memcpy(many + i, "\u3300", 3);
    campaign.message = (struct str){many, sizeof(many)};
    (void)judge("revision: r\norganisation: {banned_words: x, urls: none, opt_out: x, "
                "sender_identity: x, modes: {urls: report}}" ENDS);
    assert_true(violations.truncated);
    assert_true(arena.used_bytes < 5 * sizeof(many));
}

TEST(a_mode_belongs_to_its_layer)
{
    REFUSES("revision: r\norganisation: {priority_cap: 1}\n"
            "teams: {t: {modes: {priority_cap: off}}}"); /* a team cannot switch it off */
}

TEST(a_mode_ends_on_its_day)
{
    const char *policy = "revision: r\norganisation: {calendar: Asia/Kolkata, priority_cap: 1, "
                         "modes: {priority_cap: {mode: report, enforce_from: 2026-12-01}}}" ENDS;
    at("2026-11-30T18:29:59.999Z");
    PASSES(policy);
    at("2026-11-30T18:30:00Z"); /* midnight in Kolkata */
    REFUSES(policy);
}

TEST(a_whole_team_may_be_tried)
{
    PASSES("revision: r\norganisation: {include: federal.yaml, team_modes: {t: report}}\n"
           "teams: {t: {caller_ids: [X]}}");
    assert_int_equal(findings.observed.count, 2);
    assert_int_equal(judge("revision: r\norganisation: {include: federal.yaml, "
                           "team_modes: {u: report}}\nteams: {t: {caller_ids: [X]}, u: }"),
                     2);
}

/* ---- exceptions ---- */

#define EXCEPTION(what)                                                                            \
    "revision: r\norganisation: {priority_cap: 1}\nteams: {t: , u: }\nexceptions:\n"               \
    "  - {id: EX-7, approver: boss, ticket: T-1, expires: 2026-11-30, " what "}\n"

TEST(an_exception_lifts_a_rule_and_is_named)
{
    PASSES(EXCEPTION("team: t, rule: priority_cap, campaign: 'Diwali *'"));
    assert_int_equal(findings.used_count, 1);
    EXPECT_STR(findings.used[0]->id, "EX-7");
    EXPECT_STR(findings.used[0]->ticket, "T-1");
    assert_int_equal(findings.observed.items[0].effect, EFFECT_WAIVED);
    EXPECT_STR(findings.observed.items[0].exception, "EX-7");
    PASSES(EXCEPTION("team: '*', rule: [days, priority_cap], caller_id: '+91*', template: Wel*"));
}

TEST(an_exception_is_for_what_it_says)
{
    REFUSES(EXCEPTION("team: t, rule: priority_cap, campaign: Holi*"));
    REFUSES(EXCEPTION("team: t, rule: days"));
    REFUSES(EXCEPTION("team: u, rule: priority_cap"));
    REFUSES(EXCEPTION("team: t, rule: priority_cap, caller_id: '+1*'"));
    assert_int_equal(findings.used_count, 0);
    campaign.priority = 1;
    PASSES(EXCEPTION("team: t, rule: priority_cap"));
    assert_int_equal(findings.used_count, 0); /* it was not needed */
}

TEST(an_exception_has_its_days)
{
    const char *policy = EXCEPTION("team: t, rule: priority_cap, not_before: 2026-11-20");
    const struct {
        const char *time;
        size_t refused, expired;
    } times[] = {
        {"2026-11-19T23:59:59.999Z", 1, 0},
        {"2026-11-20T00:00:00Z", 0, 0},
        {"2026-11-30T23:59:59.999Z", 0, 0},
        {"2026-12-01T00:00:00Z", 1, 1},
    };
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        at(times[i].time);
        assert_int_equal(judge(policy), times[i].refused);
        assert_int_equal(findings.expired_count, times[i].expired);
    }
}

TEST(an_exception_without_beginning_lasts_a_month)
{
    const char *policy = EXCEPTION("team: t, rule: priority_cap");
    at("2026-10-31T23:59:59.999Z");
    REFUSES(policy);
    at("2026-11-01T00:00:00Z");
    PASSES(policy);
}

TEST(a_pack_is_lifted_only_by_name)
{
    const char *policy = "revision: r\norganisation: {include: federal.yaml}\nteams: {t: }\n"
                         "exceptions:\n  - {id: E, approver: b, ticket: T, expires: 2026-11-30, "
                         "team: t, rule: priority_cap%s}\n";
    char text[512];
    (void)snprintf(text, sizeof(text), policy, "");
    REFUSES(text);
    (void)snprintf(text, sizeof(text), policy, ", pack: federal");
    PASSES(text);
}

/* ---- blackout ---- */

#define BLACKOUT(what) "revision: r\norganisation: {blackout: [" what "]}" ENDS

TEST(a_date_is_closed_by_the_campaigns_own_clock)
{
    const char *policy = BLACKOUT("{name: Diwali, from: 2026-11-08, to: 2026-11-09}");
    at("2026-11-07T18:29:59Z");
    PASSES(policy);
    at("2026-11-07T18:30:00Z"); /* midnight in Kolkata */
    REFUSES(policy);
    EXPECT_STR(violations.items[0].message,
               "today is 2026-11-08 in Asia/Kolkata, and no campaign may be created on Diwali in "
               "the organisation; try again on 2026-11-10");
    at("2026-11-09T18:29:59Z");
    REFUSES(policy);
    at("2026-11-09T18:30:00Z");
    PASSES(policy);
}

TEST(dates_of_every_year_are_closed)
{
    const struct {
        const char *date, *before, *on, *behind;
    } dates[] = {
        {"12-25", "2027-12-24", "2027-12-25", "2027-12-26"},
        {"easter+1", "2026-04-05", "2026-04-06", "2026-04-07"},
        {"easter-2", "2027-03-25", "2027-03-26", "2027-03-27"},
        {"easter", "2028-04-15", "2028-04-16", "2028-04-17"},
        {"4th TH in 11", "2026-11-25", "2026-11-26", "2026-11-27"},
        {"last MO in 05", "2026-05-24", "2026-05-25", "2026-05-26"},
        {"1st MO in 09", "2026-09-06", "2026-09-07", "2026-09-08"},
        {"2028-02-29", "2028-02-28", "2028-02-29", "2028-03-01"},
    };
    campaign.timezone = STR("UTC");
    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        char policy[256], time[64];
        (void)snprintf(policy, sizeof(policy), BLACKOUT("{name: x, on: %s}"), dates[i].date);
        const char *const days[] = {dates[i].before, dates[i].on, dates[i].behind};
        for (size_t k = 0; k < 3; k++) {
            (void)snprintf(time, sizeof(time), "%sT12:00:00Z", days[k]);
            at(time);
            if (judge(policy) != (k == 1))
                fail_msg("%s on %s", dates[i].date, days[k]);
        }
    }
}

TEST(notice_is_closed_too_even_over_new_year)
{
    const char *policy = BLACKOUT("{name: New Year, on: 01-01, notice_days: 3}");
    campaign.timezone = STR("America/New_York");
    at("2026-12-29T04:59:59Z");
    PASSES(policy);
    at("2026-12-29T05:00:00Z"); /* the 29th begins in New York */
    REFUSES(policy);
    assert_true(str_ends(violations.items[0].message,
                         STR("on New Year or in the 3 days before in the organisation; try again "
                             "on 2027-01-02")));
    at("2027-01-02T04:59:59Z");
    REFUSES(policy);
    at("2027-01-02T05:00:00Z");
    PASSES(policy);
}

/* Days that have 23 or 25 hours, or begin late, are whole days all the same. */
TEST(a_day_of_summer_time_is_closed_from_end_to_end)
{
    const struct {
        const char *zone, *day, *first, *last;
    } days[] = {
        {"America/New_York", "2026-03-08", "2026-03-08T05:00:00Z", "2026-03-09T03:59:59Z"},
        {"America/New_York", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T04:59:59Z"},
        {"Europe/London", "2026-03-29", "2026-03-29T00:00:00Z", "2026-03-29T22:59:59Z"},
        {"Europe/London", "2026-10-25", "2026-10-24T23:00:00Z", "2026-10-25T23:59:59Z"},
        {"Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z", "2026-04-05T13:29:59Z"},
        {"Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30:00Z", "2026-10-04T12:59:59Z"},
        {"Asia/Kolkata", "2026-03-29", "2026-03-28T18:30:00Z", "2026-03-29T18:29:59Z"},
    };
    for (size_t i = 0; i < COUNT_OF(days); i++) {
        char policy[256];
        (void)snprintf(policy, sizeof(policy), BLACKOUT("{name: x, on: %s}"), days[i].day);
        campaign.timezone = str_from(days[i].zone);
        at(days[i].first);
        REFUSES(policy);
        now_ms--;
        PASSES(policy);
        at(days[i].last);
        REFUSES(policy);
        now_ms += 1000;
        PASSES(policy);
    }
}

/* ---- hours by another zone's clock ---- */

#define BY_CLOCK(zone, hours)                                                                      \
    "revision: r\norganisation: {business_hours: {clock: " zone ", '*': {MO-SU: " hours "}}}" ENDS

static void block_at(int start_min, int end_min)
{
    block.start_min = start_min;
    block.end_min = end_min;
}

TEST(hours_by_another_clock_hold_all_year)
{
    campaign.timezone = STR("Asia/Kolkata"); /* 9.5 or 10.5 hours ahead of New York */
    block_at(1170, 1200);                    /* 7:30 PM: 9:00 or 10:00 AM in New York */
    PASSES(BY_CLOCK("America/New_York", "9:00 AM - 5:00 PM"));
    block_at(1110, 1200); /* 6:30 PM is 9:00 AM in summer, and 8:00 AM in winter */
    REFUSES(BY_CLOCK("America/New_York", "9:00 AM - 5:00 PM"));
    assert_true(
        str_ends(violations.items[0].message,
                 STR("which are: 12:00 AM - 2:30 AM, 7:30 PM - 24:00 (they follow the clock "
                     "of America/New_York; what is open all year counts); 7:30 PM - 8:00 "
                     "PM would be accepted")));
}

TEST(two_zones_that_change_on_different_days_are_never_closer_than_they_get)
{
    campaign.timezone = STR("Europe/London"); /* 5 hours ahead of New York, 4 for some weeks */
    block_at(14 * 60, 20 * 60);
    PASSES(BY_CLOCK("America/New_York", "9:00 AM - 4:00 PM")); /* 2-9 PM, and 1-8 PM */
    block_at(14 * 60, 20 * 60 + 1);
    REFUSES(BY_CLOCK("America/New_York", "9:00 AM - 4:00 PM"));
    block_at(14 * 60 - 1, 20 * 60);
    REFUSES(BY_CLOCK("America/New_York", "9:00 AM - 4:00 PM"));
}

TEST(half_an_hour_of_summer_time_counts)
{
    campaign.timezone = STR("Australia/Lord_Howe"); /* Sydney's time in summer, half an hour more */
    block_at(9 * 60 + 30, 17 * 60);
    PASSES(BY_CLOCK("Australia/Sydney", "9:00 AM - 5:00 PM"));
    block_at(9 * 60 + 29, 17 * 60);
    REFUSES(BY_CLOCK("Australia/Sydney", "9:00 AM - 5:00 PM"));
    block_at(9 * 60 + 30, 17 * 60 + 1);
    REFUSES(BY_CLOCK("Australia/Sydney", "9:00 AM - 5:00 PM"));
}

/* New York changes an hour before Chicago: in autumn, on Sunday from 1 to 2 AM, both show the same.
 */
TEST(the_hour_of_the_change_counts_when_it_comes)
{
    campaign.timezone = STR("America/New_York");
    block_at(9 * 60, 21 * 60);
    PASSES(BY_CLOCK("America/Chicago", "8:00 AM - 8:00 PM"));
    block.day = SUNDAY;
    block_at(60, 121);
    PASSES(BY_CLOCK("America/Chicago", "12:00 AM - 24:00"));
    block_at(60, 120);
    REFUSES(BY_CLOCK("America/Chicago", "12:00 AM - 12:59 AM"));
    block_at(4 * 60, 5 * 60); /* 3 AM in Chicago; in spring, from 3 to 4 AM, it is 1 AM there */
    PASSES(BY_CLOCK("America/Chicago", "3:00 AM - 4:00 AM"));
    block_at(3 * 60, 4 * 60);
    REFUSES(BY_CLOCK("America/Chicago", "2:00 AM - 4:00 AM"));
    block.day = MONDAY;
    PASSES(BY_CLOCK("America/Chicago", "2:00 AM - 4:00 AM"));
}

TEST(a_change_that_is_near_counts_for_what_is_left)
{
    campaign.timezone = STR("America/New_York"); /* until 8 March London is 5 hours ahead */
    at("2026-03-07T12:00:00Z");
    block.day = MONDAY;
    block_at(9 * 60, 10 * 60); /* on 9 March it is 1 PM in London: then it counts in full */
    REFUSES(BY_CLOCK("Europe/London", "2:00 PM - 3:00 PM"));
    block.day = SATURDAY;
    REFUSES(BY_CLOCK("Europe/London", "2:00 PM - 3:00 PM"));
}

TEST(its_own_clock_needs_no_arithmetic)
{
    campaign.timezone = STR("US/Eastern");
    block_at(9 * 60, 17 * 60);
    PASSES(BY_CLOCK("America/New_York", "9:00 AM - 5:00 PM"));
}

TEST(another_clock_may_be_on_another_day)
{
    campaign.timezone = STR("Pacific/Auckland"); /* 17 to 19 hours ahead of Chicago */
    block.day = TUESDAY;
    block_at(6 * 60, 7 * 60);
    PASSES("revision: r\norganisation: {business_hours: {clock: America/Chicago, '*': {MO: 9:00 AM "
           "- 6:00 PM}}}" ENDS);
    block.day = MONDAY;
    REFUSES(
        "revision: r\norganisation: {business_hours: {clock: America/Chicago, '*': {MO: 9:00 AM "
        "- 6:00 PM}}}" ENDS);
}

/* ---- the trace ---- */

struct traced {
    char text[1024];
};

static void note(void *context, const struct policy_setting *setting, enum policy_answer answer,
                 struct str why, const struct violation *found, size_t count)
{
    struct traced *traced = context;
    size_t used = strlen(traced->text);
    (void)found;
    (void)snprintf(traced->text + used, sizeof(traced->text) - used, "%.*s/%.*s %s %zu%s%.*s\n",
                   STR_ARGS(policy_rule_name(setting->rule)), STR_ARGS(setting->layer->title),
                   policy_answer_text(answer), count, why.len ? " " : "", STR_ARGS(why));
}

TEST(a_trace_tells_of_every_setting)
{
    struct traced traced = {""};
    const struct policy_trace trace = {&traced, note};
    const struct policy_context context = {.now_unix_ms = now_ms};
    const struct policy_set *set = compile(
        "revision: r\norganisation: {include: india.yaml, priority_cap: 1, dnc_lists: [x], "
        "days: MO, markup: none, modes: {days: off, priority_cap: report}, overridable: "
        "markup}\nteams: {t: {caller_ids: [X], markup: {placeholders: [N]}}}\nexceptions: "
        "[{id: E, approver: b, ticket: T, team: t, rule: caller_ids, expires: 2026-11-30}]");
    assert_non_null(set);
    arena_init(&arena, LIMIT_ARENA_BYTES);
    violations_init(&violations, &arena);
    campaign.timezone = STR("UTC");
    policy_check(set, policy_team(set, STR("t")), &campaign, &context, &violations, &findings,
                 &trace);
    assert_string_equal(
        traced.text, "caller_ids/team t waived 1 exception E, approved by b\n"
                     "dnc_lists/organisation skipped 0 the campaign has no valid "
                     "do-not-contact list\n"
                     "priority_cap/pack india skipped 0 does not apply to this campaign\n"
                     "priority_cap/pack india, adverts skipped 0 does not apply to this campaign\n"
                     "priority_cap/organisation reported 1 its mode only reports\n"
                     "days/organisation skipped 0 its mode is off\n"
                     "markup/organisation skipped 0 the team's own rule takes its place\n"
                     "markup/team t passed 0\n");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, start_with_packs, release)

TESTS(STORY(a_case_applies_to_its_message_classes),
      STORY(a_message_is_promotional_until_somebody_says_otherwise),
      STORY(of_two_classes_the_stricter_counts), STORY(a_team_cannot_make_a_class_freer),
      STORY(a_case_applies_by_zone_language_sender_and_lists),
      STORY(a_team_cannot_call_the_organisations_language_another),
      STORY(one_list_among_several_is_enough), STORY(cases_narrow_further),
      STORY(a_pack_and_its_cases_bind_where_they_apply), STORY(a_pack_may_include_another),
      STORY(a_pack_may_be_tried_before_it_counts), STORY(bad_includes_are_refused_with_their_place),
      STORY(a_pack_on_its_own_can_be_read),
      STORY(the_caller_ids_are_told_only_where_the_organisation_lets_it),
      STORY(a_team_replaces_what_the_organisation_lets_it), STORY(a_pack_cannot_be_replaced),
      STORY(a_rule_may_only_report_or_be_off), STORY(what_does_not_refuse_may_find_any_number),
      STORY(a_text_that_cannot_be_folded_is_tried_once_and_refused),
      STORY(a_mode_belongs_to_its_layer), STORY(a_mode_ends_on_its_day),
      STORY(a_whole_team_may_be_tried), STORY(an_exception_lifts_a_rule_and_is_named),
      STORY(an_exception_is_for_what_it_says), STORY(an_exception_has_its_days),
      STORY(an_exception_without_beginning_lasts_a_month), STORY(a_pack_is_lifted_only_by_name),
      STORY(a_date_is_closed_by_the_campaigns_own_clock), STORY(dates_of_every_year_are_closed),
      STORY(notice_is_closed_too_even_over_new_year),
      STORY(a_day_of_summer_time_is_closed_from_end_to_end),
      STORY(hours_by_another_clock_hold_all_year),
      STORY(two_zones_that_change_on_different_days_are_never_closer_than_they_get),
      STORY(half_an_hour_of_summer_time_counts), STORY(the_hour_of_the_change_counts_when_it_comes),
      STORY(a_change_that_is_near_counts_for_what_is_left),
      STORY(its_own_clock_needs_no_arithmetic), STORY(another_clock_may_be_on_another_day),
      STORY(a_trace_tells_of_every_setting))
