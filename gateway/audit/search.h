/*
 * What one may ask of a journal, whether its records are in a local index (index.c) or in the
 * central database (central.c).
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

/*
 * Empty texts and zeros ask nothing. All that is asked must hold: of the record itself what stands
 * first, and the rest of its story. A story are the records with the same id (a decision, its
 * outcome, who closed it); any of them may meet each of the rest. So `team` and `outcome` together
 * find the decisions of that team with such an outcome, and these outcomes. A record without id is
 * a story by itself.
 */
struct search_query {
    int64_t from_unix_ms, to_unix_ms; /* from <= time < to */
    uint64_t from_seq, to_seq;        /* from <= seq < to; of a source where there are several */
    struct str source;                /* which gateway: the origin of its checkpoints */
    struct str id;                    /* a decision's, or its beginning */
    struct str kind;                  /* decision, outcome, … */

    struct str team, caller, verdict; /* verdict: allow, deny */
    struct str code;    /* of a violation, refusing, reported or waived; or of the refusal */
    struct str outcome; /* created, unknown, … */
    const struct str *caller_ids; /* any of these: one number under each hash key */
    size_t caller_id_count;
    const struct str *numbers; /* any of these words occurs somewhere: one number's digits, and its
                                  hash under each key, in hex */
    size_t number_count;
    struct str campaign; /* its name; * stands for anything */
    struct str template;
    struct str campaign_id;     /* as the upstream named it */
    struct str policy_revision; /* or the beginning of the policy's digest */
    struct str text; /* words that occur somewhere in the story, folded (policy/text.h) */

    struct str after;  /* the cursor of the page before; empty: the first page */
    bool oldest_first; /* otherwise newest first */
    size_t limit;      /* records on a page, at least 1 */
};

/* Told of each record; the views live until it returns. False stops the search. */
typedef bool search_found(void *arg, struct str source, uint64_t seq, struct str json,
                          struct str hash_hex);
