/* Decisions read back from the journal: what is there, what is not, what nobody wrote. */
#include "audit/recorded.h"

#include "base/limits.h"
#include "test.h"

static struct arena arena;
static struct recorded_decision decision;
static struct error err;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

#define SHA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char whole[] =
    "{\"seq\":7,\"prev\":\"00\",\"kind\":\"decision\",\"id\":\"d-1\",\"time\":"
    "\"2026-11-25T12:00:00.250Z\",\"verdict\":\"deny\",\"status\":403,\"type\":\"policy\","
    "\"team\":\"billing\",\"peer\":\"127.0.0.1:1\",\"body_hmac\":\"hmac:2026-11-1a2b3c4d:00\","
    "\"body_bytes\":900,\"campaign\":{\"name\":\"Sale {hmac:2026-11-1a2b3c4d:01}\","
    "\"description_chars\":3,\"caller_id\":\"hmac:2026-11-1a2b3c4d:02\",\"calling_code\":\"91\","
    "\"timezone\":\"Asia/Kolkata\",\"frequency\":\"DAILY\",\"blocks\":[{\"day\":\"MO\","
    "\"start_min\":1380,\"end_min\":1440,\"index\":0},{\"day\":\"TU\",\"start_min\":0,\"end_min\":"
    "60,\"index\":0}],\"contact_lists\":[\"All\",\"List {hmac:2026-11-1a2b3c4d:03}\"],\"dnc_list\":"
    "\"DNC\",\"priority\":4,\"format\":\"simple\",\"template\":\"Welcome\",\"name_hmac\":\"N\","
    "\"contact_list_hmacs\":[\"\",\"L\"],\"message_sha256\":\"" SHA "\",\"class\":\"service\","
    "\"scheduling_enabled\":false},\"message\":{\"chars\":200,\"encoding\":\"ucs2\",\"units\":201,"
    "\"segments\":4,\"placeholders\":[\"First Name\",\"Address\"],\"placeholder_count\":2,"
    "\"bare_encoding\":\"gsm7\",\"bare_units\":150,\"tags\":3,\"links\":[{\"host\":\"acme.com\","
    "\"scheme\":\"https\",\"userinfo\":true},{\"host\":\"10.0.0.1\",\"address\":true}]},"
    "\"capture\":{\"file\":\"captures/2026-11-25/d-1.cms\",\"sha256\":\"" SHA "\"},\"violations\":"
    "[{\"code\":\"opt-out-missing\",\"pointer\":\"/message/message\",\"rule\":\"opt_out\",\"team\":"
    "\"billing\",\"layer\":\"team billing\"}],\"reported\":[{\"code\":\"banned-content\","
    "\"pointer\":\"\",\"rule\":\"banned_words\",\"layer\":\"organisation\"}],\"waived\":[{\"code\":"
    "\"url-not-allowed\",\"pointer\":\"\",\"rule\":\"urls\",\"layer\":\"organisation\","
    "\"exception\":\"EX-1\"}],\"policy\":{\"revision\":\"r\",\"digest\":\"" SHA
    "\"},\"duration_us\":1}";

static enum recorded_result read_text(struct str json)
{
    arena_reset(&arena);
    return recorded_read(json, &arena, &decision, &err);
}

TEST(reads_everything_that_a_policy_asks)
{
    const struct campaign *campaign = &decision.campaign;
    assert_int_equal(read_text(str_from(whole)), RECORDED_DECISION);
    EXPECT_STR(decision.id, "d-1");
    EXPECT_STR(decision.team, "billing");
    EXPECT_STR(decision.digest, SHA);
    EXPECT_STR(decision.capture, "captures/2026-11-25/d-1.cms");
    assert_int_equal(decision.time_unix_ms, 1795608000250);
    assert_false(decision.allowed);
    assert_int_equal(decision.status, 403);
    assert_true(decision.has_campaign);
    assert_null(decision.lacks);
    EXPECT_STR(campaign->timezone, "Asia/Kolkata");
    assert_int_equal(campaign->frequency, FREQUENCY_DAILY);
    assert_int_equal(campaign->priority, 4);
    assert_true(campaign->has_schedule && !campaign->scheduling_enabled);
    assert_int_equal(campaign->block_count, 2);
    assert_int_equal(campaign->blocks[1].index, 0);
    EXPECT_STR(campaign->blocks[0].start_text, "11:00 PM");
    EXPECT_STR(campaign->dnc_list, "DNC");
    EXPECT_STR(decision.message_sha256, SHA);
}

