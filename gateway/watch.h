/*
 * Notices when the files that a snapshot was read from change.
 *
 * Directories are watched, not files: Kubernetes swaps a whole generation by renaming the link
 * `..data`, editors rename a new file over the old one. An event only says "look": what decides is
 * the stamp, over what stat() tells of every file.
 *
 * Belongs to the main thread.
 */
#pragma once

#include "config.h"
#include "policy_files.h"

/* Calls `each` for every path that the configuration names to be read, its own file first. */
void watch_each_path(const struct config *config, void (*each)(void *arg, const char *path),
                     void *arg);

/* A stamp that also covers what `path`, a file or a directory, looks like now. */
uint64_t watch_stamp_add(uint64_t stamp, const char *path);

/* What the files and directories that `config` names look like now, its own file included. */
uint64_t watch_stamp_config(const struct config *config);

/* What the files look like now that the policies include; compare with policy_files.stamp. */
uint64_t watch_stamp_included(const struct policy_files *files);

/*
 * A descriptor that becomes readable when something happens around the configuration's files or
 * those that the policies include; -1 with errno. `candidate` may be NULL.
 */
MUST_USE int watch_open(const struct config *config, const struct policy_files *policy,
                        const struct policy_files *candidate);

/* Forgets what happened so far. */
void watch_drain(int fd);
