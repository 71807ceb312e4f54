/*
 * How another process adds a record to a journal that a gateway is writing: it puts a file into
 * the journal's inbox, and the gateway appends what it says and takes the file away.
 *
 *     verb --inbox_submit--> DIRECTORY/inbox/ID.json --inbox_take--> the gateway's journal
 *
 * A file is one JSON object on one line, `{"kind":…}`, named by a UUIDv7. Whoever appends it adds
 * `time`, and `request`, which is the file's name. A name ends with what has become of it:
 *
 *     ID.tmp       being written; nobody looks at it
 *     ID.json      waits. Taking it away takes the request back
 *     ID.taken     being appended; removed when that is durable
 *     ID.refused   will not be recorded; ID.reason says why
 *
 * What nobody takes stays, so a request survives a crash of either side. A gateway that died while
 * it took a file finds ID.taken when it starts, and appends it unless the journal has that
 * `request` already: once, then, as long as the disk tells the truth. When a write fails after its
 * time was over, a refused request may still come to stand in the journal; its `request` tells.
 */
#pragma once

#include "audit/journal.h"
#include "base/limits.h"

#define LIMIT_INBOX_BYTES (LIMIT_RECORD_BYTES - 256) /* of members: time and request are added */

/*
 * Adds one record to the journal: `members` as record.h makes them, without `time`. Where no
 * gateway is running, opens the journal itself as `options` say, which are the gateway's own.
 * Waits at most `timeout_ms` until the record is durable. False with `err` when it is not: a file
 * that a gateway has not taken is then withdrawn, so that nothing is recorded later by surprise;
 * of one that it has, the sentence says that nobody knows.
 */
MUST_USE bool inbox_submit(const struct journal_options *options, struct str members,
                           int64_t timeout_ms, struct error *err);

/*
 * Whether there is a journal, and it belongs to the user who asks: files of another user, the
 * gateway could not use. False with `err`. To be asked before anything is made in its directory.
 */
MUST_USE bool inbox_check(const char *directory, struct error *err);

/* Whether somebody has the journal open: a gateway; or, for a moment, a verb. */
bool inbox_is_served(const char *directory);

/* ---- the gateway's side; one thread ---- */

struct inbox;

/* Who is told of each file. `name` is its UUID, or what it was called instead; `kind` may be
 * empty; `reason` is NULL when it was recorded. */
typedef void inbox_told(void *arg, const char *name, struct str kind, const char *reason);

/*
 * Makes DIRECTORY/inbox, watches it, and looks after what a former run had begun to take. The
 * journal must outlive the inbox; `last_seq` is where it ended when it was opened. NULL with `err`.
 */
MUST_USE struct inbox *inbox_open(struct journal *journal, const struct journal_options *options,
                                  uint64_t last_seq, inbox_told *told, void *arg,
                                  struct error *err);

/* A descriptor for poll: readable when something came. -1: the system has none to give, so look
 * now and then. */
int inbox_fd(const struct inbox *inbox);

/* Takes what waits, in the order of names, but not too much at once: true when more is waiting.
 * Blocks while records become durable. */
bool inbox_take(struct inbox *inbox);

void inbox_close(struct inbox *inbox); /* accepts NULL */
