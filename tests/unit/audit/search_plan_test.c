/* What a search asks, and which records answer it. */
#include "audit/search_plan.h"

#include "audit/terms.h"
#include "test.h"

#define ID "019ac7c2-70fa-72f4-b033-54fd6cdaa468"

static const char decision[] =
    "{\"seq\":3,\"prev\":\"00\",\"kind\":\"decision\",\"id\":\"" ID "\","
    "\"time\":\"2026-11-28T11:30:00.123Z\",\"verdict\":\"deny\",\"team\":\"billing\","
    "\"caller\":\"key:billing-2026\",\"code\":\"json\",\"campaign\":{\"name\":\"Diwali Offer 21\","
    "\"caller_id\":\"hmac:2026-11-1a2b3c4d:00ff\",\"template\":\"Welcome\","
    "\"contact_lists\":[\"R\\u00e9sum\\u00e9 readers\"]},"
    "\"violations\":[{\"code\":\"outside-hours\",\"pointer\":\"\"}],"
    "\"reported\":[{\"code\":\"name-pattern\"}],\"waived\":[{\"code\":\"frozen\"}],"
    "\"policy\":{\"revision\":\"2026-11-28.1\",\"digest\":\"abcdef0123\"}}";
static const char outcome[] =
    "{\"seq\":4,\"prev\":\"00\",\"kind\":\"outcome\",\"id\":\"" ID "\","
    "\"time\":\"2026-11-28T11:30:01.000Z\",\"outcome\":\"created\",\"created\":\"yes\","
    "\"upstream\":{\"host\":\"platform.kore.ai\",\"campaign_id\":\"cd-0a1b\"}}";

static struct arena arena;
static struct error err;

/* Whether these records together meet all that is asked, and, as an index asks it, whether their
 * terms hold each clause of it: what matches must never be missed. */
static bool terms_hold(const struct search_plan *plan, const char *const *texts, size_t count)
{
    struct terms terms = {0};
    struct record_brief brief;
    struct clause *clauses;
    size_t clause_count;
    bool all = true;
    assert_true(terms_of_plan(plan, &arena, &clauses, &clause_count));
    for (size_t i = 0; i < count; i++) {
        assert_true(terms_of_record(str_from(texts[i]), &arena, &terms, &brief));
        terms_add(&terms, term_of_kind(brief.kind));
    }
    for (size_t c = 0; c < clause_count; c++) {
        bool any = false;
        for (size_t i = 0; i < clauses[c].count; i++) {
            for (size_t t = 0; t < terms.count; t++)
                any |= terms.items[t] == clauses[c].terms[i];
        }
        all &= any;
    }
    terms_release(&terms);
    return all;
}

static bool matches_all(const struct search_query *query, const char *const *texts, size_t count)
{
    struct search_plan plan;
    struct json_fault fault;
    uint64_t met = 0;
    arena_init(&arena, 1 << 24);
    assert_true(search_prepare(query, &arena, &plan, &err));
    for (size_t i = 0; i < count; i++)
        met |= search_met(&plan, json_read(str_from(texts[i]), &arena, &fault), &arena);
    bool matches = met == plan.asked;
    bool hold = terms_hold(&plan, texts, count);
    if (matches && !query->policy_revision.len)
        assert_true(hold);
    arena_release(&arena);
    return matches;
}

#define MATCHES(...)                                                                               \
    matches_all(&(struct search_query){__VA_ARGS__}, (const char *const[]){decision}, 1)
#define STORY_MATCHES(...)                                                                         \
    matches_all(&(struct search_query){__VA_ARGS__}, (const char *const[]){decision, outcome}, 2)

TEST(nothing_asked_is_met_by_everything)
{
    assert_true(MATCHES(.limit = 1));
}

TEST(each_field_is_asked_for_by_itself)
{
    assert_true(MATCHES(.team = STR("billing")));
    assert_false(MATCHES(.team = STR("bill")));
    assert_true(MATCHES(.verdict = STR("deny")));
    assert_false(MATCHES(.verdict = STR("allow")));
    assert_true(MATCHES(.caller = STR("key:billing-2026")));
    assert_false(MATCHES(.caller = STR("key")));
    assert_true(MATCHES(.template = STR("Welcome")));
    assert_false(MATCHES(.template = STR("welcome")));
}

