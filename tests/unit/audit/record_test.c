/* What a record says, member by member; and that nothing in it is a phone number. */
#include "audit/record.h"

#include "base/limits.h"
#include "test.h"

#define NUMBER "+491512345678"
#define DIGITS "491512345678"

static const struct hash_key key = {"2026-11-1a2b3c4d", {7}};
static char hash[PRIVACY_HASH_SIZE];
static struct arena arena;
static struct privacy hiding;
static struct buf out;
static struct violations none;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 4 << 20);
    buf_init(&out, LIMIT_RECORD_BYTES);
    violations_init(&none, &arena);
    hiding = (struct privacy){.key = &key, .arena = &arena};
    return !privacy_hash_number(&key, STR(NUMBER), hash);
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    buf_release(&out);
    return 0;
}

static bool says(const char *part)
{
    struct str whole = buf_str(&out);
    for (size_t i = 0; i < whole.len; i++) {
        if (str_starts(str_slice(whole, i, whole.len), str_from(part)))
            return true;
    }
    return false;
}

static void expect(const char *format, ...) PRINTF_LIKE(1, 2);

static void expect(const char *format, ...)
{
    char part[2000];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(part, sizeof(part), format, args);
    va_end(args);
    if (!says(part))
        fail_msg("%.*s\ndoes not say\n%s", STR_ARGS(buf_str(&out)), part);
}

static void expect_hidden(void)
{
    assert_false(out.failed);
    if (says(DIGITS))
        fail_msg("%.*s\ntells the number", STR_ARGS(buf_str(&out)));
}

/* The least that a record needs. */
static struct decision_record decision(void)
{
    return (struct decision_record){.id = "019a1234-1234-7123-8123-123456789abc",
                                    .time_unix_ms = INT64_C(1795862400000),
                                    .duration_us = 5,
                                    .allowed = true,
                                    .team = STR("billing"),
                                    .peer = STR("192.168.100.200:65000"),
                                    .own_stream_id = STR("st-0603182c"),
                                    .own_account_id = STR("a" DIGITS),
                                    .violations = &none,
                                    .policy_revision = STR("r1"),
                                    .policy_digest = STR("d1"),
                                    .privacy = &hiding};
}

static void write_decision(const struct decision_record *record)
{
    buf_clear(&out);
    record_decision(record, &out);
}

TEST(a_decision_of_nothing_but_a_head)
{
    struct decision_record record = decision();
    record.allowed = false;
    record.status = 404;
    record.type = "not-found";
    write_decision(&record);
    EXPECT_STR(buf_str(&out),
               "\"kind\":\"decision\",\"id\":\"019a1234-1234-7123-8123-123456789abc\","
               "\"time\":\"2026-11-28T10:40:00.000Z\",\"verdict\":\"deny\",\"status\":404,"
               "\"type\":\"not-found\",\"team\":\"billing\",\"peer\":\"192.168.100.200:65000\","
               "\"policy\":{\"revision\":\"r1\",\"digest\":\"d1\"},\"duration_us\":5");
}

TEST(who_asks_for_what_holds_no_number)
{
    struct decision_record record = decision();
    record.caller = STR("uri:spiffe://acme/" DIGITS);
    record.method = STR("X" DIGITS);
    record.path = STR("/" NUMBER "/%2B" DIGITS);
    record.stream_id = STR("st-" DIGITS);
    record.account_id = STR(DIGITS);
    record.route = "not-found";
    write_decision(&record);
    expect_hidden();
    expect("\"caller\":\"uri:spiffe://acme/{%s}\",", hash);
    expect("\"method\":\"X{%s}\",\"path\":\"/{%s}/{%s}\",\"route\":\"not-found\",", hash, hash,
           hash);
    expect("\"stream_id\":\"st-{%s}\",\"account_id\":\"{%s}\",", hash, hash);
}

