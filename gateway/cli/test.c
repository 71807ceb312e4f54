/*
 *     paths -> files of tests -> each read (test_file.c) and run (test_run.c) -> report
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/test_report.h"
#include "config.h"
#include "policy_files.h"

#define LIMIT_TEST_FILES 4096

static const char help[] =
    "usage: campaign-gateway test [OPTION...] PATH...\n"
    "\n"
    "Runs the tests of a policy: campaigns, and what the policy must say of them. PATH is a file "
    "of\n"
    "tests, or a directory: all its *.test.yaml, and all *.yaml of the folder tests within it.\n"
    "\n"
    "      --coverage       count how often each rule of each layer passed, refused and observed\n"
    "                       (reported, or was waived), and list those that never had anything\n"
    "                       against a campaign\n"
    "      --junit FILE     write the results as JUnit's XML, too\n"
    "      --format FORMAT  text (TAP, the Test Anything Protocol) or json\n"
    "\n"
    "exit codes\n"
    "  0  every test passed\n"
    "  1  a test failed\n"
    "  2  the command line, a file of tests, a policy or a campaign is wrong\n"
    "\n"
    "example: policies/tests/hours.yaml\n"
    "  policy: ../example                # files or directories, as seen from this file\n"
    "  base: campaign.json               # what the tests change\n"
    "  team: billing                     # team, at and base: for all, or in a test\n"
    "  at: 2026-11-24T10:00:00+05:30\n"
    "  tests:\n"
    "    - name: office hours are fine\n"
    "      expect: allow\n"
    "    - name: refuses a Sunday\n"
    "      patch:                        # JSON pointer: value; null removes, - appends\n"
    "        /dialingStrategy/callingHours/days/0/day: SU\n"
    "      text: Your bill is due.       # the message in clear\n"
    "      expect: [outside-hours]       # every code that refuses\n"
    "      rules: [business_hours]       # if given: every rule that refuses;\n"
    "                                    # likewise reported: codes, exceptions: ids\n"
    "\n"
    "  campaign-gateway test --coverage policies/example\n"
    "\n"
    "A pack, which has no teams, is tested with a small policy beside it:\n"
    "  policy: ../packs/us-tcpa.yaml\n"
    "  with: {revision: test, teams: {any: {}}}\n";

struct test {
    struct arena arena; /* texts, results, policies */
    struct problems problems;
    struct test_run run;

    struct argument_list paths;
    const char *junit;
    bool coverage;
    size_t format;

    struct str files[LIMIT_TEST_FILES];
    size_t file_count;
};

enum { FORMAT_TEXT, FORMAT_JSON };

static bool read_options(struct test *t, int argc, char **argv, int *exit_code)
{
    const struct argument_option options[] = {
        {.name = "coverage", .flag = &t->coverage},
        {.name = "junit", .value = "FILE", .text = &t->junit},
        {.name = "format", .value = "text|json", .choice = &t->format},
    };
    const struct arguments spec = {.help = help,
                                   .options = options,
                                   .option_count = COUNT_OF(options),
                                   .rest = &t->paths,
                                   .rest_name = "PATH",
                                   .least = 1};
    return arguments_read(&spec, argc, argv, exit_code);
}

/* ---- which files ---- */

static bool add_file(struct test *t, struct str path, struct error *err)
{
    if (!path.data)
        return error_set(err, "out of memory while looking for tests");
    if (t->file_count == LIMIT_TEST_FILES)
        return error_set(err, "there are more than %d files of tests", LIMIT_TEST_FILES);
    t->files[t->file_count++] = path;
    return true;
}

static int is_test(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && policy_files_is_test(str_from(entry->d_name));
}

static int is_yaml(const struct dirent *entry)
{
    struct str name = str_from(entry->d_name);
    return name.data[0] != '.' && (str_ends(name, STR(".yaml")) || str_ends(name, STR(".yml")));
}

/* A directory that does not exist has no tests, either. */
static bool add_directory(struct test *t, struct str path,
                          int (*is_wanted)(const struct dirent *entry), struct error *err)
{
    struct dirent **entries;
    int count = scandir(path.data, &entries, is_wanted, alphasort);
    if (count < 0 && errno == ENOENT)
        return true;
    if (count < 0)
        return error_set(err, "cannot read the directory '%s': %s", path.data,
                         strerrordesc_np(errno));
    bool fine = true;
    for (int i = 0; i < count; i++) {
        struct str from = arena_format(&t->arena, "%.*s/", STR_ARGS(path));
        struct str file = policy_files_path(from, str_from(entries[i]->d_name), &t->arena);
        fine = fine && add_file(t, file, err);
        free(entries[i]);
    }
    free(entries);
    return fine;
}

