/*
 * Finding out what became of campaigns whose fate nobody knows, by asking the upstream which
 * campaigns it has.
 *
 *     journal --intents--> open decisions --list call--> campaigns of that time
 *                                |                              |
 *                                `---------- match -------------'
 *                                              |
 *             exactly one --get call--> outcome "created"      none --> outcome "not_created"
 *             anything else, or no clear answer --> stays open, with a reason
 *
 * It only reads: never is a campaign created, changed or sent again. Answers are kept to what the
 * upstream says: a campaign that somebody deleted or renamed meanwhile counts as not there.
 */
#pragma once

#include "audit/hash_keys.h"
#include "audit/intents.h"
#include "config.h"
#include "upstream/ask.h"

enum reconcile_result {
    RECONCILE_CREATED,
    RECONCILE_NOT_CREATED,
    RECONCILE_UNKNOWN,
    RECONCILE_TOO_YOUNG, /* the upstream may be about to create it */
};

/* Views live until `found` returns. */
struct reconcile_finding {
    const struct intent *intent;
    enum reconcile_result result;
    const char *campaign_id; /* when created; otherwise empty */
    const char *reason;      /* of what stays unknown, or could not be recorded: a sentence's end */
    bool recorded;
};

struct reconcile_options {
    struct reader_options journal;
    const struct config *config;
    const struct config_tenant *tenant;
    struct asker *asker;               /* to the upstream that `config` names */
    const char *auth_path;             /* the file with the API's token, read for every call */
    const struct hash_keys *hash_keys; /* that hide numbers now; NULL: they are in the clear */
    bool with_time; /* records get their time here; otherwise whoever appends adds it */

    bool (*wanted)(void *arg, struct str id); /* which open ones; NULL: all */

    /* Makes the outcome durable. False with `err`. NULL: nothing is recorded. */
    bool (*append)(void *arg, struct str id, struct str members, struct error *err);
    void (*found)(void *arg, const struct reconcile_finding *finding);
    void *arg;
};

/* How long after its decision a campaign may be looked for. */
int64_t reconcile_settle_ms(const struct config *config);

/*
 * One round over all that are open; each that is wanted is told of once. Blocks, also to be gentle
 * with the upstream's limit of calls. False with `err` when the journal cannot be read.
 */
MUST_USE bool reconcile_run(const struct reconcile_options *options, struct error *err);
