/*
 * What an author gets wrong, and what they are told: place, mistake and remedy. Each line is what
 * stands behind "organisation: " or at the top, and the first problem.
 */
#include "base/buf.h"
#include "policy_support.h"

static struct arena arena;
static struct error err;

static const struct policy_set *compile(const char *text)
{
    const struct policy_source source = {"p.yaml", str_from(text)};
    arena_release(&arena);
    arena_init(&arena, 64 << 20);
    return compile_sources(&source, 1, NULL, &arena, &err);
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* That the policy is refused with just this sentence; says what it says otherwise. */
static bool is_told(const char *text, const char *sentence)
{
    if (!compile(text) && strcmp(err.text, sentence) == 0)
        return true;
    print_error("%s\n says  %s\n not   %s\n", text, err.text, sentence);
    return false;
}

static const struct {
    const char *rule, *sentence; /* the rule's value begins in column 3 of line 4 */
} rules[] = {
    {"kill_switch: ", "3:15: the reason why everything is stopped must be a text, but nothing is "
                      "written here"},
    {"kill_switch: ''", "3:16: say in 1 to 256 bytes why everything is stopped"},
    {"kill_switch: false",
     "3:16: write the reason why everything is stopped, or remove the line to go on"},
    {"caller_ids: [{timezones: [UTC]}]", "3:16: a caller ID needs 'id'"},
    {"caller_ids: [{id: X, zones: [UTC]}]",
     "3:24: unknown key 'zones'; a caller ID has: id timezones classes"},
    {"caller_ids: [{id: X, classes: [ads]}]",
     "3:34: this is not a message class; it is promotional, service or transactional"},
    {"contact_lists: []",
     "3:18: an empty list would refuse every campaign; name what is allowed or "
     "remove the rule"},
    {"contact_lists: [a, b, a]", "3:25: 'a' is in the list already, in line 3"},
    {"contact_lists: ['']", "3:19: a contact list is empty; write it, or remove it"},
    {"dnc_required: yes", "3:17: dnc_required is true or false"},
    {"scheduling_allowed: 1", "3:23: scheduling_allowed is true or false"},
    {"priority_cap: 0", "3:17: priority_cap is a number from 1 to 5"},
    {"priority_cap: 6", "3:17: priority_cap is a number from 1 to 5"},
    {"priority_cap: high", "3:17: priority_cap is a number from 1 to 5"},
    {"name_pattern: '('", "3:17: '(' is not a regular expression, at its byte 1: missing closing "
                          "parenthesis"},
    {"name_pattern: '[a'", "3:17: '[a' is not a regular expression, at its byte 2: missing "
                           "terminating ] for character class"},
    {"name_pattern: '(a)\\1'", "3:17: '(a)\\1' is not a regular expression, at its byte 0: back "
                               "references are not supported"},
    {"name_pattern: '\\C'", "3:17: '\\C' is not a regular expression, at its byte 2: using \\C is "
                            "disabled by the application"},
    {"name_pattern: {hint: x}", "3:17: name_pattern needs 'pattern'"},
    {"frequencies: [weekly]", "3:17: a frequency is WEEKLY, DAILY or CUSTOM, in capitals"},
    {"days: mo-fr", "3:9: this is not a day or a range of days; write MO, MO-FR or \"MO,WE,FR\", "
                    "each day once"},
    {"days: [MO, MO]", "3:14: this is not a day or a range of days; write MO, MO-FR or "
                       "\"MO,WE,FR\", each day once"},
    {"business_hours: 9-5", "3:19: business hours name a zone first (\"*\" for all), then days: "
                            "{\"*\": {MO-FR: 9:00 AM - 6:00 PM}}"},
    {"business_hours: {MO-FR: 9-5}", "3:20: business hours name a zone first (\"*\" for all), then "
                                     "days: {\"*\": {MO-FR: 9:00 AM - 6:00 PM}}"},
    {"business_hours: {'*': 9-5}",
     "3:25: the hours of a zone name days, such as {MO-FR: 9:00 AM - 6:00 PM}"},
    {"business_hours: {'*': {'MO-FR:9:00 AM': }}",
     "3:26: 'MO-FR:9:00 AM' is not a day or a range of days; write MO, MO-FR or \"MO,WE,FR\", each "
     "day once, and behind it a colon and a space"},
    {"business_hours: {'*': {MO: 9:00 AM \u2013 5:00 PM}}",
     "3:30: '9:00 AM \u2013 5:00 PM' is not a window; write it like 9:00 AM - 6:00 PM, with a "
     "plain "
     "hyphen (24:00 is the day's end)"},
    {"business_hours: {clock: IST, '*': {}}", "3:27: 'IST' is not an IANA time zone"},
    {"business_hours: {clock: Asia/Kolkata}", "3:19: name a zone with its hours, or \"*\" for all"},
    {"blocks: {shortest: 15}", "3:12: unknown key 'shortest'; blocks has: shortest_minutes "
                               "most_per_day most_hours_per_week"},
    {"blocks: {most_per_day: 17}", "3:26: most_per_day is a number from 1 to 16"},
    {"blackout: [{on: 12-25}]", "3:14: a blackout date needs 'name'"},
    {"blackout: [{name: x}]", "3:14: give either 'on', or both 'from' and 'to'"},
    {"blackout: [{name: x, from: 2026-12-24}]", "3:14: give either 'on', or both 'from' and 'to'"},
    {"blackout: [{name: x, on: 12-25, to: 2026-12-26}]",
     "3:14: give either 'on', or both 'from' and 'to'"},
    {"blackout: [{name: x, from: 2026-12-24, to: 2026-12-23}]", "3:14: this ends before it begins"},
    {"blackout: [{name: x, on: 02-30}]", "3:28: this is not a date; write 2026-12-25, 12-25 (every "
                                         "year), easter+1 or '4th TH in 11'"},
    {"blackout: [{name: x, on: 5th TH in 11}]",
     "3:28: this is not a date; write 2026-12-25, 12-25 (every year), easter+1 or '4th TH in 11'"},
    {"blackout: [{name: x, on: 2026-02-29}]",
     "3:28: this is not a date; write 2026-12-25, 12-25 (every year), easter+1 or '4th TH in 11'"},
    {"templates: {}", "3:14: without any template every campaign would be refused; name one, or "
                      "remove the rule"},
    {"templates: {W: {class: ads}}",
     "3:26: a template's class is promotional, service or transactional"},
    {"templates: {W: {sha256: abc}}", "3:27: sha256 has 64 digits 0-9 and a-f: of the text in "
                                      "UTF-8, as `campaign-gateway judge` shows it"},
    {"templates: {W: {text: 'Hi {name}'}}",
     "3:25: at byte 3 of this text: 'name' is not one of the slots; name it under 'slots' ({{ "
     "stands for a brace)"},
    {"templates: {W: {text: 'Hi {name', slots: {name: }}}",
     "3:25: at byte 3 of this text: the slot that begins here has no closing brace; {{ stands for "
     "a brace"},
    {"templates: {W: {text: a, versions: [{text: b}]}}",
     "3:18: give either 'versions' or a single text, not both"},
    {"templates: {W: {versions: [{}]}}",
     "3:30: a version of a template has either a 'sha256' or a 'text'"},
    {"templates: {W: {valid_from: 2026-01-01}}",
     "3:18: a version of a template has either a 'sha256' or a 'text'"},
    {"templates: {W: {text: a, valid_from: 2026-02-01, valid_to: 2026-01-01}}",
     "3:18: this version's validity ends before it begins"},
    {"templates: {W: {text: a, valid_to: 2026-13-01}}",
     "3:38: this must be a day of the calendar, such as 2027-03-31"},
    {"templates: [W, W]", "3:18: the template 'W' is here twice"},
    {"banned_words: ['!?']", "3:18: '!?' holds no word: no letter and no digit"},
    {"banned_words: [loan, LOAN]", "3:24: 'LOAN' is in the list already (case and the like do not "
                                   "count)"},
    {"banned_words: loan, casino", "3:17: this is one text with a comma in it; write [loan, ...] "
                                   "for a list, or put the text in quotes"},
    {"opt_out: reply STOP, ARRET",
     "3:12: this is one text with a comma in it; write [reply STOP, ...] for a list, or put the "
     "text in quotes"},
    {"timezones: Asia/Kolkata, Europe/London",
     "3:14: this is one text with a comma in it; write [Asia/Kolkata, ...] for a list, or put the "
     "text in quotes"},
    {"banned_words: []", "3:17: this list is empty; name a word or phrase, or remove the rule"},
    {"urls: [https://acme.com]", "3:10: 'https://acme.com' is not a host; write acme.com or "
                                 "*.acme.com, in small letters, without https:// and path"},
    {"urls: ['*']", "3:10: '*' is not a host; write acme.com or *.acme.com, in small letters, "
                    "without https:// and path"},
    {"urls: {schemes: [https]}", "3:9: urls needs 'hosts'"},
    {"urls: {hosts: acme.com, schemes: ['https:']}",
     "3:37: a scheme is a word in small letters, such as https"},
    {"markup: {placeholders: ['<First Name>']}",
     "3:27: a placeholder is written without < and >: First Name"},
    {"segments: {}", "3:13: say how many segments ('most'), or 'gsm_only: true'"},
    {"segments: 0", "3:13: most is a number from 1 to 255"},
    {"applies_to: {timezones: [UTC]}",
     "3:3: 'applies_to' cannot stand here; see policies/README.md"},
    {"modes: {urls: maybe}", "3:17: a mode is enforce, report or off"},
    {"modes: {url: report}", "3:11: there is no rule 'url'"},
    {"modes: {urls: {enforce_from: 2027-01-01}}",
     "3:17: say what holds until 'enforce_from': add 'mode: report' or 'mode: off'"},
    {"modes: {urls: {mode: report, from: x}}",
     "3:32: unknown key 'from'; a mode has: mode enforce_from"},
    {"team_modes: {nobody: report}",
     "3:16: there is no team 'nobody'; the teams stand under 'teams'"},
    {"overridable: [urls, urls]", "3:23: 'urls' is named twice"},
    {"message_class: ads",
     "3:18: 'ads' is not a message class; it is promotional, service or transactional"},
    {"calendar: IST", "3:13: 'IST' is not an IANA time zone, such as Asia/Kolkata; the calendar is "
                      "the zone in which the policy's dates are days"},
    {"disclose_caller_ids: 1", "3:24: disclose_caller_ids is true or false"},
    {"include: packs/x.yaml", "3:12: files cannot be included here"},
    {"cases: [{applies_to: {classes: service}}]",
     "3:11: a case needs a 'name', such as 'promotional messages'"},
    {"cases: [{name: a, applies_to: {}}]",
     "3:33: this applies to nothing in particular; remove it, or name time zones, classes, "
     "languages, caller IDs or lists"},
    {"cases: [{name: a}, {name: a}]", "3:29: another case here has the name 'a'"},
    {"cases: [{name: a, cases: []}]", "3:21: 'cases' cannot stand here; see policies/README.md"},
};

TEST(a_mistake_in_a_rule_is_told_with_its_place_and_a_remedy)
{
    size_t wrong = 0;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        char text[512], sentence[512];
        (void)snprintf(text, sizeof(text), "revision: r\norganisation:\n  %s\n", rules[i].rule);
        (void)snprintf(sentence, sizeof(sentence), "p.yaml:%s", rules[i].sentence);
        wrong += !is_told(text, sentence);
    }
    assert_int_equal(wrong, 0);
}

