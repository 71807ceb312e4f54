/*
 * Inside render and diff: settings, scopes, modes and exceptions as facts and words. What each rule
 * says stands in describe_who.c, describe_when.c and describe_what.c.
 */
#pragma once

#include "policy/facts.h"

/* The facts of a rule's setting; `value` has the type that rules.def names. */
void describe_rule(enum policy_rule rule, const void *value, struct facts *ret);

/* Each rule's facts. */
#define RULE(name, type, reads) void describe_##name(const type *setting, struct facts *ret);
#include "policy/rules.def"
#undef RULE

/* Which campaigns; no lists for NULL. */
void describe_scope(const struct policy_scope *scope, struct facts *ret);

/* Whom, what and when an exception lifts, but not its id and team. */
void describe_exception(const struct policy_exception *exception, struct facts *ret);

/* ---- words ---- */

extern const char *const day_names[WEEKDAYS]; /* "Monday" … */

/* "enforced", "switched off", "only reported until 2027-01-01, then enforced". */
struct str mode_words(struct policy_mode mode, const struct zone *calendar, struct scribe *scribe);

/* "from 2026-12-01 to 2026-12-24", both included; "always". */
struct str period_words(int64_t from_ms, int64_t until_ms, const struct facts *facts);

/* "Monday to Friday 9:00 AM - 8:00 PM; Sunday closed". Closed days only with `closed`. */
struct str week_words(const struct week_windows *week, bool closed, struct scribe *scribe);

/* ---- comparing what several rules have ---- */

/* Says how the period [from, until) changed, if it did. */
void compare_periods(struct comparison *c, const int64_t before[2], const int64_t after[2],
                     struct str before_words, struct str after_words);

/* For fact_kind.covers: `whole` is a name_list that has the name, or a pattern that fits it. */
bool names_cover(const void *whole, struct str name);

/* A list of message classes. */
void facts_classes(struct facts *ret, const struct fact_kind *kind,
                   const bool classes[MESSAGE_CLASSES]);
