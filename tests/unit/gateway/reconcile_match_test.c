/* Which of the upstream's campaigns came of which decision; and when nobody can tell. */
#include "reconcile_match.h"

#include "test.h"

#define T0 1795000000000LL /* of the decision */
#define TOTAL_MS 6000

static struct arena arena;
static struct match match;
static struct str lists[] = {STR("CL One"), STR("CL Two")};
static struct str lists_turned[] = {STR("cl two"), STR("CL One")};

static struct match_terms terms = {.total_timeout_ms = TOTAL_MS};

static struct intent decision(const char *id, const char *name)
{
    struct intent intent = {.seq = 7,
                            .time_unix_ms = T0,
                            .name = str_from(name),
                            .caller_id = STR("+919561612345"),
                            .timezone = STR("Asia/Kolkata"),
                            .format = STR("simple"),
                            .dnc_list = STR("DNC"),
                            .template = STR("Welcome"),
                            .contact_lists = lists,
                            .contact_list_count = 2,
                            .priority = 5};
    (void)snprintf(intent.id, sizeof(intent.id), "%s", id);
    return intent;
}

static struct listed campaign(const char *id, const char *name, int64_t created_unix_ms)
{
    return (struct listed){.id = str_from(id),
                           .name = str_from(name),
                           .created_text = STR("2026-11-18T00:00:00.000Z"),
                           .created_unix_ms = created_unix_ms,
                           .format = STR("simple"),
                           .priority = STR("5"),
                           .dnc_list = STR("DNC"),
                           .template = STR("Welcome"),
                           .contact_lists = lists_turned,
                           .contact_list_count = 2,
                           .has_contact_lists = true};
}

/* The verdict on the first of the decisions. */
static enum match_verdict find(struct intent *decisions, size_t decision_count,
                               const struct listed *items, size_t count, const bool *taken,
                               const char *incomplete, bool nameless)
{
    struct claim claims[8] = {{.taken = false}};
    for (size_t i = 0; i < count; i++)
        claims[i] = (struct claim){.campaign_id = items[i].id, .taken = taken && taken[i]};
    const struct match_listing listing = {.items = items,
                                          .claims = claims,
                                          .count = count,
                                          .incomplete = incomplete,
                                          .nameless = nameless};
    const struct intents all = {.items = decisions, .count = decision_count};
    arena_init(&arena, 1 << 20);
    match_find(&decisions[0], &all, &listing, &terms, &arena, &match);
    arena_release(&arena);
    return match.verdict;
}

/* The simplest case: one decision, one campaign. */
static enum match_verdict find_one(const struct listed *item)
{
    struct intent one = decision("a", "Bills");
    return find(&one, 1, item, 1, NULL, NULL, false);
}

#define EXPECT_REASON(part)                                                                        \
    do {                                                                                           \
        assert_int_equal(match.verdict, MATCH_UNKNOWN);                                            \
        if (!strstr(match.reason, (part)))                                                         \
            fail_msg("%s", match.reason);                                                          \
    } while (0)

TEST(one_match_is_the_answer)
{
    struct listed item = campaign("cd-1", "Bills", T0 + 100);
    assert_int_equal(find_one(&item), MATCH_CREATED);
    EXPECT_STR(match.campaign->id, "cd-1");
}

TEST(no_trace_in_a_whole_list_is_an_answer_too)
{
    struct intent one = decision("a", "Bills");
    struct listed item = campaign("cd-1", "Other bills", T0);
    assert_int_equal(find(&one, 1, NULL, 0, NULL, NULL, false), MATCH_NOT_CREATED);
    assert_int_equal(find(&one, 1, &item, 1, NULL, NULL, false), MATCH_NOT_CREATED);
}

TEST(a_list_with_gaps_answers_nothing)
{
    struct intent one = decision("a", "Bills");
    struct listed item = campaign("cd-1", "Bills", T0);
    (void)find(&one, 1, NULL, 0, NULL, "the upstream sleeps", false);
    EXPECT_REASON("the upstream sleeps");
    (void)find(&one, 1, &item, 1, NULL, "the upstream sleeps", false);
    EXPECT_REASON("there may be others: the upstream sleeps");
}

TEST(names_are_compared_as_a_reader_does)
{
    static const char *const same[] = {"BILLS", "bills", " Bills ", "Ｂｉｌｌｓ", "Bi\u00ADlls"};
    static const char *const other[] = {"Bill", "Billss", "Bi lls", "Вills", ""};
    struct listed item;
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        item = campaign("cd-1", same[i], T0);
        assert_int_equal(find_one(&item), MATCH_CREATED);
    }
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        item = campaign("cd-1", other[i], T0);
        assert_int_equal(find_one(&item), MATCH_NOT_CREATED);
    }
}

