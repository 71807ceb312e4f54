/* The log: one event is one line, in the form that was asked for, whatever its values hold. */
#include "base/log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json_read.h"
#include "test.h"

static char line[65536];
static int kept_stderr;
static int64_t now_us;

static int64_t read_now(void)
{
    return now_us;
}

static void open_log(enum log_level lowest, enum log_format format)
{
    log_init(&(struct log_options){.level = lowest, .format = format, .now_us = read_now});
}

/* Until read_lines(), what goes to stderr goes into a file. */
static FILE *divert_stderr(void)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    kept_stderr = dup(STDERR_FILENO);
    assert_true(kept_stderr >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    return file;
}

static void restore_stderr(void)
{
    assert_true(dup2(kept_stderr, STDERR_FILENO) >= 0);
    close(kept_stderr);
}

static struct str read_lines(FILE *file)
{
    restore_stderr();
    rewind(file);
    size_t len = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[len] = '\0';
    return (struct str){line, len};
}

/* The line that a warning with two fields makes. */
static struct str write_one(enum log_level lowest, enum log_format format, struct str value)
{
    now_us += 2000000;
    FILE *file = divert_stderr();
    open_log(lowest, format);
    LOG(LOG_WARN, "odd", LOG_STR("value", value), LOG_INT("count", -7));
    return read_lines(file);
}

/* The text of a member of the one line that stands there, which must be JSON. */
static struct str member(struct str text, const char *key, struct arena *arena)
{
    struct json_fault fault;
    assert_int_equal(str_find(text, '\n'), text.len - 1);
    const struct json_value *root = json_read(text, arena, &fault);
    assert_non_null(root);
    const struct json_value *value = json_member(root, str_from(key));
    assert_non_null(value);
    return json_kind(value) == JSON_KIND_STRING ? json_string(value) : STR("(not a text)");
}

static size_t count_of(struct str text, const char *what)
{
    size_t count = 0;
    for (const char *at = text.data; (at = strstr(at, what)); at++)
        count++;
    return count;
}

TEST(json_lines_hold_time_level_event_and_fields)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct str text = write_one(LOG_INFO, LOG_FORMAT_JSON, STR("a\n\033\"b"));
    EXPECT_STR(member(text, "level", &arena), "warn");
    EXPECT_STR(member(text, "event", &arena), "odd");
    EXPECT_STR(member(text, "value", &arena), "a\n\033\"b");
    assert_int_equal(member(text, "time", &arena).len, strlen("2026-11-23T09:30:00.123Z"));
    assert_true(str_ends(text, STR(",\"count\":-7}\n")));
    arena_release(&arena);
}

TEST(json_is_utf_8_whatever_comes_in)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct str text = write_one(LOG_INFO, LOG_FORMAT_JSON, STR("a\xff\xc0\xaf"));
    EXPECT_STR(member(text, "value", &arena), "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    arena_release(&arena);
}

TEST(a_file_gets_json_unless_told_otherwise)
{
    assert_int_equal(write_one(LOG_INFO, LOG_FORMAT_AUTO, STR("a")).data[0], '{');
}

TEST(text_lines_stay_one_line_on_a_terminal)
{
    struct str text = write_one(LOG_INFO, LOG_FORMAT_TEXT, STR("a\r\n\033[2J\x7f"));
    assert_true(str_ends(text, STR("Z warn  odd                  "
                                   "value=\"a\\r\\n\\u{1b}[2J\\u{7f}\" count=-7\n")));
    assert_int_equal(str_find(text, '\n'), text.len - 1);
}

TEST(what_is_below_the_level_is_not_written)
{
    assert_int_equal(write_one(LOG_ERROR, LOG_FORMAT_JSON, STR("a")).len, 0);
    assert_true(write_one(LOG_WARN, LOG_FORMAT_JSON, STR("a")).len > 0);
    assert_true(write_one(LOG_DEBUG, LOG_FORMAT_JSON, STR("a")).len > 0);
}

