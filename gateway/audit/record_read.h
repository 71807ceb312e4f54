/*
 * What a record says, for those who search, show and export it. Pure.
 *
 * A record is one JSON object, read with json_read. What is not there, or is of another kind than
 * asked for, counts as absent: records of older and newer gateways stand in the same journal.
 */
#pragma once

#include "base/json_read.h"

/* The text at a path of members, such as "campaign.name"; empty when there is none. */
struct str record_text(const struct json_value *record, const char *path);

/* The value at a path; NULL when there is none. */
const struct json_value *record_value(const struct json_value *record, const char *path);

/* The whole number at a path. */
MUST_USE bool record_number(const struct json_value *record, const char *path, int64_t *ret);

/* When it was made; false when it does not say so. */
MUST_USE bool record_time(const struct json_value *record, int64_t *ret_unix_ms);

/*
 * Calls `found` with each violation's code, whether it refused, was only reported or was waived,
 * and with the refusal's own code. The same code may come twice.
 */
void record_each_code(const struct json_value *record, void (*found)(void *arg, struct str code),
                      void *arg);

/*
 * Calls `found` with each text that stands anywhere in the record, in order. Left out is what is
 * asked for in other ways or says nothing to anybody: id, prev, time, and what checkpoints
 * are made of.
 */
void record_each_text(const struct json_value *record, void (*found)(void *arg, struct str text),
                      void *arg);

/* The same two rules for those who read without a tree (json_visit): is a member of this name a
 * list whose objects have codes; is it left out as a text. */
bool record_has_codes(struct str key);
bool record_leaves_out(struct str key);
