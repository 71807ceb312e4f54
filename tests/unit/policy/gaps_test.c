/* A campaign that is known in part: what follows is answered, nothing is guessed. */
#include "base/buf.h"
#include "base/limits.h"
#include "policy/reading.h"
#include "policy_support.h"

static struct arena policy_arena, arena;
static struct violations violations;
static struct policy_findings findings;
static struct policy_gaps gaps;
static struct reading reading;
static struct policy_context context;
static struct campaign campaign;
static struct buf trace_text; /* "rule answer, rule answer" of what was not skipped */

static int begin(void **state)
{
    static struct str lists[] = {STR("Customers")};
    (void)state;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    arena_init(&policy_arena, 64 << 20);
    buf_init(&trace_text, 1 << 16);
    gaps = (struct policy_gaps){.recall = NULL};
    reading = (struct reading){.has_links = false};
    context =
        (struct policy_context){.now_unix_ms = ORDINARY_MS, .gaps = &gaps, .reading = &reading};
    campaign = (struct campaign){.name = STR("Autumn"),
                                 .caller_id = STR("+14155550100"),
                                 .timezone = STR("Asia/Kolkata"),
                                 .template_name = STR("Welcome"),
                                 .contact_lists = lists,
                                 .contact_list_count = 1,
                                 .priority = 3};
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    arena_release(&policy_arena);
    buf_release(&trace_text);
    return 0;
}

static void note(void *arg, const struct policy_setting *setting, enum policy_answer answer,
                 struct str why, const struct violation *found, size_t count)
{
    (void)arg, (void)why, (void)found, (void)count;
    if (answer != ANSWER_SKIPPED)
        buf_format(&trace_text, "%s%.*s %s", trace_text.len ? ", " : "",
                   STR_ARGS(policy_rule_name(setting->rule)), policy_answer_text(answer));
}

/* The organisation's rules, in one line of YAML; team billing has none. */
static void judge(const char *rules)
{
    struct error err;
    const struct policy_trace trace = {NULL, note};
    const struct policy_source source = {
        "p.yaml", arena_format(&policy_arena, "revision: a\nteams: {billing: }\n%s", rules)};
    const struct policy_set *set = compile_sources(&source, 1, NULL, &policy_arena, &err);
    if (!set)
        fail_msg("%s", err.text);
    buf_clear(&trace_text);
    violations_init(&violations, &arena);
    policy_check(set, policy_team(set, STR("billing")), &campaign, &context, &violations, &findings,
                 &trace);
}

enum verdict { ALLOWED, DENIED, UNTOLD };

static void expect_of(const char *rules, enum verdict expected)
{
    judge(rules);
    enum verdict is = !violations_clean(&violations) ? DENIED
                      : findings.unknown_count       ? UNTOLD
                                                     : ALLOWED;
    if (is != expected)
        fail_msg("%s\nis %d, not %d: %.*s", rules, (int)is, (int)expected,
                 STR_ARGS(buf_str(&trace_text)));
}

static void expect(const char *rules, enum verdict expected)
{
    char text[1000];
    (void)snprintf(text, sizeof(text), "organisation: {%s}\n", rules);
    expect_of(text, expected);
}

/* ---- texts ---- */

TEST(words_of_a_message_that_is_not_there_are_unknown)
{
    gaps.parts[PART_MESSAGE] = GAP_UNKNOWN;
    expect("banned_words: [loan]", UNTOLD);
    expect("opt_out: [STOP]", UNTOLD);
    expect("sender_identity: [Acme]", UNTOLD);
    expect("banned_words: [loan], priority_cap: 2", DENIED);
    expect("priority_cap: 3", ALLOWED);
    expect("banned_words: [loan], modes: {banned_words: report}", ALLOWED);
    expect("banned_words: [loan], modes: {banned_words: off}", ALLOWED);
}

TEST(a_description_that_is_not_there_is_unknown)
{
    gaps.parts[PART_DESCRIPTION] = GAP_UNKNOWN;
    expect("description_pattern: x", UNTOLD);
    gaps.parts[PART_DESCRIPTION] = GAP_NONE;
    expect("description_pattern: x", ALLOWED); /* it broke the contract, and was not asked then */
}

