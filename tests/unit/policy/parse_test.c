/* The policy compiler: what compiles to what, what is refused and where, and what size costs. */
#include "policy_support.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/zones.h"

static struct arena arena;
static struct error err;

static const struct policy_set *compile_all(const struct policy_source *sources, size_t count)
{
    arena_release(&arena);
    arena_init(&arena, 256 << 20);
    return compile_sources(sources, count, NULL, &arena, &err);
}

static const struct policy_set *compile(const char *text)
{
    return compile_all(&(struct policy_source){"p.yaml", str_from(text)}, 1);
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* ---- what compiles ---- */

TEST(the_smallest_policy_is_a_revision)
{
    const struct policy_set *set = compile("revision: 2026-11-23.1");
    assert_non_null(set);
    EXPECT_STR(set->revision, "2026-11-23.1");
    assert_int_equal(set->teams.count, 0);
    assert_int_equal(set->shared.count, 0);
    EXPECT_STR(organisation_of(set)->title, "organisation");
}

TEST(a_team_may_have_no_rules_of_its_own)
{
    const struct policy_set *set = compile("revision: a\nteams:\n  support:\n  sales: {}\n");
    assert_non_null(set);
    assert_non_null(policy_team(set, STR("support")));
    assert_non_null(policy_team(set, STR("sales")));
    assert_null(policy_team(set, STR("Sales")));
    assert_null(policy_team(set, STR("")));
}

TEST(layers_hold_their_own_rules)
{
    const struct policy_set *set = compile("revision: a\n"
                                           "organisation: {timezones: [Asia/Kolkata]}\n"
                                           "teams: {billing: {caller_ids: ['+919561612345']}}\n");
    assert_non_null(set);
    const struct policy_team *billing = policy_team(set, STR("billing"));
    EXPECT_STR(billing->name, "billing");
    assert_null(ORGANISATION(set, caller_ids, struct caller_list));
    assert_non_null(ORGANISATION(set, timezones, struct zone_list));
    assert_non_null(TEAM(billing, caller_ids, struct caller_list));
    assert_null(TEAM(billing, timezones, struct zone_list));
}

TEST(numbers_short_codes_and_sender_ids_are_caller_ids)
{
    const struct policy_set *set =
        compile("revision: a\norganisation:\n  caller_ids:\n"
                "    - +919561612345\n    - \"+14155550100\"\n    - 56161\n    - AD-ACME\n");
    assert_non_null(set);
    const struct strset *ids = &ORGANISATION(set, caller_ids, struct caller_list)->by_id;
    assert_int_equal(ids->count, 4);
    assert_true(strset_has(ids, STR("+919561612345")));
    assert_true(strset_has(ids, STR("56161")));
    assert_true(strset_has(ids, STR("AD-ACME")));
    assert_false(strset_has(ids, STR("ad-acme")));
}

TEST(zones_are_kept_by_their_canonical_name_and_listed_in_order)
{
    const struct policy_set *set =
        compile("revision: a\norganisation: {timezones: [US/Eastern, Asia/Calcutta]}");
    assert_non_null(set);
    const struct zone_list *zones = ORGANISATION(set, timezones, struct zone_list);
    assert_true(strset_has(&zones->names, STR("Asia/Kolkata")));
    assert_true(strset_has(&zones->names, STR("America/New_York")));
    assert_false(strset_has(&zones->names, STR("US/Eastern")));
    EXPECT_STR(zones->listed, "America/New_York, Asia/Kolkata");
}

TEST(a_long_list_of_zones_is_shown_in_part)
{
    const struct policy_set *set = compile(
        "revision: a\norganisation: {timezones: [Africa/Cairo, Africa/Lagos, Africa/Tunis, "
        "Asia/Dubai, Asia/Kabul, Asia/Seoul, Asia/Tokyo, Europe/Kyiv, Europe/Oslo, Europe/Rome, "
        "UTC, GMT]}");
    assert_non_null(set);
    const struct zone_list *zones = ORGANISATION(set, timezones, struct zone_list);
    assert_int_equal(zones->names.count, 12);
    assert_true(str_ends(zones->listed, STR("Europe/Rome and 2 more")));
}

/* The week of "*" of a policy that has just these hours. */
static const struct week_windows *hours(const char *days)
{
    char text[1024];
    (void)snprintf(text, sizeof(text), "revision: a\norganisation: {business_hours: {'*': {%s}}}",
                   days);
    const struct policy_set *set = compile(text);
    if (!set)
        fail_msg("%s", err.text);
    return ORGANISATION(set, business_hours, struct hours_table)->fallback;
}

TEST(days_are_single_ranges_and_lists)
{
    const struct week_windows *week =
        hours("MO-WE: 9:00 AM - 5:00 PM, \"TH, SA\": 10:00 AM-1:00 PM");
    assert_true(hours_contain(week, MONDAY, 540, 1020));
    assert_true(hours_contain(week, WEDNESDAY, 540, 1020));
    assert_true(hours_contain(week, THURSDAY, 600, 780));
    assert_true(hours_contain(week, SATURDAY, 600, 780));
    assert_int_equal(week->days[FRIDAY].count, 0);
    assert_int_equal(week->days[SUNDAY].count, 0);
}

TEST(a_range_of_days_may_wrap_around_the_week)
{
    const struct week_windows *week = hours("SA-MO: 9:00 AM - 5:00 PM");
    assert_int_equal(week->days[SATURDAY].count, 1);
    assert_int_equal(week->days[SUNDAY].count, 1);
    assert_int_equal(week->days[MONDAY].count, 1);
    assert_int_equal(week->days[TUESDAY].count, 0);
}

TEST(a_day_may_have_several_windows_or_be_closed)
{
    const struct week_windows *week =
        hours("MO: [2:00 PM - 6:00 PM, 9:00 AM - 1:00 PM], TU: closed");
    assert_int_equal(week->days[MONDAY].count, 2);
    assert_false(hours_contain(week, MONDAY, 600, 900));
    assert_int_equal(week->days[TUESDAY].count, 0);
}

TEST(midnight_ends_a_day_in_two_spellings)
{
    const struct week_windows *week = hours("MO: 8:00 PM - 24:00, WE: 8:00 PM - 12:00 AM");
    assert_true(hours_contain(week, MONDAY, 1200, MINUTES_PER_DAY));
    assert_true(hours_contain(week, WEDNESDAY, 1200, MINUTES_PER_DAY));
    assert_int_equal(week->days[TUESDAY].count + week->days[THURSDAY].count, 0);
    assert_true(hours_contain(hours("MO: 12:00 AM - 24:00"), MONDAY, 0, MINUTES_PER_DAY));
}

TEST(a_window_goes_on_after_midnight_even_into_a_closed_day)
{
    const struct week_windows *week = hours("SU: 9:00 PM - 2:00 AM, MO: closed");
    assert_true(hours_contain(week, SUNDAY, 1260, MINUTES_PER_DAY));
    assert_true(hours_contain(week, MONDAY, 0, 120));
    assert_false(hours_contain(week, MONDAY, 0, 121));
}

TEST(zones_have_their_own_week_and_the_star_serves_the_rest)
{
    const struct policy_set *set =
        compile("revision: a\norganisation: {business_hours: {Asia/Calcutta: {MO: closed}, '*': "
                "{MO: 9:00 AM - 5:00 PM}}}");
    assert_non_null(set);
    const struct hours_table *table = ORGANISATION(set, business_hours, struct hours_table);
    assert_int_equal(hours_for_zone(table, STR("Asia/Kolkata"))->days[MONDAY].count, 0);
    assert_int_equal(hours_for_zone(table, STR("Europe/London"))->days[MONDAY].count, 1);
}

/* ---- several files ---- */

TEST(files_are_put_together)
{
    const struct policy_source sources[] = {
        {"a.yaml", STR("revision: r\norganisation: {timezones: [UTC]}\nteams: {a: {}}")},
        {"b.yaml", STR("organisation: {caller_ids: [X]}\nteams: {b: {caller_ids: [X]}}")},
    };
    const struct policy_set *set = compile_all(sources, 2);
    assert_non_null(set);
    assert_non_null(policy_team(set, STR("a")));
    assert_non_null(TEAM(policy_team(set, STR("b")), caller_ids, struct caller_list));
    assert_non_null(ORGANISATION(set, timezones, struct zone_list));
    assert_non_null(ORGANISATION(set, caller_ids, struct caller_list));
}

TEST(what_two_files_say_is_refused_with_both_places)
{
    const struct {
        struct str first, second;
        const char *sentence;
    } conflicts[] = {
        {STR("revision: r\nteams:\n  a: {}"), STR("teams: {b: {}, a: {}}"),
         "b.yaml:1:16: 'a' is given twice; the other place is a.yaml:3:3; keep one of them"},
        {STR("revision: r\norganisation: {caller_ids: [X]}"),
         STR("organisation: {caller_ids: [Y]}"),
         "b.yaml:1:16: 'caller_ids' is given twice; the other place is a.yaml:2:16; keep one of "
         "them"},
        {STR("revision: r"), STR("teams: {}\nrevision: r"),
         "b.yaml:2:1: 'revision' is given twice; the other place is a.yaml:1:1; keep one of them"},
        {STR("teams: {}"), STR("teams: {}"),
         "a.yaml: the policy has no 'revision'; give it one in one of its files"},
        {STR("revision: r"), STR("[]"), "b.yaml:1:1: a policy file must be a mapping, not a list"},
        {STR("revision: r"), STR(""), "b.yaml:1:1: the file is empty"},
    };
    for (size_t i = 0; i < COUNT_OF(conflicts); i++) {
        const struct policy_source sources[] = {{"a.yaml", conflicts[i].first},
                                                {"b.yaml", conflicts[i].second}};
        assert_null(compile_all(sources, 2));
        EXPECT_STR(str_from(err.text), conflicts[i].sentence);
    }
}

TEST(no_files_are_no_policy)
{
    assert_null(compile_all(NULL, 0));
    EXPECT_STR(str_from(err.text),
               "policy: the policy has no 'revision'; give it one in one of its files");
}

/* ---- what is refused ---- */

/* The rules' names as a sentence lists them, in the order of rules.def. */
#define RULES                                                                                      \
    " kill_switch caller_ids contact_lists dnc_required dnc_lists priority_cap name_pattern "      \
    "description_pattern timezones frequencies days business_hours blocks blackout "               \
    "scheduling_allowed templates banned_words urls opt_out sender_identity markup segments"

static const struct {
    const char *text, *sentence;
} refused[] = {
    {"[]", "p.yaml:1:1: a policy file must be a mapping, not a list"},
    {"teams: {}", "p.yaml: the policy has no 'revision'; give it one in one of its files"},
    {"revision: ''", "p.yaml:1:11: a revision is 1 to 64 letters, digits and . _ - : + / such as "
                     "2026-11-23.1"},
    {"revision: a b", "p.yaml:1:11: a revision is 1 to 64 letters, digits and . _ - : + / such as "
                      "2026-11-23.1"},
    {"revision:", "p.yaml:1:10: revision must be a text, but nothing is written here"},
    {"revision: ~", "p.yaml:1:11: revision must be a text, but nothing is written here"},
    {"revision: [a]", "p.yaml:1:11: revision must be a text, not a list"},
    {"revision: a\nrules: {}",
     "p.yaml:2:1: unknown key 'rules'; a policy has: revision organisation teams exceptions (or "
     "pack)"},
    {"revision: a\nteam: {}", "p.yaml:2:1: unknown key 'team' (did you mean 'teams'?); a policy "
                              "has: revision organisation teams exceptions (or pack)"},
    {"revision: a\norganisation: []", "p.yaml:2:15: organisation must be a mapping, not a list"},
    {"revision: a\norganisation:",
     "p.yaml:2:14: organisation must be a mapping, but nothing is written here; indent what "
     "belongs to it"},
    {"revision: a\norganisation: {caller_id: []}",
     "p.yaml:2:16: unknown rule 'caller_id' (did you mean 'caller_ids'?); the rules are:" RULES},
    {"revision: a\norganisation: {<<: {}}", "p.yaml:2:16: unknown rule '<<'; the rules are:" RULES},
    {"revision: a\norganisation: {quiet_hours: {}}",
     "p.yaml:2:16: unknown rule 'quiet_hours'; the rules are:" RULES},
    {"revision: a\norganisation: {caller_ids: {}}",
     "p.yaml:2:28: caller_ids must be a list, not a mapping"},
    {"revision: a\norganisation: {caller_ids: }",
     "p.yaml:2:28: caller_ids must be a list, but nothing is written here"},
    {"revision: a\norganisation: {caller_ids: []}",
     "p.yaml:2:28: an empty list would refuse every campaign; name what is allowed or remove the "
     "rule"},
    {"revision: a\norganisation: {caller_ids: [[x]]}",
     "p.yaml:2:29: a caller ID must be a text, not a list"},
    {"revision: a\norganisation: {caller_ids: [~]}",
     "p.yaml:2:29: a caller ID must be a text, but nothing is written here"},
    {"revision: a\norganisation: {caller_ids: ['a b']}",
     "p.yaml:2:29: 'a b' is not a sender ID: 1 to 15 letters, digits and signs without spaces; a "
     "number looks like \"+14155550100\""},
    {"revision: a\norganisation: {caller_ids: [ABCDEFGHIJKLMNOP]}",
     "p.yaml:2:29: 'ABCDEFGHIJKLMNOP' is not a sender ID: 1 to 15 letters, digits and signs "
     "without spaces; a number looks like \"+14155550100\""},
    {"revision: a\norganisation: {caller_ids: ['+0915616123']}",
     "p.yaml:2:29: '+0915616123' is not a telephone number; write + and 7 to 15 digits without "
     "spaces, such as \"+14155550100\""},
    {"revision: a\norganisation: {caller_ids: ['+9195616xxxxx']}",
     "p.yaml:2:29: '+9195616xxxxx' is not a telephone number; write + and 7 to 15 digits without "
     "spaces, such as \"+14155550100\""},
    {"revision: a\norganisation: {caller_ids: [919561612345]}",
     "p.yaml:2:29: a number starts with + and its country code; write \"+919561612345\""},
    {"revision: a\norganisation: {caller_ids: [A, A]}",
     "p.yaml:2:32: 'A' is in the list already, in line 2"},
    {"revision: a\norganisation: {timezones: []}",
     "p.yaml:2:27: an empty list would refuse every campaign; name what is allowed or remove the "
     "rule"},
    {"revision: a\norganisation: {timezones: [Asia/Kolkata, Asia/Calcutta]}",
     "p.yaml:2:42: 'Asia/Calcutta' is in the list already, in line 2 as 'Asia/Kolkata'"},
    {"revision: a\norganisation: {business_hours: []}",
     "p.yaml:2:32: business hours name a zone first (\"*\" for all), then days: "
     "{\"*\": {MO-FR: 9:00 AM - 6:00 PM}}"},
    {"revision: a\norganisation: {business_hours: {}}",
     "p.yaml:2:32: without any zone every campaign would be refused; name a zone, or \"*\" for "
     "all, or remove the rule"},
    {"revision: a\norganisation: {business_hours: {Asia/Kolkata: }}",
     "p.yaml:2:47: the hours of a zone name days, such as {MO-FR: 9:00 AM - 6:00 PM}"},
    {"revision: a\norganisation: {business_hours: {IST: {}}}",
     "p.yaml:2:33: 'IST' is neither an IANA time zone nor \"*\" (all others)"},
    {"revision: a\norganisation: {business_hours: {Calcuta: {}}}",
     "p.yaml:2:33: 'Calcuta' is neither an IANA time zone nor \"*\" (all others) (did you mean "
     "'Asia/Calcutta'?)"},
    {"revision: a\norganisation: {business_hours: {'*': {XX: closed}}}",
     "p.yaml:2:39: 'XX' is not a day or a range of days; write MO, MO-FR or \"MO,WE,FR\", each day "
     "once"},
    {"revision: a\norganisation: {business_hours: {'*': {mo: closed}}}",
     "p.yaml:2:39: 'mo' is not a day or a range of days; write MO, MO-FR or \"MO,WE,FR\", each day "
     "once"},
    {"revision: a\norganisation: {business_hours: {'*': {MO-: closed}}}",
     "p.yaml:2:39: 'MO-' is not a day or a range of days; write MO, MO-FR or \"MO,WE,FR\", each "
     "day once"},
    {"revision: a\norganisation: {business_hours: {'*': {\"MO,MO\": closed}}}",
     "p.yaml:2:39: 'MO,MO' is not a day or a range of days; write MO, MO-FR or \"MO,WE,FR\", each "
     "day once"},
    {"revision: a\norganisation: {business_hours: {'*': {MO-FR: closed, FR: closed}}}",
     "p.yaml:2:54: FR is covered twice in this zone; give all its windows in one list"},
    {"revision: a\norganisation: {business_hours: {'*': {MO,WE: closed}}}",
     "p.yaml:2:39: 'MO' has no hours; write a window, a list of them, or closed (several days "
     "between { } need quotes: {\"MO,WE\": closed})"},
    {"revision: a\norganisation: {business_hours: {'*': {MO: []}}}",
     "p.yaml:2:43: this list of windows is empty; write closed instead"},
    {"revision: a\norganisation: {business_hours: {'*': {MO: {}}}}",
     "p.yaml:2:43: the hours of several windows must be a list, not a mapping"},
    {"revision: a\norganisation: {business_hours: {'*': {MO: [[]]}}}",
     "p.yaml:2:44: a window must be a text, not a list"},
    {"revision: a\norganisation: {business_hours: {'*': {MO: [closed]}}}",
     "p.yaml:2:44: 'closed' is not a window; write it like 9:00 AM - 6:00 PM, with a plain hyphen "
     "(24:00 is the day's "
     "end)"},
    {"revision: a\norganisation: {business_hours: {'*': {MO: 9-5}}}",
     "p.yaml:2:43: '9-5' is not a window; write it like 9:00 AM - 6:00 PM, with a plain hyphen "
     "(24:00 is the day's "
     "end)"},
    {"revision: a\norganisation: {business_hours: {'*': {MO: 09:00 - 17:00}}}",
     "p.yaml:2:43: '09:00 - 17:00' is not a window; write it like 9:00 AM - 6:00 PM, with a plain "
     "hyphen (24:00 is the "
     "day's end)"},
    {"revision: a\norganisation: {business_hours: {'*': {MO: 24:00 - 9:00 AM}}}",
     "p.yaml:2:43: '24:00 - 9:00 AM' is not a window; write it like 9:00 AM - 6:00 PM, with a "
     "plain hyphen (24:00 is "
     "the day's end)"},
    {"revision: a\norganisation: {business_hours: {'*': {MO: 9:00 AM - 9:00 AM}}}",
     "p.yaml:2:43: this window opens and closes at the same time; a whole day is 12:00 AM - 24:00"},
    {"revision: a\norganisation: {business_hours: {'*': {MO: 12:00 AM - 12:00 AM}}}",
     "p.yaml:2:43: this window opens and closes at the same time; a whole day is 12:00 AM - 24:00"},
    {"revision: a\norganisation: {business_hours: {Asia/Kolkata: {}, Asia/Calcutta: {}}}",
     "p.yaml:2:51: 'Asia/Calcutta' is Asia/Kolkata, and that zone has its hours already; keep one "
     "of them"},
    {"revision: a\nteams: [x]", "p.yaml:2:8: teams must be a mapping, not a list"},
    {"revision: a\nteams:",
     "p.yaml:2:7: teams must be a mapping, but nothing is written here; indent what "
     "belongs to it"},
    {"revision: a\nteams: {x: y}", "p.yaml:2:12: a team's rules must be a mapping, not a text"},
    {"revision: a\nteams: {'': {}}",
     "p.yaml:2:9: a team's name has 1 to 64 bytes and no control characters (\"*\" stands for all "
     "teams)"},
    {"revision: a\nteams: {x: {timezone: []}}",
     "p.yaml:2:13: unknown rule 'timezone' (did you mean 'timezones'?); the rules are:" RULES},
};

TEST(a_bad_policy_is_refused_with_its_place_and_a_remedy)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        assert_null(compile(refused[i].text));
        EXPECT_STR(str_from(err.text), refused[i].sentence);
    }
}

