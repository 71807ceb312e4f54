/*
 * Inside the policy compiler: what parse.c (files, layers) and parse_rules.c (settings) share.
 */
#pragma once

#include "base/limits.h"
#include "base/yaml_read.h"
#include "policy/policy.h"

struct compiler {
    struct arena *arena;
    struct error *err;
    struct policy_set *set;
    const struct yaml_node **files; /* the root of each source */
    size_t file_count;
};

/* For printf's %.*s: a word of the author's, cut when it is longer than a sentence bears. */
#define SHOW_ARGS(s) STR_ARGS(str_slice((s), 0, LIMIT_ECHO_BYTES))

/* Sets the sentence; returns false. */
bool compiler_out_of_memory(struct compiler *c);

/* True when the node is of that kind and not null; otherwise says what `what` must be. */
bool compiler_expect(struct compiler *c, const struct yaml_node *node, enum yaml_kind kind,
                     const char *what);

/* " (did you mean 'caller_ids'?)", or the empty view when no candidate is near. */
struct str compiler_suggest(struct compiler *c, struct str word,
                            struct str (*candidate)(size_t index), size_t count);

/* Each rule's YAML -> its setting in the arena. False with a sentence; *ret is then untouched. */
#define RULE(name, type)                                                                           \
    bool parse_##name(struct compiler *c, const struct yaml_node *node, const type **ret);
#include "policy/rules.def"
#undef RULE
