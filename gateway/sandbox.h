/*
 * What the running gateway gives up once it has what it needs, so that whoever takes it over gets
 * little: privileges, other programs, other files, other ports, a memory that others may look into.
 *
 *     sandbox_new               from the configuration, what will be allowed
 *     sandbox_restrict_process  before the first thread: no new privileges, no dumps, files and
 *                               ports (sandbox_files.h), no capabilities
 *     sandbox_restrict_calls    when all is made, before a client is read: system calls of all
 *                               threads (sandbox_calls.h)
 *     sandbox_report            the same as sentences or JSON, with nothing done
 *
 * Both halves that need something of the kernel are on unless the configuration says otherwise.
 * Where the kernel has not got one, the gateway goes on without it and warns. Main thread only.
 */
#pragma once

#include "base/buf.h"
#include "sandbox_files.h"

enum sandbox_state { SANDBOX_OFF, SANDBOX_UNAVAILABLE, SANDBOX_ON };

struct sandbox_part {
    enum sandbox_state state;
    struct error why; /* while it is unavailable */
};

struct sandbox {
    struct sandbox_part landlock, seccomp;
    int landlock_version;
    struct sandbox_files *files; /* NULL when Landlock is off */
    bool restricted;             /* the first half is in force */
};

/*
 * NULL with `err`. The snapshot may go before it. `abstract_sockets`: local sockets that are no
 * files are needed, because whoever started the gateway listens at one.
 */
MUST_USE struct sandbox *sandbox_new(const struct snapshot *snapshot, bool abstract_sockets,
                                     struct error *err);
void sandbox_free(struct sandbox *sandbox); /* accepts NULL; what is in force stays so */

/* False with `err`: the gateway must not run. */
MUST_USE bool sandbox_restrict_process(struct sandbox *sandbox, struct error *err);
MUST_USE bool sandbox_restrict_calls(struct sandbox *sandbox, struct error *err);

/* Writes to the log what is in force, and a warning for what is not but should be. */
void sandbox_log(const struct sandbox *sandbox);

/*
 * To a sentence about files that could not be read, adds that it is the sandbox's doing and that a
 * restart is needed, if that is so. `config_path` is the configuration as it is now; `sandbox` may
 * be NULL.
 */
void sandbox_explain(const struct sandbox *sandbox, const char *config_path, struct error *err);

/* "off", "unavailable", "on". */
const char *sandbox_state_name(enum sandbox_state state);

/* The capability that root keeps; other users keep none. */
#define SANDBOX_ROOT_KEEPS "CAP_DAC_OVERRIDE"

void sandbox_report_text(const struct sandbox *sandbox, struct buf *out);
void sandbox_report_json(const struct sandbox *sandbox, struct buf *out);
