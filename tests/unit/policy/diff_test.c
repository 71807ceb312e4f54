/* Who may do more and who less by a changed policy, and that no change goes unmentioned. */
#include "policy/diff.h"

#include "base/buf.h"
#include "test.h"

static struct arena arena;
static struct buf told;

static bool read_pack(void *context, const char *from, struct str path, struct policy_source *ret,
                      struct error *err)
{
    (void)from, (void)path, (void)err;
    *ret = (struct policy_source){"pack.yaml", str_from(context)};
    return true;
}

static const struct policy_set *compile_with(const char *text, const char *pack)
{
    struct problems problems;
    const struct policy_includer includer = {(void *)pack, read_pack};
    problems_init(&problems);
    const struct policy_set *set = policy_compile(&(struct policy_source){"p.yaml", str_from(text)},
                                                  1, pack ? &includer : NULL, &arena, &problems);
    if (!set)
        fail_msg("%.*s\n%s", STR_ARGS(buf_str(&problems.lines)), text);
    problems_release(&problems);
    return set;
}

static void begin(void)
{
    arena_release(&arena);
    arena_init(&arena, 1UL << 30);
    buf_release(&told);
    buf_init(&told, 64 << 20);
}

/* The differences of two policies as they are printed. */
static struct str sets_differ(const struct policy_set *before, const struct policy_set *after)
{
    struct policy_differences differences;
    assert_true(policy_diff(before, after, &arena, &differences));
    policy_differences_write(&differences, &told);
    buf_append_byte(&told, '\0'); /* for strstr */
    return str_slice(buf_str(&told), 0, told.len - 1);
}

static struct str differ(const char *before, const char *after)
{
    begin();
    return sets_differ(compile_with(before, NULL), compile_with(after, NULL));
}

/* Of two organisations, each the inside of its braces; there is a team a. */
static struct str organisations(const char *before, const char *after)
{
    char was[4096], is[4096];
    (void)snprintf(was, sizeof(was), "revision: a\norganisation: {%s}\nteams: {a: }\n", before);
    (void)snprintf(is, sizeof(is), "revision: b\norganisation: {%s}\nteams: {a: }\n", after);
    return differ(was, is);
}

static struct str packs(const char *before, const char *after)
{
    static const char policy[] = "revision: a\norganisation: {include: [pack.yaml]}\n";
    char was[4096], is[4096];
    (void)snprintf(was, sizeof(was), "pack: {name: p, %s}\n", before);
    (void)snprintf(is, sizeof(is), "pack: {name: p, %s}\n", after);
    begin();
    return sets_differ(compile_with(policy, was), compile_with(policy, is));
}

#define TEAMS(rules) "revision: a\nteams: {billing: {" rules "}, other: }\n"

/* ---- more and less ---- */

TEST(says_nothing_of_revision_order_and_comments)
{
    EXPECT_STR(
        differ("revision: a\norganisation:\n  days: MO-WE\n  timezones: [UTC, Asia/Kolkata]\n"
               "teams:\n  a:\n  b: {caller_ids: ['56161', '56162']}\n",
               "revision: b # new\nteams:\n  b: {caller_ids: ['56162', '56161']}\n  a: {}\n"
               "organisation:\n  timezones: [Asia/Calcutta, Etc/UTC]\n  days: [WE, TU, MO]\n"),
        "");
}

TEST(tells_which_caller_ids_came_and_went)
{
    EXPECT_STR(differ(TEAMS("caller_ids: ['56161', '56162', '56163']"),
                      TEAMS("caller_ids: ['56163', '56164']")),
               "team billing may do less: the caller IDs 56161, 56162 are no longer allowed\n"
               "team billing may do more: the caller ID 56164 is now allowed\n");
}

TEST(tells_what_a_caller_id_is_bound_to)
{
    EXPECT_STR(
        differ(TEAMS("caller_ids: ['56161', {id: '56162', timezones: [UTC], classes: service}]"),
               TEAMS("caller_ids: [{id: '56161', timezones: [UTC]}, "
                     "{id: '56162', timezones: [UTC, Asia/Kolkata]}]")),
        "team billing may do less: the caller ID 56161: now only in Etc/UTC\n"
        "team billing may do more: the caller ID 56162: in the time zone Asia/Kolkata is now "
        "allowed\n"
        "team billing may do more: the caller ID 56162: no longer only for messages of the class "
        "service\n");
}

TEST(hours_are_compared_by_what_is_open)
{
    EXPECT_STR(organisations("business_hours: {Asia/Kolkata: {MO-SA: 9:00 AM - 8:00 PM}}",
                             "business_hours: {Asia/Kolkata: {MO-FR: 9:00 AM - 8:00 PM, "
                             "SA: [9:00 AM - 1:00 PM, 2:00 PM - 9:00 PM]}}"),
               "everybody may do more: hours in Asia/Kolkata: also Saturday 8:00 PM - 9:00 PM\n"
               "everybody may do less: hours in Asia/Kolkata: no longer Saturday 1:00 PM - 2:00 "
               "PM\n");
}

TEST(hours_written_otherwise_are_the_same_hours)
{
    EXPECT_STR(organisations("business_hours: {UTC: {MO: [9:00 AM - 1:00 PM, 1:00 PM - 5:00 PM]}, "
                             "'*': {TU: 9:00 AM - 5:00 PM}}",
                             "business_hours: {UTC: {MO: 9:00 AM - 5:00 PM, SU: closed}, "
                             "Asia/Kolkata: {TU: 9:00 AM - 5:00 PM}, "
                             "'*': {TU: 9:00 AM - 5:00 PM}}"),
               "");
}