#define FINE "id: E, team: t, rule: urls, approver: b, ticket: T"

static const struct {
    const char *exception, *sentence; /* begins in column 5 of line 4 */
} exceptions[] = {
    {"{}", "4:5: an exception needs 'id'"},
    {"{" FINE "}", "4:5: an exception needs 'expires'"},
    {"{" FINE ", expires: tomorrow}",
     "4:67: this must be a day of the calendar, such as 2027-03-31"},
    {"{" FINE ", expires: 2026-11-30, not_before: 2026-12-01}",
     "4:5: this exception expires before it begins"},
    {"{" FINE ", expires: 2026-11-30, not_before: 2026-10-31}",
     "4:5: this exception lasts longer than 30 days; what lasts longer belongs into a rule"},
    {"{" FINE ", expires: 2026-11-30, pack: us}", "4:85: no pack 'us' is included"},
    {"{" FINE ", expires: 2026-11-30, campaign: ''}",
     "4:89: the campaign's name, or a pattern with *, has 1 to 64 bytes and no control characters"},
    {"{id: E, team: t, rule: [], approver: b, ticket: T, expires: 2026-11-30}",
     "4:28: an exception without a rule lifts nothing; name one"},
    {"{id: E, team: x, rule: urls, approver: b, ticket: T, expires: 2026-11-30}",
     "4:19: there is no team 'x'; the teams stand under 'teams'"},
    {"{id: E, team: t, rule: [url], approver: b, ticket: T, expires: 2026-11-30}",
     "4:29: there is no rule 'url'"},
};

