/* A policy as sentences: what is said, in which order, and that nothing an author writes deceives.
 */
#include "policy/render.h"

#include "test.h"

static struct arena arena;
static struct buf out;

static const struct policy_set *compile_file(const char *name, struct str text)
{
    struct problems problems;
    problems_init(&problems);
    const struct policy_set *set =
        policy_compile(&(struct policy_source){name, text}, 1, NULL, &arena, &problems);
    if (!set)
        fail_msg("%.*s\n%.*s", STR_ARGS(buf_str(&problems.lines)), STR_ARGS(text));
    problems_release(&problems);
    return set;
}

static struct str rendered(const char *text, enum page_format format)
{
    const struct render_options options = {format, false};
    arena_release(&arena);
    arena_init(&arena, 1UL << 30);
    buf_release(&out);
    buf_init(&out, 64 << 20);
    assert_true(policy_render(compile_file("p.yaml", str_from(text)), &options, &arena, &out));
    buf_append_byte(&out, '\0');
    out.len--;
    return buf_str(&out);
}

/* What stands behind "Organisation" and its line. */
static struct str organisation(const char *rules)
{
    char text[4096];
    (void)snprintf(text, sizeof(text), "revision: a\norganisation: {%s}\n", rules);
    struct str all = rendered(text, PAGE_TEXT);
    const char *begin = strstr(all.data, "\nOrganisation\n------------\n");
    assert_non_null(begin);
    begin += strlen("\nOrganisation\n------------\n");
    return str_from(begin);
}

/* ---- sentences ---- */

TEST(tells_each_rule_of_a_layer_in_the_order_they_speak)
{
    EXPECT_STR(organisation("days: MO-FR, priority_cap: 3, kill_switch: audit"),
               "\n* kill_switch\n  No campaign may be created, because: \"audit\".\n"
               "\n* priority_cap\n  The priority (1 to 5, 5 is the highest) is at most 3.\n"
               "\n* days\n  Messages go out only on: Monday, Tuesday, Wednesday, Thursday, "
               "Friday.\n");
}

TEST(tells_hours_by_ranges_of_days)
{
    EXPECT_STR(
        organisation("business_hours: {Asia/Kolkata: {MO-TH: 9:00 AM - 8:00 PM, SA: [9:00 AM "
                     "- 12:00 PM, 1:00 PM - 24:00]}, '*': {MO-SU: 12:00 AM - 24:00}}"),
        "\n* business_hours\n  Messages go out only in these hours:\n"
        "  - Asia/Kolkata: Monday to Thursday 9:00 AM - 8:00 PM; Saturday 9:00 AM - 12:00 PM, "
        "1:00\n    PM - 24:00; Friday, Sunday closed\n"
        "  - every time zone not named: Monday to Sunday all day\n"
        "  The hours are by the clock of the campaign's own time zone.\n");
}

TEST(tells_a_template_with_class_language_texts_and_slots)
{
    EXPECT_STR(organisation("templates: {OTP: {class: transactional, language: en, text: '{c}', "
                            "slots: {c: {kind: digits, most: 8}}, valid_to: 2026-12-31}}"),
               "\n* templates\n  The template is one of:\n"
               "  - \"OTP\": of the class transactional; in the language en; the text is \"{c}\" "
               "with {c} up\n    to 8 digits (up to 2026-12-31)\n");
}

TEST(tells_how_far_a_rule_counts)
{
    EXPECT_STR(organisation("days: MO, overridable: days, modes: {days: {mode: report, "
                            "enforce_from: 2027-01-01}}"),
               "\n* days (only reported until 2027-01-01, then enforced, for teams without a rule "
               "of their own)\n  Messages go out only on: Monday.\n");
}

TEST(tells_packs_with_title_scope_and_cases)
{
    struct str text = rendered(
        "pack: {name: us, title: The States, applies_to: {classes: promotional}, days: MO,\n"
        "  cases: [{name: Texas, applies_to: {contact_lists: ['TX-*']}, priority_cap: 1}]}",
        PAGE_TEXT);
    const char *expected = "\nPack us: The States\n-------------------\n"
                           "Applies to campaigns only with messages of the class promotional.\n"
                           "\n* days\n  Messages go out only on: Monday.\n"
                           "\nPack us, Texas\n--------------\n"
                           "Applies only where its pack does, as said above.\n"
                           "Applies to campaigns only if a contact list is like \"TX-*\".\n"
                           "\n* priority_cap\n  The priority (1 to 5, 5 is the highest) is at most "
                           "1.\n";
    assert_non_null(strstr(text.data, expected));
}

TEST(tells_exceptions_with_who_approved_them)
{
    struct str text = rendered("revision: a\nteams: {a: }\nexceptions: [{id: X, team: '*', rule: "
                               "days, expires: 2026-12-10, not_before: 2026-12-01, approver: Jo, "
                               "ticket: T-1}]",
                               PAGE_TEXT);
    assert_non_null(strstr(text.data,
                           "\nExceptions\n----------\n\n* X (for every team)\n"
                           "  It lifts days; as asked by the organisation and the team; in force "
                           "from 2026-12-01 to\n  2026-12-10; approved by Jo; in ticket T-1.\n"));
}

