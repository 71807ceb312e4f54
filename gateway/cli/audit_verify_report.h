/*
 * What `audit verify` found, for a person or for a program.
 */
#pragma once

#include "audit/verify.h"
#include "base/problems.h"

#define LIMIT_AUDIT_EXPECTED                                                                       \
    16 /* checkpoints kept elsewhere; one of each place that keeps them                            \
        */

struct audit_verify_result {
    const struct verify_report *report;
    const char *broken; /* "FILE:LINE: sentence"; NULL: it is not */
    const struct problems *findings;
    uint64_t whole_segments;                 /* read to their end */
    uint64_t fine_records;                   /* as they were written */
    uint64_t segments, records, checkpoints; /* that are there, whatever they hold */
    uint64_t linked; /* of the fine ones, those in front of the first segment that is left */
    uint64_t torn_bytes;
    bool is_pinned;
    size_t expected; /* notes kept elsewhere, that it was compared with */
};

void audit_verify_text(const struct audit_verify_result *result, struct buf *out);
void audit_verify_json(const struct audit_verify_result *result, struct buf *out);
