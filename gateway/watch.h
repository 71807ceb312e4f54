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

/* What the files and directories that `config` names look like now, its own file included. */
uint64_t watch_stamp(const struct config *config);

/* The same of one path. */
uint64_t watch_stamp_of(const char *path);

/* A descriptor that becomes readable when something happens around these files; -1 with errno. */
MUST_USE int watch_open(const struct config *config);

/* Forgets what happened so far. */
void watch_drain(int fd);