TEST(a_mistake_in_an_exception_is_told)
{
    size_t wrong = 0;
    for (size_t i = 0; i < COUNT_OF(exceptions); i++) {
        char text[512], sentence[512];
        (void)snprintf(text, sizeof(text), "revision: r\nteams: {t: }\nexceptions:\n  - %s\n",
                       exceptions[i].exception);
        (void)snprintf(sentence, sizeof(sentence), "p.yaml:%s", exceptions[i].sentence);
        wrong += !is_told(text, sentence);
    }
    assert_int_equal(wrong, 0);
}

/* Two exceptions E and F for team t and rule urls; `first` and `second` say what else. */
static bool both_fit(const char *first, const char *second)
{
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "revision: r\nteams: {t: , u: }\nexceptions:\n"
                   "  - {id: E, approver: b, ticket: T, %s}\n"
                   "  - {id: F, approver: b, ticket: T, %s}\n",
                   first, second);
    return compile(text) != NULL;
}

#define OF_T "team: t, rule: urls, expires: 2026-11-30"

TEST(exceptions_may_not_overlap)
{
    assert_false(both_fit(OF_T, OF_T));
    EXPECT_STR(str_from(err.text),
               "p.yaml:5:5: exception F overlaps exception E: both lift the same rule for the same "
               "campaigns on the same days; keep one, or part their days");
    assert_false(both_fit(OF_T, "team: '*', rule: [days, urls], expires: 2026-12-15"));
    assert_false(both_fit(OF_T ", campaign: 'Diwali *'", OF_T ", campaign: '* offer'"));
    assert_false(both_fit(OF_T ", campaign: Diwali*", OF_T ", caller_id: '+91*'"));
    assert_true(both_fit(OF_T ", campaign: Diwali*", OF_T ", campaign: Holi*"));
    assert_true(both_fit(OF_T, "team: u, rule: urls, expires: 2026-11-30"));
    assert_true(both_fit(OF_T, "team: t, rule: days, expires: 2026-11-30"));
    assert_true(both_fit(OF_T, "team: t, rule: urls, not_before: 2026-12-01, expires: 2026-12-02"));
    assert_false(
        both_fit(OF_T, "team: t, rule: urls, not_before: 2026-11-30, expires: 2026-12-02"));
}

