/*
 * The names that policies write in full (caller IDs, lists, templates), by the hashes that a record
 * has instead: so that a name that it hides can be told, or be told to be none of these.
 *
 *     policies -> names --one table for each key that records name--> hash -> name
 *
 * Everything is in the arena given. One thread at a time; it reads key files.
 */
#pragma once

#include "audit/recorded.h"

struct hidden_names;

/*
 * `key_directory` as in hash_keys.h; NULL: no key is at hand. The policies must live as long. NULL
 * when memory is out.
 */
MUST_USE struct hidden_names *hidden_names_of(const struct policy_set *const *policies,
                                              size_t count, const char *key_directory,
                                              struct arena *arena);

/* Puts in the decision's campaign the names that are known; of others that they are none of the
 * policies', GAP_UNLISTED. Without the key nothing changes. */
void hidden_names_resolve(struct hidden_names *names, struct recorded_decision *decision);
