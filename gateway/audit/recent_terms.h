/*
 * The terms of the records that came last: an outcome comes soon after its decision, and is to be
 * found by what that says. Pure.
 */
#pragma once

#include "audit/terms.h"

struct recent_terms;

MUST_USE struct recent_terms *recent_terms_new(void); /* NULL: no memory */
void recent_terms_free(struct recent_terms *recent);  /* accepts NULL */

/* Keeps a copy, and forgets the oldest. */
void recent_terms_put(struct recent_terms *recent, uint64_t seq, const struct terms *terms);

/* Views of what was put; NULL when it is forgotten. They live until the next put. */
const uint64_t *recent_terms_get(const struct recent_terms *recent, uint64_t seq,
                                 size_t *ret_count);
