/*
 * Lines on their way from the threads that serve to one that may wait: for a disk, or for another
 * host. Bounded; whoever puts a line never waits, and what does not fit is lost and counted.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"

struct line_queue {
    pthread_mutex_t lock; /* guards what follows, but for `lost` */
    pthread_cond_t changed;
    struct buf waiting;
    size_t lines;   /* of it */
    size_t wake_at; /* so many lines, and who takes them is woken */
    bool nudged, closed;
    atomic_uint_fast64_t lost;
};

/* Holds at most `max_bytes`. */
void line_queue_init(struct line_queue *queue, size_t max_bytes);
void line_queue_release(struct line_queue *queue);

/* A line with its end. Any thread; false: it is lost. */
bool line_queue_put(struct line_queue *queue, struct str line);

/*
 * Waits for the first line, and then at most `linger_ms` until there are `enough`; the lines are
 * swapped into `into`, which must be of the same maximum. It may be none when there was a nudge.
 * False: the queue is closed, and was empty.
 */
MUST_USE bool line_queue_take(struct line_queue *queue, size_t enough, int64_t linger_ms,
                              struct buf *into);

/* Whoever waits for lines is to look up. Any thread. */
void line_queue_nudge(struct line_queue *queue);

/* There will be no more lines; those that are there can be taken. */
void line_queue_close(struct line_queue *queue);
