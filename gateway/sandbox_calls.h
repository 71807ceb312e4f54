/*
 * Which system calls the running gateway may make: the sole user of libseccomp.
 *
 *     sandbox_calls.def and the table of sandbox_calls.c --> filter of every thread
 *                                                       \-> what --print-sandbox tells
 *
 * Root may look at refused calls in the kernel's log: audit records of type 1326.
 */
#pragma once

#include "base/error.h"

enum sandbox_call_answer {
    SANDBOX_CALL_ALLOWED,
    SANDBOX_CALL_ALLOWED_IF, /* its arguments are as `condition` says */
    SANDBOX_CALL_REFUSED_IF, /* with an error, when they are as `condition` says */
    SANDBOX_CALL_KILLS
};

struct sandbox_call {
    const char *name;
    const char *group;     /* a title: what it is for */
    const char *condition; /* a sentence; NULL without one */
    const char *error;     /* "EPERM"; of those that are refused */
    enum sandbox_call_answer answer;
};

/* What a call answers that is not listed. */
#define SANDBOX_CALL_UNLISTED "ENOSYS"

/* Every call that is listed, in a fixed order. */
void sandbox_calls_each(void (*each)(void *arg, const struct sandbox_call *call), void *arg);

/* Whether this kernel filters calls and can end a process for one; false with why not. */
MUST_USE bool sandbox_calls_supported(struct error *why);

/*
 * From here on, for every thread there is and will be. Call it once, when all that is made at start
 * is made. False with `err`: nothing is in force.
 */
MUST_USE bool sandbox_calls_restrict(struct error *err);