TEST(the_tenants_own_ids_are_no_numbers)
{
    struct decision_record record = decision();
    record.path = STR("/x/st-0603182c/y");
    record.stream_id = record.own_stream_id;
    record.account_id = record.own_account_id;
    write_decision(&record);
    expect("\"path\":\"/x/st-0603182c/y\",\"stream_id\":\"st-0603182c\",\"account_id\":\"a" DIGITS
           "\"");
}

TEST(long_paths_and_methods_are_cut)
{
    static char path[2000], method[2000];
    struct decision_record record = decision();
    memset(path, '/', sizeof(path));
    memset(method, 'M', sizeof(method));
    record.path = (struct str){path, sizeof(path)};
    record.method = (struct str){method, sizeof(method)};
    write_decision(&record);
    assert_false(out.failed);
    assert_true(out.len < 1000);
    expect("\"method\":\"MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM\",");
}

TEST(a_campaign_holds_no_number)
{
    static struct str lists[] = {STR("CL 2020 Dec 4"), STR("CL " NUMBER)};
    const struct campaign campaign = {.name = STR("Call " NUMBER " 2026-11-28"),
                                      .description = STR("Call " NUMBER),
                                      .contact_lists = lists,
                                      .contact_list_count = 2,
                                      .dnc_list = STR("dnc" DIGITS),
                                      .priority = 5,
                                      .format = STR("simple"),
                                      .template_name = STR("T-" DIGITS),
                                      .message = STR("Call " NUMBER " or https://" DIGITS ".com"),
                                      .caller_id = STR(NUMBER),
                                      .frequency = FREQUENCY_DAILY,
                                      .timezone = STR("Asia/Kolkata")};
    struct decision_record record = decision();
    record.campaign = &campaign;
    record.body = STR("{\"phoneNumber\":\"" NUMBER "\"}");
    record.message_sha256 = STR("abc");
    write_decision(&record);
    expect_hidden();
    expect("\"campaign\":{\"name\":\"Call {%s} 2026-11-28\",\"name_hmac\":\"hmac:2026-11-1a2b3c4d:",
           hash);
    expect("\"description_chars\":18,\"caller_id\":\"%s\",\"calling_code\":\"49\",\"timezone\":"
           "\"Asia/Kolkata\",\"frequency\":\"DAILY\",\"blocks\":[],"
           "\"contact_lists\":[\"CL 2020 Dec 4\",\"CL {%s}\"],"
           "\"contact_list_hmacs\":[\"\",\"hmac:2026-11-1a2b3c4d:",
           hash, hash);
    expect("\"dnc_list\":\"dnc{%s}\",\"dnc_list_hmac\":\"hmac:2026-11-1a2b3c4d:", hash);
    expect("\"priority\":5,\"format\":\"simple\",\"template\":\"T-{%s}\",\"template_hmac\":\"hmac:",
           hash);
    expect("\"message_sha256\":\"abc\"},\"message\":{\"chars\":");
    expect("\"links\":[{\"host\":\"{%s}.com\",\"scheme\":\"https\"}]", hash);
    expect("\"body_hmac\":\"hmac:2026-11-1a2b3c4d:");
    assert_false(says("body_sha256"));
}

TEST(a_senders_name_stays)
{
    struct campaign campaign = {.caller_id = STR("AD-ACME")};
    struct decision_record record = decision();
    record.campaign = &campaign;
    write_decision(&record);
    expect("\"caller_id\":\"AD-ACME\",\"blocks\"");
    campaign.caller_id = STR("1800 123456"); /* a configured sender may be a number all the same */
    write_decision(&record);
    expect("\"caller_id\":\"{hmac:");
}

