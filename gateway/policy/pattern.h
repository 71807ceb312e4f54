/*
 * Regular expressions of a policy's author (PCRE2 syntax, Unicode), and texts with slots.
 *
 * They are matched by PCRE2's breadth-first matcher, so that no expression can take a stranger's
 * text for an exponential walk; back references, which it cannot follow, are refused. Everything
 * lives in the arena given; a compiled pattern is immutable and safe on any thread.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct pattern;

/*
 * Compiles an expression that fits when any part of a text does; ^ and $ anchor it. NULL with
 * *ret_why and *ret_offset (a byte of `source`) when it is not a regular expression.
 */
MUST_USE const struct pattern *pattern_compile(struct str source, struct arena *arena,
                                               struct error *ret_why, size_t *ret_offset);

/* One slot of a template: `{name}` in its text. */
struct pattern_slot {
    struct str name;
    bool digits; /* only 0-9; otherwise anything but line ends, < and > */
    int most;    /* characters; at least one */
};

/*
 * A text in which each {name} stands for what its slot allows; everything else for itself, and
 * `{{` for a brace. NULL as above, also for a slot that is not among `slots`.
 */
MUST_USE const struct pattern *pattern_of_text(struct str text, const struct pattern_slot *slots,
                                               size_t slot_count, struct arena *arena,
                                               struct error *ret_why, size_t *ret_offset);

enum pattern_answer {
    PATTERN_FITS,
    PATTERN_DIFFERS,
    PATTERN_UNDECIDED, /* more work or memory than a request may take: not a yes */
};

/* `scratch` lends memory for the walk. */
enum pattern_answer pattern_match(const struct pattern *pattern, struct str text,
                                  struct arena *scratch);