TEST(an_unknown_zone_is_refused_with_the_release_and_a_guess)
{
    const char *const zones[][2] = {
        {"EST", ""},
        {"+05:30", ""},
        {"asia/kolkatta", " (did you mean 'Asia/Kolkata'?)"},
    };
    for (size_t i = 0; i < COUNT_OF(zones); i++) {
        char text[128], sentence[256];
        (void)snprintf(text, sizeof(text), "revision: a\norganisation: {timezones: ['%s']}",
                       zones[i][0]);
        (void)snprintf(sentence, sizeof(sentence),
                       "p.yaml:2:28: '%s' is not an IANA time zone of tzdata %s%s; write it "
                       "exactly as there, such as Asia/Kolkata",
                       zones[i][0], zone_table_version(), zones[i][1]);
        assert_null(compile(text));
        EXPECT_STR(str_from(err.text), sentence);
    }
}

TEST(a_day_with_too_many_windows_is_refused)
{
    struct buf text;
    buf_init(&text, 4096);
    buf_format(&text, "revision: a\norganisation:\n  business_hours:\n    '*':\n      MO:\n");
    for (int hour = 1; hour <= WINDOWS_PER_DAY + 1; hour++)
        buf_format(&text, "        - %d:00 %s - %d:30 %s\n", (hour - 1) % 12 + 1,
                   hour < 12 ? "AM" : "PM", (hour - 1) % 12 + 1, hour < 12 ? "AM" : "PM");
    buf_append_byte(&text, '\0');
    assert_null(compile(text.data));
    EXPECT_STR(str_from(err.text), "p.yaml:22:11: a day cannot have more than 16 windows");
    buf_release(&text);
}

