/*
 * Two settings' facts -> what became more, less or different, in sentences.
 *
 * Names that changed alike stand in one sentence, so that 100,000 new caller IDs are one. Time is
 * linear in the facts. What a kind of fact has no words for is told as "different", never left out.
 */
#pragma once

#include "policy/facts.h"

struct comparison {
    struct scribe *scribe;
    /* One difference: "the caller ID +919561612345 is no longer allowed". */
    void (*say)(void *context, enum change change, struct str text);
    void *context;
    /*
     * In both policies, whatever is asked by message class is asked of every stricter class as
     * well: only then does a less restricted class mean more.
     */
    bool classes_are_ordered;
};

#define NAMES_TOLD 20 /* in one sentence; more are counted */

void facts_compare(struct comparison *c, const struct facts *before, const struct facts *after);

/* ---- for fact_kind.compare ---- */

void comparison_say(struct comparison *c, enum change change, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* A number in `thing` of which more allows more, or less. Says "3 (was 5)". */
void compare_most(struct comparison *c, const struct fact *before, const struct fact *after);
void compare_least(struct comparison *c, const struct fact *before, const struct fact *after);
