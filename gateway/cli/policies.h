/*
 * Policies for verbs that need nothing else: no certificates, no running gateway.
 */
#pragma once

#include "base/arena.h"

struct policy_set;

/*
 * The policy that the files and directories make. NULL after having said on stderr what is wrong.
 * It lives in the arena.
 */
const struct policy_set *policies_load(const char *const *paths, size_t count, struct arena *arena);

/* The one that a configuration names. */
const struct policy_set *policies_load_configured(const char *config_path, struct arena *arena);
