/* The index of a journal: what it finds, when it is made anew, and what it cannot be made to say.
 */
#include "audit/index.h"

#include <sqlite3.h>
#include <sys/wait.h>

#include "audit/index_db.h"
#include "written_journal.h"

static struct written w;
static struct index *ix;
static struct error err;
static struct buf found; /* "5 3 1 " */
static struct buf after;
static const char *directories[1];
static const char *index_path; /* NULL: in the journal's directory */

static int begin(void **state)
{
    (void)state;
    written_begin(&w);
    written_segment(&w);
    directories[0] = w.directory;
    index_path = NULL;
    ix = NULL;
    buf_init(&found, 1 << 20);
    buf_init(&after, 1000);
    return 0;
}

static int end(void **state)
{
    (void)state;
    index_close(ix);
    buf_release(&found);
    buf_release(&after);
    written_end(&w);
    return 0;
}

/* ---- helpers ---- */

static bool try_open(bool rebuild)
{
    index_close(ix);
    ix = index_open(&(struct index_options){.directories = directories,
                                            .directory_count = 1,
                                            .path = index_path,
                                            .rebuild = rebuild},
                    &err);
    return ix != NULL;
}

static void open_index(void)
{
    if (!try_open(false))
        fail_msg("%s", err.text);
}

static bool take(void *arg, struct str source, uint64_t seq, struct str json, struct str hash)
{
    char hex[DIGEST_HEX_SIZE];
    (void)arg;
    assert_true(str_equal(source, STR(TEST_ORIGIN)));
    assert_true(digest_hex(json, hex) && str_equal(hash, str_from(hex)));
    buf_format(&found, "%llu ", (unsigned long long)seq);
    return true;
}

static bool search(struct search_query query)
{
    if (!query.limit)
        query.limit = 1000;
    buf_clear(&found);
    buf_clear(&after);
    bool fine = index_search(ix, &query, take, NULL, &after, &err);
    buf_append_byte(&found, '\0');
    return fine;
}

static void expect(struct search_query query, const char *numbers)
{
    if (!search(query))
        fail_msg("%s", err.text);
    assert_string_equal(found.data, numbers);
}

#define EXPECT_FOUND(numbers, ...) expect((struct search_query){__VA_ARGS__}, (numbers))

static void put_decision(const char *id, const char *team, const char *verdict)
{
    written_format(&w,
                   "\"kind\":\"decision\",\"id\":\"%s\",\"team\":\"%s\",\"verdict\":\"%s\","
                   "\"campaign\":{\"name\":\"Campaign %s\"},"
                   "\"policy\":{\"revision\":\"r1\",\"digest\":\"d1\"}",
                   id, team, verdict, id);
}

static void put_outcome(const char *id, const char *outcome)
{
    written_format(&w, "\"kind\":\"outcome\",\"id\":\"%s\",\"outcome\":\"%s\"", id, outcome);
}

/* 2 and 4 of a team, 3 of another; 5 and 6 what became of 2 and 4. */
static void put_some(void)
{
    put_decision("aa", "billing", "allow");
    put_decision("bb", "claims", "deny");
    put_decision("cc", "billing", "allow");
    put_outcome("aa", "created");
    put_outcome("cc", "failed");
}

static void path_of(const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", w.directory, name);
}

/* Changes the index behind everybody's back. */
static void doctor_meanwhile(const char *sql)
{
    char path[128], *why = NULL;
    sqlite3 *sqlite;
    path_of("index.sqlite", path);
    assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
    if (sqlite3_exec(sqlite, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(sqlite);
}

static void doctor(const char *sql)
{
    index_close(ix);
    ix = NULL;
    doctor_meanwhile(sql);
}

static void write_over(const char *name, long offset, const char *bytes, size_t len)
{
    char path[128];
    path_of(name, path);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, offset), len);
    close(fd);
}

