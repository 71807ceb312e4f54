/* The inbox: what comes in from other processes, and what does not. */
#include "audit/inbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/reader.h"
#include "test.h"

#define ID_A "01936b2f-0000-7000-8000-00000000000a"
#define ID_B "01936b2f-0000-7000-8000-00000000000b"
#define DECISION "01936b2f-1111-7000-8000-000000000001"
#define CLOSED "\"kind\":\"closed\",\"id\":\"" DECISION "\",\"reason\":\"seen in the console\""
#define NOBODY 54321

static char directory[64];
static struct journal_options options;
static struct journal *journal;
static struct inbox *inbox;
static struct error err;
static struct buf told; /* "name kind reason; " of each file */

static void note(void *arg, const char *name, struct str kind, const char *reason)
{
    (void)arg;
    buf_format(&told, "%s %.*s %s; ", name, STR_ARGS(kind), reason ? reason : "-");
}

static void tell(void *arg)
{
    *(_Atomic bool *)arg = true;
}

static void append(struct journal_entry entry)
{
    _Atomic bool done = false;
    entry.done = tell;
    entry.arg = (void *)&done;
    assert_true(journal_append(journal, &entry));
    while (!done)
        (void)poll(NULL, 0, 1);
    assert_int_equal(entry.fate, JOURNAL_DURABLE);
}

/* A campaign of which nobody knows whether it was created. */
static void leave_one_open(void)
{
    append((struct journal_entry){
        .members = STR("\"kind\":\"decision\",\"id\":\"" DECISION "\",\"verdict\":\"allow\""),
        .opens = STR(DECISION)});
    append((struct journal_entry){
        .members = STR("\"kind\":\"outcome\",\"id\":\"" DECISION "\",\"created\":\"unknown\""),
        .orphans = STR(DECISION)});
}

static void start_gateway(void)
{
    struct journal_recovery recovery;
    journal = journal_open(&options, &recovery, &err);
    assert_non_null(journal);
    if (recovery.last_seq == 0 && options.max_waiting > 0)
        leave_one_open();
    inbox = inbox_open(journal, &options, recovery.last_seq, note, NULL, &err);
    assert_non_null(inbox);
}

static void stop_gateway(void)
{
    inbox_close(inbox);
    journal_close(journal);
    inbox = NULL;
    journal = NULL;
}

static int begin(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/inbox-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    options = (struct journal_options){
        .directory = directory, .segment_bytes = 1 << 20, .max_waiting = 100};
    buf_init(&told, 100000);
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
    stop_gateway();
    buf_release(&told);
    return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name)
{
    static char path[400];
    (void)snprintf(path, sizeof(path), "%s/inbox/%s", directory, name);
    return path;
}

static bool exists(const char *name)
{
    struct stat info;
    return lstat(path_of(name), &info) == 0;
}

static void put(const char *name, const char *text, size_t len)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

/* How many records hold the text. */
static size_t records_with(const char *text)
{
    size_t count = 0;
    struct reader_record record;
    const char *const directories[] = {directory};
    struct reader *reader = reader_open(
        &(struct reader_options){.directories = directories, .directory_count = 1}, &err);
    assert_non_null(reader);
    enum reader_result result;
    while ((result = reader_next(reader, &record, &err)) == READER_RECORD)
        count += memmem(record.json.data, record.json.len, text, strlen(text)) != NULL;
    assert_int_equal(result, READER_END);
    reader_close(reader);
    return count;
}

/* ---- the gateway's side ---- */

TEST(appends_what_waits_with_time_and_request_and_takes_it_away)
{
    start_gateway();
    put_text(ID_A ".json", "{" CLOSED "}");
    assert_false(inbox_take(inbox));
    EXPECT_STR(buf_str(&told), ID_A " closed -; ");
    assert_false(exists(ID_A ".json") || exists(ID_A ".taken") || exists(ID_A ".refused"));
    assert_int_equal(records_with("," CLOSED ",\"time\":\"20"), 1);
    assert_int_equal(records_with("Z\",\"request\":\"" ID_A "\"}"), 1);
}

TEST(tells_by_its_descriptor_that_something_came)
{
    start_gateway();
    struct pollfd watched = {.fd = inbox_fd(inbox), .events = POLLIN};
    assert_int_equal(poll(&watched, 1, 0), 0);
    put_text(ID_A ".tmp", "{" CLOSED "}");
    char to[400];
    (void)snprintf(to, sizeof(to), "%s", path_of(ID_A ".json"));
    assert_int_equal(rename(path_of(ID_A ".tmp"), to), 0);
    assert_int_equal(poll(&watched, 1, 5000), 1);
    (void)inbox_take(inbox);
    EXPECT_STR(buf_str(&told), ID_A " closed -; ");
}

