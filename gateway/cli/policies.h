/*
 * Policies that a command line names.
 */
#pragma once

#include "policy_files.h"

/* The policy that the files and directories make, in the arena; NULL with the problems. */
const struct policy_set *policies_load(const char *const *paths, size_t count, struct arena *arena,
                                       struct problems *problems);