TEST(the_time_of_creation_must_fit)
{
    struct intent one = decision("a", "Bills");
    int64_t from, to;
    match_window(&one, &terms, &from, &to);
    assert_int_equal(from, T0 - MATCH_SKEW_MS);
    assert_int_equal(to, T0 + TOTAL_MS + MATCH_SLACK_MS + MATCH_SKEW_MS);
    const int64_t within[] = {from, T0, to}, outside[] = {from - 1, to + 1, 0};
    struct listed item;
    for (size_t i = 0; i < COUNT_OF(within); i++) {
        item = campaign("cd-1", "Bills", within[i]);
        assert_int_equal(find_one(&item), MATCH_CREATED);
        item = campaign("cd-1", "Bills", outside[i]);
        (void)find_one(&item);
        EXPECT_REASON("was created at another time (2026-11-18T00:00:00.000Z)");
    }
}

TEST(what_the_journal_gives_to_another_is_not_looked_at)
{
    struct intent one = decision("a", "Bills");
    const struct listed items[] = {campaign("cd-1", "Bills", T0), campaign("cd-2", "Bills", T0)};
    const bool first[] = {true, false}, both[] = {true, true};
    assert_int_equal(find(&one, 1, items, 2, first, NULL, false), MATCH_CREATED);
    EXPECT_STR(match.campaign->id, "cd-2");
    assert_int_equal(find(&one, 1, items, 2, both, NULL, false), MATCH_NOT_CREATED);
    (void)find(&one, 1, items, 2, NULL, NULL, false);
    EXPECT_REASON("2 campaigns of its name");
}

TEST(whatever_contradicts_the_record_leaves_a_doubt)
{
    struct str one_list[] = {STR("CL One")}, strange[] = {STR("CL One"), STR("CL Three")};
    struct {
        struct listed item;
        const char *word;
    } cases[] = {
        {campaign("cd-1", "Bills", T0), "another format"},
        {campaign("cd-1", "Bills", T0), "another priority"},
        {campaign("cd-1", "Bills", T0), "another do-not-call list"},
        {campaign("cd-1", "Bills", T0), "another template"},
        {campaign("cd-1", "Bills", T0), "another contact lists"},
        {campaign("cd-1", "Bills", T0), "another contact lists"},
        {campaign("cd-1", "Bills", T0), "another caller ID"},
        {campaign("cd-1", "Bills", T0), "another time zone"},
    };
    cases[0].item.format = STR("advanced");
    cases[1].item.priority = STR("1");
    cases[2].item.dnc_list = STR("other");
    cases[3].item.template = STR("Farewell");
    cases[4].item.contact_lists = one_list;
    cases[4].item.contact_list_count = 1;
    cases[5].item.contact_lists = strange;
    cases[6].item.caller_id = STR("+4915123456789");
    cases[7].item.timezone = STR("Europe/Berlin");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        (void)find_one(&cases[i].item);
        EXPECT_REASON(cases[i].word);
    }
}

TEST(what_only_one_side_says_contradicts_nothing)
{
    struct listed bare = {.id = STR("cd-1"), .name = STR("Bills"), .created_unix_ms = T0};
    assert_int_equal(find_one(&bare), MATCH_CREATED);
    struct listed item = campaign("cd-1", "Bills", T0);
    struct intent little = {.seq = 1, .time_unix_ms = T0, .name = STR("Bills"), .id = "a"};
    assert_int_equal(find(&little, 1, &item, 1, NULL, NULL, false), MATCH_CREATED);
}

TEST(one_that_fits_beside_one_that_nearly_does_leaves_a_doubt)
{
    struct intent one = decision("a", "Bills");
    struct listed items[] = {campaign("cd-1", "Bills", T0), campaign("cd-2", "Bills", T0)};
    items[1].priority = STR("1");
    (void)find(&one, 1, items, 2, NULL, NULL, false);
    EXPECT_REASON("cd-2 with another priority");
}

TEST(a_campaign_that_two_open_decisions_may_have_made_is_neithers)
{
    struct intent open[] = {decision("a", "Bills"), decision("b", "BILLS"), decision("c", "Other")};
    struct listed item = campaign("cd-1", "Bills", T0);
    (void)find(open, 3, &item, 1, NULL, NULL, false);
    EXPECT_REASON("of the decision b, which is open, too");
    open[1].time_unix_ms -= 3600 * 1000;
    assert_int_equal(find(open, 3, &item, 1, NULL, NULL, false), MATCH_CREATED);
    open[1].time_unix_ms = T0;
    open[1].priority = 1;
    assert_int_equal(find(open, 3, &item, 1, NULL, NULL, false), MATCH_CREATED);
}