TEST(takes_in_the_order_of_names_a_bounded_number_at_once)
{
    start_gateway();
    char name[64], expected[64];
    for (int i = 69; i >= 0; i--) {
        (void)snprintf(name, sizeof(name), "01936b2f-0000-7000-8000-0000000000%02d.json", i);
        put_text(name, "{\"kind\":\"exported\"}");
    }
    assert_true(inbox_take(inbox));
    size_t first = told.len;
    assert_false(inbox_take(inbox));
    assert_true(first > 0 && told.len > first);
    struct str rest = buf_str(&told), head;
    for (int i = 0; i < 70; i++) {
        (void)snprintf(expected, sizeof(expected), "01936b2f-0000-7000-8000-0000000000%02d", i);
        assert_true(str_cut(rest, ';', &head, &rest));
        rest = str_slice(rest, 1, rest.len);
        assert_true(str_starts(head, str_from(expected)));
    }
}

TEST(leaves_alone_what_is_still_being_written)
{
    start_gateway();
    put_text(ID_A ".tmp", "{\"kind\":");
    assert_false(inbox_take(inbox));
    assert_true(exists(ID_A ".tmp"));
    assert_int_equal(told.len, 0);
}

static const struct {
    const char *text, *why;
} bad_texts[] = {
    {"", "not one JSON object"},
    {"{}", "not one JSON object"},
    {"[]", "not one JSON object"},
    {"{\"kind\":\"closed\",", "not one JSON object"},
    {" {" CLOSED "}", "not one JSON object"},
    {"{" CLOSED "}\n", "not one JSON object"},
    {"{" CLOSED ",\"x\":\n1}", "not one JSON object"},
    {"{\"id\":\"" DECISION "\",\"kind\":\"closed\"}", "begins with \"kind\""},
    {"{\"kind\":\"closed\"}}", "follows the JSON value"},
    {"{\"kind\":\"closed\",\"kind\":\"closed\"}", "same key twice"},
    {"{" CLOSED ",\"x\":\"\xff\"}", "not valid UTF-8"},
    {"{" CLOSED ",\"seq\":1}", "seq, prev, time or request"},
    {"{" CLOSED ",\"s\\u0065q\":1}", "seq, prev, time or request"},
    {"{" CLOSED ",\"prev\":\"\"}", "seq, prev, time or request"},
    {"{" CLOSED ",\"time\":\"2026-11-28T11:30:00.000Z\"}", "seq, prev, time or request"},
    {"{" CLOSED ",\"request\":\"x\"}", "seq, prev, time or request"},
    {"{\"kind\":\"decision\",\"id\":\"" DECISION "\"}", "not made from outside"},
    {"{\"kind\":\"checkpoint\",\"note\":\"\"}", "not made from outside"},
    {"{\"kind\":\"segment\"}", "not made from outside"},
    {"{\"kind\":\"closed\\u0000\"}", "U+0000"},
    {"{\"kind\":\"outcome\",\"id\":\"" DECISION "\"}", "\"reconciled\": true"},
    {"{\"kind\":\"outcome\",\"id\":\"" DECISION "\",\"reconciled\":false}", "\"reconciled\": true"},
    {"{\"kind\":\"outcome\",\"id\":\"" DECISION "\",\"reconciled\":\"true\"}",
     "\"reconciled\": true"},
    {"{\"kind\":\"outcome\",\"reconciled\":true}", "does not name a decision"},
    {"{\"kind\":\"closed\"}", "does not name a decision"},
    {"{\"kind\":\"closed\",\"id\":7}", "does not name a decision"},
    {"{\"kind\":\"closed\",\"id\":\"01936B2F-1111-7000-8000-000000000001\"}",
     "does not name a decision"},
    {"{\"kind\":\"clos\\u0065d\",\"id\":\"" DECISION "\"}", "not written as records are"},
    {"{\"kind\":\"closed\",\"id\":\"\\u0030" /* DECISION */
     "1936b2f-1111-7000-8000-000000000001\"}",
     "not written as records are"},
    {"{\"kind\":\"closed\",\"i\\u0064\":\"" DECISION "\"}", "not written as records are"},
    {"{\"kind\":\"closed\" ,\"id\":\"" DECISION "\"}", "not written as records are"},
    {"{" CLOSED ", \"x\":\"a b\"}", "not written as records are"},
    {"{" CLOSED ",\"created\":\"unkn\\u006fwn\"}", "not written as records are"},
    {"{\"kind\":\"outcome\",\"id\":\"" DECISION "\",\"reconcil\\u0065d\":true}",
     "not written as records are"},
    {"{" CLOSED ",\"capture\":{\"file\":\"x\"}}", "capture or note"},
    {"{\"kind\":\"looked_up\",\"note\":\"\"}", "capture or note"},
};

