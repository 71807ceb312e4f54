/*
 * A campaign's body with some of its values replaced, for tests of a policy. Pure.
 *
 *     JSON tree + mapping of JSON pointers (RFC 6901) to YAML values -> JSON text
 *
 *     /priority: "2"                                   a string
 *     /schedule/isSchedulingEnabled: true              a boolean: unquoted, and what is missing on
 *                                                      the way is made
 *     /dncLists: null                                  removes
 *     /contactLists/-: CL 2                            appends
 *     /dialingStrategy/callingHours/days: [{day: SU}]  lists and mappings, too
 *
 * Changes are made one after the other. Unquoted true, false, null and what JSON takes for a number
 * are of that type, everything else is a string; a null inside a list or mapping is JSON's null.
 */
#pragma once

#include "base/json_read.h"
#include "base/yaml_read.h"

/*
 * *ret is the text, in the arena. `changes` is a mapping or NULL; `message`, unless it is NULL, is
 * a scalar that becomes /message/message, encoded as the API wants it, before the changes. False
 * with a sentence that points to the change.
 */
MUST_USE bool campaign_patch(const struct json_value *base, const struct yaml_node *message,
                             const struct yaml_node *changes, struct arena *arena, struct str *ret,
                             struct error *err);