TEST(long_words_are_cut_in_a_sentence)
{
    struct buf text;
    buf_init(&text, 4096);
    buf_format(&text, "revision: a\n");
    for (int i = 0; i < 900; i++)
        buf_append_byte(&text, 'k');
    buf_append(&text, STR(": {}\n"));
    buf_append_byte(&text, '\0');
    assert_null(compile(text.data));
    assert_true(str_ends(str_from(err.text), STR("teams exceptions (or pack)")));
    assert_in_range(strlen(err.text), 1, 200);
    buf_release(&text);
}

TEST(memory_that_runs_out_is_a_sentence_at_every_size)
{
    const struct policy_source source = {
        "p.yaml",
        STR("revision: a\norganisation: {timezones: [UTC, GB], business_hours: {'*': {MO: "
            "9:00 AM - 5:00 PM}}}\nteams: {a: {caller_ids: [X]}}")};
    bool compiled = false;
    for (size_t limit = 0; limit < 65536 && !compiled; limit += 64) {
        arena_release(&arena);
        arena_init(&arena, limit);
        err.text[0] = '\0';
        compiled = compile_sources(&source, 1, NULL, &arena, &err) != NULL;
        assert_true(compiled || err.text[0] != '\0');
    }
    assert_true(compiled);
}

/* ---- size ---- */

