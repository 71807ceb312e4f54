/*
 * What a setting says, as facts that can be put into sentences and be compared.
 *
 *     setting --describe_<rule>--> lists of facts --fact_list_write--> sentences, for render
 *                                              `--facts_compare--> more, less or different, for
 * diff
 *
 * A fact has a name ("+919561612345", "Asia/Kolkata") or, when it is the only one of its list, none
 * ("the priority is at most": 3). Facts may hold facts: what a caller ID is bound to. Since both
 * verbs use the same facts, what render does not show cannot change without diff being told, and
 * the other way round. Everything lives in the arena.
 */
#pragma once

#include "policy/policy.h"

/* Memory, and whether it ran out: one look at the end instead of one at each text. */
struct scribe {
    struct arena *arena;
    bool failed;
};

/* Zeroed; NULL when memory is out, which is remembered. */
void *scribe_zalloc(struct scribe *scribe, size_t count, size_t size);
struct str scribe_format(struct scribe *scribe, const char *format, ...) PRINTF_LIKE(2, 3);

/* Takes the buffer's content into the arena and releases the buffer. */
struct str scribe_take(struct scribe *scribe, struct buf *buf);

#define SCRIBE_BYTES (64UL << 20) /* one sentence: 100,000 names take 2 MB */

/* ---- facts ---- */

/* What a change does to those who are bound by the rule. */
enum change { CHANGE_NONE, CHANGE_MORE, CHANGE_LESS, CHANGE_OTHER };

enum change change_reversed(enum change change);

struct facts;
struct comparison;

struct fact {
    struct str name;   /* empty: the only one of its list */
    struct str detail; /* what is said about it, in words */
    const void *thing; /* what it was made from, for `describe` and `compare` of its kind */
};

/* One kind of fact, and all that is ever said about it. Static. */
struct fact_kind {
    const char *lead; /* begins the sentence: "The sender is one of:" */
    const char *one,
        *many;            /* for diff: "the caller ID", "the caller IDs"; "the priority, at most" */
    const char *state;    /* "allowed": is now, is no longer allowed */
    bool quoted;          /* names are words of the author's, with spaces and commas */
    bool by_line;         /* a long list: one fact a line */
    enum change added;    /* when a fact joins a list; CHANGE_NONE: only for reading */
    enum change given;    /* when a list comes to be where "none" meant "any"; CHANGE_NONE: none
                             means that there are no such facts */
    struct str stands_in; /* the name of the fact that speaks for every name not listed */
    void (*describe)(struct facts *ret, const void *thing); /* the facts within */
    /* What is different. Either is NULL only with `stands_in`: nothing speaks for the name. */
    void (*compare)(struct comparison *c, const struct fact *before, const struct fact *after);
    /* True when a list with `whole` lets the name through by another fact, a pattern. */
    bool (*covers)(const void *whole, struct str name);
};

struct fact_list {
    const struct fact_kind *kind;
    struct fact *items;
    size_t count, room;
    const void *whole; /* for `covers` */
};

#define FACT_LISTS 8 /* of an exception; no rule has more */

struct facts {
    struct scribe *scribe;
    const struct zone *calendar; /* in which dates are days */
    struct fact_list lists[FACT_LISTS];
    size_t count;
    bool asks_nothing; /* the setting refuses nothing: scheduling_allowed: true */
};

void facts_init(struct facts *facts, struct scribe *scribe, const struct zone *calendar);

/* Begins a list with room for so many. */
struct fact_list *facts_open(struct facts *facts, const struct fact_kind *kind, size_t room);

/* Adds to the list begun last. */
void facts_add(struct facts *facts, struct str name, struct str detail, const void *thing);

/* A list that has one fact without name. */
void facts_state(struct facts *facts, const struct fact_kind *kind, struct str detail,
                 const void *thing);

/* A list of names. */
void facts_names(struct facts *facts, const struct fact_kind *kind, const struct str *names,
                 size_t count, const void *whole);

/* ---- sentences ---- */

#define ALL_NAMES SIZE_MAX

/* The name as it stands in sentences: in quotes or not. */
void fact_name_write(const struct fact_kind *kind, struct str name, struct buf *out);

/* "+919561612345 (only in Asia/Kolkata)", "Asia/Kolkata: Monday 9:00 AM - 5:00 PM". */
void fact_write(const struct facts *of, const struct fact_kind *kind, const struct fact *fact,
                size_t most, struct buf *out);

/* "The sender is one of: a, b and 3 more", without a full stop; at most `most` names. */
void fact_list_write(const struct facts *of, const struct fact_list *list, size_t most,
                     struct buf *out);

/* All lists in one line, with "; " between. */
struct str facts_summary(const struct facts *facts, size_t most);