static bool remarks_hold(const char *words)
{
    struct str remarks = index_remarks(ix);
    return remarks.len && memmem(remarks.data, remarks.len, words, strlen(words));
}

static void expect_no_remarks(void)
{
    EXPECT_STR(index_remarks(ix), "");
    EXPECT_STR(index_broken(ix), "");
}

/* ---- what it finds ---- */

TEST(an_empty_journal_has_nothing_to_find)
{
    written_empty(&w);
    open_index();
    assert_true(search((struct search_query){0}));
    assert_string_equal(found.data, "");
    expect_no_remarks();
}

TEST(what_was_asked_is_found_newest_first)
{
    put_some();
    open_index();
    EXPECT_FOUND("6 5 4 3 2 1 ", .limit = 100);
    EXPECT_FOUND("1 2 3 4 5 6 ", .oldest_first = true);
    EXPECT_FOUND("4 3 2 ", .kind = STR("decision"));
    EXPECT_FOUND("3 ", .team = STR("claims"));
    EXPECT_FOUND("", .team = STR("nobody"));
    EXPECT_FOUND("3 ", .verdict = STR("deny"));
    EXPECT_FOUND("4 ", .campaign = STR("*cc"), .kind = STR("decision"));
    EXPECT_FOUND("5 2 ", .id = STR("aa"));
    EXPECT_FOUND("1 ", .kind = STR("segment"));
    EXPECT_FOUND("4 3 2 ", .policy_revision = STR("r1"), .kind = STR("decision"));
    EXPECT_FOUND("4 3 2 ", .policy_revision = STR("d"), .kind = STR("decision"));
    EXPECT_FOUND("", .policy_revision = STR("r"), .kind = STR("decision"));
    expect_no_remarks();
}

TEST(decision_and_outcome_are_found_by_each_other)
{
    put_some();
    open_index();
    EXPECT_FOUND("5 2 ", .team = STR("billing"), .outcome = STR("created"));
    EXPECT_FOUND("2 ", .outcome = STR("created"), .kind = STR("decision"));
    EXPECT_FOUND("6 5 ", .team = STR("billing"), .kind = STR("outcome"));
    EXPECT_FOUND("", .team = STR("claims"), .outcome = STR("created"));
    EXPECT_FOUND("6 4 ", .text = STR("campaign failed"));
}

TEST(times_and_numbers_bound_what_is_found)
{
    put_some(); /* every tenth of a second */
    open_index();
    EXPECT_FOUND("4 3 ", .from_unix_ms = TEST_TIME_MS + 200, .to_unix_ms = TEST_TIME_MS + 400);
    EXPECT_FOUND("", .to_unix_ms = TEST_TIME_MS);
    EXPECT_FOUND("", .from_unix_ms = TEST_TIME_MS + 10000);
    EXPECT_FOUND("5 4 ", .from_seq = 4, .to_seq = 6);
    EXPECT_FOUND("", .from_seq = 7);
    EXPECT_FOUND("2 ", .from_seq = 2, .to_seq = 3, .oldest_first = true);
}

TEST(a_clock_that_went_back_hides_nothing)
{
    put_decision("aa", "a", "allow");
    w.time_ms -= 3600000;
    put_decision("bb", "a", "allow");
    w.time_ms += 7200000;
    put_decision("cc", "a", "allow");
    open_index();
    EXPECT_FOUND("3 ", .to_unix_ms = TEST_TIME_MS);
    EXPECT_FOUND("2 1 ", .from_unix_ms = TEST_TIME_MS, .to_unix_ms = TEST_TIME_MS + 3000000);
    EXPECT_FOUND("4 ", .from_unix_ms = TEST_TIME_MS + 3000000);
}

TEST(another_source_has_nothing_here)
{
    put_some();
    open_index();
    EXPECT_FOUND("6 5 4 3 2 1 ", .source = STR(TEST_ORIGIN));
    EXPECT_FOUND("", .source = STR("campaign-gateway/other"));
    EXPECT_STR(index_source(ix), TEST_ORIGIN);
}