TEST(the_level_can_change)
{
    FILE *file = divert_stderr();
    open_log(LOG_ERROR, LOG_FORMAT_JSON);
    LOG(LOG_INFO, "one");
    log_set_level(LOG_DEBUG);
    LOG(LOG_DEBUG, "two");
    log_set_level(LOG_WARN);
    LOG(LOG_INFO, "three");
    struct str text = read_lines(file);
    assert_int_equal(count_of(text, "\n"), 1);
    assert_int_equal(count_of(text, "\"two\""), 1);
}

TEST(an_event_without_fields_is_a_line_too)
{
    FILE *file = divert_stderr();
    open_log(LOG_INFO, LOG_FORMAT_TEXT);
    LOG(LOG_INFO, "stopped");
    assert_true(str_ends(read_lines(file), STR(" info  stopped\n")));
}

TEST(too_long_a_line_is_cut_and_says_so)
{
    static char endless[8192];
    struct arena arena;
    arena_init(&arena, 1 << 20);
    memset(endless, 'a', sizeof(endless));
    const struct str value = {endless, sizeof(endless)};
    struct str text = write_one(LOG_INFO, LOG_FORMAT_JSON, value);
    EXPECT_STR(member(text, "event", &arena), "odd");
    EXPECT_STR(member(text, "cut", &arena), "too long");
    assert_true(text.len < 200);
    assert_true(str_ends(write_one(LOG_INFO, LOG_FORMAT_TEXT, value), STR("cut=\"too long\"\n")));
    arena_release(&arena);
}

/* ---- repeats ---- */

static void say(int times)
{
    for (int i = 0; i < times; i++)
        LOG(LOG_INFO, "same", LOG_INT("i", i));
}

TEST(what_comes_too_often_is_counted_and_told_of_once)
{
    FILE *file = divert_stderr();
    open_log(LOG_INFO, LOG_FORMAT_JSON);
    say(10000);
    LOG(LOG_INFO, "other");
    LOG(LOG_WARN, "same");
    now_us += 1000000;
    LOG(LOG_INFO, "later");
    struct str text = read_lines(file);
    assert_int_equal(count_of(text, "\n"), LOG_REPEATS + 4);
    assert_int_equal(count_of(text, "\"level\":\"info\",\"event\":\"same\""), LOG_REPEATS);
    assert_int_equal(
        count_of(text, "\"level\":\"info\",\"event\":\"repeated\",\"of\":\"same\",\"count\":9990}"),
        1);
    assert_true(strstr(line, "repeated") < strstr(line, "later"));
}

TEST(what_comes_often_enough_is_written)
{
    FILE *file = divert_stderr();
    open_log(LOG_INFO, LOG_FORMAT_JSON);
    for (int second = 0; second < 3; second++, now_us += 1000000)
        say(LOG_REPEATS);
    log_close();
    struct str text = read_lines(file);
    assert_int_equal(count_of(text, "\"same\""), 3 * LOG_REPEATS);
    assert_int_equal(count_of(text, "repeated"), 0);
}

TEST(what_is_waited_for_is_written_each_time)
{
    FILE *file = divert_stderr();
    open_log(LOG_INFO, LOG_FORMAT_JSON);
    for (int i = 0; i < 50; i++)
        LOG_EACH(LOG_INFO, "reloaded");
    LOG_EACH(LOG_DEBUG, "reloaded");
    log_close();
    struct str text = read_lines(file);
    assert_int_equal(count_of(text, "\n"), 50);
    assert_int_equal(count_of(text, "\"reloaded\""), 50);
}

TEST(repeats_are_told_of_at_the_end)
{
    FILE *file = divert_stderr();
    open_log(LOG_INFO, LOG_FORMAT_TEXT);
    say(LOG_REPEATS + 1);
    log_close();
    assert_true(str_ends(read_lines(file), STR(" of=same count=1\n")));
}