TEST(a_zone_without_hours_of_its_own_has_those_of_all_others)
{
    EXPECT_STR(
        organisations("business_hours: {'*': {TU: 9:00 AM - 5:00 PM}}",
                      "business_hours: {UTC: {TU: 9:00 AM - 6:00 PM}}"),
        "everybody may do less: hours in every time zone not named: no longer Tuesday 9:00 AM - "
        "5:00 PM\n"
        "everybody may do more: hours in Etc/UTC: also Tuesday 5:00 PM - 6:00 PM\n");
}

TEST(another_clock_is_different)
{
    EXPECT_STR(organisations("business_hours: {UTC: {TU: 9:00 AM - 5:00 PM}}",
                             "business_hours: {UTC: {TU: 9:00 AM - 5:00 PM}, clock: Asia/Tokyo}"),
               "everybody is bound differently: the hours are by the clock of Asia/Tokyo (was the "
               "campaign's own time zone)\n");
}

TEST(limits_are_told_with_what_they_were)
{
    EXPECT_STR(differ(TEAMS("priority_cap: 5"), TEAMS("priority_cap: 3")),
               "team billing may do less: priority at most 3 (was 5)\n");
}

TEST(a_pattern_may_let_through_what_was_listed)
{
    EXPECT_STR(organisations("contact_lists: [TX-1, TX-2, Ohio]", "contact_lists: ['TX-*']"),
               "everybody may do less: the contact list \"Ohio\" is no longer allowed\n"
               "everybody may do more: the contact list \"TX-*\" is now allowed\n");
    EXPECT_STR(organisations("urls: ['*.acme.com']", "urls: ['*.acme.com', go.acme.com]"), "");
}

TEST(a_rule_that_comes_or_goes_is_told_with_what_it_says)
{
    EXPECT_STR(organisations("", "scheduling_allowed: false"),
               "everybody may do less: the rule scheduling_allowed is new: Scheduling must not be "
               "enabled\n");
    EXPECT_STR(organisations("days: MO", ""),
               "everybody may do more: the rule days is gone: Messages go out only on: Monday\n");
}

TEST(a_rule_that_asks_nothing_does_not_make_less)
{
    EXPECT_STR(organisations("", "scheduling_allowed: true"),
               "everybody is bound differently: the rule scheduling_allowed is new: Scheduling may "
               "be enabled\n");
}

TEST(templates_are_told_by_what_is_approved)
{
    EXPECT_STR(
        organisations("templates: {W: {text: Hello}, G: , S: {class: promotional, text: Sale}}",
                      "templates: {W: {versions: [{text: Hello, valid_to: 2026-12-31}, "
                      "{text: Hi}]}, N: , S: {class: service, text: Sale}}"),
        "everybody may do less: the template \"G\" is no longer approved\n"
        "everybody may do more: the template \"N\" is now approved\n"
        "everybody may do more: the template \"W\": the text \"Hi\" is now approved\n"
        "everybody may do less: the template \"W\": the text \"Hello\": up to 2026-12-31 (was "
        "always)\n"
        "everybody may do more: the template \"S\": its class is service (was promotional)\n");
}

/* ---- layers ---- */

TEST(packs_and_their_cases_come_and_go)
{
    static const char with[] = "revision: a\norganisation: {include: [pack.yaml]}\n";
    static const char pack[] = "pack: {name: us, applies_to: {classes: promotional}, days: MO-FR, "
                               "cases: [{name: Texas, scheduling_allowed: false}]}";
    begin();
    const struct policy_set *without = compile_with("revision: a", NULL);
    EXPECT_STR(
        sets_differ(without, compile_with(with, pack)),
        "everybody may do less (pack us): this pack is new; it is enforced for campaigns "
        "only with messages of the class promotional; days: Messages go out only on: Monday, "
        "Tuesday, Wednesday, Thursday, Friday\n"
        "everybody may do less (pack us, Texas): this case is new; it is enforced for all "
        "campaigns; scheduling_allowed: Scheduling must not be enabled\n");
    begin();
    without = compile_with("revision: a", NULL);
    EXPECT_STR(sets_differ(compile_with(with, pack), without),
               "everybody may do more (pack us): this pack is gone; it is enforced for campaigns "
               "only with messages of the class promotional; days\n"
               "everybody may do more (pack us, Texas): this case is gone; it is enforced for all "
               "campaigns; scheduling_allowed\n");
}

TEST(a_wider_scope_asks_more)
{
    EXPECT_STR(
        packs("days: MO, applies_to: {timezones: [UTC]}",
              "days: MO, applies_to: {timezones: [UTC, Asia/Tokyo]}"),
        "everybody may do less (pack p): what it applies to: the time zone Asia/Tokyo is now "
        "covered\n");
    EXPECT_STR(
        packs("days: MO, applies_to: {timezones: [UTC]}", "days: MO"),
        "everybody may do less (pack p): what it applies to: no longer only in the time zones "
        "Etc/UTC\n");
    EXPECT_STR(packs("days: MO", "days: MO, applies_to: {other_contact_lists: ['US-*']}"),
               "everybody may do more (pack p): what it applies to: now only if a contact list is "
               "unlike \"US-*\"\n");
}

TEST(modes_make_more_and_less)
{
    EXPECT_STR(organisations("days: MO, modes: {days: report}", "days: MO"),
               "everybody may do less: the rule is enforced (was only reported)\n");
    EXPECT_STR(
        organisations("days: MO", "days: MO, modes: {days: {mode: off, enforce_from: 2027-01-01}}"),
        "everybody may do more: the rule is switched off until 2027-01-01, then enforced (was "
        "enforced)\n");
    EXPECT_STR(organisations("days: MO, modes: {days: report}", "days: MO, modes: {days: off}"),
               "everybody is bound differently: the rule is switched off (was only reported)\n");
    EXPECT_STR(organisations("modes: {days: report}", ""), ""); /* there is no such rule */
}

