/*
 * Bytes that may be held for outsiders at one time, over all threads.
 *
 * Buffers and arenas that carry a budget take from it before they grow and give back when they
 * shrink, so a thousand clients with a large body each meet one limit, not a thousand.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct budget {
    size_t max;
    atomic_size_t used;
};

/* Takes `bytes`, or nothing and false when the budget would be passed. Any thread. NULL has no
 * limit. */
MUST_USE bool budget_take(struct budget *budget, size_t bytes);

/* Gives back what was taken. Any thread. Accepts NULL. */
void budget_give(struct budget *budget, size_t bytes);

/* True while no more than a quarter is taken: what is free just now may be kept for later. */
bool budget_is_ample(struct budget *budget);

/* True when three quarters are taken: time to refuse new work, so that what is begun can end. */
bool budget_is_tight(struct budget *budget);
