/*
 * What a change of one setting means for whoever it judges, from the facts that diff compares.
 * Pure.
 */
#pragma once

#include "policy/facts.h"

/*
 * CHANGE_NONE: both settings say the same of every campaign. CHANGE_MORE: what passes `before`
 * passes `after`; CHANGE_LESS: what `before` refuses `after` refuses, too. CHANGE_OTHER: neither is
 * sure, also when memory is out. Both values have the rule's type; `scratch` lends memory.
 */
enum change setting_change(enum policy_rule rule, const void *before, const void *after,
                           struct arena *scratch);

/* The same for what two registries say of one template. */
enum change template_change(const struct template_entry *before, const struct template_entry *after,
                            struct arena *scratch);