TEST(codes_are_those_of_refusal_and_violations_of_every_effect)
{
    assert_true(MATCHES(.code = STR("json")));
    assert_true(MATCHES(.code = STR("outside-hours")));
    assert_true(MATCHES(.code = STR("name-pattern")));
    assert_true(MATCHES(.code = STR("frozen")));
    assert_false(MATCHES(.code = STR("hours")));
}

TEST(a_campaign_is_found_by_a_pattern)
{
    static const char *const fits[] = {
        "Diwali Offer 21", "Diwali *", "* 21", "*Offer*",         "*",
        "D*O*2*1",         "*w*",      "**",   "Diwali Offer 2*1"};
    static const char *const does_not[] = {"Diwali", "diwali *", "*Offer", "*Q*", "*21 *", "O*"};
    for (size_t i = 0; i < COUNT_OF(fits); i++)
        assert_true(MATCHES(.campaign = str_from(fits[i])));
    for (size_t i = 0; i < COUNT_OF(does_not); i++)
        assert_false(MATCHES(.campaign = str_from(does_not[i])));
    struct search_query query = {.campaign = STR("*")};
    assert_false(matches_all(&query, (const char *const[]){outcome}, 1)); /* it has no name */
}

TEST(any_of_the_caller_ids_will_do)
{
    const struct str ids[] = {STR("+491512345678"), STR("hmac:2026-11-1a2b3c4d:00ff")};
    assert_true(MATCHES(.caller_ids = ids, .caller_id_count = 2));
    assert_false(MATCHES(.caller_ids = ids, .caller_id_count = 1));
}

TEST(a_number_is_found_by_any_of_its_words)
{
    const struct str words[] = {STR("491512345678"), STR("00ff")};
    assert_true(MATCHES(.numbers = words, .number_count = 2));
    assert_false(MATCHES(.numbers = words, .number_count = 1));
}

TEST(a_policy_is_found_by_its_revision_or_the_beginning_of_its_digest)
{
    assert_true(MATCHES(.policy_revision = STR("2026-11-28.1")));
    assert_false(MATCHES(.policy_revision = STR("2026-11-28")));
    assert_true(MATCHES(.policy_revision = STR("abcd")));
    assert_false(MATCHES(.policy_revision = STR("bcd")));
}

TEST(words_are_found_in_any_case_and_anywhere)
{
    assert_true(MATCHES(.text = STR("diwali")));
    assert_true(MATCHES(.text = STR("OFFER, outside")));
    assert_true(MATCHES(.text = STR("r\xc3\xa9sum\xc3\xa9"))); /* written with an escape */
    assert_true(MATCHES(.text = STR("hmac:2026-11-1a2b3c4d:00ff")));
    assert_false(MATCHES(.text = STR("diwali christmas")));
    assert_false(MATCHES(.text = STR("diw")));
}

TEST(what_a_user_writes_is_never_more_than_words)
{
    assert_true(MATCHES(.text = STR("\"diwali\" AND (offer) - NEAR*"
                                    "")) == MATCHES(.text = STR("diwali and offer near")));
    assert_false(MATCHES(.text = STR("diwali OR christmas")));
    assert_true(MATCHES(.text = STR("offer';--")));
}

TEST(hashes_and_links_of_the_chain_are_no_words)
{
    assert_false(MATCHES(.text = STR("00"))); /* that is `prev` */
}

TEST(each_may_be_met_by_another_record_of_the_story)
{
    assert_false(MATCHES(.team = STR("billing"), .outcome = STR("created")));
    assert_true(STORY_MATCHES(.team = STR("billing"), .outcome = STR("created")));
    assert_true(STORY_MATCHES(.campaign_id = STR("cd-0a1b"), .text = STR("diwali kore")));
    assert_false(STORY_MATCHES(.team = STR("billing"), .outcome = STR("unknown")));
    assert_false(STORY_MATCHES(.campaign_id = STR("cd-0a1")));
}

/* ---- of the record itself ---- */

