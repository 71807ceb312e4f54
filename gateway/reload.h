/*
 * When to read configuration, policies and certificates again: shortly after something happened to
 * their files, and in any case once a minute if they look different from what was read.
 *
 * Belongs to the main thread. Reading and swapping is server.c's business.
 */
#pragma once

#include "snapshot.h"

struct reload {
    int fd;             /* readable when something happened; -1: cannot be watched, look by time */
    uint64_t stamp;     /* of the files as they were when last read, with or without success */
    bool failed;        /* the last reading was in vain */
    int64_t look_at_ms; /* on the clock that never goes back */
};

/* Watches the files of the snapshot that is in force. False with `err`. */
MUST_USE bool reload_init(struct reload *reload, const struct snapshot *snapshot,
                          struct error *err);
void reload_release(struct reload *reload);

int reload_fd(const struct reload *reload);

/* When reload_is_due should be asked next. */
int64_t reload_due_ms(const struct reload *reload);

/* reload_fd was readable: looks in a moment, when what began is probably done. */
void reload_event(struct reload *reload, int64_t now_ms);

/* True when it is time to look and the files differ from what was read last. */
MUST_USE bool reload_is_due(struct reload *reload, const struct snapshot *current, int64_t now_ms);

/* They were read: `current` is in force now; NULL: what was read was wrong, the old stays. */
void reload_done(struct reload *reload, const struct snapshot *current);
