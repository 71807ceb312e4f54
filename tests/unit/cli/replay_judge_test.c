/* One record judged again: what is recalled of the policy that decided, and what is not. */
#include "cli/replay_judge.h"

#include "base/buf.h"
#include "base/limits.h"
#include "policy_support.h"

static struct arena policies, memory, arena;
static struct policy_set *old, *new;
static struct replay replay;
static struct replayed replayed;

#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct policy_set *compile(const char *text)
{
    struct error err;
    const struct policy_source source = {"p.yaml", arena_copy(&policies, str_from(text))};
    const struct policy_set *set = compile_sources(&source, 1, NULL, &policies, &err);
    if (!set)
        fail_msg("%s", err.text);
    return (struct policy_set *)set; /* whose digest the loader fills in */
}

static int begin(void **state)
{
    (void)state;
    arena_init(&policies, 64 << 20);
    arena_init(&memory, 64 << 20);
    arena_init(&arena, LIMIT_ARENA_BYTES);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&policies);
    arena_release(&memory);
    arena_release(&arena);
    return 0;
}

#define TEAMS "\nteams: {billing: }\n"

/* The rules of two organisations; the first decided. */
static void between(const char *before, const char *after)
{
    char text[4000];
    (void)snprintf(text, sizeof(text), "revision: old\norganisation: {%s}" TEAMS, before);
    old = compile(text);
    memcpy(old->digest, DIGEST, sizeof(old->digest));
    (void)snprintf(text, sizeof(text), "revision: new\norganisation: {%s}" TEAMS, after);
    new = compile(text);
    static const struct policy_set *known[2];
    known[0] = new;
    known[1] = old;
    replay = (struct replay){.candidate = new, .old = known, .old_count = 2};
    replay.names = hidden_names_of(known, 2, NULL, &memory);
    recall_init(&replay.recall, &memory);
}

#define CAMPAIGN                                                                                   \
    "\"campaign\":{\"name\":\"Autumn\",\"caller_id\":\"+4915112345678\",\"timezone\":\"Asia/"      \
    "Kolkata\",\"frequency\":\"WEEKLY\",\"blocks\":[{\"day\":\"MO\",\"start_min\":540,\"end_min\"" \
    ":1080,\"index\":0}],\"contact_lists\":[\"All\"],\"priority\":3,\"format\":\"simple\","        \
    "\"template\":\"Welcome\",\"message_sha256\":\"" DIGEST "\"}"
#define HIDDEN_CAMPAIGN                                                                            \
    "\"body_hmac\":\"hmac:2026-11-1a2b3c4d:00\",\"campaign\":{\"name\":\"Autumn\",\"caller_id\":"  \
    "\"hmac:2026-11-1a2b3c4d:11\",\"timezone\":\"Asia/Kolkata\",\"frequency\":\"WEEKLY\","         \
    "\"blocks\":[{\"day\":\"MO\",\"start_min\":540,\"end_min\":1080,\"index\":0}],"                \
    "\"contact_lists\":[\"All\"],\"priority\":3,\"format\":\"simple\",\"template\":\"Welcome\","   \
    "\"message_sha256\":\"" DIGEST "\"}"
#define ALLOWED "\"verdict\":\"allow\""
#define DENIED "\"verdict\":\"deny\",\"status\":403,\"type\":\"policy\""
#define VIOLATION_OF(code, rule)                                                                   \
    "{\"code\":\"" code "\",\"pointer\":\"/message/message\",\"rule\":\"" rule                     \
    "\",\"layer\":\"organisation\"}"
#define BANNED VIOLATION_OF("banned-content", "banned_words")

static enum replay_result result_of(const char *members)
{
    static struct recorded_decision decision;
    struct error err;
    arena_reset(&arena);
    struct str json = arena_format(&arena,
                                   "{\"seq\":1,\"prev\":\"0\",\"kind\":\"decision\",\"id\":\"x\","
                                   "\"time\":\"2026-11-25T12:00:00.000Z\",\"team\":\"billing\","
                                   "\"policy\":{\"revision\":\"old\",\"digest\":\"%s\"},%s}",
                                   DIGEST, members);
    if (recorded_read(json, &arena, &decision, &err) != RECORDED_DECISION)
        fail_msg("%s: %.*s", err.text, STR_ARGS(json));
    replay_judge(&replay, &decision, &arena, &replayed);
    return replayed.result;
}

#define EXPECT(result, members) assert_int_equal(result_of(members), REPLAY_##result)

/* ---- what is recalled ---- */

TEST(a_rule_that_became_freer_still_passes_what_it_passed)
{
    between("banned_words: [loan, casino]", "banned_words: [loan]");
    EXPECT(STILL_ALLOWED, ALLOWED "," CAMPAIGN);
    EXPECT(UNTOLD, DENIED "," CAMPAIGN ",\"violations\":[" BANNED "]");
    assert_int_equal(replayed.gap_count, 1);
    assert_int_equal(replayed.gaps[0].setting->rule, RULE_banned_words);
    assert_false(replayed.lacks_old);
}

