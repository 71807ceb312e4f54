/*
 * How often each rule of each layer of a policy spoke in the tests.
 *
 * A table belongs to a policy by the files it is made of; several files of tests may count into
 * one, each with a small policy of its own beside it (whose rules stand in the table, too).
 */
#pragma once

#include "cli/trial.h"

struct coverage_row {
    struct str layer; /* its title */
    enum policy_rule rule;
    size_t passed;   /* tests in which it had nothing to say against the campaign */
    size_t refused;  /* in which it refused */
    size_t observed; /* in which it would have, but for its mode or an exception */
    struct coverage_row *next;
};

struct coverage_table {
    struct str policy; /* its files, for people */
    struct coverage_row *first, **end;
    struct coverage_table *next;
};

/* One compiled policy and where its settings count. */
struct coverage {
    struct coverage_table *table;
    struct strset rows; /* address of a struct policy_setting -> struct coverage_row */
};

/* NULL when the arena is full. */
struct coverage_table *coverage_table_new(struct str policy, struct arena *arena);

/* Puts every setting of the policy into the table, unless its layer and rule are there already. */
MUST_USE bool coverage_init(struct coverage *coverage, struct coverage_table *table,
                            const struct policy_set *policy, struct arena *arena);

void coverage_count(const struct coverage *coverage, const struct trial *trial);

/* Never had anything against any campaign: no test shows that it works. */
bool coverage_is_untested(const struct coverage_row *row);
