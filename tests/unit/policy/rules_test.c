/*
 * Every rule's yes and no, and the words of its no. Each line is a policy for team "t" and what the
 * ordinary campaign below, with one thing changed, hears.
 */
#include "base/limits.h"
#include "policy_support.h"

static struct arena policy_arena, arena;
static struct campaign campaign;
static struct calling_block blocks[8];
static struct str lists[4];
static struct policy_context context;

/* A campaign with nothing special about it; tests change what they are about. */
static void ordinary(void)
{
    blocks[0] = (struct calling_block){MONDAY, 540, 1080, 0, STR("9:00 AM"), STR("6:00 PM")};
    lists[0] = STR("customers");
    campaign = (struct campaign){.name = STR("BIL-2026-11"),
                                 .description = STR("reminder"),
                                 .contact_lists = lists,
                                 .contact_list_count = 1,
                                 .dnc_list = STR("dnc"),
                                 .campaign_type = STR("sms"),
                                 .priority = 3,
                                 .format = STR("simple"),
                                 .template_name = STR("Welcome"),
                                 .message = STR("Your bill is ready."),
                                 .caller_id = STR("+919561612345"),
                                 .frequency = FREQUENCY_WEEKLY,
                                 .timezone = STR("Asia/Kolkata"),
                                 .blocks = blocks,
                                 .block_count = 1,
                                 .has_schedule = true};
    context = (struct policy_context){.now_unix_ms = ORDINARY_MS};
}

static void block(size_t index, enum weekday day, int start_min, int end_min)
{
    blocks[index] =
        (struct calling_block){day, start_min, end_min, index, STR("<start>"), STR("<end>")};
    campaign.block_count = index + 1;
}

static int start(void **state)
{
    (void)state;
    ordinary();
    return 0;
}

static int release(void **state)
{
    (void)state;
    arena_release(&policy_arena);
    arena_release(&arena);
    return 0;
}

/* "code pointer: sentence" of each violation, a line each; "" when the campaign may pass. */
static const char *hears(const char *rules)
{
    static char text[8192];
    struct error err;
    struct violations violations;
    struct policy_findings findings;
    char policy[8192];
    (void)snprintf(policy, sizeof(policy), "revision: r\nteams:\n  t: {%s}\n", rules);
    const struct policy_source source = {"p.yaml", str_from(policy)};
    arena_release(&policy_arena);
    arena_init(&policy_arena, 64 << 20);
    arena_release(&arena);
    arena_init(&arena, LIMIT_ARENA_BYTES);
    const struct policy_set *set = compile_sources(&source, 1, NULL, &policy_arena, &err);
    if (!set)
        fail_msg("%s", err.text);
    violations_init(&violations, &arena);
    policy_check(set, policy_team(set, STR("t")), &campaign, &context, &violations, &findings,
                 NULL);
    assert_false(violations.truncated);
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < violations.count; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %.*s: %.*s", i ? "\n" : "",
                                 violation_code_text(violations.items[i].code),
                                 STR_ARGS(violations.items[i].pointer),
                                 STR_ARGS(violations.items[i].message));
    return text;
}

#define PASSES(rules) assert_string_equal(hears(rules), "")
#define HEARS(rules, sentence) assert_string_equal(hears(rules), sentence)

/* ---- who ---- */

TEST(a_kill_switch_stops_everything_with_its_reason)
{
    HEARS("kill_switch: fraud under investigation",
          "frozen : no campaign may be created at present for team t: fraud under investigation");
}

TEST(caller_ids_may_be_bound_to_zones)
{
    const char *bound =
        "caller_ids: [{id: '+919561612345', timezones: [Asia/Calcutta]}, '+12125550100']";
    PASSES(bound);
    campaign.timezone = STR("America/New_York");
    HEARS(bound,
          "caller-id-not-allowed /dialingStrategy/callerId/phoneNumber: the caller ID ending "
          "in 45 is not allowed for team t in the time zone America/New_York; it is bound "
          "to: Asia/Kolkata");
    campaign.caller_id = STR("+12125550100");
    PASSES(bound);
}

