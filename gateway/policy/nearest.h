/*
 * Which known word somebody most likely meant, for "did you mean ...?". Pure.
 */
#pragma once

#include "base/str.h"

/*
 * Of `count` candidates (asked for by index) the one most like `word`: its last part, behind any
 * '/', may differ in one or two letters, and case does not count. So "Kolkata" and
 * "India/Kolkatta" find "Asia/Kolkata", but "Asia/Mumbai" does not find "Asia/Dubai": a wrong
 * suggestion is worse than none, and then the answer is the empty view.
 */
struct str nearest_word(struct str word, struct str (*candidate)(size_t index), size_t count);
