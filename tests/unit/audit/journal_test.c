/* The journal's files: chain, recovery, failure. */
#include "audit/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/segment.h"
#include "base/limits.h"
#include "test.h"

static char directory[64];
static struct journal_recovery recovery;
static struct error err;

static struct journal *open_journal(size_t segment_bytes)
{
    return journal_open(&(struct journal_options){.directory = directory,
                                                  .segment_bytes = segment_bytes,
                                                  .max_waiting = 100},
                        &recovery, &err);
}

static int begin(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/journal-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static size_t for_each_file(void (*visit)(const char *path))
{
    size_t count = 0;
    DIR *dir = opendir(directory);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[400];
        (void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        count++;
        if (visit)
            visit(path);
    }
    if (dir)
        closedir(dir);
    return count;
}

static void remove_file(const char *path)
{
    (void)unlink(path);
}

static int end(void **state)
{
    (void)state;
    (void)for_each_file(remove_file);
    return rmdir(directory);
}

static void append_to(const char *name, const char *text)
{
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

TEST(the_chain_goes_on_over_restarts_and_segments)
{
    for (int run = 0; run < 3; run++) {
        struct journal *journal = open_journal(400);
        assert_non_null(journal);
        assert_int_equal(recovery.last_seq, run * 4);
        for (int i = 0; i < 4; i++)
            assert_true(journal_append_wait(journal, STR("\"kind\":\"test\""), (struct str){0}));
        journal_close(journal);
    }
    assert_true(for_each_file(NULL) > 4); /* several segments and the lock */
}

TEST(a_torn_tail_is_cut_and_kept)
{
    struct journal *journal = open_journal(100000);
    assert_true(journal_append_wait(journal, STR("\"a\":1"), (struct str){0}));
    journal_close(journal);
    append_to("00000000000000000001.jsonl", "{\"seq\":2,");
    journal = open_journal(100000);
    assert_non_null(journal);
    assert_int_equal(recovery.torn_bytes, 9);
    assert_int_equal(recovery.last_seq, 1);
    assert_true(journal_append_wait(journal, STR("\"a\":2"), (struct str){0}));
    journal_close(journal);
    assert_non_null(journal = open_journal(100000));
    assert_int_equal(recovery.last_seq, 2);
    assert_int_equal(recovery.torn_bytes, 0);
    journal_close(journal);
}

TEST(an_altered_line_ends_the_trusted_part)
{
    struct journal *journal = open_journal(100000);
    for (int i = 0; i < 3; i++)
        assert_true(journal_append_wait(journal, STR("\"a\":1"), (struct str){0}));
    journal_close(journal);
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/00000000000000000001.jsonl", directory);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 165), 1);
    close(fd);
    assert_non_null(journal = open_journal(100000));
    assert_int_equal(recovery.last_seq, 1);
    assert_true(recovery.torn_bytes > 0);
    assert_int_equal(access(recovery.torn_path, R_OK), 0);
    journal_close(journal);
}

TEST(a_segment_begun_and_never_written_is_dropped)
{
    struct journal *journal = open_journal(100000);
    assert_true(journal_append_wait(journal, STR("\"a\":1"), (struct str){0}));
    journal_close(journal);
    append_to("00000000000000000002.jsonl", "torn at once");
    assert_non_null(journal = open_journal(100000));
    assert_int_equal(recovery.last_seq, 1);
    assert_int_equal(recovery.torn_bytes, 12);
    assert_true(journal_append_wait(journal, STR("\"a\":2"), (struct str){0}));
    journal_close(journal);
}

TEST(a_chain_without_its_beginning_is_not_continued_from_nothing)
{
    append_to("00000000000000000007.jsonl", "garbage");
    assert_null(open_journal(100000));
    assert_non_null(strstr(err.text, "missing"));
}

TEST(one_directory_has_one_writer)
{
    struct journal *journal = open_journal(100000);
    assert_non_null(journal);
    assert_null(open_journal(100000));
    assert_non_null(strstr(err.text, "belongs to a gateway that is running"));
    journal_close(journal);
}

TEST(a_record_that_is_too_large_is_refused_alone)
{
    static char members[LIMIT_RECORD_BYTES + 1];
    memset(members, ' ', sizeof(members));
    struct journal *journal = open_journal(100000);
    assert_false(
        journal_append_wait(journal, (struct str){members, sizeof(members)}, (struct str){0}));
    assert_true(journal_append_wait(journal, STR("\"a\":1"), (struct str){0}));
    journal_close(journal);
}

TEST(a_deleted_segment_is_noticed)
{
    struct journal *journal = open_journal(100000);
    assert_true(journal_append_wait(journal, STR("\"a\":1"), (struct str){0}));
    (void)for_each_file(remove_file);
    assert_true(journal_append_wait(journal, STR("\"a\":2"), (struct str){0}));
    journal_close(journal);
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/00000000000000000002.jsonl", directory);
    assert_int_equal(access(path, R_OK), 0);
}

TEST(every_flipped_bit_of_a_line_is_found)
{
    struct chain_head head = {0};
    struct str json;
    struct buf out;
    buf_init(&out, 10000);
    assert_true(chain_append(&head, STR("\"a\":1"), &out));
    for (size_t bit = 0; bit < (out.len - 1) * 8; bit++) {
        struct chain_head check = {0};
        out.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_non_null(chain_check(&check, (struct str){out.data, out.len - 1}, &json));
        out.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    struct chain_head check = {0};
    assert_null(chain_check(&check, (struct str){out.data, out.len - 1}, &json));
    buf_release(&out);
}

#define IN_DIRECTORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(IN_DIRECTORY(the_chain_goes_on_over_restarts_and_segments),
      IN_DIRECTORY(a_torn_tail_is_cut_and_kept),
      IN_DIRECTORY(an_altered_line_ends_the_trusted_part),
      IN_DIRECTORY(a_segment_begun_and_never_written_is_dropped),
      IN_DIRECTORY(a_chain_without_its_beginning_is_not_continued_from_nothing),
      IN_DIRECTORY(one_directory_has_one_writer),
      IN_DIRECTORY(a_record_that_is_too_large_is_refused_alone),
      IN_DIRECTORY(a_deleted_segment_is_noticed), UNIT(every_flipped_bit_of_a_line_is_found))