TEST(caller_ids_may_be_bound_to_message_classes)
{
    const char *bound = "caller_ids: [{id: '+919561612345', classes: [service, transactional]}]";
    HEARS(bound,
          "caller-id-not-allowed /dialingStrategy/callerId/phoneNumber: the caller ID ending "
          "in 45 is not allowed for team t for promotional messages; it is bound to: "
          "service, transactional");
    PASSES("message_class: service, "
           "caller_ids: [{id: '+919561612345', classes: [service, transactional]}]");
}

TEST(contact_lists_are_names_or_patterns)
{
    PASSES("contact_lists: [customers]");
    PASSES("contact_lists: [cust*]");
    PASSES("contact_lists: '*'");
    lists[1] = STR("everybody");
    campaign.contact_list_count = 2;
    HEARS("contact_lists: [cust*, IN-*]",
          "contact-list-not-allowed /contactLists/1: the contact list 'everybody' is not allowed "
          "for team t; allowed: cust*, IN-*");
    lists[0] = STR("Customers");
    HEARS("contact_lists: [customers, everybody]",
          "contact-list-not-allowed /contactLists/0: the contact list 'Customers' is not allowed "
          "for team t; allowed: customers, everybody");
}

TEST(a_do_not_contact_list_may_be_required)
{
    PASSES("dnc_required: true");
    campaign.dnc_list = (struct str){0};
    PASSES("dnc_required: false");
    HEARS("dnc_required: true",
          "dnc-required /dncLists: a do-not-contact list is required for team t; name one in "
          "dncLists.name: messages are checked only against lists that are named");
}

TEST(a_do_not_contact_list_may_be_prescribed)
{
    PASSES("dnc_lists: [dnc, dnc-eu]");
    HEARS(
        "dnc_lists: [dnc-eu]",
        "dnc-not-allowed /dncLists/name: the do-not-contact list 'dnc' is not one of those to use "
        "for team t: dnc-eu");
    campaign.dnc_list = (struct str){0};
    PASSES("dnc_lists: [dnc-eu]"); /* whether there must be one is dnc_required's business */
}

TEST(priority_has_a_cap)
{
    PASSES("priority_cap: 3");
    HEARS(
        "priority_cap: 2",
        "priority-too-high /priority: the priority \"3\" is too high for team t; at most \"2\" is "
        "allowed (5 is the highest)");
}

TEST(names_fit_a_pattern)
{
    PASSES("name_pattern: '^BIL-'");
    PASSES("name_pattern: '^BIL-\\d{4}-\\d{2}$'");
    HEARS("name_pattern: '^MKT-'",
          "name-pattern /name: the name does not fit the pattern for team t, which is: ^MKT-");
    HEARS("name_pattern: {pattern: '^MKT-', hint: begin with MKT-}",
          "name-pattern /name: the name does not fit the pattern for team t: begin with MKT-");
    campaign.name = STR("BIL-2026-11\n");
    HEARS("name_pattern: '^BIL-\\d{4}-\\d{2}$'",
          "name-pattern /name: the name does not fit the "
          "pattern for team t, which is: ^BIL-\\d{4}-\\d{2}$");
    campaign.description = STR("call +919561612345");
    HEARS("description_pattern: {pattern: '^[^+]*$', hint: no numbers}",
          "name-pattern /description: the description does not fit the pattern for team t: no "
          "numbers");
}

TEST(a_pattern_that_takes_too_long_is_not_a_yes)
{
    static char long_name[4000];
    memset(long_name, 'a', sizeof(long_name));
    campaign.name = (struct str){long_name, sizeof(long_name)};
    HEARS("name_pattern: '.{0,1000}.{0,1000}.{0,1000}[bc]'",
          "name-pattern /name: whether the name fits the pattern for team t took too long to find "
          "out; shorten it");
}

/* ---- when ---- */

TEST(a_link_is_told_with_what_it_stands_for)
{
    campaign.timezone = STR("US/Eastern");
    HEARS("timezones: [Asia/Kolkata]",
          "timezone-not-allowed /dialingStrategy/callingHours/timezone: the time zone US/Eastern "
          "(America/New_York) is not allowed for team t; allowed: Asia/Kolkata");
    campaign.timezone = STR("America/Detroit");
    HEARS("timezones: [Asia/Kolkata, America/New_York]",
          "timezone-not-allowed /dialingStrategy/callingHours/timezone: the time zone "
          "America/Detroit is not allowed for team t; allowed: Asia/Kolkata, America/New_York "
          "(America/New_York keeps the same time)");
}