TEST(refuses_what_is_no_record_from_outside_and_says_why)
{
    start_gateway();
    char name[64];
    for (size_t i = 0; i < COUNT_OF(bad_texts); i++) {
        buf_clear(&told);
        (void)snprintf(name, sizeof(name), "01936b2f-0000-7000-8000-0000000000%02zu.json", i);
        put_text(name, bad_texts[i].text);
        assert_false(inbox_take(inbox));
        buf_append_byte(&told, '\0');
        if (!strstr(told.data, bad_texts[i].why))
            fail_msg("%s: %s", bad_texts[i].text, told.data);
        assert_false(exists(name));
        (void)snprintf(name, sizeof(name), "01936b2f-0000-7000-8000-0000000000%02zu.refused", i);
        assert_true(exists(name));
    }
    assert_int_equal(records_with("\"request\""), 0);
}

TEST(accepts_every_kind_that_may_come_from_outside)
{
    static const char *const good[] = {
        "{\"kind\":\"outcome\",\"id\":\"" DECISION "\",\"outcome\":\"created\",\"created\":\"yes\","
        "\"reconciled\":true}",
        "{\"kind\":\"exported\"}", "{\"kind\":\"looked_up\"}", "{\"kind\":\"reconcile\"}"};
    start_gateway();
    char name[64];
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        (void)snprintf(name, sizeof(name), "01936b2f-0000-7000-8000-00000000000%zu.json", i);
        put_text(name, good[i]);
    }
    assert_false(inbox_take(inbox));
    assert_int_equal(records_with("\"request\""), COUNT_OF(good));
}

TEST(says_what_became_of_a_campaign_once)
{
    start_gateway();
    put_text(ID_A ".json", "{" CLOSED "}");
    put_text(ID_B ".json", "{" CLOSED "}");
    (void)inbox_take(inbox);
    EXPECT_STR(buf_str(&told),
               ID_A " closed -; " ID_B " closed the campaign is not, or no longer, open; ");
    assert_int_equal(records_with(CLOSED), 1);
}

TEST(says_nothing_of_a_campaign_that_never_was)
{
    start_gateway();
    put_text(ID_A ".json", "{\"kind\":\"closed\",\"id\":\"" ID_B "\"}");
    (void)inbox_take(inbox);
    EXPECT_STR(buf_str(&told), ID_A " closed the campaign is not, or no longer, open; ");
}

TEST(refuses_files_that_are_none)
{
    char target[400];
    start_gateway();
    (void)snprintf(target, sizeof(target), "%s/secret", directory);
    int fd = open(target, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "{" CLOSED "}", strlen("{" CLOSED "}")), strlen("{" CLOSED "}"));
    close(fd);
    assert_int_equal(symlink(target, path_of(ID_A ".json")), 0);
    assert_int_equal(mkfifo(path_of(ID_B ".json"), 0600), 0);
    assert_int_equal(mkdir(path_of("01936b2f-0000-7000-8000-00000000000c.json"), 0700), 0);
    put_text("note.json", "{" CLOSED "}");
    put_text("01936B2F-0000-7000-8000-00000000000D.json", "{" CLOSED "}");
    assert_false(inbox_take(inbox));
    buf_append_byte(&told, '\0');
    assert_non_null(strstr(told.data, ID_A "  it is a symbolic link"));
    assert_non_null(strstr(told.data, ID_B "  it is not an ordinary file"));
    assert_non_null(strstr(told.data, "c  it is not an ordinary file"));
    assert_non_null(strstr(told.data, "note  its name is not"));
    assert_non_null(strstr(told.data, "D  its name is not"));
    assert_int_equal(records_with(CLOSED), 0);
    assert_int_equal(access(target, F_OK), 0);
    buf_clear(&told);
    assert_false(inbox_take(inbox));
    assert_int_equal(told.len, 0); /* each is told of once */
}

TEST(refuses_what_another_user_left)
{
    if (geteuid() != 0)
        skip();
    start_gateway();
    put_text(ID_A ".json", "{" CLOSED "}");
    assert_int_equal(chown(path_of(ID_A ".json"), NOBODY, NOBODY), 0);
    (void)inbox_take(inbox);
    EXPECT_STR(buf_str(&told), ID_A "  it belongs to another user; ");
    assert_int_equal(records_with(CLOSED), 0);
}