TEST(ids_are_found_by_their_beginning)
{
    put_decision("019ac7c2-70fa", "a", "allow");
    put_decision("019ac7c3-70fa", "a", "allow");
    put_decision("019ac7c4\xff\xff", "a", "allow");
    open_index();
    EXPECT_FOUND("3 2 ", .id = STR("019ac7c"), .to_seq = 4);
    EXPECT_FOUND("2 ", .id = STR("019ac7c2-"));
    EXPECT_FOUND("", .id = STR("19ac"));
    EXPECT_FOUND("", .id = STR("019ac7c2-70fa-more"));
}

TEST(what_is_no_json_is_found_by_its_number)
{
    written_put(&w, STR("\"kind\":\"decision\",,"));
    put_decision("aa", "a", "allow");
    open_index();
    EXPECT_FOUND("3 2 1 ", .limit = 9);
    EXPECT_FOUND("3 ", .kind = STR("decision"));
    EXPECT_FOUND("2 ", .from_seq = 2, .to_seq = 3);
}

TEST(a_record_is_told_where_it_stands)
{
    const char *file;
    uint64_t line;
    put_some();
    written_segment(&w);
    put_decision("dd", "a", "allow");
    open_index();
    assert_true(index_place(ix, 8, &file, &line, &err));
    assert_int_equal(line, 2);
    assert_non_null(strstr(file, "/00000000000000000007.jsonl"));
    assert_false(index_place(ix, 9, &file, &line, &err));
}

/* ---- pages ---- */

static void collect(struct search_query query, char *all)
{
    char cursor[100] = "";
    all[0] = '\0';
    for (int pages = 0; pages < 100; pages++) {
        query.after = str_from(cursor[0] ? cursor : NULL);
        if (!search(query))
            fail_msg("%s", err.text);
        (void)snprintf(all + strlen(all), 1000 - strlen(all), "%s", found.data);
        if (after.len == 0)
            return;
        (void)snprintf(cursor, sizeof(cursor), "%.*s", STR_ARGS(buf_str(&after)));
    }
    fail_msg("the pages do not end");
}

TEST(pages_follow_each_other_without_gap_or_repetition)
{
    char all[1000];
    put_some();
    open_index();
    for (size_t limit = 1; limit < 8; limit++) {
        collect((struct search_query){.limit = limit}, all);
        assert_string_equal(all, "6 5 4 3 2 1 ");
        collect((struct search_query){.limit = limit, .oldest_first = true}, all);
        assert_string_equal(all, "1 2 3 4 5 6 ");
        collect((struct search_query){.limit = limit, .team = STR("billing")}, all);
        assert_string_equal(all, "6 5 4 2 ");
    }
}

TEST(a_last_page_has_no_cursor)
{
    put_some();
    open_index();
    assert_true(search((struct search_query){.limit = 3, .kind = STR("decision")}));
    assert_int_equal(after.len, 0);
    assert_true(search((struct search_query){.limit = 2, .kind = STR("decision")}));
    assert_true(after.len > 0);
}

TEST(new_records_do_not_disturb_the_pages_behind_a_cursor)
{
    char cursor[100];
    put_some();
    open_index();
    assert_true(search((struct search_query){.limit = 2}));
    (void)snprintf(cursor, sizeof(cursor), "%.*s", STR_ARGS(buf_str(&after)));
    put_some();
    open_index();
    EXPECT_FOUND("4 3 ", .limit = 2, .after = str_from(cursor));
}

