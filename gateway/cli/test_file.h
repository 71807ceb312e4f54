/*
 * A file of tests of a policy: YAML in, plain structs out, or every mistake with its place.
 *
 *     policy: ..                       # files or directories; one or a list
 *     with: {revision: .., teams: ..}  # a small policy, compiled together with them
 *     base: campaign.json              # what the tests change
 *     team: billing                    # base, team and at: may stand in a test instead
 *     at: 2026-11-24T10:00:00+05:30
 *     sender_ids: [ACME]               # as in the configuration
 *     tests:
 *       - name: refuses a Sunday window
 *         patch: {/dialingStrategy/callingHours/days/0/day: SU}   # campaign_patch.h
 *         text: "Hello, reply STOP"    # the message in clear
 *         expect: [outside-hours]      # the codes that refuse, or allow
 *         rules: [business_hours]      # the rules that refuse      \
 *         reported: []                 # codes that are reported     > compared when given
 *         exceptions: [EX-7]           # exceptions that were used  /
 *
 * Paths are relative to the file. Everything lives in the arena.
 */
#pragma once

#include "base/problems.h"
#include "base/yaml_read.h"
#include "policy/policy.h"

struct test_case {
    struct str name;
    const struct yaml_node *place; /* of the name */
    struct str base;               /* path */
    const struct yaml_node *base_place;
    const struct yaml_node *team; /* NULL: the policy's only one */
    int64_t at_unix_ms;
    const struct yaml_node *patch; /* NULL: nothing is changed */
    const struct yaml_node *text;  /* NULL: the message is the base's */

    bool codes[VIOLATION_COUNT]; /* none: allowed */
    bool compares_rules, compares_reported, compares_exceptions;
    bool rules[POLICY_RULES];
    bool reported[VIOLATION_COUNT];
    const struct str *exceptions;
    size_t exception_count;
};

struct test_policy_path {
    struct str path;
    const struct yaml_node *place;
};

struct test_file {
    const char *path;
    const struct yaml_node *root;
    struct test_policy_path *policies;
    size_t policy_count;
    struct str with; /* the text of one more source, its lines where they stand; may be empty */
    const struct str *sender_ids;
    size_t sender_id_count;
    const struct test_case *cases;
    size_t case_count;
};

/* NULL with the problems. `path` must live as long as the arena. */
MUST_USE struct test_file *test_file_read(const char *path, struct str text, struct arena *arena,
                                          struct problems *problems);
