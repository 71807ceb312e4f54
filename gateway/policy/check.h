/*
 * Inside the verdict: what check.c (who is asked, and what their answer counts) and check_who.c,
 * check_when.c, check_what.c (the rules' questions) share.
 */
#pragma once

#include "base/zones.h"
#include "policy/policy.h"
#include "policy/segments.h"
#include "policy/text.h"

struct link;
struct markup_span;

/* What all rules look at: the campaign, and what has been found out about it on the way. */
struct subject {
    const struct policy_set *set;
    const struct policy_team *team;
    const struct campaign *campaign;
    const struct policy_context *context;
    struct arena *arena;
    enum message_class class;
    struct str language;
    struct str zone_name;    /* canonical; empty when the campaign has none */
    const struct zone *zone; /* NULL when it has none */
    bool has[POLICY_PARTS];  /* valid; a rule is not asked about what is not there */
    bool *applies;           /* by layer */
    struct folded folded;    /* the message's text, once a rule has asked for it */
    bool is_folded;
    bool cannot_fold;         /* it was tried: once is enough */
    const struct link *links; /* in the text, once a rule has asked for them */
    size_t link_count;
    bool has_links;
    const struct markup_span *spans; /* its tags and placeholders, likewise */
    size_t span_count;
    bool has_spans;
    struct segments segments; /* of the message, as counted last */
    size_t counted_characters;
    bool is_counted;
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

/* The message folded, worked out once; NULL (and a lost answer) when memory is out. */
const struct folded *question_folded(const struct question *q);

/* Calls `each` for the settings of one rule that apply to the campaign, in the order they speak. */
void subject_each_setting(struct subject *subject, enum policy_rule rule,
                          void (*each)(struct subject *subject,
                                       const struct policy_setting *setting, void *arg),
                          void *arg);

/* Each rule's question. */
#define RULE(name, type, reads) void check_##name(const struct question *q, const type *setting);
#include "policy/rules.def"
#undef RULE
