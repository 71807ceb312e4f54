/*
 * The running gateway's logs: where the process log goes, and the access log; opened at start,
 * opened again on USR1, closed at the end.
 */
#pragma once

#include "config.h"
#include "telemetry/access_log.h"

struct logs {
    struct line_file *file;    /* of the process log; NULL: stderr */
    struct access_log *access; /* NULL: none is kept */
};

/* False with `err`; what was opened is closed by logs_close all the same. */
MUST_USE bool logs_open(struct logs *logs, const struct config *config, struct error *err);

/* Files may have been moved away. */
void logs_reopen(struct logs *logs);

/* Lines of the process log that were lost. */
uint64_t logs_lost(const struct logs *logs);

/* Later lines go to stderr. Accepts zeroed logs. */
void logs_close(struct logs *logs);