TEST(ten_thousand_teams_and_a_hundred_thousand_caller_ids_compile)
{
    struct buf text;
    buf_init(&text, LIMIT_YAML_BYTES);
    buf_format(&text, "revision: big\norganisation:\n  caller_ids:\n");
    for (int i = 0; i < 100000; i++)
        buf_format(&text, "    - \"+4915%07d\"\n", i);
    buf_format(&text, "teams:\n");
    for (int i = 0; i < 10000; i++)
        buf_format(&text, "  team-%d: {caller_ids: [\"+4915%07d\"]}\n", i, i);
    const struct policy_source source = {"p.yaml", buf_str(&text)};

    int64_t before_us = clock_mono_us();
    const struct policy_set *set = compile_all(&source, 1);
    int64_t spent_us = clock_mono_us() - before_us;

    assert_non_null(set);
    print_message("%zu bytes of YAML: %lld ms, %zu bytes of arena\n", text.len,
                  (long long)spent_us / 1000, arena.used_bytes);
    assert_int_equal(set->teams.count, 10000);
    const struct caller_list *everybody = ORGANISATION(set, caller_ids, struct caller_list);
    assert_int_equal(everybody->count, 100000);
    for (int i = 0; i < 10000; i += 77) {
        char name[32], number[32];
        (void)snprintf(name, sizeof(name), "team-%d", i);
        (void)snprintf(number, sizeof(number), "+4915%07d", i);
        const struct policy_team *team = policy_team(set, str_from(name));
        const struct caller_list *own = TEAM(team, caller_ids, struct caller_list);
        EXPECT_STR(team->name, name);
        assert_int_equal(own->count, 1);
        assert_true(strset_has(&own->by_id, str_from(number)));
        assert_true(strset_has(&everybody->by_id, str_from(number)));
    }
    assert_false(strset_has(&everybody->by_id, STR("+49150100000")));
    buf_release(&text);
}

