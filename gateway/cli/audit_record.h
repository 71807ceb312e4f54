/*
 * What a verb did is recorded in the journal that its configuration names.
 */
#pragma once

#include "config.h"

#define OPERATOR_NAME_SIZE 64

/* Who runs the verb, as the system knows them: "alice", or "uid 1000". */
void operator_name(char out[OPERATOR_NAME_SIZE]);

/*
 * Adds one record: `members` as record.h makes them, without time. Through the running gateway, or
 * directly when none is running. Waits until it is durable; false with `err` when it is not.
 */
MUST_USE bool audit_record(const struct config *config, struct str members, struct error *err);