TEST(frequencies_are_a_list)
{
    PASSES("frequencies: [WEEKLY]");
    HEARS("frequencies: [DAILY, CUSTOM]",
          "frequency-not-allowed /dialingStrategy/callingHours/frequency: the frequency WEEKLY is "
          "not allowed for team t; allowed: DAILY, CUSTOM");
}

TEST(days_are_refused_one_by_one)
{
    PASSES("days: MO-FR");
    block(1, SUNDAY, 600, 700);
    HEARS("days: [MO-WE, SA]",
          "day-not-allowed /dialingStrategy/callingHours/days/1: the day SU is "
          "not allowed for team t; allowed: MO, TU, WE, SA");
}

TEST(daily_runs_on_every_day)
{
    campaign.frequency = FREQUENCY_DAILY;
    PASSES("days: MO-SU");
    HEARS("days: MO-FR",
          "day-not-allowed /dialingStrategy/callingHours/frequency: DAILY may run on "
          "any day, and only these are allowed for team t: MO, TU, WE, TH, FR; use "
          "WEEKLY");
}

TEST(blocks_have_a_least_length_and_a_number)
{
    block(1, MONDAY, 1100, 1110);
    PASSES("blocks: {shortest_minutes: 10, most_per_day: 2, most_hours_per_week: 10}");
    HEARS(
        "blocks: {shortest_minutes: 15}",
        "block-too-short /dialingStrategy/callingHours/days/1: the block <start> - <end> lasts 10 "
        "minutes; at least 15 are needed for team t");
    HEARS(
        "blocks: {most_per_day: 1}",
        "too-many-blocks /dialingStrategy/callingHours/days: MO has 2 blocks; at most 1 a day are "
        "allowed for team t");
    HEARS("blocks: {most_hours_per_week: 9}",
          "too-many-hours /dialingStrategy/callingHours/days: the blocks make 9 hours and 10 "
          "minutes a week; at most 9 hours are allowed for team t");
}

/* A block across midnight is two pieces with one index. */
TEST(a_block_across_midnight_is_as_long_as_both_its_pieces)
{
    block(0, MONDAY, 1430, MINUTES_PER_DAY);
    block(1, TUESDAY, 0, 20);
    blocks[1].index = 0;
    PASSES("blocks: {shortest_minutes: 30}");
    HEARS(
        "blocks: {shortest_minutes: 31}",
        "block-too-short /dialingStrategy/callingHours/days/0: the block <start> - <end> lasts 30 "
        "minutes; at least 31 are needed for team t");
    PASSES("business_hours: {'*': {MO: 11:00 PM - 1:00 AM}}");
    HEARS(
        "business_hours: {'*': {MO: 11:00 PM - 24:00}}",
        "outside-hours /dialingStrategy/callingHours/days/0: the block <start> - <end> is outside "
        "the business hours of TU for team t in Asia/Kolkata, which are: closed; nothing is "
        "accepted on TU; days with hours: MO");
}

TEST(daily_counts_each_block_seven_times)
{
    campaign.frequency = FREQUENCY_DAILY;
    PASSES("blocks: {most_hours_per_week: 63}");
    HEARS("blocks: {most_hours_per_week: 62}",
          "too-many-hours /dialingStrategy/callingHours/days: the blocks make 63 hours and 0 "
          "minutes a week; at most 62 hours are allowed for team t");
    block(1, TUESDAY, 1100, 1110);
    PASSES("blocks: {most_per_day: 2}");
    HEARS("blocks: {most_per_day: 1}",
          "too-many-blocks /dialingStrategy/callingHours/days: DAILY may run all 2 blocks on any "
          "day; at most 1 a day are allowed for team t");
}

TEST(scheduling_may_be_forbidden)
{
    campaign.scheduling_enabled = true;
    PASSES("scheduling_allowed: true");
    HEARS("scheduling_allowed: false",
          "schedule-not-allowed /schedule/isSchedulingEnabled: scheduling is not allowed for team "
          "t: a schedule can run outside the business hours; use false");
    campaign.scheduling_enabled = false;
    PASSES("scheduling_allowed: false");
}

/* ---- what ---- */