TEST(tells_teams_in_their_order_with_mode_and_class)
{
    struct str text = rendered("revision: a\norganisation: {team_modes: {b: report}}\n"
                               "teams: {b: {message_class: service}, a: }",
                               PAGE_TEXT);
    assert_non_null(strstr(text.data,
                           "\nTeam b\n------\n"
                           "For this team every rule of every section is only reported.\n"
                           "Its messages whose template has no class count as service, unless the "
                           "organisation's class\nis stricter.\n"
                           "It has no rules of its own.\n"
                           "\nTeam a\n------\nIt has no rules of its own.\n"));
}

/* ---- form ---- */

TEST(every_rule_has_words)
{
    static const char all[] =
        "kill_switch: s, caller_ids: '1', contact_lists: l, dnc_required: true, dnc_lists: l, "
        "priority_cap: 1, name_pattern: n, description_pattern: d, timezones: UTC, frequencies: "
        "DAILY, days: MO, business_hours: {UTC: {MO: closed}}, blocks: {}, blackout: [], "
        "scheduling_allowed: true, templates: [t], banned_words: w, urls: none, opt_out: o, "
        "sender_identity: s, markup: none, segments: 1";
    struct str text = organisation(all);
    size_t rules = 0, sentences = 0;
    for (size_t i = 0; i + 3 < text.len; i++) {
        rules += text.data[i] == '\n' && text.data[i + 1] == '*';
        sentences += text.data[i] == '\n' && text.data[i + 1] == ' ' && text.data[i + 3] >= 'A' &&
                     text.data[i + 3] <= 'Z';
    }
    assert_int_equal(rules, POLICY_RULES);
    assert_true(sentences >= POLICY_RULES);
}

TEST(the_same_policy_gives_the_same_text_whatever_its_comments)
{
    char first[4096];
    struct str text = rendered("revision: a\norganisation: {days: MO, priority_cap: 1}", PAGE_TEXT);
    assert_true(text.len < sizeof(first));
    memcpy(first, text.data, text.len + 1);
    EXPECT_STR(rendered("# c\nrevision: a\norganisation:\n  priority_cap: 1 # c\n  days: [MO]\n",
                        PAGE_TEXT),
               first);
}

TEST(what_deceives_the_eye_is_shown_as_what_it_is)
{
    EXPECT_STR(organisation("banned_words: [\"a\\e[2J\", \"b\\u202Ec\", \"d\\ne\"]"),
               "\n* banned_words\n  The message holds none of these words and phrases: "
               "\"a\\u{1b}[2J\", \"b\\u{202e}c\",\n  \"d\\u{a}e\".\n");
}

TEST(words_of_other_scripts_stay_readable)
{
    struct str text = organisation("banned_words: [\"\xe0\xa4\xae\xe0\xa5\x81\xe0\xa4\xab\"]");
    assert_non_null(strstr(text.data, "\"\xe0\xa4\xae\xe0\xa5\x81\xe0\xa4\xab\""));
}

TEST(lines_are_no_wider_than_the_page)
{
    struct str line, rest,
        text = organisation(
            "caller_ids: ['+919561600001', '+919561600002', '+919561600003', '+919561600004', "
            "'+919561600005', '+919561600006', '+919561600007', '+919561600008', '+919561600009']");
    rest = text;
    while (str_cut(rest, '\n', &line, &rest))
        assert_true(line.len <= 90);
}

TEST(json_says_the_same)
{
    struct str text =
        rendered("revision: a\nteams: {b: {days: MO, modes: {days: report}}}", PAGE_JSON);
    assert_non_null(strstr(text.data, "{\"kind\":\"team\",\"title\":\"Team b\",\"notes\":[],"
                                      "\"items\":[{\"name\":\"days\",\"remark\":\"only "
                                      "reported\",\"says\":[\"Messages go out only on: "
                                      "Monday\"]}]}]}\n"));
}

TEST(memory_that_runs_out_is_told)
{
    size_t failed = 0;
    const struct render_options options = {PAGE_TEXT, false};
    arena_release(&arena);
    arena_init(&arena, 1 << 20);
    const struct policy_set *set =
        compile_file("p.yaml", STR("revision: a\nteams: {a: {caller_ids: ['56161'], days: MO}}"));
    for (size_t bytes = 0; bytes < 8000; bytes += 64) {
        struct arena small;
        struct buf text;
        arena_init(&small, bytes);
        buf_init(&text, 1 << 20);
        bool fine = policy_render(set, &options, &small, &text);
        failed += !fine;
        if (fine)
            assert_true(text.len > 400);
        buf_release(&text);
        arena_release(&small);
    }
    assert_true(failed > 0);
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    buf_release(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(tells_each_rule_of_a_layer_in_the_order_they_speak),
        UNIT(tells_hours_by_ranges_of_days),
        UNIT(tells_a_template_with_class_language_texts_and_slots),
        UNIT(tells_how_far_a_rule_counts),
        UNIT(tells_packs_with_title_scope_and_cases),
        UNIT(tells_exceptions_with_who_approved_them),
        UNIT(tells_teams_in_their_order_with_mode_and_class),
        UNIT(every_rule_has_words),
        UNIT(the_same_policy_gives_the_same_text_whatever_its_comments),
        UNIT(what_deceives_the_eye_is_shown_as_what_it_is),
        UNIT(words_of_other_scripts_stay_readable),
        UNIT(lines_are_no_wider_than_the_page),
        UNIT(json_says_the_same),
        UNIT(memory_that_runs_out_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
