/*
 * cmocka with less ceremony.
 *
 *     TEST(refuses_sunday_window_in_texas) { ... EXPECT_STR(x, "..."); }
 *     TESTS(UNIT(refuses_sunday_window_in_texas), ...)
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

#define TEST(name) static void name(void **state __attribute__((unused)))
#define UNIT(name) cmocka_unit_test(name)
#define TESTS(...)                                                                                 \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                           \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }

/* Compares a str with a C string and shows both when they differ. */
#define EXPECT_STR(actual, expected) expect_str((actual), (expected), __FILE__, __LINE__)

static inline void expect_str(struct str actual, const char *expected, const char *file, int line)
{
    if (str_equal(actual, str_from(expected)))
        return;
    print_error("got:      \"%.*s\"\nexpected: \"%s\"\n", STR_ARGS(actual), expected);
    _fail(file, line);
}