TEST(templates_are_a_list_of_names)
{
    PASSES("templates: [Welcome, Reminder]");
    HEARS(
        "templates: [Reminder, Thanks]",
        "template-unknown /message/template_name: the template 'Welcome' is not approved for team "
        "t; approved: Reminder, Thanks");
    HEARS("templates: {Welcome: {retired: true}}",
          "template-expired /message/template_name: the template 'Welcome' is retired for team t; "
          "approved: none");
    HEARS("templates: {Welcome: {retired: true}, Reminder: }",
          "template-expired /message/template_name: the template 'Welcome' is retired for team t; "
          "approved: Reminder");
}

#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

TEST(a_template_is_known_by_its_digest)
{
    context.message_sha256 = STR(DIGEST_A);
    PASSES("templates: {Welcome: {sha256: " DIGEST_A "}}");
    PASSES("templates: {Welcome: {versions: [{sha256: " DIGEST_B "}, {sha256: " DIGEST_A "}]}}");
    HEARS("templates: {Welcome: {sha256: " DIGEST_B "}}",
          "template-body-mismatch /message/message: the message is not an approved text of the "
          "template 'Welcome' for team t (its SHA-256 is " DIGEST_A "); send the approved text "
          "unchanged, or have this one approved");
    context.message_sha256 = (struct str){0}; /* one that could not be worked out matches nothing */
    assert_string_not_equal(hears("templates: {Welcome: {sha256: " DIGEST_A "}}"), "");
}

TEST(the_only_text_that_would_do_is_told)
{
    const char *slots = "templates: {Welcome: {text: 'Pay {sum} by {day}.', slots: {sum: {kind: "
                        "digits, most: 4}, day: {most: 9}}}}";
    campaign.message = STR("Pay up.");
    context.message_sha256 = STR(DIGEST_A);
    HEARS(slots,
          "template-body-mismatch /message/message: the message is not an approved text of "
          "the template 'Welcome' for team t (its SHA-256 is " DIGEST_A "); send the approved "
          "text unchanged, which is: \"Pay {sum} by {day}.\" with {sum} up to 4 digits, {day} "
          "up to 9 characters, or have this one approved");
    const char *in_time = "templates: {Welcome: {versions: [{text: Pay., valid_to: 2026-01-01}, "
                          "{text: Pay soon.}]}}";
    assert_non_null(strstr(hears(in_time), "unchanged, which is: \"Pay soon.\", or"));
    const char *several = "templates: {Welcome: {versions: [{text: Pay.}, {text: Pay soon.}]}}";
    assert_non_null(strstr(hears(several), "unchanged, or have"));
    campaign.message = STR("Pay.");
    assert_non_null(strstr(hears(in_time), "valid now, which is: \"Pay soon.\""));
}

TEST(a_version_counts_only_while_it_is_valid)
{
    const char *version =
        "templates: {Welcome: {text: Your bill is ready., valid_from: 2026-11-24, "
        "valid_to: 2026-11-25}}";
    PASSES(version);
    context.now_unix_ms = INT64_C(1795651199999); /* the last millisecond of the 25th */
    PASSES(version);
    context.now_unix_ms++;
    HEARS(version, "template-expired /message/message: this text of the template 'Welcome' is "
                   "approved for team t, but not for today; use the version that is valid now");
    context.now_unix_ms = INT64_C(1795478399999); /* and before the 24th */
    assert_string_not_equal(hears(version), "");
    context.now_unix_ms++;
    PASSES(version);
}

TEST(a_template_may_have_slots)
{
    const char *slots = "templates: {Bill: , Welcome: {text: 'Dear {name}, pay {amount} {{soon}.', "
                        "slots: {name: , amount: {kind: digits, most: 4}}}}";
    const struct {
        struct str message;
        bool fits;
    } messages[] = {
        {STR("Dear Anna, pay 1200 {soon}."), true},
        {STR("Dear Анна Мария, pay 1 {soon}."), true},
        {STR("Dear Anna, pay 12000 {soon}."), false},                        /* five digits */
        {STR("Dear Anna, pay 1x {soon}."), false},                           /* no digit */
        {STR("Dear , pay 1200 {soon}."), false},                             /* nothing */
        {STR("Dear 1234567890123456789012345678901, pay 1 {soon}."), false}, /* 31 letters */
        {STR("Dear 123456789012345678901234567890, pay 1 {soon}."), true},   /* 30 */
        {STR("Dear Anna\nBuy, pay 1200 {soon}."), false},                    /* a line end */
        {STR("Dear <b>, pay 1200 {soon}."), false},                          /* markup */
        {STR("Dear Anna, pay 1200 {soon}. Buy!"), false},
        {STR("Dear Anna, pay 1200 {soonx}."), false},
        {STR("Dear Anna, pay 1200 {soon}.\n"), false},
    };
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        campaign.message = messages[i].message;
        if ((hears(slots)[0] == '\0') != messages[i].fits)
            fail_msg("%.*s", STR_ARGS(messages[i].message));
    }
}

