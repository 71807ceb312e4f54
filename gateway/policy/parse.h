/*
 * Inside the policy compiler: what parse.c (files and layers), parse_control.c (modes, scopes,
 * exceptions) and parse_who.c, parse_when.c, parse_what.c (the rules' settings) share.
 *
 * Every function that reads a node answers false after having said what is wrong: either in
 * compiler.err, for the caller to pass on, or in the list of problems already.
 */
#pragma once

#include "base/limits.h"
#include "base/yaml_read.h"
#include "policy/policy.h"

/* A growing array in the arena, of pointers or of settings. */
struct settings_builder {
    struct policy_setting *items;
    size_t count, capacity;
};

struct layers_builder {
    struct policy_layer **items;
    size_t count, capacity;
};

struct compiler {
    struct arena *arena;
    struct error *err; /* the sentence that is being passed on; empty when there is none */
    struct problems *problems;
    const struct policy_includer *includer;
    struct policy_set *set;
    struct policy_team *teams;           /* set->team_list, while it is being made */
    struct policy_exception *exceptions; /* set->exceptions */
    const struct zone *calendar;         /* of the policy's own dates */
    const struct yaml_node **files;      /* the root of each source that could be read */
    size_t file_count;

    struct policy_layer *organisation; /* its base */
    struct layers_builder packs, organisation_cases;
    struct settings_builder shared;            /* of packs and organisation, in no order yet */
    struct strset *included;                   /* file name -> struct policy_layer of its pack */
    const char *open_includes[LIMIT_INCLUDES]; /* files being read, outermost first */
    size_t open_include_count;
    const struct yaml_node *team_modes; /* to be read when the teams are known */
};

/* Sets the sentence; returns false. */
bool compiler_out_of_memory(struct compiler *c);

/* Puts the sentence on the list of problems and lets the caller go on; returns false. */
bool compiler_note(struct compiler *c);

/* True when the node is of that kind and not null; otherwise says what `what` must be. */
bool compiler_expect(struct compiler *c, const struct yaml_node *node, enum yaml_kind kind,
                     const char *what);

/* " (did you mean 'caller_ids'?)", or the empty view when no candidate is near. */
struct str compiler_suggest(struct compiler *c, struct str word,
                            struct str (*candidate)(size_t index), size_t count);

/* A name of the author's own choice: short, printable, not empty. */
bool compiler_is_name(struct str name);

/* ---- mappings with known keys ---- */

struct compiler_key {
    const char *name;
    bool (*parse)(struct compiler *c, const struct yaml_node *node, void *target);
    bool required;
};

/*
 * Reads a mapping: each value by the function beside its key. Unknown keys and missing required
 * ones are problems. Everything wrong is noted; false when anything was.
 */
bool compiler_mapping(struct compiler *c, const struct yaml_node *node, const char *what,
                      const struct compiler_key *keys, size_t key_count, void *target);

/* The value under `key`; NULL also when the node is NULL or no mapping. */
const struct yaml_node *compiler_member(const struct yaml_node *node, struct str key);

/* How many elements compiler_each will find there, when it takes one alone as well. */
size_t compiler_count(const struct yaml_node *node);

/* False for an empty list, which would refuse every campaign. */
bool compiler_expect_some(struct compiler *c, const struct yaml_node *node);

/* Reads every element of a list (or, with `or_one`, a single text) with `parse`, noting problems.
 */
bool compiler_each(struct compiler *c, const struct yaml_node *node, const char *what, bool or_one,
                   bool (*parse)(struct compiler *c, const struct yaml_node *node, void *target),
                   void *target);

/* ---- values ---- */

bool compiler_bool(struct compiler *c, const struct yaml_node *node, const char *what, bool *ret);
bool compiler_int(struct compiler *c, const struct yaml_node *node, const char *what, int least,
                  int most, int *ret);

/* The first millisecond of a day such as 2027-03-31, by the policy's calendar. */
bool compiler_day_start(struct compiler *c, const struct yaml_node *node, int64_t *ret_ms);

/* The first millisecond after it. */
bool compiler_day_end(struct compiler *c, const struct yaml_node *node, int64_t *ret_ms);

#define LISTED 10 /* in a sentence; the author can look up the rest */

/* "a, b, c and 7 more", for sentences: of the items the first LISTED are looked at. NULL data: out
 * of memory. */
struct str compiler_list_words(struct compiler *c, const struct str *items, size_t count);

/* ---- lists that several rules and scopes use ---- */

/* One name or a list of them; `what` in sentences: "a contact list". */
bool parse_name_list(struct compiler *c, const struct yaml_node *node, const char *what,
                     const struct name_list **ret);
bool parse_zone_list(struct compiler *c, const struct yaml_node *node,
                     const struct zone_list **ret);
bool parse_classes(struct compiler *c, const struct yaml_node *node,
                   bool ret_classes[MESSAGE_CLASSES]);

/* "MO", "MO-FR, SU"; `text` may be a key or a value of `node`; `fail` points to which. */
bool parse_day_ranges(struct str text, bool ret_days[WEEKDAYS]);

/* ---- control ---- */

/* {file: packs/us-tcpa.yaml, mode: report, enforce_from: 2027-01-01}. */
bool parse_include_mode(struct compiler *c, const struct yaml_node *node, struct policy_mode *ret);
bool parse_modes(struct compiler *c, const struct yaml_node *node, struct policy_layer *layer);
bool parse_team_modes(struct compiler *c, const struct yaml_node *node);
bool parse_overridable(struct compiler *c, const struct yaml_node *node);
bool parse_scope(struct compiler *c, const struct yaml_node *node, const struct policy_scope **ret);

/* All files' exceptions; after the teams and packs are known. */
bool parse_exceptions(struct compiler *c);

/* ---- rules ---- */

/* Each rule's YAML -> its setting in the arena. False with a sentence; *ret is then untouched. */
#define RULE(name, type, reads)                                                                    \
    bool parse_##name(struct compiler *c, const struct yaml_node *node, const type **ret);
#include "policy/rules.def"
#undef RULE
