/*
 * Patterns for names: '*' stands for any text, also none; everything else for itself. Pure.
 */
#pragma once

#include "base/str.h"

/* Bytes are compared exactly. At most linear in pattern times text. */
bool glob_match(struct str pattern, struct str text);

/* True when some text fits both patterns. */
bool glob_intersect(struct str a, struct str b);
