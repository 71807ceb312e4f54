/* Who is open, as the journal has it; and what the journal does with outcomes that are lost. */
#include "audit/intents.h"

#include <dirent.h>
#include <ftw.h>
#include <poll.h>
#include <unistd.h>

#include "audit/journal.h"
#include "audit/record.h"
#include "base/limits.h"
#include "test.h"

#define A "01936b2f-0000-7000-8000-00000000000a"
#define B "01936b2f-0001-7000-8000-00000000000b"
#define C "01936b2f-0002-7000-8000-00000000000c"

static char directory[64];
static const char *const directories[] = {directory};
static const struct reader_options place = {.directories = directories, .directory_count = 1};
static struct journal_options options;
static struct journal *journal;
static struct intents intents;
static struct error err;

static void open_journal(void)
{
    struct journal_recovery recovery;
    journal = journal_open(&options, &recovery, &err);
    assert_non_null(journal);
}

static int begin(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/intents-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    options = (struct journal_options){.directory = directory,
                                       .segment_bytes = 1 << 20,
                                       .segment_ms = 3600000,
                                       .max_waiting = 100,
                                       .write_timeout_ms = 60000};
    open_journal();
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    intents_release(&intents);
    journal_close(journal);
    return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void tell(void *arg)
{
    *(_Atomic bool *)arg = true;
}

static enum journal_fate append(struct journal_entry entry)
{
    _Atomic bool done = false;
    entry.done = tell;
    entry.arg = (void *)&done;
    assert_true(journal_append(journal, &entry));
    while (!done)
        (void)poll(NULL, 0, 1);
    return entry.fate;
}

static void put(const char *members, const char *opens, const char *closes, const char *orphans)
{
    assert_int_equal(append((struct journal_entry){.members = str_from(members),
                                                   .opens = str_from(opens),
                                                   .closes = str_from(closes),
                                                   .orphans = str_from(orphans)}),
                     JOURNAL_DURABLE);
}

#define ALLOW(id)                                                                                  \
    put("\"kind\":\"decision\",\"id\":\"" id "\",\"time\":\"2026-11-28T11:30:00.000Z\","           \
        "\"verdict\":\"allow\",\"team\":\"billing\",\"stream_id\":\"st-1\","                       \
        "\"campaign\":{\"name\":\"Bills\",\"contact_lists\":[\"CL\"],\"priority\":5},"             \
        "\"policy\":{\"revision\":\"r1\",\"digest\":\"d1\"}",                                      \
        id, "", "")
#define OUTCOME(id, created, rest)                                                                 \
    put("\"kind\":\"outcome\",\"id\":\"" id "\",\"outcome\":\"x\",\"created\":\"" created          \
        "\"" rest,                                                                                 \
        "", strcmp(created, "unknown") ? id : "", strcmp(created, "unknown") ? "" : id)

static void expect_open(const char *ids)
{
    struct buf found;
    buf_init(&found, 10000);
    intents_release(&intents);
    if (!intents_read(&place, &intents, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < intents.count; i++)
        buf_format(&found, "%c", intents.items[i].id[ID_SIZE - 2]);
    EXPECT_STR(buf_str(&found), ids);
    buf_release(&found);
}

static uint64_t counted(void)
{
    struct journal_state state;
    journal_state(journal, &state);
    return state.open_intents;
}

TEST(a_decision_is_open_until_its_outcome)
{
    expect_open("");
    ALLOW(A);
    ALLOW(B);
    expect_open("ab");
    OUTCOME(A, "yes", "");
    expect_open("b");
    OUTCOME(B, "no", "");
    expect_open("");
}

TEST(a_refused_one_is_never_open)
{
    put("\"kind\":\"decision\",\"id\":\"" A "\",\"time\":\"x\",\"verdict\":\"deny\"", "", "", "");
    put("\"kind\":\"decision\",\"id\":\"" B "\",\"time\":\"x\",\"verdict\":\"deny\","
        "\"x\":\"\\\"verdict\\\":\\\"allow\\\"\"",
        "", "", "");
    expect_open("");
}

TEST(an_outcome_that_knows_nothing_leaves_it_open)
{
    ALLOW(A);
    OUTCOME(A, "unknown", "");
    expect_open("a");
    assert_true(intents.items[0].outcome_unknown);
    assert_int_equal(counted(), 1);
    assert_true(journal_is_open(journal, STR(A)));
    OUTCOME(A, "yes", ",\"reconciled\":true");
    expect_open("");
    assert_int_equal(counted(), 0);
    assert_false(journal_is_open(journal, STR(A)));
}

TEST(what_an_answer_said_does_not_count_as_what_is_known)
{
    ALLOW(A);
    OUTCOME(A, "yes", ",\"detail\":\"\\\"created\\\":\\\"unknown\\\"\"");
    expect_open("");
}

TEST(a_persons_word_closes_it_whatever_it_is)
{
    ALLOW(A);
    OUTCOME(A, "unknown", "");
    put("\"kind\":\"closed\",\"id\":\"" A "\",\"created\":\"unknown\"", "", A, "");
    expect_open("");
}

TEST(one_that_is_under_way_is_not_counted_and_not_closed)
{
    ALLOW(A);
    expect_open("a"); /* whoever reads the file cannot know */
    assert_int_equal(counted(), 0);
    assert_false(journal_is_open(journal, STR(A)));
}

TEST(one_of_a_former_run_is_counted)
{
    ALLOW(A);
    journal_close(journal);
    open_journal();
    assert_int_equal(counted(), 1);
    assert_true(journal_is_open(journal, STR(A)));
}

TEST(an_outcome_that_is_lost_leaves_it_open_and_counted)
{
    static char large[LIMIT_RECORD_BYTES + 1];
    memset(large, ' ', sizeof(large));
    ALLOW(A);
    assert_int_equal(
        append((struct journal_entry){.members = {large, sizeof(large)}, .closes = STR(A)}),
        JOURNAL_FAILED);
    assert_int_equal(counted(), 1);
    assert_true(journal_is_open(journal, STR(A)));
    OUTCOME(A, "no", ",\"reconciled\":true");
    assert_int_equal(counted(), 0);
}

static struct journal_entry filler = {.members = STR("\"kind\":\"test\"")},
                            outcome = {.members = STR("\"kind\":\"outcome\""), .closes = STR(A)};
static _Atomic bool filled, told, refused;

/* On the journal's thread, which so cannot empty the queue meanwhile. */
static void fill_and_append(void *arg)
{
    (void)arg;
    filler.done = tell;
    filler.arg = (void *)&filled;
    refused = journal_append(journal, &filler) && !journal_append(journal, &outcome);
    told = true;
}

TEST(an_outcome_that_is_not_even_taken_leaves_it_open_and_counted)
{
    journal_close(journal);
    options.max_waiting = 1;
    open_journal();
    struct journal_entry decision = {
        .members = STR("\"kind\":\"decision\",\"id\":\"" A "\",\"verdict\":\"allow\""),
        .opens = STR(A),
        .done = fill_and_append};
    assert_true(journal_append(journal, &decision));
    while (!told || !filled)
        (void)poll(NULL, 0, 1);
    assert_true(refused);
    assert_int_equal(counted(), 1);
}

TEST(what_a_decision_was_is_told)
{
    ALLOW(A);
    expect_open("a");
    const struct intent *intent = &intents.items[0];
    assert_true(intent->seq > 1);
    assert_int_equal(intent->time_unix_ms, 1795865400000);
    EXPECT_STR(intent->team, "billing");
    EXPECT_STR(intent->name, "Bills");
    EXPECT_STR(intent->stream_id, "st-1");
    EXPECT_STR(intent->policy_digest, "d1");
    assert_int_equal(intent->contact_list_count, 1);
    EXPECT_STR(intent->contact_lists[0], "CL");
    assert_int_equal(intent->priority, 5);
}

static void remove_first_segment(void)
{
    uint64_t first = UINT64_MAX, seq;
    char name[SEGMENT_NAME_SIZE], path[200];
    DIR *dir = opendir(directory);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (segment_parse_name(entry->d_name, &seq) && seq < first)
            first = seq;
    }
    closedir(dir);
    segment_name(first, name);
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    assert_int_equal(unlink(path), 0);
}

TEST(the_list_is_carried_from_segment_to_segment)
{
    ALLOW(A);
    OUTCOME(A, "unknown", "");
    journal_close(journal);
    options.segment_bytes = 1;
    open_journal();
    ALLOW(B);
    expect_open("ab");
    while (intents.items[0].seq > 0) {
        remove_first_segment();
        expect_open("ab");
    }
    assert_int_equal(intents.items[0].time_unix_ms, 0x01936b2f0000); /* of the id, at least */
    EXPECT_STR(intents.items[1].name, "Bills");
    OUTCOME(A, "no", ",\"reconciled\":true");
    expect_open("b");
}

TEST(a_journal_that_is_broken_says_so)
{
    ALLOW(A);
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/00000000000000000001.jsonl", directory);
    FILE *file = fopen(path, "r+");
    assert_int_equal(fseek(file, 20, SEEK_SET), 0);
    assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
    assert_false(intents_read(&place, &intents, &err));
    assert_non_null(strstr(err.text, "was altered"));
    assert_int_equal(intents.count, 0);
}

/* ---- claims ---- */

static bool find_claims(struct claim *claims, size_t count, int64_t from, int64_t to)
{
    bool nameless;
    assert_true(intents_find_claims(&place, claims, count, from, to, &nameless, &err));
    return nameless;
}

TEST(outcomes_and_persons_say_whose_a_campaign_is)
{
    struct claim claims[] = {
        {.campaign_id = STR("cd-1")}, {.campaign_id = STR("cd-2")}, {.campaign_id = STR("cd-3")}};
    OUTCOME(A, "yes", ",\"upstream\":{\"campaign_id\":\"cd-1\"}");
    put("\"kind\":\"closed\",\"id\":\"" B "\",\"created\":\"yes\",\"campaign_id\":\"cd-3\"", "", "",
        "");
    assert_false(find_claims(claims, 3, 0, INT64_MAX));
    assert_true(claims[0].taken && !claims[1].taken && claims[2].taken);
}

TEST(one_that_says_created_and_not_which_is_told_of)
{
    OUTCOME(B, "yes", ",\"upstream\":{}");
    assert_true(find_claims(NULL, 0, 0x01936b2f0001, 0x01936b2f0001));
    assert_false(find_claims(NULL, 0, 0, 0x01936b2f0000));
    assert_false(find_claims(NULL, 0, 0x01936b2f0002, INT64_MAX));
    OUTCOME(C, "yes", ",\"upstream\":{\"campaign_id\":\"cd-{hmac:k:1}\"}");
    assert_true(find_claims(NULL, 0, 0x01936b2f0002, INT64_MAX));
}

TEST(one_that_was_not_created_is_no_claim)
{
    OUTCOME(A, "no", ",\"upstream\":{}");
    OUTCOME(B, "unknown", ",\"upstream\":{}");
    assert_false(find_claims(NULL, 0, 0, INT64_MAX));
}

/* ---- one of them ---- */

static void expect_story(const char *id, enum intent_state state, const char *words)
{
    struct intent_story story;
    assert_true(intents_find(&place, str_from(id), &story, &err));
    assert_int_equal(story.state, state);
    assert_string_equal(story.words, words);
}

TEST(each_decision_has_its_story)
{
    expect_story(A, INTENT_ABSENT, "is in no record");
    ALLOW(A);
    expect_story(A, INTENT_OPEN, "is open");
    OUTCOME(A, "unknown", "");
    expect_story(A, INTENT_OPEN, "is open");
    OUTCOME(A, "yes", ",\"reconciled\":true,\"upstream\":{\"campaign_id\":\"cd-1\"}");
    expect_story(A, INTENT_ENDED, "was created as cd-1");
    ALLOW(B);
    OUTCOME(B, "no", "");
    expect_story(B, INTENT_ENDED, "was not created");
    put("\"kind\":\"decision\",\"id\":\"" C "\",\"time\":\"x\",\"verdict\":\"deny\"", "", "", "");
    expect_story(C, INTENT_REFUSED, "was refused by the gateway, so it was never created");
}

TEST(a_closed_one_was_closed)
{
    ALLOW(A);
    OUTCOME(A, "unknown", "");
    put("\"kind\":\"closed\",\"id\":\"" A "\",\"created\":\"no\"", "", A, "");
    expect_story(A, INTENT_CLOSED, "was closed by a person");
}

TEST(an_open_one_is_known_where_its_decision_is_gone)
{
    ALLOW(A);
    journal_close(journal);
    options.segment_bytes = 1;
    open_journal();
    ALLOW(B);
    for (expect_open("ab"); intents.items[0].seq > 0; expect_open("ab"))
        remove_first_segment();
    expect_story(A, INTENT_OPEN, "is open");
}

#define IN_DIRECTORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(IN_DIRECTORY(a_decision_is_open_until_its_outcome), IN_DIRECTORY(a_refused_one_is_never_open),
      IN_DIRECTORY(an_outcome_that_knows_nothing_leaves_it_open),
      IN_DIRECTORY(what_an_answer_said_does_not_count_as_what_is_known),
      IN_DIRECTORY(a_persons_word_closes_it_whatever_it_is),
      IN_DIRECTORY(one_that_is_under_way_is_not_counted_and_not_closed),
      IN_DIRECTORY(one_of_a_former_run_is_counted),
      IN_DIRECTORY(an_outcome_that_is_lost_leaves_it_open_and_counted),
      IN_DIRECTORY(an_outcome_that_is_not_even_taken_leaves_it_open_and_counted),
      IN_DIRECTORY(what_a_decision_was_is_told),
      IN_DIRECTORY(the_list_is_carried_from_segment_to_segment),
      IN_DIRECTORY(a_journal_that_is_broken_says_so),
      IN_DIRECTORY(outcomes_and_persons_say_whose_a_campaign_is),
      IN_DIRECTORY(one_that_says_created_and_not_which_is_told_of),
      IN_DIRECTORY(one_that_was_not_created_is_no_claim), IN_DIRECTORY(each_decision_has_its_story),
      IN_DIRECTORY(a_closed_one_was_closed),
      IN_DIRECTORY(an_open_one_is_known_where_its_decision_is_gone))
