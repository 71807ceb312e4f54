/* Names that a record hides, found again among those of policies. */
#include "audit/hidden_names.h"

#include <unistd.h>

#include "audit/hash_keys.h"
#include "audit/privacy.h"
#include "policy_support.h"

static char directory[64];
static struct hash_key key;
static struct arena arena;
static const struct policy_set *policy;
static struct recorded_decision decision;
static struct str lists[2], exact_lists[2];
static enum policy_gap list_gaps[2];

static void take_key(void *arg, const struct hash_key *found)
{
    *(struct hash_key *)arg = *found;
}

static int begin(void **state)
{
    struct error err;
    (void)state;
    strcpy(directory, "/tmp/hidden-names-XXXXXX");
    arena_init(&arena, 64 << 20);
    if (!mkdtemp(directory))
        return 1;
    struct hash_keys *keys = hash_keys_open(directory, ORDINARY_MS, &err);
    hash_keys_close(keys);
    const struct policy_source source = {
        "p.yaml",
        STR("revision: a\n"
            "organisation:\n"
            "  caller_ids: ['+4915112345678', AD-5616123456]\n"
            "  dnc_lists: [DNC 1234567890, 'D*']\n"
            "  cases:\n"
            "    - {name: a, applies_to: {other_contact_lists: [Other 1234567890]}, days: MO}\n"
            "    - {name: b, applies_to: {caller_ids: ['+12125550100']}, days: MO}\n"
            "teams:\n"
            "  billing:\n"
            "    contact_lists: [List 1234567890, '+4915112345678']\n"
            "    templates: [T 9876543210]\n"
            "    cases: [{name: c, applies_to: {contact_lists: [Case 1234567890]}, days: MO}]\n"
            "exceptions: [{id: E, team: billing, rule: days, campaign: Sale 1234567890, caller_id: "
            "'+14155550100', template: X 1234567890, not_before: 2026-11-20, expires: 2026-11-28, "
            "approver: Ann, ticket: T}]\n")};
    policy = compile_sources(&source, 1, NULL, &arena, &err);
    decision = (struct recorded_decision){.list_gaps = list_gaps, .exact_lists = exact_lists};
    return !policy || !keys || !hash_keys_each(directory, take_key, &key, &err);
}

static int end(void **state)
{
    char command[128];
    (void)state;
    arena_release(&arena);
    (void)snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command);
}

static struct hidden_names *names(void)
{
    struct hidden_names *all = hidden_names_of(&policy, 1, directory, &arena);
    assert_non_null(all);
    return all;
}

static struct str hash_of(const char *name, bool as_number)
{
    char hash[PRIVACY_HASH_SIZE];
    assert_true((as_number ? privacy_hash_number : privacy_hash_body)(&key, str_from(name), hash));
    return arena_copy(&arena, str_from(hash));
}

static void hide(enum policy_part part, struct str *where, const char *name, bool as_number)
{
    *where = STR("{hmac:}");
    decision.hash_key = str_from(key.id);
    decision.exact[part] = hash_of(name, as_number);
    decision.gaps[part] = GAP_UNKNOWN;
}

static void expect_known(enum policy_part part, struct str *where, const char *name, bool as_number)
{
    hide(part, where, name, as_number);
    hidden_names_resolve(names(), &decision);
    assert_int_equal(decision.gaps[part], GAP_NONE);
    EXPECT_STR(*where, name);
}

static void expect_unlisted(enum policy_part part, struct str *where, const char *name,
                            bool as_number)
{
    hide(part, where, name, as_number);
    hidden_names_resolve(names(), &decision);
    assert_int_equal(decision.gaps[part], GAP_UNLISTED);
    EXPECT_STR(*where, "{hmac:}");
}

TEST(finds_every_name_that_a_policy_writes_in_full)
{
    struct campaign *campaign = &decision.campaign;
    expect_known(PART_CALLER_ID, &campaign->caller_id, "+4915112345678", true);
    expect_known(PART_CALLER_ID, &campaign->caller_id, "+12125550100", true);
    expect_known(PART_CALLER_ID, &campaign->caller_id, "+14155550100", true);
    expect_known(PART_CALLER_ID, &campaign->caller_id, "AD-5616123456", false);
    expect_known(PART_DNC_LIST, &campaign->dnc_list, "DNC 1234567890", false);
    expect_known(PART_TEMPLATE, &campaign->template_name, "T 9876543210", false);
    expect_known(PART_TEMPLATE, &campaign->template_name, "X 1234567890", false);
    expect_known(PART_NAME, &campaign->name, "Sale 1234567890", false);
}

TEST(tells_that_a_name_is_none_of_them)
{
    struct campaign *campaign = &decision.campaign;
    expect_unlisted(PART_CALLER_ID, &campaign->caller_id, "+4915112345679", true);
    expect_unlisted(PART_CALLER_ID, &campaign->caller_id, "AD-5616123457", false);
    expect_unlisted(PART_DNC_LIST, &campaign->dnc_list, "DNC +1234567890", false); /* same mask */
    expect_unlisted(PART_DNC_LIST, &campaign->dnc_list, "D*", false);
}