TEST(refuses_what_is_larger_than_a_record_and_takes_the_largest)
{
    static char text[LIMIT_INBOX_BYTES + 1];
    start_gateway();
    memset(text, 'x', sizeof(text));
    memcpy(text, "{\"kind\":\"exported\",\"x\":\"", 24);
    memcpy(text + LIMIT_INBOX_BYTES - 2, "\"}", 2);
    put(ID_A ".json", text, LIMIT_INBOX_BYTES);
    memcpy(text + LIMIT_INBOX_BYTES - 1, "\"}", 2);
    text[LIMIT_INBOX_BYTES - 2] = 'x';
    put(ID_B ".json", text, LIMIT_INBOX_BYTES + 1);
    (void)inbox_take(inbox);
    EXPECT_STR(buf_str(&told), ID_A " exported -; " ID_B "  it is larger than any record; ");
}

TEST(refuses_when_the_journal_cannot_be_written)
{
    options.max_waiting = 0;
    start_gateway();
    put_text(ID_A ".json", "{\"kind\":\"exported\"}");
    (void)inbox_take(inbox);
    EXPECT_STR(buf_str(&told), ID_A " exported the journal cannot be written; ");
    assert_true(exists(ID_A ".refused"));
}

TEST(a_file_that_a_former_run_had_begun_to_take_is_recorded_once)
{
    start_gateway();
    put_text(ID_A ".json", "{\"kind\":\"exported\"}");
    (void)inbox_take(inbox);
    stop_gateway();
    put_text(ID_A ".taken", "{\"kind\":\"exported\"}"); /* died between recording and removing */
    put_text(ID_B ".taken", "{" CLOSED "}");            /* died before recording */
    start_gateway();
    assert_false(exists(ID_A ".taken") || exists(ID_B ".taken"));
    assert_int_equal(records_with("\"request\":\"" ID_A "\"}"), 1);
    assert_int_equal(records_with("\"request\":\"" ID_B "\"}"), 1);
}

