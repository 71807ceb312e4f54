/* Certificates' names and API keys lead to a team, or to a precise no. */
#include "identity/callers.h"

#include "test.h"

#define ZEROS "00000000000000000000000000000000"
#define KEY_A "aa" ZEROS "000000000000000000000000000000" /* 32 bytes: aa 00 … */

static struct arena arena;
static struct error err;

static const char file[] = "certificates:\n"
                           "  - {uri: 'spiffe://e/billing', team: billing}\n"
                           "  - {uri: 'spiffe://e/billing-too', team: billing}\n"
                           "  - {uri: 'spiffe://e/sales', team: sales}\n"
                           "  - {dns: billing.example, team: billing}\n"
                           "  - {common_name: billing, team: billing}\n"
                           "api_keys:\n"
                           "  - {id: a, team: billing, sha256: " KEY_A ", expires: 2026-11-24}\n"
                           "  - {id: b, team: sales, sha256: "
                           "FF" ZEROS "000000000000000000000000000000}\n";

static void make_teams(struct strset *teams, struct arena *from)
{
    assert_true(strset_init(teams, from, 2));
    assert_int_equal(strset_add(teams, STR("billing"), ""), STRSET_ADDED);
    assert_int_equal(strset_add(teams, STR("sales"), ""), STRSET_ADDED);
}

static const struct callers *compile(const char *text)
{
    static struct strset teams;
    arena_init(&arena, 1 << 20);
    make_teams(&teams, &arena);
    return callers_compile("callers.yaml", str_from(text), &teams, &arena, &err);
}

/* 2026-11-24T23:59:59.999Z and the millisecond after it. */
#define LAST_MS 1795564799999
#define AFTER_MS 1795564800000

static enum caller_answer find(const char *names, const uint8_t *key, int64_t now_ms,
                               struct caller *ret)
{
    const struct caller_evidence evidence = {names[0] != '\0', str_from(names), key, now_ms};
    return callers_find(compile(file), &evidence, ret);
}

static const uint8_t key_a[CALLER_KEY_BYTES] = {0xaa}, key_b[CALLER_KEY_BYTES] = {0xff};

TEST(a_name_leads_to_its_team)
{
    static const struct {
        const char *names, *team, *name;
        enum caller_answer answer;
    } samples[] = {
        {"uri:spiffe://e/billing\n", "billing", "uri:spiffe://e/billing", CALLER_KNOWN},
        {"dns:x\nuri:spiffe://e/sales\n", "sales", "uri:spiffe://e/sales", CALLER_KNOWN},
        {"dns:billing.example\n", "billing", "dns:billing.example", CALLER_KNOWN},
        {"cn:billing\n", "billing", "cn:billing", CALLER_KNOWN},
        {"uri:spiffe://e/billing\nuri:spiffe://e/billing-too\n", "billing",
         "uri:spiffe://e/billing", CALLER_KNOWN},
        {"uri:spiffe://e/billing\nuri:spiffe://e/sales\n", "", "uri:spiffe://e/billing",
         CALLER_AMBIGUOUS},
        {"uri:spiffe://e/billin\n", "", "uri:spiffe://e/billin", CALLER_NO_TEAM},
        {"uri:spiffe://e/billing/\n", "", "uri:spiffe://e/billing/", CALLER_NO_TEAM},
        {"dns:BILLING.example\n", "", "dns:BILLING.example", CALLER_NO_TEAM},
        {"dns:billing\n", "", "dns:billing", CALLER_NO_TEAM},
        {"dns:spiffe://e/billing\n", "", "dns:spiffe://e/billing", CALLER_NO_TEAM},
        {"", "", "", CALLER_ABSENT},
    };
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        struct caller caller;
        assert_int_equal(find(samples[i].names, NULL, 0, &caller), samples[i].answer);
        EXPECT_STR(caller.team, samples[i].team);
        EXPECT_STR(caller.name, samples[i].name);
        arena_release(&arena);
    }
}