TEST(what_only_reports_makes_neither_more_nor_less)
{
    EXPECT_STR(organisations("days: MO, modes: {days: report}", "days: TU, modes: {days: report}"),
               "everybody is bound differently: the day Monday is no longer allowed (this only "
               "reports)\n"
               "everybody is bound differently: the day Tuesday is now allowed (this only "
               "reports)\n");
}

TEST(teams_come_and_go)
{
    EXPECT_STR(differ("revision: a\nteams: {a: , b: }", "revision: a\nteams: {b: , c: {days: MO}}"),
               "team a may do less: it is gone, and may create no campaigns any more\n"
               "team c may do more: it is new, and may create campaigns; days: Messages go out "
               "only on: Monday\n");
}

TEST(a_team_mode_is_told_for_the_team)
{
    EXPECT_STR(organisations("", "team_modes: {a: report}"),
               "team a may do more: everything it does is only reported (was enforced)\n");
}

TEST(an_overridable_rule_is_told_with_the_teams_it_does_not_bind)
{
    static const char was[] =
        "revision: a\norganisation: {overridable: priority_cap, priority_cap: 3}\n"
        "teams: {a: {priority_cap: 5}, b: }";
    static const char is[] =
        "revision: a\norganisation: {overridable: priority_cap, priority_cap: 2}\n"
        "teams: {a: {priority_cap: 5}, b: }";
    static const char bound[] = "revision: a\norganisation: {priority_cap: 3}\n"
                                "teams: {a: {priority_cap: 5}, b: }";
    EXPECT_STR(differ(was, is),
               "everybody may do less: priority at most 2 (was 3) (but for teams whose own rule "
               "takes its place: a)\n");
    EXPECT_STR(differ(was, bound),
               "everybody may do less: a team's own priority_cap may no longer take the place of "
               "the organisation's\n"
               "team a may do less: its own priority_cap no longer takes the place of the "
               "organisation's\n");
}

TEST(the_class_of_messages_without_one_is_told)
{
    EXPECT_STR(organisations("message_class: promotional", "message_class: service"),
               "everybody may do more: messages whose template has no class count as service (was "
               "promotional), unless the team's own class is stricter\n");
    EXPECT_STR(differ("revision: a\norganisation: {message_class: service}\nteams: {a: }",
                      "revision: a\norganisation: {message_class: service}\n"
                      "teams: {a: {message_class: promotional}}"),
               "team a may do less: its class of messages whose template has none is promotional "
               "(was the organisation's), so they count as promotional (was service)\n");
}

#define EXCEPTION(more)                                                                            \
    "revision: a\norganisation: {days: MO}\nteams: {a: }\nexceptions:\n"                           \
    "- {id: X, team: a, approver: Jo, ticket: T, not_before: 2026-12-01, " more "}\n"

TEST(exceptions_come_go_and_change)
{
    static const char none[] = "revision: a\norganisation: {days: MO}\nteams: {a: }\n";
    static const char one[] = EXCEPTION("rule: days, expires: 2026-12-10");
    EXPECT_STR(differ(none, one),
               "team a may do more (exception X): it is new: it lifts days; as asked by the "
               "organisation and the team; in force from 2026-12-01 to 2026-12-10; approved by Jo; "
               "in ticket T\n");
    EXPECT_STR(differ(one, EXCEPTION("rule: days, expires: 2026-12-11")),
               "team a may do more (exception X): it is in force from 2026-12-01 to 2026-12-11 "
               "(was from 2026-12-01 to 2026-12-10)\n");
    EXPECT_STR(differ(one, EXCEPTION("rule: days, expires: 2026-12-10, campaign: 'A*'")),
               "team a may do less (exception X): now only for campaigns with names like \"A*\"\n");
}

/* ---- nothing goes unmentioned ---- */

