/*
 * A file that is there whole, or not at all.
 *
 *     output_open --write, write, …--> output_commit: it has its name now, durably
 *          `--------------------------> output_close: it never was
 *
 * Until it has its name nobody else sees it; a process that dies leaves nothing behind where the
 * file system can do that (O_TMPFILE), and NAME.partial-PID otherwise.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"

struct output;

/* Only its owner may read it. `force`: what has that name already is replaced; otherwise that is an
 * error, told now if it can be. NULL with `err`. */
MUST_USE struct output *output_open(const char *path, bool force, struct error *err);

MUST_USE bool output_write(struct output *output, struct str bytes, struct error *err);

MUST_USE bool output_commit(struct output *output, struct error *err);

/* What was not committed is gone. Accepts NULL. */
void output_close(struct output *output);
