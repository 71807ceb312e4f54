/* The log: one event is one line, in the form that was asked for, whatever its values hold. */
#include "base/log.h"

#include <unistd.h>

#include "base/json_read.h"
#include "test.h"

static char line[16384];
static int kept_stderr;

/* Until read_line(), what goes to stderr goes into a file. */
static FILE *divert_stderr(void)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    kept_stderr = dup(STDERR_FILENO);
    assert_true(kept_stderr >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    return file;
}

static struct str read_line(FILE *file)
{
    assert_true(dup2(kept_stderr, STDERR_FILENO) >= 0);
    close(kept_stderr);
    rewind(file);
    size_t len = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[len] = '\0';
    return (struct str){line, len};
}

/* The lines that a warning with two fields makes. */
static struct str write_one(enum log_level lowest, enum log_format format, struct str value)
{
    log_init(lowest, format);
    FILE *file = divert_stderr();
    LOG(LOG_WARN, "odd", LOG_STR("value", value), LOG_INT("count", -7));
    return read_line(file);
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

TEST(a_file_gets_json_unless_told_otherwise)
{
    assert_int_equal(write_one(LOG_INFO, LOG_FORMAT_AUTO, STR("a")).data[0], '{');
}

TEST(text_lines_stay_one_line_on_a_terminal)
{
    struct str text = write_one(LOG_INFO, LOG_FORMAT_TEXT, STR("a\r\n\033[2J\x7f"));
    assert_true(str_ends(text, STR(" warn  odd value=a???[2J? count=-7\n")));
    assert_int_equal(str_find(text, '\n'), text.len - 1);
}

TEST(what_is_below_the_level_is_not_written)
{
    assert_int_equal(write_one(LOG_ERROR, LOG_FORMAT_JSON, STR("a")).len, 0);
    assert_true(write_one(LOG_WARN, LOG_FORMAT_JSON, STR("a")).len > 0);
    assert_true(write_one(LOG_DEBUG, LOG_FORMAT_JSON, STR("a")).len > 0);
}

TEST(an_event_without_fields_is_a_line_too)
{
    log_init(LOG_INFO, LOG_FORMAT_TEXT);
    FILE *file = divert_stderr();
    LOG(LOG_INFO, "stopped");
    assert_true(str_ends(read_line(file), STR(" info  stopped\n")));
}

TEST(too_long_a_line_is_cut_and_says_so)
{
    static char endless[8192];
    struct arena arena;
    arena_init(&arena, 1 << 20);
    memset(endless, 'a', sizeof(endless));
    struct str text = write_one(LOG_INFO, LOG_FORMAT_JSON, (struct str){endless, sizeof(endless)});
    EXPECT_STR(member(text, "event", &arena), "odd");
    assert_true(str_ends(text, STR("\"cut\":true}\n")));
    assert_true(text.len < 200);
    arena_release(&arena);
}

TESTS(UNIT(json_lines_hold_time_level_event_and_fields),
      UNIT(a_file_gets_json_unless_told_otherwise), UNIT(text_lines_stay_one_line_on_a_terminal),
      UNIT(what_is_below_the_level_is_not_written), UNIT(an_event_without_fields_is_a_line_too),
      UNIT(too_long_a_line_is_cut_and_says_so))
