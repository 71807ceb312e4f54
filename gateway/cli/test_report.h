/*
 * The results of tests for people, as JSON, and as JUnit's XML.
 */
#pragma once

#include "base/buf.h"
#include "cli/test_run.h"

struct test_report {
    const struct test_run *run;
    const struct test_results *files;
    size_t file_count;
    bool with_coverage;
};

/* TAP 14: "ok 1 - name", what differs on lines that begin with #, and a closing count. */
void test_report_text(const struct test_report *report, struct buf *out);

void test_report_json(const struct test_report *report, struct buf *out);

/* One <testsuite> for each file; what could not be run is an <error>. */
void test_report_junit(const struct test_report *report, struct buf *out);