TEST(a_rule_that_became_stricter_still_refuses_what_it_refused)
{
    between("banned_words: [loan]", "banned_words: [loan, casino]");
    EXPECT(UNTOLD, ALLOWED "," CAMPAIGN);
    EXPECT(STILL_DENIED, DENIED "," CAMPAIGN ",\"violations\":[" BANNED "]");
    assert_int_equal(replayed.violations->count, 1);
    assert_int_equal(replayed.violations->items[0].code, VIOLATION_BANNED_CONTENT);
    EXPECT_STR(replayed.violations->items[0].pointer, "/message/message");
}

TEST(a_rule_that_went_away_refuses_no_more)
{
    between("banned_words: [loan]", "priority_cap: 5");
    EXPECT(NEWLY_ALLOWED, DENIED "," CAMPAIGN ",\"violations\":[" BANNED "]");
}

TEST(what_only_reported_refuses_once_it_is_enforced)
{
    between("opt_out: [STOP], modes: {opt_out: report}", "opt_out: [STOP]");
    EXPECT(NEWLY_DENIED,
           ALLOWED "," CAMPAIGN ",\"reported\":[" VIOLATION_OF("opt-out-missing", "opt_out") "]");
    EXPECT(STILL_ALLOWED, ALLOWED "," CAMPAIGN);
}

TEST(a_rule_that_moved_to_another_layer_is_still_known)
{
    between("banned_words: [loan]",
            "cases: [{name: a, applies_to: {timezones: [Asia/Kolkata]}, banned_words: [loan]}]");
    EXPECT(STILL_ALLOWED, ALLOWED "," CAMPAIGN);
    EXPECT(STILL_DENIED, DENIED "," CAMPAIGN ",\"violations\":[" BANNED "]");
    EXPECT_STR(replayed.violations->items[0].source.layer, "organisation, a");
}

/* ---- what is not ---- */

TEST(what_may_not_have_been_asked_is_not_taken_for_passed)
{
    between("cases: [{name: a, applies_to: {caller_ids: ['+91*']}, opt_out: [STOP], modes: "
            "{opt_out: report}}]",
            "opt_out: [STOP]");
    EXPECT(UNTOLD, ALLOWED "," HIDDEN_CAMPAIGN);
    between("cases: [{name: a, applies_to: {caller_ids: ['+91*']}, opt_out: [STOP]}]",
            "opt_out: [STOP]");
    EXPECT(UNTOLD, ALLOWED "," HIDDEN_CAMPAIGN);
    between("opt_out: [STOP], modes: {opt_out: off}", "opt_out: [STOP]");
    EXPECT(UNTOLD, ALLOWED "," CAMPAIGN);
}

TEST(a_list_of_violations_that_is_cut_tells_nothing)
{
    between("banned_words: [loan], priority_cap: 2", "banned_words: [loan]");
    const char *members = DENIED
        "," CAMPAIGN ",\"violations\":[" VIOLATION_OF("priority-too-high", "priority_cap") "]";
    EXPECT(NEWLY_ALLOWED, members);
    struct str cut = arena_format(&memory, "%s,\"truncated\":true", members);
    EXPECT(UNTOLD, cut.data);
}

TEST(as_many_reports_as_a_list_holds_may_have_been_more)
{
    struct buf text;
    between("opt_out: [STOP], modes: {opt_out: report}", "opt_out: [STOP]");
    buf_init(&text, 100000);
    buf_format(&text, ALLOWED "," CAMPAIGN ",\"reported\":[");
    for (int i = 0; i < LIMIT_VIOLATIONS; i++)
        buf_format(&text, "%s" VIOLATION_OF("outside-hours", "business_hours"), i ? "," : "");
    buf_append(&text, STR("]"));
    EXPECT(UNTOLD, arena_copy(&memory, buf_str(&text)).data);
    buf_release(&text);
}

TEST(a_record_that_contradicts_its_policy_is_not_believed)
{
    between("banned_words: [loan], priority_cap: 2", "banned_words: [loan]");
    EXPECT(UNTOLD, ALLOWED "," CAMPAIGN); /* 3 is above the cap, so it cannot have been allowed */
    between("banned_words: [loan], priority_cap: 4", "banned_words: [loan]");
    EXPECT(STILL_ALLOWED, ALLOWED "," CAMPAIGN);
    EXPECT(UNTOLD, DENIED
           "," CAMPAIGN ",\"violations\":[" VIOLATION_OF("priority-too-high", "priority_cap") "]");
}

TEST(another_policy_than_the_record_names_is_not_asked)
{
    between("banned_words: [loan]", "banned_words: [loan]");
    EXPECT(STILL_ALLOWED, ALLOWED "," CAMPAIGN);
    old->digest[0] = 'b';
    EXPECT(UNTOLD, ALLOWED "," CAMPAIGN);
    assert_true(replayed.lacks_old);
}

