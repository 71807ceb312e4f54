/*
 * Keeps account of campaigns while a journal is read: every outcome belongs to a decision that
 * allowed, there is one of it, and what is open in the end is counted. Pure.
 *
 *     decision, allow --> open --outcome, retraction--> closed
 *                          `--outcome "unknown"--> unknown --reconciled, closed--> closed
 *
 * What does not fit is a finding, told and passed by: it is odd, but no record is altered.
 */
#pragma once

#include "audit/open_set.h"
#include "base/error.h"
#include "base/json_read.h"

struct ledger {
    struct open_set open, unknown; /* ids */
    bool is_inherited; /* the oldest records are gone: outcomes of theirs may still come */
    uint64_t allowed, denied, outcomes;

    void (*finding)(void *arg, const char *sentence);
    void *arg;
};

void ledger_release(struct ledger *ledger);

/* Whether records of this kind matter to it. */
bool ledger_wants(struct str kind);

/* A decision, an outcome, or what a person closed; `members` as member.h reads them. False with
 * `err`: it is not such a record, or memory is out. */
MUST_USE bool ledger_take(struct ledger *ledger, struct str kind, struct str members,
                          struct error *err);

/* The list of the first segment that is there: where the account begins. */
MUST_USE bool ledger_begin(struct ledger *ledger, const struct json_value *ids, bool is_inherited,
                           struct error *err);

/* The list of a later one: it must name all that are open; those of unknown outcome may be there.
 */
MUST_USE bool ledger_compare(struct ledger *ledger, const struct json_value *ids,
                             struct error *err);