static bool is_asked(const struct search_query *query, uint64_t seq, const char *text)
{
    struct search_plan plan;
    struct json_fault fault;
    arena_init(&arena, 1 << 24);
    assert_true(search_prepare(query, &arena, &plan, &err));
    bool asked =
        search_is_asked(&plan, seq, text ? json_read(str_from(text), &arena, &fault) : NULL);
    arena_release(&arena);
    return asked;
}

#define ASKED(...) is_asked(&(struct search_query){__VA_ARGS__}, 3, decision)

TEST(kind_time_number_and_id_are_of_the_record_itself)
{
    const int64_t time = 1795865400123; /* 2026-11-28T11:30:00.123Z */
    assert_true(ASKED(.kind = STR("decision")));
    assert_false(ASKED(.kind = STR("outcome")));
    assert_true(ASKED(.from_unix_ms = time, .to_unix_ms = time + 1));
    assert_false(ASKED(.from_unix_ms = time + 1));
    assert_false(ASKED(.to_unix_ms = time));
    assert_true(ASKED(.from_seq = 3, .to_seq = 4));
    assert_false(ASKED(.from_seq = 4));
    assert_false(ASKED(.to_seq = 3));
    assert_true(ASKED(.id = STR(ID)));
    assert_true(ASKED(.id = STR("019ac7c2")));
    assert_false(ASKED(.id = STR("9ac7c2")));
}

TEST(what_is_no_json_is_found_by_its_number_alone)
{
    assert_true(is_asked(&(struct search_query){.from_seq = 1}, 3, NULL));
    assert_false(is_asked(&(struct search_query){.kind = STR("decision")}, 3, NULL));
    assert_false(is_asked(&(struct search_query){.to_unix_ms = INT64_MAX}, 3, NULL));
}

TEST(an_id_among_the_words_is_the_id)
{
    assert_true(ASKED(.text = STR("diwali " ID)));
    assert_false(ASKED(.text = STR("diwali 019ac7c2-70fa-72f4-b033-54fd6cdaa469")));
}

/* ---- what cannot be asked ---- */

static void expect_refusal(struct str text, const char *sentence)
{
    struct search_plan plan;
    struct search_query query = {.text = text};
    arena_init(&arena, 1 << 24);
    assert_false(search_prepare(&query, &arena, &plan, &err));
    assert_string_equal(err.text, sentence);
    arena_release(&arena);
}

TEST(a_text_without_words_is_refused)
{
    expect_refusal(STR("!? -"), "--text holds no word: letters and digits are searched");
    expect_refusal(STR("\xff"), "--text is not UTF-8");
}

TEST(more_words_than_anybody_means_are_refused)
{
    struct buf text;
    buf_init(&text, 1000);
    for (int i = 0; i <= LIMIT_SEARCH_WORDS; i++)
        buf_format(&text, "w%d ", i);
    expect_refusal(buf_str(&text), "--text has more than 32 words");
    buf_release(&text);
    struct search_plan plan;
    struct search_query query = {.text = STR("a a a a a a a a a a a a a a a a a a a a a a a a a a "
                                             "a a a a a a a a a a a a a")};
    arena_init(&arena, 1 << 24);
    assert_true(search_prepare(&query, &arena, &plan, &err)); /* it is one word */
    arena_release(&arena);
}

TESTS(UNIT(nothing_asked_is_met_by_everything), UNIT(each_field_is_asked_for_by_itself),
      UNIT(codes_are_those_of_refusal_and_violations_of_every_effect),
      UNIT(a_campaign_is_found_by_a_pattern), UNIT(any_of_the_caller_ids_will_do),
      UNIT(a_number_is_found_by_any_of_its_words),
      UNIT(a_policy_is_found_by_its_revision_or_the_beginning_of_its_digest),
      UNIT(words_are_found_in_any_case_and_anywhere),
      UNIT(what_a_user_writes_is_never_more_than_words),
      UNIT(hashes_and_links_of_the_chain_are_no_words),
      UNIT(each_may_be_met_by_another_record_of_the_story),
      UNIT(kind_time_number_and_id_are_of_the_record_itself),
      UNIT(what_is_no_json_is_found_by_its_number_alone), UNIT(an_id_among_the_words_is_the_id),
      UNIT(a_text_without_words_is_refused), UNIT(more_words_than_anybody_means_are_refused))