TEST(what_was_read_of_the_message_is_known)
{
    static const struct link links[] = {{.scheme = STR("https"), .host = STR("acme.com")}};
    static const struct markup_span spans[] = {
        {MARKUP_PLACEHOLDER, STR("<First Name>"), STR("First Name")}};
    gaps.parts[PART_MESSAGE] = GAP_UNKNOWN;
    expect("urls: [acme.com]", UNTOLD);
    expect("markup: none", UNTOLD);
    expect("segments: 3", UNTOLD);
    reading = (struct reading){.links = links, .link_count = 1, .has_links = true};
    expect("urls: [acme.com]", ALLOWED);
    expect("urls: none", DENIED);
    expect("markup: none", UNTOLD);
    reading = (struct reading){.spans = spans, .span_count = 1, .has_spans = true};
    expect("markup: none", DENIED);
    expect("markup: {placeholders: [First Name]}", ALLOWED);
    expect("urls: none", UNTOLD);
}

TEST(a_size_is_known_where_the_places_of_placeholders_do_not_matter)
{
    gaps.parts[PART_MESSAGE] = GAP_UNKNOWN;
    reading =
        (struct reading){.has_size = true,
                         .size = {.written = {.encoding = SEGMENTS_GSM, .count = 2, .units = 300},
                                  .placeholders = 2,
                                  .bare = {.encoding = SEGMENTS_GSM, .units = 280}}};
    expect("segments: 2", ALLOWED);
    expect("segments: 1", DENIED);
    expect("segments: {most: 2, placeholder_characters: 12}", ALLOWED); /* 304: two whole parts */
    expect("segments: {most: 2, placeholder_characters: 13}", UNTOLD);  /* 306: if none has a gap */
    expect("segments: {most: 2, placeholder_characters: 14}", DENIED);
    expect("segments: {gsm_only: true}", ALLOWED);
}

TEST(a_digest_tells_a_fixed_text_and_no_other)
{
    const char *fixed = "templates: {Welcome: {sha256: "
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}";
    const char *slots = "templates: {Welcome: {text: 'Hi {x}', slots: {x: }}}";
    gaps.parts[PART_MESSAGE] = GAP_UNKNOWN;
    context.message_sha256 =
        STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    expect(fixed, ALLOWED);
    expect(slots, UNTOLD);
    expect("templates: {Welcome: {versions: [{text: 'Hi {x}', slots: {x: }}, {sha256: "
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}]}}",
           ALLOWED);
    context.message_sha256 =
        STR("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    expect(fixed, DENIED);
    context.message_sha256 = STR("");
    expect(fixed, UNTOLD);
    expect("templates: [Welcome]", ALLOWED);
    expect("templates: [Promo]", DENIED);
    expect("templates: {Welcome: {retired: true}}", DENIED);
}

/* ---- names ---- */

TEST(a_caller_id_that_is_not_listed_is_refused_and_one_that_is_unknown_is_not)
{
    campaign.caller_id = STR("hmac:2026-11-1a2b3c4d:00");
    gaps.parts[PART_CALLER_ID] = GAP_UNLISTED;
    expect("caller_ids: ['+14155550100']", DENIED);
    EXPECT_STR(violations.items[0].message,
               "the caller ID is not the one allowed in the organisation");
    gaps.parts[PART_CALLER_ID] = GAP_UNKNOWN;
    expect("caller_ids: ['+14155550100']", UNTOLD);
}

TEST(a_pattern_does_not_fit_a_hidden_name_unless_it_fits_every_name)
{
    gaps.parts[PART_CONTACT_LISTS] = GAP_UNLISTED;
    gaps.lists = (const enum policy_gap[]){GAP_UNLISTED};
    expect("contact_lists: [Other]", DENIED);
    expect("contact_lists: [Other, 'C*']", UNTOLD);
    expect("contact_lists: ['*']", ALLOWED);
    gaps.parts[PART_CONTACT_LISTS] = GAP_UNKNOWN;
    gaps.lists = (const enum policy_gap[]){GAP_UNKNOWN};
    expect("contact_lists: [Other]", UNTOLD);
    gaps.parts[PART_DNC_LIST] = GAP_UNLISTED;
    expect("dnc_lists: [Other]", DENIED);
    expect("dnc_lists: ['D*']", UNTOLD);
    expect("dnc_required: true", DENIED); /* no name at all stands in this campaign */
    gaps.parts[PART_NAME] = GAP_UNLISTED;
    expect("name_pattern: x", UNTOLD);
}