TEST(repeats_are_told_of_when_the_second_is_over)
{
    FILE *file = divert_stderr();
    open_log(LOG_INFO, LOG_FORMAT_JSON);
    say(LOG_REPEATS + 5);
    log_turn(); /* the timer has not ended: nothing is told */
    rewind(file);
    char before[65536];
    before[fread(before, 1, sizeof(before) - 1, file)] = '\0';
    fseek(file, 0, SEEK_END);
    now_us += 1000000;
    int flags = fcntl(log_turn_fd(), F_GETFL);
    assert_int_equal(fcntl(log_turn_fd(), F_SETFL, flags & ~O_NONBLOCK), 0);
    log_turn();
    struct str text = read_lines(file);
    assert_null(strstr(before, "repeated"));
    assert_true(str_ends(text, STR("\"of\":\"same\",\"count\":5}\n")));
    log_close();
}

/* ---- a reader that does not read ---- */

/* Fills a pipe or a socket through stderr, and looks at what is told once it is read. */
static void expect_no_wait(const int ends[2])
{
    kept_stderr = dup(STDERR_FILENO);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    open_log(LOG_INFO, LOG_FORMAT_JSON);
    uint64_t before = log_lost();
    char filler[1024];
    memset(filler, 'x', sizeof(filler));
    int written = 0;
    for (; log_lost() < before + 3 && written < 5000; written++, now_us += 200000)
        LOG(LOG_INFO, "much", LOG_STR("filler", ((struct str){filler, sizeof(filler)})));
    assert_true(written < 5000);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0); /* it is the parent's, too */
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    while (read(ends[0], line, sizeof(line) - 1) > 0)
        ;
    LOG(LOG_INFO, "again");
    ssize_t more = read(ends[0], line, sizeof(line) - 1);
    restore_stderr();
    log_init(&(struct log_options){0});
    assert_true(more > 0);
    line[more] = '\0';
    assert_non_null(strstr(line, "\"event\":\"log-lines-lost\",\"count\":3}\n"));
    assert_non_null(strstr(line, "\"event\":\"again\""));
    assert_int_equal(log_lost(), before + 3);
    close(ends[0]);
    close(ends[1]);
}

TEST(a_full_pipe_is_not_waited_for_and_what_it_lost_is_told)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    expect_no_wait(ends);
}

TEST(a_full_socket_is_not_waited_for_either)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    expect_no_wait(ends);
}

TEST(nobody_else_makes_a_write_wait)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int own = log_own_pipe(ends[1]);
    assert_int_not_equal(own, ends[1]);
    assert_true(fcntl(own, F_GETFL) & O_NONBLOCK);
    assert_int_equal(log_own_pipe(ends[0] + 1000), ends[0] + 1000); /* not even open */
    close(own);
    close(ends[0]);
    close(ends[1]);
}

static void count_line(void *arg, struct str text)
{
    int *count = arg;
    *count += str_ends(text, STR("\n"));
}

TEST(a_sink_gets_the_lines_instead)
{
    int count = 0;
    const struct log_sink sink = {.put = count_line, .arg = &count};
    FILE *file = divert_stderr();
    log_init(&(struct log_options){.level = LOG_INFO, .sink = &sink});
    LOG(LOG_INFO, "there");
    log_close();
    LOG(LOG_INFO, "here");
    struct str text = read_lines(file);
    assert_int_equal(count, 1);
    assert_int_equal(count_of(text, "\"here\""), 1);
    assert_int_equal(count_of(text, "\n"), 1);
}

TESTS(UNIT(json_lines_hold_time_level_event_and_fields), UNIT(json_is_utf_8_whatever_comes_in),
      UNIT(a_file_gets_json_unless_told_otherwise), UNIT(text_lines_stay_one_line_on_a_terminal),
      UNIT(what_is_below_the_level_is_not_written), UNIT(the_level_can_change),
      UNIT(an_event_without_fields_is_a_line_too), UNIT(too_long_a_line_is_cut_and_says_so),
      UNIT(what_comes_too_often_is_counted_and_told_of_once),
      UNIT(what_comes_often_enough_is_written), UNIT(what_is_waited_for_is_written_each_time),
      UNIT(repeats_are_told_of_at_the_end), UNIT(repeats_are_told_of_when_the_second_is_over),
      UNIT(a_full_pipe_is_not_waited_for_and_what_it_lost_is_told),
      UNIT(a_full_socket_is_not_waited_for_either), UNIT(nobody_else_makes_a_write_wait),
      UNIT(a_sink_gets_the_lines_instead))