TEST(a_cursor_of_another_search_is_refused)
{
    char cursor[100];
    static const char *const others[] = {"",
                                         "5",
                                         "5-",
                                         "-1",
                                         "0-00000000",
                                         "5-00000000",
                                         "99999999999999999999-00000000",
                                         "5-zzzzzzzz-1"};
    put_some();
    open_index();
    assert_true(search((struct search_query){.limit = 2}));
    (void)snprintf(cursor, sizeof(cursor), "%.*s", STR_ARGS(buf_str(&after)));
    assert_true(search((struct search_query){.limit = 1, .after = str_from(cursor)}));
    assert_false(
        search((struct search_query){.limit = 2, .after = str_from(cursor), .team = STR("a")}));
    assert_non_null(strstr(err.text, "another search"));
    assert_false(
        search((struct search_query){.limit = 2, .after = str_from(cursor), .oldest_first = true}));
    for (size_t i = 1; i < COUNT_OF(others); i++)
        assert_false(search((struct search_query){.after = str_from(others[i])}));
}

static bool stop_at_once(void *arg, struct str source, uint64_t seq, struct str json,
                         struct str hash)
{
    (void)source;
    (void)seq;
    (void)json;
    (void)hash;
    ++*(int *)arg;
    return false;
}

TEST(whoever_is_told_may_stop)
{
    int told = 0;
    put_some();
    open_index();
    assert_true(
        index_search(ix, &(struct search_query){.limit = 9}, stop_at_once, &told, &after, &err));
    assert_int_equal(told, 1);
    assert_int_equal(after.len, 0);
}

/* ---- what is new ---- */

TEST(new_records_are_taken_when_it_is_opened)
{
    put_decision("aa", "billing", "allow");
    open_index();
    EXPECT_FOUND("2 ", .team = STR("billing"));
    put_outcome("aa", "created"); /* of a record that was taken before */
    put_decision("bb", "billing", "deny");
    open_index();
    EXPECT_FOUND("4 3 2 ", .team = STR("billing"));
    EXPECT_FOUND("3 2 ", .team = STR("billing"), .outcome = STR("created"));
    written_segment(&w);
    put_outcome("bb", "unknown");
    open_index();
    EXPECT_FOUND("6 4 ", .outcome = STR("unknown"), .team = STR("billing"));
    expect_no_remarks();
}

TEST(what_is_not_durable_is_not_taken)
{
    char path[128];
    put_some();
    path_of("durable", path);
    write_test_file(path, STR("00000000000000000003\n"), 0600);
    open_index();
    EXPECT_FOUND("3 2 1 ", .limit = 9);
    write_over("durable", 0, "00000000000000000006", 20);
    open_index();
    EXPECT_FOUND("6 5 4 3 2 1 ", .limit = 9);
}

TEST(a_torn_tail_is_not_taken_until_it_is_whole)
{
    struct buf line;
    put_some();
    buf_init(&line, 1000);
    assert_true(chain_append(&w.head, STR("\"kind\":\"late\""), &line));
    written_put_line(&w, (struct str){line.data, 20});
    open_index();
    EXPECT_FOUND("6 5 4 3 2 1 ", .limit = 9);
    written_put_line(&w, (struct str){line.data + 20, line.len - 20});
    open_index();
    EXPECT_FOUND("7 ", .kind = STR("late"));
    expect_no_remarks();
    buf_release(&line);
}

/* An outcome that comes blocks later is put into rows that were written long before. */
TEST(a_late_outcome_finds_its_decision)
{
    put_decision("aa", "billing", "allow");
    for (size_t i = 0; i < POSTINGS_BLOCK + 10; i++)
        written_put(&w, STR("\"kind\":\"other\""));
    open_index();
    put_outcome("aa", "created");
    open_index();
    EXPECT_FOUND("32781 2 ", .team = STR("billing"));
    EXPECT_FOUND("2 ", .outcome = STR("created"), .kind = STR("decision"));
    assert_true(try_open(true));
    EXPECT_FOUND("2 ", .outcome = STR("created"), .kind = STR("decision"));
    EXPECT_FOUND("32781 2 ", .team = STR("billing"), .outcome = STR("created"));
    EXPECT_FOUND("2 32781 ", .team = STR("billing"), .oldest_first = true);
}

