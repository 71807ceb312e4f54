/*
 * Campaigns whose fate nobody knows: decisions that were allowed and have no outcome, because the
 * gateway ended before there was one, and those whose outcome says that nobody knows.
 *
 * Read from the segments, whoever writes them meanwhile. Not for the request path: it blocks.
 */
#pragma once

#include "audit/reader.h"
#include "base/arena.h"
#include "base/id.h"

#define LIMIT_INTENTS 10000 /* told of at once; a person has to look at each that stays */

/* Texts live in the intents' arena, and are empty where the record has none. */
struct intent {
    char id[ID_SIZE];
    uint64_t seq;         /* of the decision; 0: the segments that are there do not hold it */
    bool outcome_unknown; /* it has an outcome, which says so */
    int64_t time_unix_ms; /* of the decision, or as the id tells when that is not there */
    struct str team, name, stream_id, account_id;
    struct str caller_id, timezone, format, dnc_list, template;
    struct str *contact_lists;
    size_t contact_list_count;
    int priority; /* 0: not recorded */
    struct str policy_revision, policy_digest;
};

struct intents {
    struct arena arena;
    struct intent *items; /* the oldest first */
    size_t count;
    bool truncated; /* there are more than LIMIT_INTENTS */
};

/* All that are open in the journal as it stands. False with `err` when it cannot be read, or is
 * broken before its end; what was found is released with intents_release in either case. */
MUST_USE bool intents_read(const struct reader_options *place, struct intents *ret,
                           struct error *err);
void intents_release(struct intents *intents); /* accepts zeroed ones */

/* ---- whose a campaign is ---- */

/* One campaign of the upstream's, and whether the journal says whose it is. */
struct claim {
    struct str campaign_id; /* filled by the caller */
    bool taken;             /* the outcome of some decision names it */
};

/*
 * Looks through outcomes and what persons closed, in records from `place->from_seq` on.
 * *ret_nameless tells that one says "created" and not which: any campaign of that time may be its.
 * Within [from_unix_ms, to_unix_ms], by the decision's id. False with `err`.
 */
MUST_USE bool intents_find_claims(const struct reader_options *place, struct claim *claims,
                                  size_t count, int64_t from_unix_ms, int64_t to_unix_ms,
                                  bool *ret_nameless, struct error *err);

/* ---- one of them ---- */

enum intent_state {
    INTENT_ABSENT, /* no record has this id, in the segments that are there */
    INTENT_REFUSED,
    INTENT_OPEN,
    INTENT_ENDED, /* it has an outcome that is known */
    INTENT_CLOSED,
};

/* What is known of one decision; *ret_words is a sentence's end: "was created as cd-…". */
struct intent_story {
    enum intent_state state;
    char words[256];
};
MUST_USE bool intents_find(const struct reader_options *place, struct str id,
                           struct intent_story *ret, struct error *err);