/* Two settings of one rule; every part of a setting occurs in some pair. */
static const struct {
    enum policy_rule rule;
    const char *before, *after;
} changes[] = {
    {RULE_kill_switch, "stop", "halt"},
    {RULE_caller_ids, "['56161']", "['56161', '56162']"},
    {RULE_caller_ids, "['56161']", "[{id: '56161', timezones: UTC}]"},
    {RULE_caller_ids, "[{id: '56161', timezones: UTC}]", "[{id: '56161', timezones: Asia/Tokyo}]"},
    {RULE_caller_ids, "[{id: '56161', classes: service}]", "['56161']"},
    {RULE_contact_lists, "[A]", "[A, B]"},
    {RULE_contact_lists, "['A*']", "['A']"},
    {RULE_dnc_required, "true", "false"},
    {RULE_dnc_lists, "[A]", "[A, B]"},
    {RULE_priority_cap, "1", "2"},
    {RULE_name_pattern, "a", "b"},
    {RULE_name_pattern, "a", "{pattern: a, hint: h}"},
    {RULE_name_pattern, "{pattern: a, hint: g}", "{pattern: a, hint: h}"},
    {RULE_description_pattern, "a", "b"},
    {RULE_timezones, "UTC", "[Asia/Tokyo, UTC]"},
    {RULE_frequencies, "WEEKLY", "[WEEKLY, CUSTOM]"},
    {RULE_days, "MO", "MO-TU"},
    {RULE_business_hours, "{UTC: {MO: 9:00 AM - 5:00 PM}}", "{UTC: {MO: 9:00 AM - 4:59 PM}}"},
    {RULE_business_hours, "{'*': {MO: 9:00 AM - 5:00 PM}}", "{'*': {TU: 9:00 AM - 5:00 PM}}"},
    {RULE_business_hours, "{UTC: {MO: 9:00 AM - 5:00 PM}}",
     "{UTC: {MO: 9:00 AM - 5:00 PM}, clock: UTC}"},
    {RULE_blocks, "{shortest_minutes: 5}", "{shortest_minutes: 6}"},
    {RULE_blocks, "{most_per_day: 5}", "{most_per_day: 6}"},
    {RULE_blocks, "{most_hours_per_week: 5}", "{most_hours_per_week: 6}"},
    {RULE_blocks, "{}", "{most_hours_per_week: 6}"},
    {RULE_blackout, "[{name: A, on: 2026-12-25}]", "[{name: A, on: 2026-12-26}]"},
    {RULE_blackout, "[{name: A, on: 2026-12-25}]", "[{name: A, from: 2026-12-25, to: 2026-12-26}]"},
    {RULE_blackout, "[{name: A, on: 12-25}]", "[{name: A, on: 11-25}]"},
    {RULE_blackout, "[{name: A, on: 12-25}]", "[{name: A, on: 12-25, notice_days: 1}]"},
    {RULE_blackout, "[{name: A, on: easter}]", "[{name: A, on: easter-1}]"},
    {RULE_blackout, "[{name: A, on: easter+1}]", "[{name: A, on: easter-1}]"},
    {RULE_blackout, "[{name: A, on: 4th TH in 11}]", "[{name: A, on: last TH in 11}]"},
    {RULE_blackout, "[{name: A, on: 4th TH in 11}]", "[{name: A, on: 4th FR in 11}]"},
    {RULE_blackout, "[{name: A, on: 4th TH in 11}]", "[{name: A, on: 4th TH in 12}]"},
    {RULE_blackout, "[]", "[{name: A, on: 4th TH in 12}]"},
    {RULE_blackout, "[{name: A, on: 12-25}]", "[{name: A, on: 12-25}, {name: B, on: 11-26}]"},
    {RULE_scheduling_allowed, "true", "false"},
    {RULE_templates, "[A]", "[A, B]"},
    {RULE_templates, "{A: }", "{A: {class: service}}"},
    {RULE_templates, "{A: {class: promotional}}", "{A: {class: service}}"},
    {RULE_templates, "{A: {language: hi}}", "{A: {language: en}}"},
    {RULE_templates, "{A: }", "{A: {retired: true}}"},
    {RULE_templates, "{A: }", "{A: {text: t}}"},
    {RULE_templates, "{A: {text: u}}", "{A: {text: t}}"},
    {RULE_templates, "{A: {text: t}}", "{A: {text: t, valid_from: 2026-12-01}}"},
    {RULE_templates, "{A: {text: t}}", "{A: {text: t, valid_to: 2026-12-01}}"},
    {RULE_templates, "{A: {text: '{x}', slots: {x: }}}",
     "{A: {text: '{x}', slots: {x: {most: 31}}}}"},
    {RULE_templates, "{A: {text: '{x}', slots: {x: }}}",
     "{A: {text: '{x}', slots: {x: {kind: digits}}}}"},
    {RULE_templates,
     "{A: {sha256: 0123456789012345678901234567890123456789012345678901234567890123}}",
     "{A: {sha256: 0123456789012345678901234567890123456789012345678901234567890124}}"},
    {RULE_templates, "{A: {versions: [{text: t, valid_to: 2026-12-01}, {text: t}]}}",
     "{A: {versions: [{text: t, valid_to: 2026-12-01}]}}"},
    {RULE_banned_words, "[a]", "[b]"},
    {RULE_banned_words, "[a]", "[a, b]"},
    {RULE_urls, "none", "[acme.com]"},
    {RULE_urls, "['*.acme.com']", "[acme.com]"},
    {RULE_urls, "[acme.com]", "{hosts: acme.com, schemes: [https, http]}"},
    {RULE_urls, "[acme.com]", "{hosts: acme.com, shorteners: true}"},
    {RULE_opt_out, "[a]", "[a, b]"},
    {RULE_sender_identity, "[a]", "[b, a]"},
    {RULE_markup, "none", "{placeholders: [a]}"},
    {RULE_markup, "{placeholders: [b]}", "{placeholders: [a]}"},
    {RULE_segments, "1", "2"},
    {RULE_segments, "1", "{most: 1, gsm_only: true}"},
    {RULE_segments, "1", "{most: 1, placeholder_characters: 5}"},
    {RULE_segments, "{most: 1, placeholder_characters: 4}", "{most: 1, placeholder_characters: 5}"},
    {RULE_segments, "{most: 1, gsm_only: true}", "{gsm_only: true}"},
};

static const char *ruled(enum policy_rule rule, const char *value, char out[1024])
{
    struct str name = policy_rule_name(rule);
    (void)snprintf(out, 1024, "%.*s: %s", STR_ARGS(name), value);
    return out;
}

TEST(every_changed_setting_is_told_and_an_equal_one_is_not)
{
    char before[1024], after[1024];
    bool tried[POLICY_RULES] = {0};
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        enum policy_rule rule = changes[i].rule;
        tried[rule] = true;
        ruled(rule, changes[i].before, before);
        ruled(rule, changes[i].after, after);
        if (organisations(before, after).len == 0 || organisations(after, before).len == 0)
            fail_msg("nothing is told of: %s -> %s", before, after);
        EXPECT_STR(organisations(before, before), "");
        EXPECT_STR(organisations(after, after), "");
        if (organisations("", after).len == 0 || organisations(after, "").len == 0)
            fail_msg("nothing is told when this comes or goes: %s", after);
    }
    for (size_t i = 0; i < POLICY_RULES; i++)
        assert_true(tried[i]);
}