TEST(banned_words_are_whole_words_however_they_look)
{
    const char *banned = "banned_words: [loan, easy money]";
    const struct {
        struct str message;
        bool passes;
    } messages[] = {
        {STR("A LOAN for you"), false}, {STR("a l\u200boan"), false},
        {STR("ｌｏａｎ"), false},       {STR("a lo\u2065an"), false},
        {STR("lo\ufff0an"), false},     {STR("lo\U000e0080an"), false},
        {STR("lo\ufff9an"), false},     {STR("Easy, money!"), false},
        {STR("sloane street"), true},   {STR("easy or money"), true},
    };
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        campaign.message = messages[i].message;
        if ((hears(banned)[0] == '\0') != messages[i].passes)
            fail_msg("%.*s", STR_ARGS(messages[i].message));
    }
    campaign.message = STR("get a LOAN");
    HEARS(banned, "banned-content /message/message: the message holds 'loan' at word 3, which must "
                  "not be written for team t; case, look and invisible characters do not matter");
}

TEST(links_lead_where_they_may)
{
    const char *urls = "urls: [acme.com, '*.acme.com']";
    const struct {
        struct str message;
        const char *reason; /* NULL: passes */
    } messages[] = {
        {STR("see https://acme.com/pay?x=1"), NULL},
        {STR("see https://pay.acme.com:443/"), NULL},
        {STR("see acme.com"), NULL},
        {STR("nothing to see"), NULL},
        {STR("http://acme.com"),
         "its scheme is not listed; allowed: acme.com, *.acme.com, by https"},
        {STR("https://evil.com"), "its host is not listed"},
        {STR("https://acme.com.evil.com"), "its host is not listed"},
        {STR("https://notacme.com"), "its host is not listed"},
        {STR("https://acme.com@evil.com"), "it has a user name before its host"},
        {STR("bit.ly/x"), "it is shortened"},
        {STR("https://10.0.0.1/"), "it leads to an address instead of a name"},
        {STR("https://аcme.com"), "its host has foreign letters"},
        {STR("https:\\\\evil.com"), "its host is not listed"},
        {STR("https://evil.com,.acme.com"), "its host is not listed"},
        {STR("https://evil.com%.acme.com"), "its host is not listed"},
        {STR("https://evil.com..acme.com"), "its host is not listed"},
        {STR("evil.com-.acme.com"), "its host is not listed"},
        {STR("https://a-b.acme.com"), NULL},
    };
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        campaign.message = messages[i].message;
        const char *heard = hears(urls);
        bool right = messages[i].reason ? strstr(heard, messages[i].reason) != NULL : !heard[0];
        if (!right)
            fail_msg("%.*s: %s", STR_ARGS(messages[i].message), heard);
    }
    campaign.message = STR("see https://evil.com/token/4711");
    HEARS(urls,
          "url-not-allowed /message/message: the link to 'evil.com' is not allowed for team t: "
          "its host is not listed; allowed: acme.com, *.acme.com, by https");
    HEARS("urls: none",
          "url-not-allowed /message/message: the link to 'evil.com' is not allowed for "
          "team t: its host is not listed; allowed: no link at all");
    PASSES("urls: {hosts: evil.com, schemes: [https, http]}");
    static char many[51 * 8];
    for (size_t i = 0; i < 51; i++)
        memcpy(many + i * 8, "acme.eu ", 8);
    campaign.message = (struct str){many, sizeof(many)};
    HEARS("urls: acme.eu",
          "url-not-allowed /message/message: the message holds more than 50 links; take some out");
    campaign.message.len -= 8;
    PASSES("urls: acme.eu");
    campaign.message = STR("see http://bit.ly/x");
    PASSES("urls: {hosts: bit.ly, schemes: [http], shorteners: true}");
    assert_string_not_equal(hears("urls: {hosts: bit.ly, schemes: [http]}"), "");
}

