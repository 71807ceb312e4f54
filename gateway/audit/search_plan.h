/*
 * What a search asks, made ready, and whether a record answers it. Pure. This alone decides what is
 * found; an index (index.c) only says where to look.
 */
#pragma once

#include "audit/record_read.h"
#include "audit/search.h"
#include "base/limits.h"

struct search_plan {
    const struct search_query *query;
    struct str id;                        /* asked for, also when it stood in the text */
    struct str words[LIMIT_SEARCH_WORDS]; /* folded */
    size_t word_count;
    uint64_t asked; /* one bit for each thing that a story must meet */
};

/* The query lives as long as the plan, as does the arena. False with `err` for what cannot be
 * asked, in words that follow an option's name: "--text holds no word". */
MUST_USE bool search_prepare(const struct search_query *query, struct arena *arena,
                             struct search_plan *ret, struct error *err);

/* Whether the record itself is one of those asked for: by number, time, id and kind. */
bool search_is_asked(const struct search_plan *plan, uint64_t seq, const struct json_value *record);

/* Which of `plan->asked` this record meets. `scratch` lends memory. */
uint64_t search_met(const struct search_plan *plan, const struct json_value *record,
                    struct arena *scratch);
