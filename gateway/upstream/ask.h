/*
 * Calls to the upstream for code that may wait: one at a time, each on the thread that asks, while
 * a loop on a thread of its own moves the bytes. Not for requests under way.
 */
#pragma once

#include "upstream/pool.h"

struct asker;

/* Starts the thread. NULL when memory, descriptors or threads are out. What `options` point to must
 * outlive it. */
MUST_USE struct asker *asker_start(const struct upstream_options *options);

/* Lives until the next question. */
struct asker_answer {
    enum upstream_failure failure;
    const char *detail;
    const struct http_response *response; /* valid when it answered, as is the body */
    struct str body;
};

/* Sends `request`, head and body, and waits for the answer. False: it was cancelled. */
MUST_USE bool asker_ask(struct asker *asker, struct str request, struct asker_answer *ret);

/* Waits. False: it was cancelled. */
MUST_USE bool asker_pause(struct asker *asker, int64_t wait_ms);

/* Any thread: who asks or pauses is told at once, now and from now on. */
void asker_cancel(struct asker *asker);

/* Forgets what is under way and ends the thread. Nobody may be asking. Accepts NULL. */
void asker_stop(struct asker *asker);