TEST(a_story_without_end_stays_bounded)
{
    for (size_t i = 0; i < 3 * LIMIT_STORY_RECORDS; i++)
        put_outcome("aa", i ? "created" : "first");
    open_index();
    assert_true(search((struct search_query){.outcome = STR("first")}));
    EXPECT_FOUND("193 ", .from_seq = 193, .outcome = STR("created"));
}

/* ---- when it is made anew ---- */

TEST(another_journal_in_the_same_place_is_noticed)
{
    char index[128], kept[200];
    put_some();
    open_index();
    index_close(ix);
    ix = NULL;
    path_of("index.sqlite", index);
    (void)snprintf(kept, sizeof(kept), "/tmp/kept-%ld.sqlite", (long)getpid());
    assert_int_equal(rename(index, kept), 0);
    written_end(&w);
    written_begin(&w);
    written_segment(&w);
    directories[0] = w.directory;
    for (int i = 0; i < 6; i++)
        put_decision("zz", "other", "deny");
    path_of("index.sqlite", index);
    assert_int_equal(rename(kept, index), 0);
    open_index();
    EXPECT_FOUND("7 6 5 4 3 2 ", .team = STR("other"));
    EXPECT_FOUND("", .team = STR("billing"));
}

TEST(a_journal_that_was_set_back_is_noticed)
{
    char path[128];
    put_some();
    open_index();
    written_path(&w, 1, path);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    put_decision("dd", "late", "allow");
    open_index();
    EXPECT_FOUND("7 ", .team = STR("late"));
    assert_int_equal(truncate(path, status.st_size), 0);
    open_index();
    EXPECT_FOUND("", .team = STR("late"));
    EXPECT_FOUND("6 5 4 3 2 1 ", .limit = 9);
}

TEST(an_index_of_another_version_is_made_anew)
{
    put_some();
    open_index();
    doctor("PRAGMA user_version = 99");
    open_index();
    assert_true(remarks_hold("another version"));
    EXPECT_FOUND("3 ", .team = STR("claims"));
    open_index();
    expect_no_remarks();
}

TEST(a_damaged_index_is_made_anew)
{
    static char garbage[8192];
    char path[128];
    memset(garbage, 0x5a, sizeof(garbage));
    put_some();
    for (long offset = 0; offset < 6 * 4096; offset += 2048) {
        open_index();
        index_close(ix);
        ix = NULL;
        write_over("index.sqlite", offset, garbage, 2048);
        open_index();
        EXPECT_FOUND("3 ", .team = STR("claims"));
        EXPECT_FOUND("6 4 ", .outcome = STR("failed"));
    }
    index_close(ix);
    ix = NULL;
    path_of("index.sqlite", path);
    assert_int_equal(truncate(path, 5000), 0);
    open_index();
    EXPECT_FOUND("3 ", .team = STR("claims"));
}

TEST(tables_that_are_missing_or_others_are_made_anew)
{
    static const char *const harms[] = {
        "DROP TABLE posting",
        "DROP TABLE head",
        "DELETE FROM head",
        "DROP TABLE record",
        "UPDATE head SET hash = 'x'",
        "UPDATE head SET seq = 5",
        "UPDATE block SET records = 5",
        "DELETE FROM block",
        "UPDATE times SET times = 'x'",
        "DROP TABLE story; CREATE VIEW story AS SELECT 'aa' AS id, 3 AS seq",
        "DROP TABLE record; CREATE TABLE record (a)",
        "UPDATE posting SET seqs = x'ffffff'"};
    put_some();
    for (size_t i = 0; i < COUNT_OF(harms); i++) {
        open_index();
        doctor(harms[i]);
        open_index();
        EXPECT_FOUND("3 ", .team = STR("claims"));
        EXPECT_FOUND("6 4 ", .outcome = STR("failed"));
        EXPECT_FOUND("5 2 ", .id = STR("aa"));
        EXPECT_FOUND("4 3 ", .from_unix_ms = TEST_TIME_MS + 200, .to_unix_ms = TEST_TIME_MS + 400);
    }
}

