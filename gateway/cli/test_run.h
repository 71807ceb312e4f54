/*
 * Running files of tests: each test's campaign is made, judged and compared with what is expected.
 */
#pragma once

#include "cli/coverage.h"
#include "cli/test_file.h"

enum test_outcome {
    TEST_PASSED,
    TEST_FAILED,
    TEST_BROKEN, /* could not be run: its campaign cannot be made, its team is not known */
};

struct test_result {
    const struct test_case *test;
    enum test_outcome outcome;
    struct str expected, actual;      /* codes that refuse: "frozen, outside-hours", or "allow" */
    struct str why;                   /* lines, for people; empty when it passed */
    const struct violation *findings; /* refuse, are reported or waived */
    size_t finding_count;
};

struct test_results {
    const struct test_file *file;
    struct test_result *items;
    size_t count;
};

struct test_suite;

struct test_run {
    struct arena *arena; /* results and policies */
    struct problems *problems;
    struct arena draft;                          /* of one test's body */
    struct arena request;                        /* of one trial, limited as in the gateway */
    struct test_suite *suites;                   /* the policies compiled so far */
    struct coverage_table *tables, **tables_end; /* one for each policy tested */
    size_t outcomes[TEST_BROKEN + 1];
};

void test_run_init(struct test_run *run, struct arena *arena, struct problems *problems);
void test_run_release(struct test_run *run);

/* False when the file's policy cannot be used: the problems say why, and no test was run. */
MUST_USE bool test_run_file(struct test_run *run, const struct test_file *file,
                            struct test_results *ret);
