/*
 * The running gateway: workers, journal, resolver, signals; from start to the last answer.
 */
#pragma once

#include "snapshot.h"

enum server_end {
    SERVER_NOT_STARTED, /* `err` says why; nothing was left running */
    SERVER_DRAINED,     /* every request under way was finished */
    SERVER_CUT,         /* stopped with requests under way: second signal, or drain_timeout */
};

/*
 * Serves what the configuration says until TERM or INT; reads it again on HUP and when its files
 * change. Blocks; call from the main thread before any other is started.
 */
MUST_USE enum server_end server_run(const char *config_path, struct error *err);