TEST(a_code_that_nobody_knows_is_not_repeated)
{
    between("banned_words: [loan]", "banned_words: [loan]");
    EXPECT(UNTOLD,
           DENIED "," CAMPAIGN ",\"violations\":[" VIOLATION_OF("invented", "banned_words") "]");
}

TEST(what_a_message_is_for_decides_what_its_number_may_send)
{
    const char *bound = "caller_ids: [{id: '+4915112345678', classes: [service]}], message_class: ";
    struct str service = arena_format(&memory, "%sservice", bound),
               promotional = arena_format(&memory, "%spromotional", bound);
    between(service.data, promotional.data);
    EXPECT(UNTOLD, ALLOWED "," HIDDEN_CAMPAIGN);
    EXPECT(NEWLY_DENIED, ALLOWED "," CAMPAIGN);
    struct str freer = arena_format(&memory, "%sservice, priority_cap: 5", bound);
    between(service.data, freer.data);
    EXPECT(STILL_ALLOWED, ALLOWED "," HIDDEN_CAMPAIGN);
}

/* ---- the very same policy ---- */

TEST(by_the_policy_that_decided_nothing_is_open)
{
    between("opt_out: [STOP]",
            "cases: [{name: a, applies_to: {caller_ids: ['+91*']}, opt_out: [STOP]}]");
    memcpy(new->digest, DIGEST, sizeof(new->digest));
    EXPECT(STILL_ALLOWED, ALLOWED "," HIDDEN_CAMPAIGN);
    EXPECT(STILL_DENIED, DENIED "," HIDDEN_CAMPAIGN ",\"violations\":[" BANNED "]");
}

/* ---- whole bodies ---- */

static const char *body_text;

static bool open_body(void *context, const struct recorded_decision *decision, struct arena *to,
                      struct str *ret)
{
    (void)context, (void)decision;
    *ret = arena_copy(to, str_from(body_text));
    return body_text != NULL;
}

TEST(a_body_of_another_campaign_is_not_judged_in_its_place)
{
    between("priority_cap: 5", "priority_cap: 4");
    replay.bodies.open = open_body;
    body_text = "{\"name\": \"x\"}";
    EXPECT(STILL_ALLOWED,
           ALLOWED "," CAMPAIGN ",\"capture\":{\"file\":\"captures/x.cms\",\"sha256\":\"00\"}");
    assert_false(replayed.is_whole);
    body_text = "no JSON";
    EXPECT(STILL_ALLOWED,
           ALLOWED "," CAMPAIGN ",\"capture\":{\"file\":\"captures/x.cms\",\"sha256\":\"00\"}");
    body_text = NULL;
    EXPECT(STILL_ALLOWED,
           ALLOWED "," CAMPAIGN ",\"capture\":{\"file\":\"captures/x.cms\",\"sha256\":\"00\"}");
}

TEST(without_memory_nothing_is_told)
{
    struct arena small;
    struct recorded_decision decision;
    struct error err;
    between("priority_cap: 5", "priority_cap: 4");
    EXPECT(STILL_ALLOWED, ALLOWED "," CAMPAIGN);
    struct str json = arena_format(&memory,
                                   "{\"kind\":\"decision\",\"id\":\"x\",\"time\":"
                                   "\"2026-11-25T12:00:00.000Z\",\"team\":\"billing\",%s}",
                                   ALLOWED "," CAMPAIGN);
    assert_int_equal(recorded_read(json, &memory, &decision, &err), RECORDED_DECISION);
    for (size_t bytes = 0; bytes < 2000; bytes += 16) {
        arena_init(&small, bytes);
        replay_judge(&replay, &decision, &small, &replayed);
        assert_true(replayed.result == REPLAY_UNTOLD || replayed.result == REPLAY_STILL_ALLOWED);
        assert_true(bytes > 0 || replayed.result == REPLAY_UNTOLD);
        arena_release(&small);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
TESTS(CASE(a_rule_that_became_freer_still_passes_what_it_passed),
      CASE(a_rule_that_became_stricter_still_refuses_what_it_refused),
      CASE(a_rule_that_went_away_refuses_no_more),
      CASE(what_only_reported_refuses_once_it_is_enforced),
      CASE(a_rule_that_moved_to_another_layer_is_still_known),
      CASE(what_may_not_have_been_asked_is_not_taken_for_passed),
      CASE(a_list_of_violations_that_is_cut_tells_nothing),
      CASE(as_many_reports_as_a_list_holds_may_have_been_more),
      CASE(a_record_that_contradicts_its_policy_is_not_believed),
      CASE(another_policy_than_the_record_names_is_not_asked),
      CASE(a_code_that_nobody_knows_is_not_repeated),
      CASE(what_a_message_is_for_decides_what_its_number_may_send),
      CASE(by_the_policy_that_decided_nothing_is_open),
      CASE(a_body_of_another_campaign_is_not_judged_in_its_place),
      CASE(without_memory_nothing_is_told))