TEST(finds_each_of_the_contact_lists)
{
    static const char *const known[] = {"List 1234567890", "Other 1234567890", "Case 1234567890",
                                        "+4915112345678"};
    decision.hash_key = str_from(key.id);
    decision.campaign.contact_lists = lists;
    decision.campaign.contact_list_count = 2;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        decision.gaps[PART_CONTACT_LISTS] = list_gaps[0] = GAP_UNKNOWN;
        list_gaps[1] = GAP_NONE;
        exact_lists[0] = hash_of(known[i], false);
        exact_lists[1] = STR("");
        lists[0] = STR("{hmac:}");
        lists[1] = STR("Clear");
        hidden_names_resolve(names(), &decision);
        EXPECT_STR(lists[0], known[i]);
        EXPECT_STR(lists[1], "Clear");
        assert_int_equal(decision.gaps[PART_CONTACT_LISTS], GAP_NONE);
    }
    list_gaps[0] = list_gaps[1] = GAP_UNKNOWN;
    exact_lists[0] = hash_of("Nowhere 1234567890", false);
    exact_lists[1] = hash_of("List 1234567890", false);
    hidden_names_resolve(names(), &decision);
    assert_int_equal(list_gaps[0], GAP_UNLISTED);
    assert_int_equal(list_gaps[1], GAP_NONE);
    assert_int_equal(decision.gaps[PART_CONTACT_LISTS], GAP_UNLISTED);
}

TEST(without_the_key_or_a_hash_everything_stays_unknown)
{
    struct str *where = &decision.campaign.caller_id;
    hide(PART_CALLER_ID, where, "+4915112345678", true);
    hidden_names_resolve(hidden_names_of(&policy, 1, NULL, &arena), &decision);
    assert_int_equal(decision.gaps[PART_CALLER_ID], GAP_UNKNOWN);
    hidden_names_resolve(hidden_names_of(&policy, 1, "/no/such", &arena), &decision);
    assert_int_equal(decision.gaps[PART_CALLER_ID], GAP_UNKNOWN);
    decision.hash_key = STR("2026-11-00000000");
    hidden_names_resolve(names(), &decision);
    assert_int_equal(decision.gaps[PART_CALLER_ID], GAP_UNKNOWN);
    decision.hash_key = str_from(key.id);
    decision.exact[PART_CALLER_ID] = (struct str){0};
    hidden_names_resolve(names(), &decision);
    assert_int_equal(decision.gaps[PART_CALLER_ID], GAP_UNKNOWN);
}

TEST(what_is_not_hidden_is_left_alone)
{
    decision.campaign.caller_id = STR("+4915112345678");
    decision.exact[PART_CALLER_ID] = hash_of("+12125550100", true);
    hidden_names_resolve(names(), &decision);
    EXPECT_STR(decision.campaign.caller_id, "+4915112345678");
    decision.hash_key = str_from(key.id);
    hidden_names_resolve(names(), &decision);
    EXPECT_STR(decision.campaign.caller_id, "+4915112345678");
}

TEST(memory_that_runs_out_leaves_names_unknown)
{
    struct arena small;
    arena_init(&small, 4096);
    struct hidden_names *few = hidden_names_of(&policy, 1, directory, &small);
    assert_non_null(few);
    hide(PART_CALLER_ID, &decision.campaign.caller_id, "+4915112345679", true);
    hidden_names_resolve(few, &decision);
    assert_int_equal(decision.gaps[PART_CALLER_ID], GAP_UNKNOWN);
    arena_release(&small);
    arena_init(&small, 64);
    assert_null(hidden_names_of(&policy, 1, directory, &small));
    arena_release(&small);
}

TEST(a_journal_that_names_a_key_in_each_record_does_not_take_all_memory)
{
    struct hidden_names *all = names();
    char id[HASH_KEY_ID_SIZE];
    hide(PART_CALLER_ID, &decision.campaign.caller_id, "+4915112345678", true);
    size_t before = arena.used_bytes;
    for (unsigned i = 0; i < 20000; i++) {
        (void)snprintf(id, sizeof(id), "2026-11-%08x", i);
        decision.hash_key = str_from(id);
        hidden_names_resolve(all, &decision);
        assert_int_equal(decision.gaps[PART_CALLER_ID], GAP_UNKNOWN);
    }
    assert_true(arena.used_bytes - before < 1 << 20);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
TESTS(CASE(finds_every_name_that_a_policy_writes_in_full), CASE(tells_that_a_name_is_none_of_them),
      CASE(finds_each_of_the_contact_lists),
      CASE(without_the_key_or_a_hash_everything_stays_unknown),
      CASE(what_is_not_hidden_is_left_alone), CASE(memory_that_runs_out_leaves_names_unknown),
      CASE(a_journal_that_names_a_key_in_each_record_does_not_take_all_memory))
