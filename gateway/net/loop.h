/*
 * One thread's event loop: timers, work put off until later, and the one door for other threads.
 *
 * All functions but loop_post and loop_stop belong to the thread that runs the loop. Callbacks run
 * on that thread, one at a time, never from inside the call that asked for them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct event_base;
struct loop;

/* NULL when the system has no descriptors or memory. */
MUST_USE struct loop *loop_new(void);

/* Of libevent, as it runs. */
const char *loop_library_version(void);

/* Nothing may be registered any more. Accepts NULL. */
void loop_free(struct loop *loop);

/* Runs until loop_stop. */
void loop_run(struct loop *loop);

/* Any thread. The loop returns after the callbacks it is running. */
void loop_stop(struct loop *loop);

/* For listeners and streams inside net/. */
struct event_base *loop_base(struct loop *loop);

/*
 * A piece of work that is run once. Lives inside the caller's own structure; must stay in place
 * until it ran or was cancelled. Zeroed means idle.
 */
struct task {
    void (*run)(void *arg);
    void *arg;
    struct task *next;
    bool queued;
};

/* Runs the task soon on this loop. Asking again while it waits changes nothing. */
void loop_defer(struct loop *loop, struct task *task);

/*
 * The same for work that costs much, such as a TLS handshake: the loop runs one such task in a
 * turn, so a thousand of them do not hold up everybody else.
 */
void loop_defer_paced(struct loop *loop, struct task *task);

/* Forgets a task that was deferred and has not run. */
void loop_cancel(struct loop *loop, struct task *task);

/* Any thread: as loop_defer, across threads. The task may be queued on one loop only. */
void loop_post(struct loop *loop, struct task *task);

/*
 * A timer that fires once at an absolute point. Moving it later is free: the old alarm looks
 * again when it rings, so a connection that is always busy never touches the timer heap.
 */
struct timer;

MUST_USE struct timer *timer_new(struct loop *loop, void (*fire)(void *arg), void *arg);
void timer_free(struct timer *timer); /* accepts NULL */
void timer_set(struct timer *timer, int64_t ms_from_now);

/* `deadline_us` on clock_mono_us; INT64_MAX: never. */
void timer_set_at(struct timer *timer, int64_t deadline_us);
void timer_clear(struct timer *timer);
