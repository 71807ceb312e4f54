/*
 * Everything that is wrong with what an operator wrote, one sentence each, so that they can mend it
 * in one go. Bounded: after LIMIT_PROBLEMS sentences the rest is only counted.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

struct problems {
    struct buf lines; /* one sentence a line */
    size_t count;
};

void problems_init(struct problems *problems);
void problems_release(struct problems *problems);

/* Adds the sentence, unless it is empty, and empties it. Returns false. */
bool problems_add(struct problems *problems, struct error *err);

/* The first one, and how many more there are. */
void problems_summary(const struct problems *problems, struct error *ret);
