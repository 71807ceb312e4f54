/*
 * Violations: what is wrong with a request, all of it, in a stable order.
 *
 * A violation is data: a code from violations.def, where (RFC 6901 pointer into the body), and a
 * sentence a person can act on. Sentences never quote what may be personal data.
 */
#pragma once

#include "base/arena.h"
#include "base/json_write.h"

enum violation_code {
#define VIOLATION(name, code, klass, meaning) VIOLATION_##name,
#include "campaign/violations.def"
#undef VIOLATION
    VIOLATION_COUNT
};

enum violation_class { VIOLATION_CLASS_CONTRACT, VIOLATION_CLASS_POLICY };

/* Who says so. All empty: the contract. */
struct violation_source {
    struct str rule;  /* of the policy */
    struct str team;  /* whose rule it is; empty for the organisation and for packs */
    struct str layer; /* "organisation", "team billing", "pack india-trai, promotional" */
};

enum violation_effect {
    EFFECT_ENFORCED, /* it refuses */
    EFFECT_REPORTED, /* the rule's mode only reports */
    EFFECT_WAIVED,   /* an exception lifts it */
};

struct violation {
    enum violation_code code;
    struct str pointer; /* RFC 6901; empty for the whole body, the query or a header */
    struct str message;
    struct violation_source source;
    enum violation_effect effect;
    struct str exception; /* the id of the one that lifts it */
};

/* A list that grows in an arena up to LIMIT_VIOLATIONS. "Clean" means empty and not truncated. */
struct violations {
    struct arena *arena;
    struct violation *items;
    size_t count;
    size_t capacity;
    bool truncated; /* one more could not be kept: too many, or no memory */
};

void violations_init(struct violations *list, struct arena *arena);

/* Adds one with a formatted sentence. The pointer must live as long as the arena. */
void violations_add(struct violations *list, enum violation_code code, struct str pointer,
                    const char *format, ...) PRINTF_LIKE(4, 5);

/* As violations_add, naming the rule that refuses. */
void violations_add_rule(struct violations *list, enum violation_code code, struct str pointer,
                         const struct violation_source *source, const char *format, ...)
    PRINTF_LIKE(5, 6);

/* Adds a copy of one that another list in the same arena holds. */
void violations_take(struct violations *list, const struct violation *violation);

/* Something could not be judged, for want of memory: the list is truncated. */
void violations_lose(struct violations *list);

bool violations_clean(const struct violations *list);

/* True when any entry breaks the contract rather than the policy. */
bool violations_break_contract(const struct violations *list);

/* Its members, without braces; without the message where that is not to be kept. */
void violation_put_members(struct json_writer *w, const struct violation *violation,
                           bool with_message);

/* The public code, its class and its meaning, as in violations.def. */
const char *violation_code_text(enum violation_code code);
MUST_USE bool violation_code_parse(struct str text, enum violation_code *ret);
enum violation_class violation_code_class(enum violation_code code);
const char *violation_code_meaning(enum violation_code code);