#define STORY(name) cmocka_unit_test_teardown(name, release)

TESTS(STORY(the_smallest_policy_is_a_revision), STORY(a_team_may_have_no_rules_of_its_own),
      STORY(layers_hold_their_own_rules), STORY(numbers_short_codes_and_sender_ids_are_caller_ids),
      STORY(zones_are_kept_by_their_canonical_name_and_listed_in_order),
      STORY(a_long_list_of_zones_is_shown_in_part), STORY(days_are_single_ranges_and_lists),
      STORY(a_range_of_days_may_wrap_around_the_week),
      STORY(a_day_may_have_several_windows_or_be_closed),
      STORY(midnight_ends_a_day_in_two_spellings),
      STORY(a_window_goes_on_after_midnight_even_into_a_closed_day),
      STORY(zones_have_their_own_week_and_the_star_serves_the_rest), STORY(files_are_put_together),
      STORY(what_two_files_say_is_refused_with_both_places), STORY(no_files_are_no_policy),
      STORY(a_bad_policy_is_refused_with_its_place_and_a_remedy),
      STORY(an_unknown_zone_is_refused_with_the_release_and_a_guess),
      STORY(a_day_with_too_many_windows_is_refused), STORY(long_words_are_cut_in_a_sentence),
      STORY(memory_that_runs_out_is_a_sentence_at_every_size),
      STORY(ten_thousand_teams_and_a_hundred_thousand_caller_ids_compile))
