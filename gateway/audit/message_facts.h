/*
 * What a record says of a message instead of its text: how long it is, what stands between < and >,
 * where its links lead. Pure. The members are those of "message" in record.h.
 */
#pragma once

#include "audit/privacy.h"
#include "base/json_write.h"

#define LIMIT_RECORDED_NAMES 32 /* of placeholders, and of links; an honest text has a few */
#define LIMIT_RECORDED_HOST 253 /* the longest name of DNS */

/* Puts "message":{…}. `text` is valid UTF-8; what is looked for is kept in the privacy's arena. */
void message_facts_put(struct json_writer *w, struct str text, struct privacy *privacy);