TEST(a_key_leads_to_its_team_until_its_day_is_over)
{
    struct caller caller;
    assert_int_equal(find("", key_a, LAST_MS, &caller), CALLER_KNOWN);
    EXPECT_STR(caller.team, "billing");
    EXPECT_STR(caller.name, "key:a");
    arena_release(&arena);
    assert_int_equal(find("", key_a, AFTER_MS, &caller), CALLER_KEY_EXPIRED);
    EXPECT_STR(caller.team, "");
    EXPECT_STR(caller.name, "key:a");
    arena_release(&arena);
    assert_int_equal(find("", key_b, INT64_MAX - 1, &caller), CALLER_KNOWN);
    arena_release(&arena);
}

TEST(every_byte_of_a_key_counts)
{
    for (size_t i = 0; i < CALLER_KEY_BYTES; i++) {
        uint8_t key[CALLER_KEY_BYTES] = {0xaa};
        struct caller caller;
        key[i] ^= 1;
        assert_int_equal(find("", key, LAST_MS, &caller), CALLER_KEY_UNKNOWN);
        EXPECT_STR(caller.team, "");
        arena_release(&arena);
    }
}

TEST(a_key_must_be_good_and_agree_with_the_certificate)
{
    struct caller caller;
    assert_int_equal(find("dns:mesh\n", key_a, LAST_MS, &caller), CALLER_KNOWN);
    EXPECT_STR(caller.team, "billing");
    arena_release(&arena);
    assert_int_equal(find("cn:billing\n", key_b, 0, &caller), CALLER_AMBIGUOUS);
    EXPECT_STR(caller.team, "");
    arena_release(&arena);
    assert_int_equal(find("cn:billing\n", key_a, AFTER_MS, &caller), CALLER_KEY_EXPIRED);
    EXPECT_STR(caller.team, "");
    arena_release(&arena);
}

TEST(the_next_key_to_expire_is_told)
{
    const struct callers *callers = compile(file);
    assert_int_equal(callers_next_expiry(callers, LAST_MS), AFTER_MS);
    assert_true(callers_next_expiry(callers, AFTER_MS) == INT64_MAX); /* the other one never does */
    arena_release(&arena);
    assert_true(callers_next_expiry(compile("api_keys: []\n"), 0) == INT64_MAX);
    arena_release(&arena);
}

TEST(every_want_of_memory_is_told)
{
    size_t refused = 0;
    for (size_t room = 0; room < 20000; room += 16) {
        struct strset teams;
        struct arena small, other;
        arena_init(&other, 4096);
        make_teams(&teams, &other);
        arena_init(&small, room);
        err.text[0] = '\0';
        if (!callers_compile("f", str_from(file), &teams, &small, &err)) {
            assert_true(err.text[0] != '\0');
            refused++;
        }
        arena_release(&small);
        arena_release(&other);
    }
    assert_true(refused > 50 && refused < 1250);
}

TEST(a_certificate_without_names_has_no_team)
{
    struct caller caller;
    const struct caller_evidence evidence = {.has_certificate = true};
    assert_int_equal(callers_find(compile(file), &evidence, &caller), CALLER_NO_TEAM);
    EXPECT_STR(caller.name, "");
    arena_release(&arena);
}

TEST(an_empty_file_of_callers_knows_nobody)
{
    const struct callers *callers = compile("api_keys: []\n");
    struct caller caller;
    const struct caller_evidence evidence = {true, STR("cn:billing\n"), key_a, 0};
    assert_non_null(callers);
    assert_int_equal(callers_find(callers, &evidence, &caller), CALLER_KEY_UNKNOWN);
    arena_release(&arena);
}

TESTS(UNIT(a_name_leads_to_its_team), UNIT(a_key_leads_to_its_team_until_its_day_is_over),
      UNIT(every_byte_of_a_key_counts), UNIT(a_key_must_be_good_and_agree_with_the_certificate),
      UNIT(the_next_key_to_expire_is_told), UNIT(every_want_of_memory_is_told),
      UNIT(a_certificate_without_names_has_no_team), UNIT(an_empty_file_of_callers_knows_nobody))