TEST(what_one_change_gives_the_reverse_takes)
{
    char before[1024], after[1024];
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct policy_differences there, back;
        size_t more = 0, less = 0;
        begin();
        (void)snprintf(before, sizeof(before), "revision: a\norganisation: {%.*s: %s}",
                       STR_ARGS(policy_rule_name(changes[i].rule)), changes[i].before);
        (void)snprintf(after, sizeof(after), "revision: a\norganisation: {%.*s: %s}",
                       STR_ARGS(policy_rule_name(changes[i].rule)), changes[i].after);
        const struct policy_set *was = compile_with(before, NULL), *is = compile_with(after, NULL);
        assert_true(policy_diff(was, is, &arena, &there));
        assert_true(policy_diff(is, was, &arena, &back));
        assert_int_equal(there.count, back.count);
        for (size_t k = 0; k < there.count; k++) {
            more += there.items[k].change == CHANGE_MORE;
            less += back.items[k].change == CHANGE_LESS;
        }
        assert_int_equal(more, less);
    }
}

/* ---- what is told agrees with what is judged ---- */

static unsigned dice;

static unsigned roll(unsigned sides)
{
    dice = dice * 1103515245 + 12345;
    return (dice >> 16) % sides;
}

#define PICK(...)                                                                                  \
    ((const char *const[]){__VA_ARGS__})[roll(COUNT_OF(((const char *const[]){__VA_ARGS__})))]

struct question {
    struct campaign campaign;
    struct str lists[2];
    struct calling_block block;
    struct policy_context context;
};

/* One of the campaigns between which the settings of `changes` make a difference. */
static void ask_something(struct question *q)
{
    int start_min = 9 * 60 + (int)roll(3) * 60;
    q->lists[0] = str_from(PICK("A", "B", "A1"));
    q->lists[1] = str_from(PICK("A", "B", "C"));
    q->block = (struct calling_block){.day = roll(3) ? MONDAY : TUESDAY,
                                      .start_min = start_min,
                                      .end_min = start_min + (roll(2) ? 5 : 8 * 60 - 60)};
    q->campaign = (struct campaign){
        .name = str_from(PICK("a", "b")),
        .description = str_from(PICK("a", "b")),
        .contact_lists = q->lists,
        .contact_list_count = 1 + roll(2),
        .dnc_list = str_from(PICK("", "A", "B")),
        .priority = 1 + (int)roll(2),
        .template_name = str_from(PICK("A", "A", "B")),
        .message = str_from(PICK("a", "b", "t", "u", "1", "see acme.com", "see http://acme.com",
                                 "see https://go.acme.com", "<a>", "<b>", "\u00e7\u4e2d")),
        .caller_id = str_from(PICK("56161", "56162")),
        .frequency = 1 + roll(3),
        .timezone = str_from(PICK("UTC", "Asia/Tokyo")),
        .blocks = &q->block,
        .block_count = 1,
        .has_schedule = true,
        .scheduling_enabled = roll(2),
    };
    static const int64_t times_s[] = {1796083200 /* 2026-12-01 */, 1798156800, 1798243200,
                                      1795651200 /* 2026-11-26 */};
    q->context = (struct policy_context){.now_unix_ms = times_s[roll(4)] * 1000 + 3600000};
}

static bool is_allowed(const struct policy_set *set, const struct question *q)
{
    struct arena request;
    struct violations violations;
    struct policy_findings findings;
    arena_init(&request, 4 << 20);
    violations_init(&violations, &request);
    policy_check(set, policy_team(set, STR("a")), &q->campaign, &q->context, &violations, &findings,
                 NULL);
    bool allowed = violations.count == 0 && !violations.truncated;
    arena_release(&request);
    return allowed;
}

/* Whoever is refused from now on was told to do less, whoever is allowed to do more. */
static size_t expect_told_of(const char *before, const char *after)
{
    size_t changed = 0;
    bool told_of[CHANGE_OTHER + 1] = {0};
    struct policy_differences differences;
    begin();
    const struct policy_set *was = compile_with(before, NULL), *is = compile_with(after, NULL);
    assert_true(policy_diff(was, is, &arena, &differences));
    for (size_t i = 0; i < differences.count; i++)
        told_of[differences.items[i].change] = true;
    for (int i = 0; i < 300; i++) {
        struct question q;
        ask_something(&q);
        bool could = is_allowed(was, &q), can = is_allowed(is, &q);
        changed += could != can;
        if (could != can && !told_of[CHANGE_OTHER] && !told_of[can ? CHANGE_MORE : CHANGE_LESS])
            fail_msg("a verdict changes to %s, untold:\n%s\n->\n%s", can ? "yes" : "no", before,
                     after);
    }
    return changed;
}

static void expect_told(const char *before, const char *after)
{
    char was[2048], is[2048];
    (void)snprintf(was, sizeof(was), "revision: a\norganisation: {%s}\nteams: {a: }", before);
    (void)snprintf(is, sizeof(is), "revision: a\norganisation: {%s}\nteams: {a: }", after);
    (void)expect_told_of(was, is);
}

TEST(no_verdict_changes_untold)
{
    char before[1024], after[1024];
    dice = 7;
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        ruled(changes[i].rule, changes[i].before, before);
        ruled(changes[i].rule, changes[i].after, after);
        expect_told(before, after);
        expect_told(after, before);
        expect_told("", after);
        expect_told(before, "");
    }
}

#define POLICY(organisation, team)                                                                 \
    "revision: a\norganisation: {" organisation "}\nteams: {a: {" team "}, b: }\n"
#define LIFTED(organisation, exception)                                                            \
    POLICY(organisation, "")                                                                       \
    "exceptions: [{id: X, approver: Jo, ticket: T, rule: priority_cap, " exception "}]\n"