TEST(opt_out_and_sender_must_be_said)
{
    campaign.message = STR("Sale! Reply stop to end. Acme Bank");
    PASSES("opt_out: [STOP], sender_identity: Acme Bank");
    campaign.message = STR("Nonstop sale");
    HEARS("opt_out: [STOP, ARRET], sender_identity: Acme",
          "opt-out-missing /message/message: a promotional message must tell how to opt out for "
          "team t; add one of: STOP, ARRET\n"
          "brand-missing /message/message: the message must say who sends it for team t; add one "
          "of: Acme");
}

TEST(markup_is_refused_and_placeholders_are_known)
{
    campaign.message = STR("Hi <First Name>, 2 < 3");
    PASSES("markup: {placeholders: [First Name]}");
    HEARS("markup: none", "placeholder-not-allowed /message/message: the placeholder <First Name> "
                          "is not known for team t; known: none");
    campaign.message = STR("<b>Hi</b> <Address>");
    HEARS(
        "markup: {placeholders: [Address, b]}",
        "html-in-message /message/message: the message holds HTML ('b'), which an SMS shows as it "
        "is; write plain text for team t");
    static char many[201 * 3];
    for (size_t i = 0; i < sizeof(many); i += 3)
        memcpy(many + i, "<X>", 3);
    campaign.message = (struct str){many, sizeof(many)};
    HEARS("markup: {placeholders: X}", "placeholder-not-allowed /message/message: the message "
                                       "holds more than 200 tags and placeholders");
    campaign.message.len -= 3;
    PASSES("markup: {placeholders: X}");
}

TEST(segments_are_counted_and_the_reason_is_named)
{
    static char text[400];
    memset(text, 'a', sizeof(text));
    campaign.message = (struct str){text, 160};
    PASSES("segments: 1");
    campaign.message = (struct str){text, 161};
    PASSES("segments: 2");
    HEARS("segments: 1", "segments-exceeded /message/message: the message takes 2 SMS; at most 1 "
                         "are allowed for team t");
    memcpy(text + 4, "\u2019", 3);
    HEARS("segments: {most: 2, gsm_only: true}",
          "non-gsm /message/message: U+2019 (\u2019) at character 5 is not in the GSM alphabet, "
          "which is required for team t; replace it by a plain one\n"
          "segments-exceeded /message/message: the message takes 3 SMS, as U+2019 (\u2019) at "
          "character 5 makes it UCS-2 (70 characters, or 67 in each of several); at most 2 are "
          "allowed for team t");
    campaign.message = STR("Hi <First Name>");
    PASSES("segments: {most: 1, placeholder_characters: 157}");
    assert_string_not_equal(hears("segments: {most: 1, placeholder_characters: 158}"), "");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, start, release)

TESTS(STORY(a_kill_switch_stops_everything_with_its_reason),
      STORY(caller_ids_may_be_bound_to_zones), STORY(caller_ids_may_be_bound_to_message_classes),
      STORY(contact_lists_are_names_or_patterns), STORY(a_do_not_contact_list_may_be_required),
      STORY(a_do_not_contact_list_may_be_prescribed), STORY(priority_has_a_cap),
      STORY(names_fit_a_pattern), STORY(a_pattern_that_takes_too_long_is_not_a_yes),
      STORY(a_link_is_told_with_what_it_stands_for), STORY(frequencies_are_a_list),
      STORY(days_are_refused_one_by_one), STORY(daily_runs_on_every_day),
      STORY(blocks_have_a_least_length_and_a_number), STORY(daily_counts_each_block_seven_times),
      STORY(a_block_across_midnight_is_as_long_as_both_its_pieces),
      STORY(scheduling_may_be_forbidden), STORY(templates_are_a_list_of_names),
      STORY(a_template_is_known_by_its_digest), STORY(the_only_text_that_would_do_is_told),
      STORY(a_version_counts_only_while_it_is_valid), STORY(a_template_may_have_slots),
      STORY(banned_words_are_whole_words_however_they_look), STORY(links_lead_where_they_may),
      STORY(opt_out_and_sender_must_be_said), STORY(markup_is_refused_and_placeholders_are_known),
      STORY(segments_are_counted_and_the_reason_is_named))