TEST(a_template_that_is_not_listed_is_refused)
{
    gaps.parts[PART_TEMPLATE] = GAP_UNLISTED;
    expect("templates: [Other]", DENIED);
    gaps.parts[PART_TEMPLATE] = GAP_UNKNOWN;
    expect("templates: [Other]", UNTOLD);
}

TEST(only_the_length_of_blocks_that_may_be_one_is_unknown)
{
    struct calling_block night[] = {{.day = MONDAY, .start_min = 1380, .end_min = 1440},
                                    {.day = TUESDAY, .start_min = 0, .end_min = 60, .index = 1}};
    campaign.blocks = night;
    campaign.block_count = 2;
    campaign.frequency = FREQUENCY_WEEKLY;
    gaps.parts[PART_BLOCKS] = GAP_UNKNOWN;
    expect("blocks: {shortest_minutes: 90}", UNTOLD);
    expect("days: [WE]", DENIED);
    expect("days: [MO, TU]", ALLOWED);
}

/* ---- whether a layer applies ---- */

TEST(a_case_that_may_apply_allows_what_it_would_allow_and_leaves_the_rest_open)
{
    const char *policy = "organisation: {cases: [{name: a, applies_to: {caller_ids: ['+91*']}, "
                         "priority_cap: %d}]}\n";
    char text[300];
    gaps.parts[PART_CALLER_ID] = GAP_UNLISTED;
    (void)snprintf(text, sizeof(text), policy, 3);
    expect_of(text, ALLOWED);
    (void)snprintf(text, sizeof(text), policy, 2);
    expect_of(text, UNTOLD);
    expect_of("organisation: {cases: [{name: a, applies_to: {caller_ids: ['+919561612345']}, "
              "priority_cap: 2}]}\n",
              ALLOWED);
    expect_of("organisation: {cases: [{name: a, applies_to: {caller_ids: ['*']}, "
              "priority_cap: 2}]}\n",
              DENIED);
    gaps.parts[PART_CALLER_ID] = GAP_UNKNOWN;
    expect_of("organisation: {cases: [{name: a, applies_to: {caller_ids: ['+919561612345']}, "
              "priority_cap: 2}]}\n",
              UNTOLD);
}

TEST(one_list_in_the_clear_decides_beside_a_hidden_one)
{
    static struct str lists[] = {STR("{hmac}"), STR("Texas")};
    const char *named = "organisation: {cases: [{name: a, applies_to: {contact_lists: [Texas, "
                        "'Ohio*']}, priority_cap: 2}]}\n";
    const char *other = "organisation: {cases: [{name: a, applies_to: {other_contact_lists: "
                        "[Texas]}, priority_cap: 2}]}\n";
    campaign.contact_lists = lists;
    campaign.contact_list_count = 2;
    gaps.parts[PART_CONTACT_LISTS] = GAP_UNLISTED;
    gaps.lists = (const enum policy_gap[]){GAP_UNLISTED, GAP_NONE};
    expect_of(named, DENIED);
    expect_of(other, DENIED);
    lists[1] = STR("Utah");
    expect_of(named, UNTOLD);
    gaps.parts[PART_CONTACT_LISTS] = GAP_UNKNOWN;
    gaps.lists = (const enum policy_gap[]){GAP_UNKNOWN, GAP_NONE};
    lists[1] = STR("Texas");
    expect_of(other, UNTOLD);
    lists[1] = STR("Texas");
}

TEST(an_exception_that_may_apply_leaves_it_open)
{
    const char *policy =
        "organisation: {priority_cap: 2}\nexceptions: [{id: E, team: billing, rule: "
        "priority_cap, caller_id: '%s', not_before: 2026-11-20, expires: "
        "2026-11-28, approver: Ann, ticket: T}]\n";
    char text[400];
    gaps.parts[PART_CALLER_ID] = GAP_UNLISTED;
    (void)snprintf(text, sizeof(text), policy, "+91*");
    expect_of(text, UNTOLD);
    (void)snprintf(text, sizeof(text), policy, "+919561612345");
    expect_of(text, DENIED);
    (void)snprintf(text, sizeof(text), policy, "*");
    expect_of(text, ALLOWED);
}

