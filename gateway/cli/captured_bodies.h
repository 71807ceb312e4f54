/*
 * Whole bodies that were kept beside a journal, for replay: found, checked and opened.
 */
#pragma once

#include "audit/capture_open.h"
#include "cli/replay_judge.h"

struct captured_bodies {
    const struct capture_key *key;
    const char *const *directories; /* the journal's */
    size_t directory_count;
};

/* For struct replay_bodies. False when the file is gone, is another one than the record names, or
 * was sealed for another key. */
bool captured_body_open(void *captured_bodies, const struct recorded_decision *decision,
                        struct arena *arena, struct str *ret);
