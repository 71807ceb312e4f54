/*
 * Violations: what is wrong with a request, all of it, in a stable order.
 *
 * A violation is data: a code from violations.def, where (RFC 6901 pointer into the body), and a
 * sentence a person can act on. Sentences never quote what may be personal data.
 */
#pragma once

#include "base/arena.h"

enum violation_code {
#define VIOLATION(name, code, klass, meaning) VIOLATION_##name,
#include "campaign/violations.def"
#undef VIOLATION
    VIOLATION_COUNT
};

enum violation_class { VIOLATION_CLASS_CONTRACT, VIOLATION_CLASS_POLICY };

struct violation {
    enum violation_code code;
    struct str pointer; /* RFC 6901; empty for the whole body, the query or a header */
    struct str message;
    struct str rule; /* the policy rule that spoke; empty for the contract */
    struct str team; /* the team whose rule it is; empty for the organisation and the contract */
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

/* As violations_add, naming the rule and team that refused. */
void violations_add_rule(struct violations *list, enum violation_code code, struct str pointer,
                         struct str rule, struct str team, const char *format, ...)
    PRINTF_LIKE(6, 7);

bool violations_clean(const struct violations *list);

/* True when any entry breaks the contract rather than the policy. */
bool violations_break_contract(const struct violations *list);

/* The public code, its class and its meaning, as in violations.def. */
const char *violation_code_text(enum violation_code code);
enum violation_class violation_code_class(enum violation_code code);
const char *violation_code_meaning(enum violation_code code);
