/*
 * How long records wait for the central database: since when, by the number of the last one that
 * was written then. Bounded: when it is full, neighbours are put together, and the younger counts
 * as old as the older. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BACKLOG_MARKS 128

struct backlog {
    struct backlog_mark {
        uint64_t last_seq;
        int64_t since_us;
    } marks[BACKLOG_MARKS]; /* ascending */
    size_t count;
};

/* Records up to `last_seq` are there now. `backlog` begins zeroed. */
void backlog_add(struct backlog *backlog, uint64_t last_seq, int64_t now_us);

/* Records up to `seq` wait no longer. */
void backlog_confirm(struct backlog *backlog, uint64_t seq);

/* How long the oldest has waited; 0: none does. */
int64_t backlog_age_us(const struct backlog *backlog, int64_t now_us);