TEST(it_is_made_anew_on_demand)
{
    put_some();
    open_index();
    doctor("DELETE FROM posting"); /* hides everything, and nothing in it contradicts that */
    open_index();
    EXPECT_FOUND("", .team = STR("claims"));
    assert_true(try_open(true));
    EXPECT_FOUND("3 ", .team = STR("claims"));
}

/* ---- what it cannot be made to say ---- */

TEST(a_place_that_is_wrong_shows_nothing_else)
{
    static const char *const harms[] = {
        "UPDATE record SET place = (SELECT place FROM record WHERE seq = 2) WHERE seq = 3",
        "UPDATE record SET place = place + 1",
        "UPDATE record SET place = -1",
        "UPDATE record SET place = 9223372036854775807",
        "UPDATE record SET hash = 1",
        "DELETE FROM record WHERE seq = 3"};
    put_some();
    for (size_t i = 0; i < COUNT_OF(harms); i++) {
        open_index();
        doctor(harms[i]);
        open_index();
        EXPECT_FOUND("3 ", .team = STR("claims"));
        EXPECT_FOUND("6 5 4 3 2 1 ", .limit = 9);
    }
}

TEST(a_record_that_does_not_answer_is_not_shown)
{
    put_some();
    open_index();
    /* every list of records says: all of them */
    doctor("UPDATE posting SET seqs = x'01010101010101'");
    open_index();
    EXPECT_FOUND("3 ", .team = STR("claims"));
    EXPECT_FOUND("5 2 ", .outcome = STR("created"));
    EXPECT_FOUND("4 3 2 ", .kind = STR("decision"));
    doctor("INSERT INTO story VALUES (CAST('aa' AS BLOB), 3)");
    open_index();
    EXPECT_FOUND("5 2 ", .id = STR("aa"));
}

TEST(an_altered_record_is_not_shown_and_is_told)
{
    char path[128];
    put_some();
    open_index();
    written_path(&w, 1, path);
    FILE *file = fopen(path, "r+");
    static char text[100000];
    size_t len = fread(text, 1, sizeof(text), file);
    char *team = memmem(text, len, "claims", 6);
    assert_non_null(team);
    assert_int_equal(fseek(file, team - text, SEEK_SET), 0);
    assert_int_equal(fwrite("CLAIMS", 1, 6, file), 6);
    assert_int_equal(fclose(file), 0);
    assert_true(search((struct search_query){.team = STR("claims")}));
    assert_string_equal(found.data, "");
    assert_true(remarks_hold("made anew"));
    assert_non_null(strstr(ix ? index_broken(ix).data : "", "1.jsonl:3: the record was altered"));
    EXPECT_FOUND("2 1 ", .limit = 9); /* what is before is good */
    open_index();
    assert_true(index_broken(ix).len > 0); /* each time, until somebody sees to it */
}

TEST(an_index_that_another_process_began_anew_is_completed_first)
{
    put_some();
    open_index();
    doctor_meanwhile(
        "DELETE FROM head; DELETE FROM record; DELETE FROM posting; DELETE FROM block; "
        "DELETE FROM story; DELETE FROM policy; DELETE FROM times");
    EXPECT_FOUND("3 ", .team = STR("claims"));
    EXPECT_FOUND("5 2 ", .id = STR("aa"));
    expect_no_remarks();
}

/* ---- segments that go ---- */

TEST(segments_may_lie_in_two_directories)
{
    static const char *both[2];
    char path[128], other[] = "/tmp/second-XXXXXX", moved[160];
    put_some();
    written_segment(&w);
    put_decision("dd", "claims", "allow");
    written_path(&w, 7, path);
    assert_non_null(mkdtemp(other));
    (void)snprintf(moved, sizeof(moved), "%s/%s", other, strrchr(path, '/') + 1);
    assert_int_equal(rename(path, moved), 0);
    both[0] = w.directory;
    both[1] = other;
    ix = index_open(&(struct index_options){.directories = both, .directory_count = 2}, &err);
    assert_non_null(ix);
    EXPECT_FOUND("8 3 ", .team = STR("claims"));
    expect_no_remarks();
    assert_int_equal(unlink(moved), 0);
    assert_int_equal(rmdir(other), 0);
}

