/*
 * The whole story of one campaign, collected from wherever its records are.
 */
#pragma once

#include "audit/checkpoint.h"
#include "audit/record_read.h"
#include "base/limits.h"
#include "cli/audit_source.h"

/* One record; everything is the arena's. */
struct story_record {
    struct str source, json, hash, place; /* place: FILE:LINE; empty in the central database */
    uint64_t seq;
    const struct json_value *value; /* NULL: it is no JSON */
};

struct story {
    struct str id;
    struct story_record records[LIMIT_STORY_RECORDS]; /* in order */
    size_t count;
    const struct story_record *decision; /* among them; NULL: it is gone, or was never there */

    struct story_record policy; /* which policy was in force: "started", "reloaded"; or zeros */
    struct story_record note;   /* the first record with a checkpoint over all of them; or zeros */
    struct checkpoint checkpoint; /* what it says; its signature is verify's business */
};

enum story_result {
    STORY_FOUND,
    STORY_UNKNOWN,
    STORY_AMBIGUOUS, /* the beginning of several ids; `err` names some */
    STORY_FAILED,    /* `err` */
};

/* The story of an id, or of the only one that begins so. */
MUST_USE enum story_result story_read(struct audit_source *source, struct str id,
                                      struct arena *arena, struct story *ret, struct error *err);

/* What became of the campaign, in one word: "refused", "open", "created", "unknown", "closed" … */
struct str story_state(const struct story *story);
