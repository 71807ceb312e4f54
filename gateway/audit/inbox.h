/*
 * How another process adds a record to a journal that a gateway is writing: it puts a file into
 * the journal's inbox, and the gateway appends what it says and takes the file away.
 *
 *     verb --inbox_submit--> DIRECTORY/inbox/ID.json --inbox_take--> the gateway's journal
 *
 * What nobody takes stays, so a request survives a crash of either side. When no gateway is
 * running, the verb opens the journal itself.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

/*
 * Adds one record to the journal in `directory`: `members` as record.h makes them. Waits at most
 * `timeout_ms` until it is durable; returns false with `err` when it is not (a file that a gateway
 * has not taken is then withdrawn, so that nothing is recorded later by surprise).
 */
MUST_USE bool inbox_submit(const char *directory, struct str members, int64_t timeout_ms,
                           struct error *err);

/* ---- the gateway's side; one thread ---- */

/* Makes DIRECTORY/inbox and watches it. A descriptor for poll, or -1 with `err`. */
MUST_USE int inbox_watch(const char *directory, struct error *err);

/*
 * Takes everything that waits: each file's members go to `append`; where that answers true the file
 * is removed. What is not a record of the permitted kinds is refused: `append` is not asked, the
 * file is renamed to ID.refused, and `refused` is told why. `fd` is the descriptor of inbox_watch.
 */
void inbox_take(int fd, const char *directory, bool (*append)(void *arg, struct str members),
                void (*refused)(void *arg, const char *name, const char *reason), void *arg);