TEST(an_outcome_that_does_not_say_which_leaves_a_doubt)
{
    struct intent one = decision("a", "Bills");
    struct listed item = campaign("cd-1", "Bills", T0);
    (void)find(&one, 1, &item, 1, NULL, NULL, true);
    EXPECT_REASON("does not say which campaign");
    assert_int_equal(find(&one, 1, NULL, 0, NULL, NULL, true), MATCH_NOT_CREATED);
}

TEST(another_type_of_campaign_is_none)
{
    struct listed item = campaign("cd-1", "Bills", T0);
    item.type = STR("voice");
    assert_int_equal(find_one(&item), MATCH_NOT_CREATED);
    item.type = STR("SMS");
    assert_int_equal(find_one(&item), MATCH_CREATED);
}

TEST(without_its_record_or_name_nothing_is_found)
{
    struct listed item = campaign("cd-1", "Bills", T0);
    struct intent one = decision("a", "Bills");
    one.seq = 0;
    (void)find(&one, 1, &item, 1, NULL, NULL, false);
    EXPECT_REASON("no longer among the segments");
    one = decision("a", "");
    (void)find(&one, 1, &item, 1, NULL, NULL, false);
    EXPECT_REASON("does not say the campaign's name");
}

/* ---- hidden numbers ---- */

static struct str hide(void *arg, struct str recorded, struct str text, struct arena *memory)
{
    (void)recorded;
    (void)memory;
    assert_ptr_equal(arg, &arena);
    if (str_equal(text, STR("call +49151")))
        return STR("call {hmac:k:1}");
    if (str_equal(text, STR("+49151")))
        return STR("hmac:k:1");
    return str_equal(text, STR("?")) ? (struct str){0} : text;
}

TEST(a_hidden_number_is_compared_hidden)
{
    struct intent one = decision("a", "call {hmac:k:1}");
    one.caller_id = STR("hmac:k:1");
    terms = (struct match_terms){.total_timeout_ms = TOTAL_MS, .hide = hide, .arg = &arena};
    struct listed items[] = {campaign("cd-1", "call +49152", T0),
                             campaign("cd-2", "call +49151", T0)};
    items[1].caller_id = STR("+49151");
    assert_int_equal(find(&one, 1, items, 2, NULL, NULL, false), MATCH_CREATED);
    EXPECT_STR(match.campaign->id, "cd-2");
    items[1].caller_id = STR("+49152");
    (void)find(&one, 1, items, 2, NULL, NULL, false);
    EXPECT_REASON("another caller ID");
    items[1].caller_id = STR("?"); /* it cannot be said */
    assert_int_equal(find(&one, 1, items, 2, NULL, NULL, false), MATCH_CREATED);
    terms = (struct match_terms){.total_timeout_ms = TOTAL_MS};
}

TEST(a_hidden_name_without_its_key_leaves_a_doubt)
{
    struct intent one = decision("a", "call {hmac:k:1}");
    struct listed item = campaign("cd-1", "Anything", T0);
    (void)find(&one, 1, &item, 1, NULL, NULL, false);
    EXPECT_REASON("names cannot be compared");
    assert_int_equal(find(&one, 1, NULL, 0, NULL, NULL, false), MATCH_NOT_CREATED);
}

TESTS(UNIT(one_match_is_the_answer), UNIT(no_trace_in_a_whole_list_is_an_answer_too),
      UNIT(a_list_with_gaps_answers_nothing), UNIT(names_are_compared_as_a_reader_does),
      UNIT(the_time_of_creation_must_fit), UNIT(what_the_journal_gives_to_another_is_not_looked_at),
      UNIT(whatever_contradicts_the_record_leaves_a_doubt),
      UNIT(what_only_one_side_says_contradicts_nothing),
      UNIT(one_that_fits_beside_one_that_nearly_does_leaves_a_doubt),
      UNIT(a_campaign_that_two_open_decisions_may_have_made_is_neithers),
      UNIT(an_outcome_that_does_not_say_which_leaves_a_doubt),
      UNIT(another_type_of_campaign_is_none), UNIT(without_its_record_or_name_nothing_is_found),
      UNIT(a_hidden_number_is_compared_hidden), UNIT(a_hidden_name_without_its_key_leaves_a_doubt))
