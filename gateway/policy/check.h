/*
 * Inside the verdict: what check.c (who is asked, and what their answer counts) and check_who.c,
 * check_when.c, check_what.c (the rules' questions) share.
 */
#pragma once

#include "base/zones.h"
#include "policy/policy.h"
#include "policy/reading.h"

enum certainty { CERTAINLY_NOT, PERHAPS, CERTAINLY };

/* What all rules look at: the campaign, and what has been found out about it on the way. */
struct subject {
    const struct policy_set *set;
    const struct policy_team *team;
    const struct campaign *campaign;
    const struct policy_context *context;
    struct arena *arena;
    enum message_class class;
    struct str language;
    struct str zone_name;      /* canonical; empty when the campaign has none */
    const struct zone *zone;   /* NULL when it has none */
    bool has[POLICY_PARTS];    /* valid; a rule is not asked about what is not there */
    enum certainty *applies;   /* by layer */
    struct reading *reading;   /* of the message */
    struct week_windows *open; /* by every layer at once, once somebody has asked; or NULL */
};

/* One rule of one layer, asked. */
struct question {
    struct subject *subject;
    const struct campaign *campaign;
    struct violations *violations; /* the answer */
    const struct policy_layer *layer;
    struct violation_source source;
};

/* "for team billing", "in the organisation", "by pack india-trai". */
struct str question_whose(const struct question *q);

enum policy_part rule_reads(enum policy_rule rule);

/* ---- gaps.c: of a campaign that is known in part; see struct policy_gaps ---- */

/* What is hidden of the part. */
enum policy_gap gap_of(const struct subject *subject, enum policy_part part);

/* Why the setting's question cannot be answered; NULL: it can. */
const char *gap_before(const struct subject *subject, const struct policy_setting *setting);

/* Whether a name, which may be hidden, is listed, or fits the pattern. */
enum certainty name_is_listed(enum policy_gap gap, struct str name, const struct name_list *list);
enum certainty name_fits(enum policy_gap gap, struct str name, struct str pattern);

/* ---- what some rules share ---- */

/* Calls `each` for the settings of one rule that apply to the campaign, in the order they speak. */
void subject_each_setting(struct subject *subject, enum policy_rule rule,
                          void (*each)(struct subject *subject,
                                       const struct policy_setting *setting, void *arg),
                          void *arg);

/* Each rule's question. */
#define RULE(name, type, reads) void check_##name(const struct question *q, const type *setting);
#include "policy/rules.def"
#undef RULE