TEST(pointers_hold_no_number)
{
    struct decision_record record = decision();
    struct violations found;
    struct candidate_verdict candidate = {.revision = STR("r2"), .digest = STR("d2")};
    struct policy_findings findings = {.violations = &found};
    violations_init(&found, &arena);
    violations_init(&findings.observed, &arena);
    violations_add(&found, VIOLATION_FIELD_UNKNOWN, STR("/x/" NUMBER), "no such field " NUMBER);
    violations_add(&findings.observed, VIOLATION_FIELD_UNKNOWN, STR("/y/" NUMBER), "-");
    findings.observed.items[0].effect = EFFECT_REPORTED;
    candidate.violations = found;
    record.violations = &found;
    record.findings = &findings;
    record.candidate = &candidate;
    write_decision(&record);
    expect_hidden();
    expect("\"violations\":[{\"code\":\"field-unknown\",\"pointer\":\"/x/{%s}\"}]", hash);
    expect("\"reported\":[{\"code\":\"field-unknown\",\"pointer\":\"/y/{%s}\"}]", hash);
    expect("\"candidate\":{\"verdict\":\"would_deny\",\"violations\":[{\"code\":\"field-unknown\","
           "\"pointer\":\"/x/{%s}\"}]",
           hash);
}

TEST(a_hundred_pointers_full_of_numbers_fit)
{
    struct decision_record record = decision();
    struct violations found;
    violations_init(&found, &arena);
    for (int i = 0; i < LIMIT_VIOLATIONS; i++) /* keys are cut at LIMIT_ECHO_BYTES each */
        violations_add(&found, VIOLATION_FIELD_UNKNOWN,
                       STR("/1234567,1234567,1234567,1234567,1234567,1234567,1234567,1234567"),
                       "-");
    record.violations = &found;
    write_decision(&record);
    assert_false(out.failed);
    expect("{number},{number}");
}

TEST(without_a_key_nothing_that_needs_one_is_written)
{
    struct privacy keyless = {.arena = &arena};
    const struct campaign campaign = {.caller_id = STR(NUMBER)}, other = {.name = STR("a")};
    struct decision_record record = decision();
    record.privacy = &keyless;
    write_decision(&record);
    assert_false(out.failed);
    record.body = STR("{}");
    write_decision(&record);
    assert_true(out.failed);
    record.body = (struct str){0};
    record.campaign = &campaign;
    write_decision(&record);
    assert_true(out.failed);
    record.campaign = &other;
    write_decision(&record);
    assert_false(out.failed);
    record.path = STR("/" NUMBER);
    write_decision(&record);
    assert_true(out.failed);
}

TEST(in_the_clear_all_is_written)
{
    struct privacy clear = {.in_clear = true, .arena = &arena};
    const struct campaign campaign = {.caller_id = STR(NUMBER), .name = STR("Call " NUMBER)};
    struct decision_record record = decision();
    record.privacy = &clear;
    record.campaign = &campaign;
    record.body = STR("{}");
    write_decision(&record);
    assert_false(out.failed);
    expect("\"name\":\"Call " NUMBER "\",\"caller_id\":\"" NUMBER "\",\"calling_code\":\"49\"");
    expect("\"body_sha256\":\"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\","
           "\"body_bytes\":2");
}

TEST(a_sealed_body_is_named)
{
    struct decision_record record = decision();
    record.capture_file = STR("captures/2026-11-28/x.cms");
    record.capture_sha256 = STR("abc");
    write_decision(&record);
    expect("\"capture\":{\"file\":\"captures/2026-11-28/x.cms\",\"sha256\":\"abc\"},\"policy\"");
}

/* ---- outcomes ---- */

static void write_outcome(struct outcome_record record)
{
    record.id = "x";
    record.outcome = "created";
    record.created = "yes";
    record.privacy = &hiding;
    buf_clear(&out);
    record_outcome(&record, &out);
}

