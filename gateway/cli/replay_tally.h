/*
 * What a replay counts: how decisions compare, by team, by rule, by the policy that decided; and
 * some examples. Memory grows with the rows and examples, not with the decisions.
 */
#pragma once

#include "cli/replay_judge.h"

/* "newly_denied" … */
const char *replay_result_key(enum replay_result result);

/* Decisions that have these texts in common. */
struct tally_row {
    struct str parts[3];
    uint64_t counts[REPLAY_RESULTS];
};

#define LIMIT_TALLY_ROWS 20000 /* more are counted together */

struct tally_table {
    struct arena *arena;
    struct tally_row **items;
    size_t count, capacity;
    struct strset index;
    struct tally_row others; /* when there are too many */
};

/* One thing that refuses, refused, or is not known. */
struct example_line {
    struct str rule, layer; /* "contract" is no rule of a policy */
    struct str code;        /* empty: a gap */
    struct str pointer;
    struct str sentence; /* may be empty: a record has none */
};

struct replay_example {
    struct replay_example *next;
    struct str id, team, campaign;
    int64_t time_unix_ms; /* 0: not known */
    struct str reason;    /* or empty */
    const struct example_line *lines;
    size_t line_count;
};

struct example_list {
    struct replay_example *first, **end;
    size_t count;
};

struct tally {
    struct arena *arena;
    size_t most_examples; /* of each kind */
    uint64_t counts[REPLAY_RESULTS];
    uint64_t fixed; /* of those still denied: whatever a policy says */
    uint64_t whole; /* judged by the whole body */
    uint64_t timed; /* how many the first and last time are of */
    int64_t first_unix_ms, last_unix_ms;
    struct tally_table teams;    /* name */
    struct tally_table rules;    /* rule, layer, code or gap */
    struct tally_table policies; /* revision, digest: would tell more, if they were at hand */
    struct example_list examples[REPLAY_RESULTS];
    bool failed; /* memory is out, and not all is counted */
};

/* Everything lives in the arena. */
void tally_init(struct tally *tally, struct arena *arena, size_t most_examples);

/* `scratch` lends memory. */
void tally_add(struct tally *tally, const struct recorded_decision *decision,
               const struct replayed *replayed, struct arena *scratch);

/* A record that nobody understands. */
void tally_add_wrong(struct tally *tally, uint64_t seq, const char *why, struct arena *scratch);

/* The rows that count something for one result, the greatest first; NULL when memory is out. */
const struct tally_row **tally_sorted(const struct tally_table *table, enum replay_result result,
                                      struct arena *arena, size_t *ret_count);