TEST(no_verdict_changes_untold_by_control)
{
    static const char *const pairs[][2] = {
        {POLICY("priority_cap: 1", ""), POLICY("priority_cap: 1, modes: {priority_cap: off}", "")},
        {POLICY("priority_cap: 1, modes: {priority_cap: {mode: report, enforce_from: 2027-01-20}}",
                ""),
         POLICY("priority_cap: 1, modes: {priority_cap: {mode: off, enforce_from: 2026-12-05}}",
                "")},
        {POLICY("priority_cap: 1, team_modes: {a: report}", ""), POLICY("priority_cap: 1", "")},
        {POLICY("priority_cap: 1, overridable: priority_cap", "priority_cap: 2"),
         POLICY("priority_cap: 1", "priority_cap: 2")},
        {POLICY("priority_cap: 1, overridable: priority_cap", "priority_cap: 2"),
         POLICY("priority_cap: 1, overridable: priority_cap", "")},
        {POLICY("cases: [{name: x, applies_to: {timezones: UTC}, priority_cap: 1}]", ""),
         POLICY("cases: [{name: x, applies_to: {timezones: Asia/Tokyo}, priority_cap: 1}]", "")},
        {POLICY("cases: [{name: x, applies_to: {contact_lists: 'A*'}, priority_cap: 1}]", ""),
         POLICY("cases: [{name: x, applies_to: {contact_lists: A}, priority_cap: 1}]", "")},
        {POLICY("cases: [{name: x, applies_to: {other_contact_lists: [A, B]}, priority_cap: 1}]",
                ""),
         POLICY("cases: [{name: x, applies_to: {other_contact_lists: [A]}, priority_cap: 1}]", "")},
        {POLICY("cases: [{name: x, applies_to: {caller_ids: '5616*'}, priority_cap: 1}]", ""),
         POLICY("cases: [{name: x, applies_to: {caller_ids: '56161'}, priority_cap: 1}]", "")},
        /* a less restricted class is asked more: neither more nor less can be said */
        {POLICY("cases: [{name: x, applies_to: {classes: service}, priority_cap: 1}]", ""),
         POLICY("cases: [{name: x, applies_to: {classes: service}, priority_cap: 1}]",
                "message_class: service")},
        {POLICY("cases: [{name: x, applies_to: {classes: service}, priority_cap: 1}]", ""),
         POLICY("cases: [{name: x, applies_to: {classes: service}, priority_cap: 1}], "
                "message_class: service",
                "")},
        {POLICY("cases: [{name: x, applies_to: {classes: promotional}, priority_cap: 1}]", ""),
         POLICY("cases: [{name: x, applies_to: {classes: promotional}, priority_cap: 1}], "
                "message_class: service",
                "")},
        {POLICY("templates: {A: , B: }", "caller_ids: [{id: '56161', classes: promotional}]"),
         POLICY("templates: {A: {class: service}, B: }",
                "caller_ids: [{id: '56161', classes: promotional}]")},
        {POLICY("templates: {A: {class: promotional}, B: }",
                "caller_ids: [{id: '56161', classes: promotional}]"),
         POLICY("templates: {A: {class: service}, B: }",
                "caller_ids: [{id: '56161', classes: promotional}]")},
        {POLICY("overridable: templates, templates: {B: }, "
                "cases: [{name: x, applies_to: {classes: service}, priority_cap: 1}]",
                "templates: {A: , B: }"),
         POLICY("overridable: templates, templates: {B: , A: {class: service}}, "
                "cases: [{name: x, applies_to: {classes: service}, priority_cap: 1}]",
                "templates: {A: , B: }")},
        {POLICY("priority_cap: 1", ""), LIFTED("priority_cap: 1", "team: a, expires: 2026-12-24")},
        {LIFTED("priority_cap: 1", "team: a, expires: 2026-12-24"),
         LIFTED("priority_cap: 1", "team: a, expires: 2026-12-25")},
        {LIFTED("priority_cap: 1", "team: a, expires: 2026-12-25, campaign: 'a*'"),
         LIFTED("priority_cap: 1", "team: a, expires: 2026-12-25, campaign: b")},
        {LIFTED("priority_cap: 1", "team: a, expires: 2026-12-25"),
         LIFTED("priority_cap: 1", "team: b, expires: 2026-12-25")},
    };
    dice = 11;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        size_t changed = expect_told_of(pairs[i][0], pairs[i][1]);
        (void)expect_told_of(pairs[i][1], pairs[i][0]);
        if (changed == 0)
            fail_msg("these two judge alike, so nothing was tried:\n%s", pairs[i][0]);
    }
}

/* What is no rule: two organisations between which something behaves differently. */
TEST(every_change_of_control_is_told)
{
    static const char *const pairs[][2] = {
        {"calendar: Asia/Tokyo", ""},
        {"disclose_caller_ids: true", ""},
        {"message_class: service", ""},
        {"overridable: days", ""},
        {"team_modes: {a: report}", ""},
        {"team_modes: {a: {mode: report, enforce_from: 2027-01-01}}",
         "team_modes: {a: {mode: report, enforce_from: 2027-01-02}}"},
        {"cases: [{name: x, days: MO}]", ""},
        {"cases: [{name: x, days: MO}]", "cases: [{name: y, days: MO}]"},
        {"cases: [{name: x, days: MO}]", "cases: [{name: x, days: TU}]"},
        {"cases: [{name: x, days: MO, applies_to: {classes: service}}]",
         "cases: [{name: x, days: MO, applies_to: {classes: promotional}}]"},
        {"cases: [{name: x, days: MO, applies_to: {languages: hi}}]",
         "cases: [{name: x, days: MO, applies_to: {languages: [hi, en]}}]"},
        {"cases: [{name: x, days: MO, applies_to: {caller_ids: '+91*'}}]",
         "cases: [{name: x, days: MO, applies_to: {caller_ids: '+92*'}}]"},
        {"cases: [{name: x, days: MO, applies_to: {contact_lists: A}}]",
         "cases: [{name: x, days: MO, applies_to: {contact_lists: B}}]"},
        {"cases: [{name: x, days: MO, applies_to: {other_contact_lists: A}}]",
         "cases: [{name: x, days: MO, applies_to: {other_contact_lists: B}}]"},
        {"cases: [{name: x, days: MO, applies_to: {timezones: UTC}}]",
         "cases: [{name: x, days: MO, applies_to: {timezones: Asia/Tokyo}}]"},
        {"cases: [{name: x, days: MO, modes: {days: off}}]", "cases: [{name: x, days: MO}]"},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (organisations(pairs[i][0], pairs[i][1]).len == 0 ||
            organisations(pairs[i][1], pairs[i][0]).len == 0)
            fail_msg("nothing is told of: %s -> %s", pairs[i][0], pairs[i][1]);
        EXPECT_STR(organisations(pairs[i][0], pairs[i][0]), "");
    }
}