TEST(a_gap_that_an_exception_lifts_for_certain_does_not_matter)
{
    gaps.parts[PART_MESSAGE] = GAP_UNKNOWN;
    expect_of("organisation: {banned_words: [loan]}\nexceptions: [{id: E, team: billing, rule: "
              "banned_words, campaign: 'Aut*', not_before: 2026-11-20, expires: 2026-11-28, "
              "approver: Ann, ticket: T}]\n",
              ALLOWED);
    assert_int_equal(findings.used_count, 0); /* nobody knows whether it was needed */
}

TEST(the_trace_tells_what_may_not_have_been_asked_from_what_was)
{
    gaps.parts[PART_MESSAGE] = GAP_UNKNOWN;
    gaps.parts[PART_CALLER_ID] = GAP_UNLISTED;
    judge("organisation: {opt_out: [STOP], modes: {opt_out: report}}\n");
    EXPECT_STR(buf_str(&trace_text), "opt_out reported");
    judge("organisation: {cases: [{name: a, applies_to: {caller_ids: ['+91*']}, opt_out: [STOP], "
          "modes: {opt_out: report}}]}\n");
    EXPECT_STR(buf_str(&trace_text), ""); /* skipped, for all that is known */
    assert_int_equal(findings.unknown_count, 0);
}

/* ---- what is recalled ---- */

static bool refuses, knows;

static bool recall(void *arg, const struct policy_setting *setting,
                   const struct violation_source *source, struct violations *to)
{
    assert_ptr_equal(arg, &knows);
    assert_int_equal(setting->rule, RULE_banned_words);
    if (knows && refuses)
        violations_add_rule(to, VIOLATION_BANNED_CONTENT, STR(""), source, "as then");
    return knows;
}

TEST(what_is_recalled_counts_as_an_answer)
{
    gaps.parts[PART_MESSAGE] = GAP_UNKNOWN;
    gaps.recall = recall;
    gaps.context = &knows;
    knows = false;
    expect("banned_words: [loan]", UNTOLD);
    knows = true;
    refuses = false;
    expect("banned_words: [loan]", ALLOWED);
    refuses = true;
    expect("banned_words: [loan]", DENIED);
    expect("banned_words: [loan], modes: {banned_words: report}", ALLOWED);
    assert_int_equal(findings.observed.count, 1);
}

TEST(without_gaps_nothing_is_unknown)
{
    context.gaps = NULL;
    context.reading = NULL;
    campaign.message = STR("A loan");
    expect("banned_words: [loan]", DENIED);
    expect("banned_words: [casino]", ALLOWED);
    assert_int_equal(findings.unknown_count, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
TESTS(CASE(words_of_a_message_that_is_not_there_are_unknown),
      CASE(a_description_that_is_not_there_is_unknown), CASE(what_was_read_of_the_message_is_known),
      CASE(a_size_is_known_where_the_places_of_placeholders_do_not_matter),
      CASE(a_digest_tells_a_fixed_text_and_no_other),
      CASE(a_caller_id_that_is_not_listed_is_refused_and_one_that_is_unknown_is_not),
      CASE(a_pattern_does_not_fit_a_hidden_name_unless_it_fits_every_name),
      CASE(a_template_that_is_not_listed_is_refused),
      CASE(only_the_length_of_blocks_that_may_be_one_is_unknown),
      CASE(a_case_that_may_apply_allows_what_it_would_allow_and_leaves_the_rest_open),
      CASE(one_list_in_the_clear_decides_beside_a_hidden_one),
      CASE(an_exception_that_may_apply_leaves_it_open),
      CASE(a_gap_that_an_exception_lifts_for_certain_does_not_matter),
      CASE(the_trace_tells_what_may_not_have_been_asked_from_what_was),
      CASE(what_is_recalled_counts_as_an_answer), CASE(without_gaps_nothing_is_unknown))