static bool add_path(struct test *t, const char *argument, struct error *err)
{
    struct stat info;
    struct str path = policy_files_path(STR(""), str_from(argument), &t->arena);
    size_t before = t->file_count;
    if (stat(argument, &info) != 0)
        return error_set(err, "cannot find '%s': %s", argument, strerrordesc_np(errno));
    if (!path.data || !S_ISDIR(info.st_mode))
        return add_file(t, path, err);
    bool is_tests = str_equal(path, STR("tests")) || str_ends(path, STR("/tests"));
    struct str below = arena_format(&t->arena, "%.*s/tests", STR_ARGS(path));
    if (!below.data)
        return add_file(t, below, err);
    if (!add_directory(t, path, is_tests ? is_yaml : is_test, err) ||
        !add_directory(t, below, is_yaml, err))
        return false;
    return t->file_count > before ||
           error_set(err, "'%s' holds no tests: neither *.test.yaml nor a folder tests with *.yaml",
                     argument);
}

static bool find_files(struct test *t)
{
    struct error err = {.text = ""};
    bool fine = true;
    for (size_t i = 0; i < t->paths.count; i++)
        fine = (add_path(t, t->paths.items[i], &err) || problems_add(&t->problems, &err)) && fine;
    return fine;
}

/* ---- running ---- */

static bool run_file(struct test *t, struct str path, struct test_results *ret)
{
    struct error err;
    struct str text;
    if (!config_read_file(path.data, LIMIT_YAML_BYTES, &t->arena, &text, &err))
        return problems_add(&t->problems, &err);
    const struct test_file *file = test_file_read(path.data, text, &t->arena, &t->problems);
    return file && test_run_file(&t->run, file, ret);
}

static bool write_junit(const struct test *t, const struct test_report *report)
{
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    test_report_junit(report, &out);
    FILE *file = out.failed ? NULL : fopen(t->junit, "we");
    bool fine = file && fwrite(out.data, 1, out.len, file) == out.len;
    if (file && fclose(file) != 0)
        fine = false;
    if (!fine)
        (void)fprintf(stderr, "campaign-gateway test: cannot write '%s': %s\n", t->junit,
                      out.failed ? "no memory" : strerrordesc_np(errno));
    buf_release(&out);
    return fine;
}

static bool report(const struct test *t, const struct test_report *report)
{
    struct buf out;
    buf_init(&out, LIMIT_REPORT_BYTES);
    if (t->format == FORMAT_JSON)
        test_report_json(report, &out);
    else
        test_report_text(report, &out);
    bool printed = print_answer(&out);
    return (!t->junit || write_junit(t, report)) && printed;
}

static int run_tests(struct test *t)
{
    struct test_results *files = arena_zalloc(&t->arena, t->file_count + 1, sizeof(*files));
    struct test_report all = {&t->run, files, 0, t->coverage};
    for (size_t i = 0; files && i < t->file_count; i++) {
        if (run_file(t, t->files[i], &files[all.file_count]))
            all.file_count++;
    }
    bool reported = files && report(t, &all);
    if (!files || t->problems.count)
        print_problems(&t->problems);
    if (!reported || t->problems.count)
        return EXIT_USAGE;
    return t->run.outcomes[TEST_FAILED] ? EXIT_FINDINGS : EXIT_FINE;
}

int cli_test(int argc, char **argv)
{
    static struct test t; /* large: its lists of files */
    int exit_code;
    if (!read_options(&t, argc, argv, &exit_code))
        return exit_code;
    arena_init(&t.arena, LIMIT_POLICY_ARENA_BYTES);
    problems_init(&t.problems);
    test_run_init(&t.run, &t.arena, &t.problems);
    if (find_files(&t)) {
        exit_code = run_tests(&t);
    } else {
        print_problems(&t.problems);
        exit_code = EXIT_USAGE;
    }
    test_run_release(&t.run);
    problems_release(&t.problems);
    arena_release(&t.arena);
    return exit_code;
}