TEST(every_change_of_an_exception_is_told)
{
    static const char one[] = EXCEPTION("rule: days, expires: 2026-12-10, campaign: A");
    static const char *const others[] = {
        EXCEPTION("rule: blocks, expires: 2026-12-10, campaign: A"),
        EXCEPTION("rule: [days, blocks], expires: 2026-12-10, campaign: A"),
        EXCEPTION("rule: days, expires: 2026-12-09, campaign: A"),
        EXCEPTION("rule: days, expires: 2026-12-10, campaign: B"),
        EXCEPTION("rule: days, expires: 2026-12-10, campaign: 'A*'"),
        EXCEPTION("rule: days, expires: 2026-12-10"),
        EXCEPTION("rule: days, expires: 2026-12-10, campaign: A, caller_id: '1'"),
        EXCEPTION("rule: days, expires: 2026-12-10, campaign: A, template: T"),
        "revision: a\norganisation: {days: MO}\nteams: {a: }\nexceptions:\n"
        "- {id: X, team: '*', approver: Jo, ticket: T, not_before: 2026-12-01, rule: days, "
        "expires: 2026-12-10, campaign: A}\n",
        "revision: a\norganisation: {days: MO}\nteams: {a: }\nexceptions:\n"
        "- {id: X, team: a, approver: Jim, ticket: T, not_before: 2026-12-01, rule: days, "
        "expires: 2026-12-10, campaign: A}\n",
        "revision: a\norganisation: {days: MO}\nteams: {a: }\nexceptions:\n"
        "- {id: X, team: a, approver: Jo, ticket: U, not_before: 2026-12-01, rule: days, "
        "expires: 2026-12-10, campaign: A}\n",
    };
    EXPECT_STR(differ(one, one), "");
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (differ(one, others[i]).len == 0 || differ(others[i], one).len == 0)
            fail_msg("nothing is told of:\n%s", others[i]);
    }
}

/* Packs that are included under their names. */
static bool read_named(void *context, const char *from, struct str path, struct policy_source *ret,
                       struct error *err)
{
    (void)context, (void)from, (void)err;
    struct str text = arena_format(&arena, "pack: {name: %.*s, templates: {A: {language: %.*s}}}",
                                   STR_ARGS(path), STR_ARGS(path));
    *ret = (struct policy_source){arena_copy(&arena, path).data, text};
    return true;
}

static const struct policy_set *including(const char *packs_in_order)
{
    struct problems problems;
    const struct policy_includer includer = {NULL, read_named};
    struct str text =
        arena_format(&arena, "revision: a\norganisation: {include: [%s]}", packs_in_order);
    problems_init(&problems);
    const struct policy_set *set =
        policy_compile(&(struct policy_source){"p.yaml", text}, 1, &includer, &arena, &problems);
    problems_release(&problems);
    assert_non_null(set);
    return set;
}

TEST(the_order_of_packs_matters_when_they_quarrel_about_a_language)
{
    begin();
    EXPECT_STR(sets_differ(including("en, hi"), including("hi, en")),
               "everybody is bound differently: the layers that give templates a language come in "
               "another order, and the last one counts: pack hi, pack en (was pack en, pack hi)\n");
    begin();
    EXPECT_STR(sets_differ(including("en, hi"), including("en, hi")), "");
}

/* ---- size ---- */

static const struct policy_set *many_callers(unsigned first, unsigned count, const char *binding)
{
    struct buf text;
    buf_init(&text, 8 << 20);
    buf_append(&text, STR("revision: a\nteams:\n  billing:\n    caller_ids:\n"));
    for (unsigned i = first; i < first + count; i++)
        buf_format(&text, "    - {id: \"+9195%08u\"%s}\n", i, binding);
    buf_append_byte(&text, '\0');
    assert_false(text.failed);
    const struct policy_set *set = compile_with(text.data, NULL);
    buf_release(&text);
    return set;
}

TEST(a_hundred_thousand_caller_ids_are_compared)
{
    begin();
    const struct policy_set *before = many_callers(0, 100000, "");
    const struct policy_set *after = many_callers(50000, 100000, ", classes: service");
    struct str text = sets_differ(before, after);
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    assert_int_equal(lines, 3);
    assert_non_null(strstr(text.data, "and 49980 more are no longer allowed"));
    assert_non_null(strstr(text.data, "and 49980 more are now allowed"));
    assert_non_null(
        strstr(text.data, "and 49980 more: now only for messages of the class service"));
}

TEST(memory_that_runs_out_is_told)
{
    begin();
    const struct policy_set *before = compile_with(TEAMS("caller_ids: ['56161']"), NULL);
    const struct policy_set *after = compile_with(TEAMS("caller_ids: ['56162']"), NULL);
    size_t failed = 0;
    for (size_t bytes = 0; bytes < 20000; bytes += 64) {
        struct arena small;
        struct policy_differences differences;
        arena_init(&small, bytes);
        bool fine = policy_diff(before, after, &small, &differences);
        failed += !fine;
        if (fine)
            assert_int_equal(differences.count, 2);
        arena_release(&small);
    }
    assert_true(failed > 0);
}