TEST(deleted_old_segments_are_no_doubt)
{
    char path[128], kept[160];
    put_some();
    written_segment(&w); /* 7 */
    put_decision("dd", "billing", "deny");
    put_outcome("aa", "again");
    put_decision("ee", "billing", "deny");
    put_decision("ff", "billing", "deny");
    open_index();
    EXPECT_FOUND("11 10 9 8 6 5 4 2 ", .team = STR("billing"));
    written_path(&w, 1, path);
    (void)snprintf(kept, sizeof(kept), "%s.kept", path);
    assert_int_equal(rename(path, kept), 0);
    EXPECT_FOUND("11 10 8 ", .verdict = STR("deny"), .team = STR("billing"));
    open_index();
    EXPECT_FOUND("11 10 8 ", .verdict = STR("deny"));
    EXPECT_FOUND("9 ", .id = STR("aa"));
    expect_no_remarks();
    assert_int_equal(rename(kept, path), 0); /* it comes back from a backup */
    open_index();
    EXPECT_FOUND("3 ", .team = STR("claims"));
}

TEST(an_index_of_what_is_mostly_gone_is_made_anew)
{
    char path[128], index[128];
    struct stat before, behind;
    for (int i = 0; i < 3000; i++)
        put_decision("aa", "gone", "allow");
    written_segment(&w);
    put_some();
    open_index();
    index_close(ix);
    ix = NULL;
    path_of("index.sqlite", index);
    assert_int_equal(stat(index, &before), 0);
    written_path(&w, 1, path);
    assert_int_equal(unlink(path), 0);
    open_index();
    EXPECT_FOUND("", .team = STR("gone"));
    EXPECT_FOUND("3004 ", .team = STR("claims"));
    doctor("VACUUM");
    assert_int_equal(stat(index, &behind), 0);
    assert_true(behind.st_size < before.st_size / 2);
    open_index();
    EXPECT_FOUND("3004 ", .team = STR("claims"));
}

/* ---- where it is kept ---- */

TEST(where_it_cannot_be_kept_one_is_made_for_the_search_alone)
{
    put_some();
    index_path = "/nonexistent/index.sqlite";
    open_index();
    assert_true(remarks_hold("No such file or directory; one was made for this search alone; "
                             "--index FILE keeps one elsewhere"));
    EXPECT_FOUND("3 ", .team = STR("claims"));
    EXPECT_FOUND("5 2 ", .outcome = STR("created"));
}

