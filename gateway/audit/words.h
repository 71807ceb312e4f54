/*
 * The words of a text, as they are searched: folded (policy/text.h), so that "DIWALI" finds
 * "Diwali". What is ASCII, as most is, is folded here, faster and to the same. Pure.
 */
#pragma once

#include "base/arena.h"

/*
 * Calls `found` with each word, in order; the view lives until it returns. The text must be valid
 * UTF-8; `scratch` lends memory. A text that unfolds beyond measure has no words.
 */
void words_each(struct str text, struct arena *scratch, void (*found)(void *arg, struct str word),
                void *arg);