/* ---- subtracting hours ---- */

static struct week_windows monday(const int ends[], size_t count)
{
    struct week_windows week = {0};
    for (size_t i = 0; i + 1 < count; i += 2)
        assert_true(hours_add(&week, MONDAY, ends[i], ends[i + 1]));
    return week;
}

static void expect_left(struct week_windows week, struct week_windows without, const int ends[],
                        size_t count)
{
    hours_subtract(&week, &without);
    assert_int_equal(week.days[MONDAY].count * 2, count);
    for (size_t i = 0; i < count / 2; i++) {
        assert_int_equal(week.days[MONDAY].items[i].opens_min, ends[2 * i]);
        assert_int_equal(week.days[MONDAY].items[i].closes_min, ends[2 * i + 1]);
    }
}

#define HOURS(...) monday((const int[]){__VA_ARGS__}, COUNT_OF(((const int[]){__VA_ARGS__})))
#define LEFT(...) (const int[]){__VA_ARGS__}, COUNT_OF(((const int[]){__VA_ARGS__}))

TEST(subtracting_leaves_what_only_the_first_has)
{
    static const struct week_windows none;
    expect_left(HOURS(60, 120), HOURS(60, 120), NULL, 0);
    expect_left(HOURS(60, 120), HOURS(0, 1440), NULL, 0);
    expect_left(none, HOURS(60, 120), NULL, 0);
    expect_left(HOURS(60, 120), none, LEFT(60, 120));
    expect_left(HOURS(60, 120), HOURS(120, 180), LEFT(60, 120));
    expect_left(HOURS(60, 120), HOURS(90, 100), LEFT(60, 90, 100, 120));
    expect_left(HOURS(60, 120, 180, 240), HOURS(100, 200), LEFT(60, 100, 200, 240));
    expect_left(HOURS(0, 1440), HOURS(10, 20, 30, 40), LEFT(0, 10, 20, 30, 40, 1440));
}

/* By minutes: what is left is open in the first and not in the second. */
TEST(subtracting_agrees_with_every_minute)
{
    unsigned seed = 1;
    for (int round = 0; round < 2000; round++) {
        struct week_windows a = {0}, b = {0};
        for (int i = 0; i < 6; i++) {
            seed = seed * 1103515245 + 12345;
            int opens = (int)(seed >> 8) % 60, length = 1 + (int)(seed >> 16) % 10;
            assert_true(hours_add(i % 2 ? &a : &b, TUESDAY, opens, opens + length));
        }
        struct week_windows left = a;
        hours_subtract(&left, &b);
        for (int minute = 0; minute < 80; minute++)
            assert_int_equal(hours_contain(&left, TUESDAY, minute, minute + 1),
                             hours_contain(&a, TUESDAY, minute, minute + 1) &&
                                 !hours_contain(&b, TUESDAY, minute, minute + 1));
    }
}

TEST(pieces_that_are_too_many_are_left_out_at_the_end)
{
    struct week_windows whole = HOURS(0, 1440), holes = {0};
    for (int i = 0; i < WINDOWS_PER_DAY; i++)
        assert_true(hours_add(&holes, MONDAY, 10 + i * 20, 20 + i * 20));
    hours_subtract(&whole, &holes);
    assert_int_equal(whole.days[MONDAY].count, WINDOWS_PER_DAY);
    assert_int_equal(whole.days[MONDAY].items[0].closes_min, 10);
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    buf_release(&told);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(says_nothing_of_revision_order_and_comments),
        UNIT(tells_which_caller_ids_came_and_went),
        UNIT(tells_what_a_caller_id_is_bound_to),
        UNIT(hours_are_compared_by_what_is_open),
        UNIT(hours_written_otherwise_are_the_same_hours),
        UNIT(a_zone_without_hours_of_its_own_has_those_of_all_others),
        UNIT(another_clock_is_different),
        UNIT(limits_are_told_with_what_they_were),
        UNIT(a_pattern_may_let_through_what_was_listed),
        UNIT(a_rule_that_comes_or_goes_is_told_with_what_it_says),
        UNIT(a_rule_that_asks_nothing_does_not_make_less),
        UNIT(templates_are_told_by_what_is_approved),
        UNIT(packs_and_their_cases_come_and_go),
        UNIT(a_wider_scope_asks_more),
        UNIT(modes_make_more_and_less),
        UNIT(what_only_reports_makes_neither_more_nor_less),
        UNIT(teams_come_and_go),
        UNIT(a_team_mode_is_told_for_the_team),
        UNIT(an_overridable_rule_is_told_with_the_teams_it_does_not_bind),
        UNIT(the_class_of_messages_without_one_is_told),
        UNIT(exceptions_come_go_and_change),
        UNIT(every_changed_setting_is_told_and_an_equal_one_is_not),
        UNIT(what_one_change_gives_the_reverse_takes),
        UNIT(no_verdict_changes_untold),
        UNIT(no_verdict_changes_untold_by_control),
        UNIT(every_change_of_control_is_told),
        UNIT(every_change_of_an_exception_is_told),
        UNIT(the_order_of_packs_matters_when_they_quarrel_about_a_language),
        UNIT(a_hundred_thousand_caller_ids_are_compared),
        UNIT(memory_that_runs_out_is_told),
        UNIT(subtracting_leaves_what_only_the_first_has),
        UNIT(subtracting_agrees_with_every_minute),
        UNIT(pieces_that_are_too_many_are_left_out_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
