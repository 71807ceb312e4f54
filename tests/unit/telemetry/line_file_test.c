/* Files of lines: whoever writes does not wait; what is lost is told of; nothing else is lost. */
#include "telemetry/line_file.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "telemetry/line_queue.h"
#include "test.h"

static char directory[] = "/tmp/line-file-XXXXXX";
static char path[64], moved[64];
static int news_count[4];

static void put_lost(uint64_t count, struct buf *line)
{
    buf_format(line, "lost %llu\n", (unsigned long long)count);
}

static void on_news(void *arg, enum line_file_news news, const char *why)
{
    (void)arg, (void)why;
    __atomic_add_fetch(&news_count[news], 1, __ATOMIC_SEQ_CST);
}

static struct line_file *open_file(const char *at, size_t max_bytes)
{
    struct error err = {.text = ""};
    const struct line_file_options options = {
        .path = at, .max_bytes = max_bytes, .put_lost = put_lost, .told = on_news};
    memset(news_count, 0, sizeof(news_count));
    struct line_file *file = line_file_open(&options, &err);
    if (!file)
        print_error("%s\n", err.text);
    return file;
}

static void wait_for_news(enum line_file_news news)
{
    for (int i = 0; i < 10000 && !__atomic_load_n(&news_count[news], __ATOMIC_SEQ_CST); i++)
        usleep(1000);
    assert_int_equal(news_count[news], 1);
}

static char *content(const char *of, size_t *ret_len)
{
    static char text[4 << 20];
    FILE *file = fopen(of, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    fclose(file);
    if (ret_len)
        *ret_len = len;
    return text;
}

static size_t lines_of(const char *of)
{
    size_t len, lines = 0;
    const char *text = content(of, &len);
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/log", directory);
    (void)snprintf(moved, sizeof(moved), "%s/log.1", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(moved);
    return rmdir(directory);
}

TEST(appends_to_what_is_there_and_others_may_not_read_it)
{
    struct stat info;
    (void)unlink(path);
    mode_t before = umask(0);
    struct line_file *file = open_file(path, 1 << 20);
    (void)umask(before);
    line_file_put(file, STR("one\n"));
    line_file_close(file, 5000);
    file = open_file(path, 1 << 20);
    line_file_put(file, STR("two\n"));
    line_file_close(file, 5000);
    assert_string_equal(content(path, NULL), "one\ntwo\n");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

static void *put_many(void *arg)
{
    char line[64];
    for (int i = 0; i < 20000; i++) {
        int len = snprintf(line, sizeof(line), "line %d\n", i);
        line_file_put(arg, (struct str){line, (size_t)len});
    }
    return NULL;
}

TEST(a_file_that_is_moved_away_under_load_loses_no_line)
{
    (void)unlink(path);
    struct line_file *file = open_file(path, 16 << 20);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, file), 0);
    while (lines_of(path) == 0)
        usleep(100);
    assert_int_equal(rename(path, moved), 0);
    line_file_reopen(file);
    wait_for_news(LINE_FILE_REOPENED);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    line_file_close(file, 5000);
    assert_int_equal(lines_of(path) + lines_of(moved), 40000);
    (void)unlink(moved);
}

TEST(a_file_that_cannot_be_opened_again_is_kept)
{
    (void)unlink(path);
    struct line_file *file = open_file(path, 1 << 20);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(mkdir(path, 0700), 0); /* no file can be made there */
    line_file_reopen(file);
    wait_for_news(LINE_FILE_NOT_REOPENED);
    line_file_put(file, STR("still\n"));
    line_file_close(file, 5000);
    assert_string_equal(content(moved, NULL), "still\n");
    assert_int_equal(rmdir(path), 0);
    (void)unlink(moved);
}

TEST(an_unwritable_place_is_an_error_at_once)
{
    char nowhere[128];
    (void)snprintf(nowhere, sizeof(nowhere), "%s/no/log", directory);
    assert_null(open_file(nowhere, 1 << 20));
}

TEST(a_reader_that_does_not_read_costs_lines_and_is_told)
{
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    char filler[1000];
    memset(filler, 'x', sizeof(filler));
    filler[sizeof(filler) - 1] = '\n';
    struct line_file *file = open_file(path, 10000);
    int written = 0;
    for (; line_file_lost(file) < 5; written++)
        line_file_put(file, (struct str){filler, sizeof(filler)});
    static char got[1 << 20];
    size_t len = 0;
    for (int idle = 0; idle < 2000 && !memmem(got, len, "lost ", 5); idle++) {
        ssize_t more = read(reader, got + len, sizeof(got) - len);
        len += more > 0 ? (size_t)more : 0;
        usleep(1000);
    }
    uint64_t lost = line_file_lost(file);
    line_file_close(file, 5000);
    char expected[32];
    (void)snprintf(expected, sizeof(expected), "lost %llu\n", (unsigned long long)lost);
    assert_int_equal(lost, 5);
    assert_non_null(memmem(got, len, expected, strlen(expected)));
    close(reader);
    (void)unlink(path);
}

TEST(the_end_is_not_waited_for_for_ever)
{
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    char filler[1000];
    memset(filler, 'x', sizeof(filler));
    filler[sizeof(filler) - 1] = '\n';
    struct line_file *file = open_file(path, 1 << 20);
    for (int i = 0; i < 200; i++)
        line_file_put(file, (struct str){filler, sizeof(filler)});
    line_file_close(file, 50); /* comes back: or this test does not */
    close(reader);
    (void)unlink(path);
}

TEST(a_full_disk_is_told_of)
{
    struct line_file *file = open_file("/dev/full", 1 << 20);
    line_file_put(file, STR("one\n"));
    wait_for_news(LINE_FILE_FAILING);
    assert_int_equal(line_file_lost(file), 1);
    line_file_close(file, 5000);
}

TEST(a_queue_gives_what_it_holds_and_then_ends)
{
    struct line_queue queue;
    struct buf into;
    line_queue_init(&queue, 10);
    buf_init(&into, 10);
    assert_true(line_queue_put(&queue, STR("1234\n")));
    assert_true(line_queue_put(&queue, STR("678\n")));
    assert_false(line_queue_put(&queue, STR("ab\n")));
    assert_int_equal(atomic_load(&queue.lost), 1);
    line_queue_close(&queue);
    assert_false(line_queue_put(&queue, STR("\n")));
    assert_true(line_queue_take(&queue, 1, 0, &into));
    EXPECT_STR(buf_str(&into), "1234\n678\n");
    assert_false(line_queue_take(&queue, 1, 0, &into));
    assert_int_equal(into.len, 0);
    buf_release(&into);
    line_queue_release(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(appends_to_what_is_there_and_others_may_not_read_it),
        UNIT(a_file_that_is_moved_away_under_load_loses_no_line),
        UNIT(a_file_that_cannot_be_opened_again_is_kept),
        UNIT(an_unwritable_place_is_an_error_at_once),
        UNIT(a_reader_that_does_not_read_costs_lines_and_is_told),
        UNIT(the_end_is_not_waited_for_for_ever),
        UNIT(a_full_disk_is_told_of),
        UNIT(a_queue_gives_what_it_holds_and_then_ends),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
