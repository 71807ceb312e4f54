/*
 * Which of two representations a client would rather have (RFC 9110 12.5.1). Pure.
 */
#pragma once

#include "base/str.h"

/*
 * True when `accept` names `wanted` itself, and does not prefer `otherwise`. `version`, unless it
 * is empty, is what a version parameter there must say, if there is one: a reader of another
 * version cannot read this one. Wildcards speak for `otherwise` alone: who does not ask gets that.
 */
bool accept_prefers(struct str accept, struct str wanted, struct str version, struct str otherwise);