TEST(knows_what_is_hidden)
{
    assert_int_equal(read_text(str_from(whole)), RECORDED_DECISION);
    EXPECT_STR(decision.hash_key, "2026-11-1a2b3c4d");
    for (enum policy_part part = 0; part < POLICY_PARTS; part++) {
        bool hidden = part == PART_CALLER_ID || part == PART_NAME || part == PART_CONTACT_LISTS ||
                      part == PART_DESCRIPTION || part == PART_MESSAGE;
        assert_int_equal(decision.gaps[part], hidden ? GAP_UNKNOWN : GAP_NONE);
    }
    assert_int_equal(decision.list_gaps[0], GAP_NONE);
    assert_int_equal(decision.list_gaps[1], GAP_UNKNOWN);
    EXPECT_STR(decision.exact[PART_NAME], "N");
    EXPECT_STR(decision.exact[PART_CALLER_ID], "hmac:2026-11-1a2b3c4d:02");
    EXPECT_STR(decision.exact_lists[1], "L");
}

TEST(knows_what_was_kept_of_the_message)
{
    const struct reading *reading = &decision.reading;
    assert_int_equal(read_text(str_from(whole)), RECORDED_DECISION);
    assert_true(reading->has_size && reading->has_links && reading->has_spans);
    assert_int_equal(reading->size.written.count, 4);
    assert_int_equal(reading->size.bare.encoding, SEGMENTS_GSM);
    assert_int_equal(reading->link_count, 2);
    assert_true(reading->links[0].has_userinfo && !reading->links[0].is_address);
    assert_true(reading->links[1].is_address);
    assert_int_equal(reading->span_count, 3);
    assert_int_equal(reading->spans[0].kind, MARKUP_PLACEHOLDER);
    assert_int_equal(reading->spans[1].kind, MARKUP_HTML); /* HTML has an element <address> */
    EXPECT_STR(reading->spans[1].whole, "<Address>");
    assert_int_equal(reading->spans[2].kind, MARKUP_HTML);
}

TEST(reads_what_was_against_it_and_what_that_did)
{
    assert_int_equal(read_text(str_from(whole)), RECORDED_DECISION);
    assert_int_equal(decision.violation_count, 3);
    assert_true(decision.has_all_violations);
    EXPECT_STR(decision.violations[0].code, "opt-out-missing");
    EXPECT_STR(decision.violations[0].team, "billing");
    assert_int_equal(decision.violations[0].effect, EFFECT_ENFORCED);
    assert_int_equal(decision.violations[1].effect, EFFECT_REPORTED);
    assert_int_equal(decision.violations[2].effect, EFFECT_WAIVED);
}

/* `whole` with one piece replaced by another. */
static struct str changed(const char *from, const char *to)
{
    static char text[2 * sizeof(whole)];
    const char *at = strstr(whole, from);
    assert_non_null(at);
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from));
    return str_from(text);
}

TEST(in_the_clear_nothing_is_hidden_whatever_it_looks_like)
{
    struct str clear =
        changed("\"body_hmac\":\"hmac:2026-11-1a2b3c4d:00\"", "\"body_sha256\":\"" SHA "\"");
    assert_int_equal(read_text(clear), RECORDED_DECISION);
    assert_int_equal(decision.gaps[PART_NAME], GAP_NONE);
    assert_int_equal(decision.gaps[PART_CALLER_ID], GAP_NONE);
    assert_int_equal(decision.gaps[PART_CONTACT_LISTS], GAP_NONE);
    EXPECT_STR(decision.campaign.name, "Sale {hmac:2026-11-1a2b3c4d:01}");
}

TEST(what_was_cut_or_hidden_of_the_message_is_not_known)
{
    assert_int_equal(read_text(changed("\"tags\":3", "\"truncated\":true")), RECORDED_DECISION);
    assert_true(decision.reading.has_size);
    assert_false(decision.reading.has_links || decision.reading.has_spans);
    assert_int_equal(read_text(changed("acme.com", "{hmac:2026-11-1a2b3c4d:09}.com")),
                     RECORDED_DECISION);
    assert_true(!decision.reading.has_links && decision.reading.has_spans);
    assert_int_equal(read_text(changed("First Name", "x {number}")), RECORDED_DECISION);
    assert_true(decision.reading.has_links && !decision.reading.has_spans);
}

