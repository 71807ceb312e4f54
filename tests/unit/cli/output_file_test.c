/* Files that are there whole, or not at all. */
#include "cli/output_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char directory[64], path[100];
static struct error err;

static int begin(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/output-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/out.csv", directory);
    return 0;
}

static int end(void **state)
{
    char command[100];
    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static size_t count_files(void)
{
    size_t count = 0;
    DIR *dir = opendir(directory);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void put_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void expect_content(const char *expected)
{
    char text[100] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    assert_string_equal(text, expected);
}

TEST(it_is_there_after_the_commit_and_not_before)
{
    struct stat status;
    struct output *output = output_open(path, false, &err);
    assert_non_null(output);
    assert_true(output_write(output, STR("one "), &err));
    assert_true(output_write(output, STR("two"), &err));
    assert_int_equal(access(path, F_OK), -1);
    assert_true(output_commit(output, &err));
    output_close(output);
    expect_content("one two");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(count_files(), 1);
}

TEST(what_is_not_committed_never_was)
{
    struct output *output = output_open(path, false, &err);
    assert_true(output_write(output, STR("one"), &err));
    output_close(output);
    assert_int_equal(count_files(), 0);
}

TEST(a_file_that_is_there_is_not_touched)
{
    put_file("precious");
    assert_null(output_open(path, false, &err));
    assert_non_null(strstr(err.text, "is there already; --force replaces it"));
    expect_content("precious");
}

TEST(nor_one_that_comes_meanwhile)
{
    struct output *output = output_open(path, false, &err);
    put_file("precious");
    assert_true(output_write(output, STR("one"), &err));
    assert_false(output_commit(output, &err));
    output_close(output);
    expect_content("precious");
    assert_int_equal(count_files(), 1);
}

TEST(by_force_it_is_replaced_in_one_step)
{
    put_file("old");
    struct output *output = output_open(path, true, &err);
    assert_non_null(output);
    assert_true(output_write(output, STR("new"), &err));
    expect_content("old");
    assert_true(output_commit(output, &err));
    output_close(output);
    expect_content("new");
    assert_int_equal(count_files(), 1);
}

TEST(a_link_is_neither_followed_nor_overwritten)
{
    char target[100];
    (void)snprintf(target, sizeof(target), "%s/target", directory);
    assert_int_equal(symlink(target, path), 0); /* to nowhere */
    assert_null(output_open(path, false, &err));
    struct output *output = output_open(path, true, &err);
    assert_true(output_write(output, STR("new"), &err));
    assert_true(output_commit(output, &err)); /* the link itself is replaced */
    output_close(output);
    assert_int_equal(access(target, F_OK), -1);
    expect_content("new");
}

TEST(a_directory_that_is_not_there_is_told)
{
    assert_null(output_open("/nonexistent/out.csv", false, &err));
    assert_string_equal(err.text, "cannot make '/nonexistent/out.csv': No such file or directory");
}

#define OUTPUT(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(OUTPUT(it_is_there_after_the_commit_and_not_before), OUTPUT(what_is_not_committed_never_was),
      OUTPUT(a_file_that_is_there_is_not_touched), OUTPUT(nor_one_that_comes_meanwhile),
      OUTPUT(by_force_it_is_replaced_in_one_step),
      OUTPUT(a_link_is_neither_followed_nor_overwritten),
      OUTPUT(a_directory_that_is_not_there_is_told))