TEST(only_its_owner_may_read_it)
{
    char path[128];
    struct stat status;
    put_some();
    open_index();
    path_of("index.sqlite", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    path_of("index.sqlite-wal", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

TEST(a_link_is_not_followed)
{
    char path[128], target[128];
    put_some();
    path_of("index.sqlite", path);
    path_of("target", target);
    write_test_file(target, STR("precious"), 0600);
    assert_int_equal(symlink(target, path), 0);
    assert_false(try_open(false));
    assert_non_null(strstr(err.text, "no file, but a link"));
}

TEST(a_file_of_somebody_elses_is_left_alone)
{
    char path[128], text[20] = "";
    sqlite3 *sqlite;
    put_some();
    path_of("precious", path);
    write_test_file(path, STR("precious text, and more of it, and more"), 0600);
    index_path = path;
    assert_false(try_open(false));
    assert_non_null(strstr(err.text, "is no index"));
    FILE *file = fopen(path, "r");
    assert_non_null(fgets(text, 9, file));
    (void)fclose(file);
    assert_string_equal(text, "precious");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sqlite, "CREATE TABLE theirs (a)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sqlite);
    assert_false(try_open(true));
    assert_non_null(strstr(err.text, "is no index"));
    assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sqlite, "SELECT a FROM theirs", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sqlite);
}

TEST(a_directory_that_is_not_there_is_told)
{
    directories[0] = "/nonexistent";
    assert_false(try_open(false));
    assert_non_null(strstr(err.text, "'/nonexistent'"));
}

/* ---- several at once ---- */

static void search_in_child(void)
{
    buf_init(&found, 1 << 20);
    buf_init(&after, 1000);
    for (int i = 0; i < 5; i++) {
        if (!try_open(i == 2) || index_remarks(ix).len || index_broken(ix).len)
            _exit(1);
        if (!search((struct search_query){.team = STR("claims")}) || !strstr(found.data, "3 "))
            _exit(2);
        if (!search((struct search_query){.outcome = STR("created"), .kind = STR("decision")}) ||
            !strstr(found.data, " 2 "))
            _exit(3);
    }
    _exit(0);
}

TEST(many_may_search_at_the_same_time)
{
    pid_t children[6];
    for (int i = 0; i < 2000; i++)
        put_some();
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            search_in_child();
    }
    for (int i = 0; i < 100; i++)
        put_some(); /* while they look */
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    open_index();
    assert_true(search((struct search_query){.kind = STR("segment")}));
    assert_string_equal(found.data, "1 ");
    expect_no_remarks();
}

#define JOURNAL(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(JOURNAL(an_empty_journal_has_nothing_to_find), JOURNAL(what_was_asked_is_found_newest_first),
      JOURNAL(decision_and_outcome_are_found_by_each_other),
      JOURNAL(times_and_numbers_bound_what_is_found), JOURNAL(another_source_has_nothing_here),
      JOURNAL(ids_are_found_by_their_beginning), JOURNAL(what_is_no_json_is_found_by_its_number),
      JOURNAL(a_record_is_told_where_it_stands),
      JOURNAL(pages_follow_each_other_without_gap_or_repetition),
      JOURNAL(a_last_page_has_no_cursor),
      JOURNAL(new_records_do_not_disturb_the_pages_behind_a_cursor),
      JOURNAL(a_cursor_of_another_search_is_refused), JOURNAL(whoever_is_told_may_stop),
      JOURNAL(new_records_are_taken_when_it_is_opened), JOURNAL(what_is_not_durable_is_not_taken),
      JOURNAL(a_torn_tail_is_not_taken_until_it_is_whole),
      JOURNAL(a_late_outcome_finds_its_decision), JOURNAL(a_story_without_end_stays_bounded),
      JOURNAL(another_journal_in_the_same_place_is_noticed),
      JOURNAL(a_journal_that_was_set_back_is_noticed),
      JOURNAL(an_index_of_another_version_is_made_anew), JOURNAL(a_damaged_index_is_made_anew),
      JOURNAL(tables_that_are_missing_or_others_are_made_anew), JOURNAL(it_is_made_anew_on_demand),
      JOURNAL(a_place_that_is_wrong_shows_nothing_else),
      JOURNAL(a_record_that_does_not_answer_is_not_shown),
      JOURNAL(an_altered_record_is_not_shown_and_is_told),
      JOURNAL(an_index_that_another_process_began_anew_is_completed_first),
      JOURNAL(a_clock_that_went_back_hides_nothing), JOURNAL(segments_may_lie_in_two_directories),
      JOURNAL(deleted_old_segments_are_no_doubt),
      JOURNAL(an_index_of_what_is_mostly_gone_is_made_anew),
      JOURNAL(where_it_cannot_be_kept_one_is_made_for_the_search_alone),
      JOURNAL(only_its_owner_may_read_it), JOURNAL(a_link_is_not_followed),
      JOURNAL(a_file_of_somebody_elses_is_left_alone),
      JOURNAL(a_directory_that_is_not_there_is_told), JOURNAL(many_may_search_at_the_same_time))