TEST(what_a_message_has_none_of_is_known)
{
    struct str none =
        changed("\"placeholders\":[\"First Name\",\"Address\"],\"placeholder_count\":2,"
                "\"bare_encoding\":\"gsm7\",\"bare_units\":150,\"tags\":3,\"links\":"
                "[{\"host\":\"acme.com\",\"scheme\":\"https\",\"userinfo\":true},"
                "{\"host\":\"10.0.0.1\",\"address\":true}]",
                "\"x\":1");
    assert_int_equal(read_text(none), RECORDED_DECISION);
    assert_true(decision.reading.has_links && decision.reading.has_spans);
    assert_int_equal(decision.reading.link_count + decision.reading.span_count, 0);
}

TEST(a_list_of_violations_that_was_cut_is_not_complete)
{
    assert_int_equal(read_text(changed("\"policy\":{", "\"truncated\":true,\"policy\":{")),
                     RECORDED_DECISION);
    assert_false(decision.has_all_violations);
}

TEST(a_zone_that_is_not_known_any_more_is_lacking)
{
    assert_int_equal(read_text(changed("Asia/Kolkata", "Asia/Atlantis")), RECORDED_DECISION);
    assert_string_equal(decision.lacks, "the record lacks a time zone that this version knows");
}

TEST(other_records_are_told_without_looking_closer)
{
    assert_int_equal(read_text(STR("{\"seq\":1,\"prev\":\"0\",\"kind\":\"outcome\",}}} no JSON")),
                     RECORDED_OTHER);
    assert_int_equal(read_text(STR("{\"seq\":1,\"kind\":\"checkpoint\"}")), RECORDED_OTHER);
    assert_int_equal(read_text(STR("{\"seq\":1}")), RECORDED_OTHER);
}

TEST(what_nobody_writes_is_refused_with_a_reason)
{
    static const char *const strange[] = {
        "", "[]", "7", "{\"kind\":\"decision\"", "{\"kind\":7}", "{\"kind\":\"decision\"}", "\xff"};
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        err.text[0] = '\0';
        if (read_text(str_from(strange[i])) != RECORDED_WRONG)
            fail_msg("%s", strange[i]);
        assert_true(err.text[0] != '\0');
    }
}

/* Whatever is changed in it, it is read or refused, and what was read can be judged. */
TEST(a_damaged_record_does_no_harm)
{
    static char text[sizeof(whole)];
    size_t read = 0;
    srand(11);
    for (int round = 0; round < 20000; round++) {
        memcpy(text, whole, sizeof(whole));
        for (int i = rand() % 3; i >= 0; i--) {
            static const char interesting[] = "\"{}[]:,0919-.eE\\nulltruefalse \x7f\xc3";
            text[(size_t)rand() % (sizeof(text) - 1)] =
                interesting[(size_t)rand() % (sizeof(interesting) - 1)];
        }
        if (read_text(str_from(text)) != RECORDED_DECISION)
            continue;
        read++;
        for (size_t i = 0; i < decision.campaign.block_count; i++) {
            const struct calling_block *block = &decision.campaign.blocks[i];
            assert_true(block->day < WEEKDAYS && block->start_min >= 0 &&
                        block->start_min < block->end_min && block->end_min <= MINUTES_PER_DAY);
        }
        assert_in_range(decision.campaign.priority, 0, 5);
    }
    assert_true(read > 1000);
}

TEST(memory_that_runs_out_is_told)
{
    struct arena small;
    size_t bytes = 0;
    enum recorded_result result = RECORDED_WRONG;
    for (; bytes < 100000 && result == RECORDED_WRONG; bytes += 64) {
        arena_init(&small, bytes);
        result = recorded_read(str_from(whole), &small, &decision, &err);
        arena_release(&small);
    }
    assert_int_equal(result, RECORDED_DECISION);
    assert_true(bytes > 4096);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
TESTS(CASE(reads_everything_that_a_policy_asks), CASE(knows_what_is_hidden),
      CASE(knows_what_was_kept_of_the_message), CASE(reads_what_was_against_it_and_what_that_did),
      CASE(in_the_clear_nothing_is_hidden_whatever_it_looks_like),
      CASE(what_was_cut_or_hidden_of_the_message_is_not_known),
      CASE(what_a_message_has_none_of_is_known),
      CASE(a_list_of_violations_that_was_cut_is_not_complete),
      CASE(a_zone_that_is_not_known_any_more_is_lacking),
      CASE(other_records_are_told_without_looking_closer),
      CASE(what_nobody_writes_is_refused_with_a_reason), CASE(a_damaged_record_does_no_harm),
      CASE(memory_that_runs_out_is_told))