TEST(an_id_is_given_once)
{
    assert_null(compile("revision: r\nteams: {t: }\nexceptions:\n  - {" FINE
                        ", expires: 2026-11-30}\n  - {id: E, team: t, rule: days, approver: b, "
                        "ticket: T, expires: 2026-11-30}\n"));
    EXPECT_STR(str_from(err.text), "p.yaml:5:5: another exception has the id 'E'");
}

TEST(a_wrong_calendar_hides_no_other_mistake)
{
    struct problems problems;
    const struct policy_source source = {
        "p.yaml", STR("revision: r\norganisation:\n  calendar: Kolkata\n"
                      "  business_hours: {kolkata: {MO: 9-5}}\nteams:\n  t:\n")};
    problems_init(&problems);
    arena_init(&arena, 64 << 20);
    assert_null(policy_compile(&source, 1, NULL, &arena, &problems));
    EXPECT_STR(
        buf_str(&problems.lines),
        "p.yaml:3:13: 'Kolkata' is not an IANA time zone (did you mean 'Asia/Kolkata'?), such as "
        "Asia/Kolkata; the calendar is the zone in which the policy's dates are days\n"
        "p.yaml:4:34: '9-5' is not a window; write it like 9:00 AM - 6:00 PM, with a plain hyphen "
        "(24:00 is the day's end)\n"
        "p.yaml:4:20: 'kolkata' is neither an IANA time zone nor \"*\" (all others) (did you mean "
        "'Asia/Kolkata'?)\n");
    problems_release(&problems);
}

TEST(everything_wrong_is_told_at_once_in_the_order_of_the_text)
{
    struct problems problems;
    const struct policy_source sources[] = {
        {"a.yaml", STR("revision: r\norganisation:\n  priority_cap: 9\n  days: [XX, MO, YY]\n"
                       "  zones: []\nteams:\n  t: {segments: none, caller_ids: [a b]}\n")},
        {"b.yaml", STR("teams: [")},
        {"c.yaml", STR("teams: {u: {urls: x}}\nteam: 1\n")},
    };
    problems_init(&problems);
    arena_init(&arena, 64 << 20);
    assert_null(policy_compile(sources, COUNT_OF(sources), NULL, &arena, &problems));
    static const char *const places[] = {
        "b.yaml:2:1: ",  "a.yaml:3:17: ", "a.yaml:4:10: ", "a.yaml:4:18: ", "a.yaml:5:3: ",
        "a.yaml:7:17: ", "a.yaml:7:36: ", "c.yaml:1:19: ", "c.yaml:2:1: "};
    struct str sentence, rest = buf_str(&problems.lines);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        (void)str_cut(rest, '\n', &sentence, &rest);
        if (!str_starts(sentence, str_from(places[i])))
            fail_msg("%s: %.*s", places[i], STR_ARGS(sentence));
    }
    assert_int_equal(problems.count, COUNT_OF(places));
    problems_release(&problems);
}

#define STORY(name) cmocka_unit_test_teardown(name, release)

TESTS(STORY(a_mistake_in_a_rule_is_told_with_its_place_and_a_remedy),
      STORY(a_mistake_in_an_exception_is_told), STORY(exceptions_may_not_overlap),
      STORY(an_id_is_given_once), STORY(a_wrong_calendar_hides_no_other_mistake),
      STORY(everything_wrong_is_told_at_once_in_the_order_of_the_text))