TEST(a_directory_open_to_others_is_closed_to_them)
{
    start_gateway();
    stop_gateway();
    assert_int_equal(chmod(path_of(""), 0777), 0);
    start_gateway();
    struct stat info;
    assert_int_equal(stat(path_of(""), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
}

TEST(an_inbox_that_is_a_link_is_not_followed)
{
    struct journal_recovery recovery;
    char path[400];
    (void)snprintf(path, sizeof(path), "%s/inbox", directory);
    assert_int_equal(symlink("/tmp", path), 0);
    journal = journal_open(&options, &recovery, &err);
    assert_null(inbox_open(journal, &options, 0, note, NULL, &err));
    assert_non_null(strstr(err.text, "cannot open the directory"));
}

/* ---- the verb's side ---- */

struct submission {
    pthread_t thread;
    struct error err;
    int64_t timeout_ms;
    bool recorded;
    _Atomic bool ended;
};

static void *submit_main(void *arg)
{
    struct submission *submission = arg;
    submission->recorded =
        inbox_submit(&options, STR(CLOSED), submission->timeout_ms, &submission->err);
    submission->ended = true;
    return NULL;
}

TEST(a_submission_is_recorded_by_the_gateway_that_runs)
{
    struct submission submission = {.timeout_ms = 60000};
    start_gateway();
    assert_int_equal(pthread_create(&submission.thread, NULL, submit_main, &submission), 0);
    while (!submission.ended) {
        (void)inbox_take(inbox);
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(pthread_join(submission.thread, NULL), 0);
    assert_true(submission.recorded);
    assert_int_equal(records_with(CLOSED), 1);
}

TEST(a_submission_hears_why_it_was_refused_and_leaves_nothing_behind)
{
    struct submission submission = {.timeout_ms = 60000};
    start_gateway();
    stop_gateway();
    options.max_waiting = 0;
    start_gateway();
    assert_int_equal(pthread_create(&submission.thread, NULL, submit_main, &submission), 0);
    while (!submission.ended) {
        (void)inbox_take(inbox);
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(pthread_join(submission.thread, NULL), 0);
    assert_false(submission.recorded);
    assert_non_null(strstr(submission.err.text, "the journal cannot be written"));
    assert_int_equal(rmdir(path_of("")), 0); /* it is empty */
}

TEST(a_submission_that_nobody_takes_is_withdrawn)
{
    start_gateway();
    assert_false(inbox_submit(&options, STR(CLOSED), 50, &err));
    assert_non_null(strstr(err.text, "withdrawn"));
    assert_int_equal(rmdir(path_of("")), 0);
    assert_int_equal(mkdir(path_of(""), 0700), 0);
    (void)inbox_take(inbox);
    assert_int_equal(records_with(CLOSED), 0);
}

TEST(without_a_gateway_a_submission_is_recorded_all_the_same)
{
    start_gateway();
    stop_gateway();
    put_text(ID_A ".json", "{\"kind\":\"exported\"}"); /* nobody else is there to take it */
    assert_true(inbox_submit(&options, STR(CLOSED), 60000, &err));
    assert_int_equal(records_with(CLOSED), 1);
    assert_int_equal(records_with(ID_A), 1);
}

TEST(a_journal_that_cannot_be_opened_takes_no_submission)
{
    start_gateway();
    stop_gateway();
    char path[400];
    (void)snprintf(path, sizeof(path), "%s/signing.key", directory);
    assert_int_equal(truncate(path, 0), 0);
    assert_false(inbox_submit(&options, STR(CLOSED), 60000, &err));
    assert_non_null(strstr(err.text, "signing.key"));
    assert_int_equal(rmdir(path_of("")), 0);
}

TEST(a_submission_makes_no_journal_where_there_is_none)
{
    assert_false(inbox_submit(&options, STR(CLOSED), 1000, &err));
    assert_non_null(strstr(err.text, "there is no journal in"));
    char path[400];
    (void)snprintf(path, sizeof(path), "%s/lock", directory);
    assert_int_not_equal(access(path, F_OK), 0);
}

TEST(a_submission_by_another_user_is_told_which_user_it_takes)
{
    if (geteuid() != 0)
        skip();
    char path[400];
    start_gateway();
    stop_gateway();
    (void)snprintf(path, sizeof(path), "%s/lock", directory);
    assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    assert_false(inbox_submit(&options, STR(CLOSED), 1000, &err));
    assert_non_null(strstr(err.text, "belongs to the user without a name (54321): run this as"));
}

TEST(a_submission_that_no_gateway_would_record_is_not_written)
{
    start_gateway();
    stop_gateway();
    assert_false(inbox_submit(&options, STR("\"kind\":\"decision\""), 1000, &err));
    assert_non_null(strstr(err.text, "not made from outside"));
    static char large[LIMIT_INBOX_BYTES + 1];
    memset(large, ' ', sizeof(large));
    assert_false(inbox_submit(&options, (struct str){large, sizeof(large)}, 1000, &err));
    assert_non_null(strstr(err.text, "larger than any record"));
}

#define IN_DIRECTORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(IN_DIRECTORY(appends_what_waits_with_time_and_request_and_takes_it_away),
      IN_DIRECTORY(tells_by_its_descriptor_that_something_came),
      IN_DIRECTORY(takes_in_the_order_of_names_a_bounded_number_at_once),
      IN_DIRECTORY(leaves_alone_what_is_still_being_written),
      IN_DIRECTORY(refuses_what_is_no_record_from_outside_and_says_why),
      IN_DIRECTORY(accepts_every_kind_that_may_come_from_outside),
      IN_DIRECTORY(says_what_became_of_a_campaign_once),
      IN_DIRECTORY(says_nothing_of_a_campaign_that_never_was),
      IN_DIRECTORY(refuses_files_that_are_none), IN_DIRECTORY(refuses_what_another_user_left),
      IN_DIRECTORY(refuses_what_is_larger_than_a_record_and_takes_the_largest),
      IN_DIRECTORY(refuses_when_the_journal_cannot_be_written),
      IN_DIRECTORY(a_file_that_a_former_run_had_begun_to_take_is_recorded_once),
      IN_DIRECTORY(a_directory_open_to_others_is_closed_to_them),
      IN_DIRECTORY(an_inbox_that_is_a_link_is_not_followed),
      IN_DIRECTORY(a_submission_is_recorded_by_the_gateway_that_runs),
      IN_DIRECTORY(a_submission_hears_why_it_was_refused_and_leaves_nothing_behind),
      IN_DIRECTORY(a_submission_that_nobody_takes_is_withdrawn),
      IN_DIRECTORY(without_a_gateway_a_submission_is_recorded_all_the_same),
      IN_DIRECTORY(a_journal_that_cannot_be_opened_takes_no_submission),
      IN_DIRECTORY(a_submission_makes_no_journal_where_there_is_none),
      IN_DIRECTORY(a_submission_by_another_user_is_told_which_user_it_takes),
      IN_DIRECTORY(a_submission_that_no_gateway_would_record_is_not_written))