TEST(what_the_upstream_says_holds_no_number)
{
    write_outcome((struct outcome_record){.detail = STR("no " NUMBER),
                                          .answer_status = STR("failed " NUMBER),
                                          .campaign_id = STR(DIGITS),
                                          .template_id = STR("cmt-" DIGITS),
                                          .created_at = STR("2026-11-28T10:40:00.000Z")});
    expect_hidden();
    expect("\"detail\":\"no {%s}\",\"answer\":\"failed {%s}\",\"campaign_id\":\"{%s}\","
           "\"template_id\":\"cmt-{%s}\",\"created_at\":\"2026-11-28T10:40:00.000Z\"}",
           hash, hash, hash, hash);
}

TEST(the_apis_ids_stay_whatever_digits_they_have)
{
    static const char *const ids[] = {
        "67777ce93e25326494123456", "cd-3aefda80-f98e-5f4f-ad41-" DIGITS,
        "cmt-3aefda80-f98e-5f4f-ad41-" DIGITS, "3aefda80-f98e-5f4f-ad41-" DIGITS};
    static const char *const numbers[] = {
        "677771934253264941234567", "xy-3aefda80-f98e-5f4f-ad41-" DIGITS,
        "cd-00000000-0000-0000-0000-" DIGITS, "cd-3aefda80-f98e-5f4f-ad41-" DIGITS "1"};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        write_outcome((struct outcome_record){.campaign_id = str_from(ids[i])});
        expect("\"campaign_id\":\"%s\"", ids[i]);
    }
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        write_outcome((struct outcome_record){.campaign_id = str_from(numbers[i])});
        expect("{hmac:");
        expect_hidden();
    }
}

TEST(it_is_told_whether_the_stored_text_is_the_judged_one)
{
    write_outcome(
        (struct outcome_record){.message_sha256 = STR("a"), .stored_message_sha256 = STR("a")});
    expect("\"stored_message_sha256\":\"a\",\"stored_message_matches\":true}");
    write_outcome(
        (struct outcome_record){.message_sha256 = STR("a"), .stored_message_sha256 = STR("b")});
    expect("\"stored_message_sha256\":\"b\",\"stored_message_matches\":false}");
    write_outcome((struct outcome_record){.message_sha256 = STR("a")});
    assert_false(says("stored"));
}

/* ---- people ---- */

TEST(a_lookup_names_hashes_and_who_looked)
{
    const struct str hashes[] = {STR("hmac:a"), STR("hmac:b")};
    const struct lookup_record record = {hashes, 2, STR("alice")};
    record_lookup(&record, &out);
    EXPECT_STR(buf_str(&out),
               "\"kind\":\"looked_up\",\"hashes\":[\"hmac:a\",\"hmac:b\"],\"by\":\"alice\"");
}

TEST(an_erasure_names_the_key)
{
    record_erasure(STR("2026-08-1a2b3c4d"), STR("alice"), &out);
    EXPECT_STR(buf_str(&out), "\"kind\":\"erased\",\"key\":\"2026-08-1a2b3c4d\",\"by\":\"alice\"");
}

#define RECORD_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
TESTS(RECORD_TEST(a_decision_of_nothing_but_a_head), RECORD_TEST(who_asks_for_what_holds_no_number),
      RECORD_TEST(the_tenants_own_ids_are_no_numbers), RECORD_TEST(long_paths_and_methods_are_cut),
      RECORD_TEST(a_campaign_holds_no_number), RECORD_TEST(a_senders_name_stays),
      RECORD_TEST(pointers_hold_no_number), RECORD_TEST(a_hundred_pointers_full_of_numbers_fit),
      RECORD_TEST(without_a_key_nothing_that_needs_one_is_written),
      RECORD_TEST(in_the_clear_all_is_written), RECORD_TEST(a_sealed_body_is_named),
      RECORD_TEST(what_the_upstream_says_holds_no_number),
      RECORD_TEST(the_apis_ids_stay_whatever_digits_they_have),
      RECORD_TEST(it_is_told_whether_the_stored_text_is_the_judged_one),
      RECORD_TEST(a_lookup_names_hashes_and_who_looked), RECORD_TEST(an_erasure_names_the_key))
