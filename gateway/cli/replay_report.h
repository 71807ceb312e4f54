/*
 * What `replay` found, as text for a person or as JSON.
 */
#pragma once

#include "base/buf.h"
#include "cli/replay_tally.h"

struct replay_report {
    const struct policy_set *candidate;
    const struct tally *tally;
    struct arena *arena; /* lends memory */
};

/* Newly denied or allowed, or not to be told: what the exit code is about. */
uint64_t replay_differences(const struct tally *tally);

void replay_report_text(const struct replay_report *report, struct buf *out);
void replay_report_json(const struct replay_report *report, struct buf *out);
