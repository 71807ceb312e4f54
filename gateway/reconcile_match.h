/*
 * Which of the upstream's campaigns came of which decision. Pure.
 *
 * A campaign matches a decision when it has its name (as a reader reads it: case, width and what
 * does not show make no difference), was created while the gateway may have been sending, has
 * nothing else that contradicts the record, and is not known to be somebody else's. One match is
 * the answer; no trace of one, in a complete list, is an answer, too. Everything in between is
 * said to be unknown, and why.
 */
#pragma once

#include "audit/intents.h"
#include "reconcile_answer.h"

#define MATCH_SKEW_MS 60000 /* how far the upstream's clock may be from ours */
#define MATCH_SLACK_MS                                                                             \
    60000 /* from decision to sending, and from giving up to the upstream's end */

enum match_verdict { MATCH_UNKNOWN, MATCH_CREATED, MATCH_NOT_CREATED };

struct match {
    enum match_verdict verdict;
    const struct listed *campaign; /* of MATCH_CREATED */
    char reason[256];              /* of MATCH_UNKNOWN: a sentence's end */
};

struct match_listing {
    const struct listed *items;
    const struct claim *claims; /* as many: whose they are */
    size_t count;
    const char *incomplete; /* why it is not the whole list; NULL: it is */
    bool nameless;          /* an outcome of that time does not say which campaign it is about */
};

struct match_terms {
    int64_t total_timeout_ms; /* of a call to the upstream */
    /* How a record that hides numbers as `recorded` does would have written `text`. A view with
     * NULL data: it cannot be said, because the key is gone. May be NULL: then it never can. */
    struct str (*hide)(void *arg, struct str recorded, struct str text, struct arena *arena);
    void *arg;
};

/* When the campaign of a decision may have been created, by the upstream's clock. */
void match_window(const struct intent *intent, const struct match_terms *terms,
                  int64_t *ret_from_unix_ms, int64_t *ret_to_unix_ms);

/* Whether the two have the same name; `arena` lends memory. */
enum match_name {
    MATCH_NAME_OTHER,
    MATCH_NAME_SAME,
    MATCH_NAME_UNCLEAR, /* memory is out, or the key that hides numbers is gone */
};
enum match_name match_name(const struct intent *intent, const struct listed *campaign,
                           const struct match_terms *terms, struct arena *arena);

/* What the campaign has otherwise than the record: "priority"; NULL: nothing that can be told. */
const char *match_contradiction(const struct intent *intent, const struct listed *campaign,
                                const struct match_terms *terms, struct arena *arena);

/* `intents` are all that are open: one campaign may be anyone's of them. */
void match_find(const struct intent *intent, const struct intents *intents,
                const struct match_listing *listing, const struct match_terms *terms,
                struct arena *arena, struct match *ret);
