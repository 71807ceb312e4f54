/*
 * What one may ask of a journal, whether its records are in a local index (index.c) or in the
 * central database (central.c).
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

/* Empty texts and zeros ask nothing. All that is asked must hold. */
struct search_query {
    int64_t from_unix_ms, to_unix_ms; /* from <= time < to */
    struct str source;                /* central only: which gateway */
    struct str id;                    /* a decision's */
    struct str kind;                  /* decision, outcome, … */
    struct str team, caller, verdict; /* verdict: allow, deny */
    struct str code;                  /* of a violation, or of the refusal */
    struct str outcome;               /* created, unknown, … */
    const struct str *caller_ids;     /* any of these: one number under each hash key */
    size_t caller_id_count;
    struct str campaign; /* its name; * stands for anything */
    struct str template;
    struct str campaign_id;     /* as the upstream named it */
    struct str policy_revision; /* or the beginning of the policy's digest */
    struct str text;            /* words that occur anywhere in the record */
    struct str after;           /* the cursor of the page before; empty: the first page */
    bool oldest_first;          /* otherwise newest first */
    size_t limit;               /* records on a page, at least 1 */
};

/* Told of each record; the views live until it returns. False stops the search. */
typedef bool search_found(void *arg, struct str source, uint64_t seq, struct str json,
                          struct str hash_hex);
