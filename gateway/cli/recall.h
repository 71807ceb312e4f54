/*
 * What the policy that decided at the time is known to have said, and what of it still holds for
 * another policy, though the record does not hold what the rule asks about.
 *
 *     the old policy, asked again (with gaps) ---> what each of its rules asked and said:
 *     the record: which rules refused ----------'  the record tells even where a gap is
 *                                                     |
 *     a rule of the new policy with a gap <-----------' if it passes whatever that rule passed,
 *                                                       or refuses whatever that one refused
 *                                                       (setting_change.h)
 */
#pragma once

#include "audit/recorded.h"

struct recall_pair;
struct remembered;

struct recall {
    struct arena *memory;      /* of what is worked out once: which settings differ, and how */
    struct recall_pair *pairs; /* a hash table */
    size_t pair_capacity, pair_count;

    /* of one decision */
    const struct recorded_decision *decision;
    struct arena *arena;
    struct remembered *rows;
    size_t row_count, row_capacity;
    bool is_consistent;
    enum message_class class, new_class;
};

/* The memory must live as long as the recall, and both policies longer. */
void recall_init(struct recall *recall, struct arena *memory);

/*
 * Asks the policy that made the decision. `context` is the one to judge by, with its gaps;
 * `new_class` is what the message is by the new policy. False when the record and the policy
 * contradict each other, or the record is not complete: then nothing is known.
 */
MUST_USE bool recall_decision(struct recall *recall, const struct policy_set *policy,
                              const struct recorded_decision *decision,
                              const struct policy_context *context, enum message_class new_class,
                              struct arena *arena);

/* For struct policy_gaps, with the recall as its context. */
bool recall_setting(void *recall, const struct policy_setting *setting,
                    const struct violation_source *source, struct violations *violations);
