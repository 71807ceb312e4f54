/*
 * A policy: an organisation's rules, compiled from YAML into an immutable set.
 *
 * Layers: the packs that the organisation includes, the organisation, the team. A campaign must
 * satisfy all of them, so each layer can only narrow what the others allow. A layer may have
 * cases, layers of their own that apply to some campaigns only. A rule that a layer does not
 * mention asks nothing there. Two doors lead past a rule, both of them recorded: a mode that only
 * reports, and an exception with an end.
 *
 * The set and all it points to live in one arena; after compiling it is only read and safe on any
 * thread.
 */
#pragma once

#include "base/problems.h"
#include "campaign/violation.h"
#include "policy/settings.h"

/* What a rule reads. When the part is absent (it broke the contract) the rule is not asked. */
enum policy_part {
    PART_ALWAYS,
    PART_CALLER_ID,
    PART_CONTACT_LISTS,
    PART_DNC_LIST,
    PART_PRIORITY,
    PART_NAME,
    PART_DESCRIPTION,
    PART_TIMEZONE,
    PART_FREQUENCY,
    PART_BLOCKS,
    PART_SCHEDULE,
    PART_TEMPLATE,
    PART_MESSAGE,
    POLICY_PARTS
};

enum policy_rule {
#define RULE(name, type, reads) RULE_##name,
#include "policy/rules.def"
#undef RULE
    POLICY_RULES
};

/* "caller_ids" … */
struct str policy_rule_name(enum policy_rule rule);
MUST_USE bool policy_rule_parse(struct str name, enum policy_rule *ret);

/* ---- layers ---- */

/* Which campaigns a layer applies to; what is NULL asks nothing. */
struct policy_scope {
    const struct zone_list *timezones;
    const struct name_list *languages;
    const struct name_list *caller_ids;
    const struct name_list *contact_lists;       /* one of the campaign's lists is among these */
    const struct name_list *other_contact_lists; /* one of them is not */
    bool by_class;
    bool classes[MESSAGE_CLASSES]; /* when by_class */
};

enum policy_mode_kind { MODE_ENFORCE, MODE_REPORT, MODE_OFF };

struct policy_mode {
    enum policy_mode_kind kind;
    int64_t enforce_from_ms; /* from then on it is MODE_ENFORCE; INT64_MAX: never */
};

/* The mode of whatever has none. */
#define POLICY_ENFORCED ((struct policy_mode){MODE_ENFORCE, INT64_MAX})

enum policy_layer_kind { LAYER_PACK, LAYER_ORGANISATION, LAYER_TEAM };

struct policy_layer {
    enum policy_layer_kind kind;
    struct str title;                  /* "pack us-states, Texas", "organisation", "team billing" */
    struct str name;                   /* of the pack or the team; empty for the organisation */
    const struct policy_layer *parent; /* of a case: the layer it is written in; or NULL */
    const struct policy_scope *scope;  /* besides its parent's; NULL: every campaign */
    const struct policy_mode *modes;   /* by rule; NULL: all are enforced */
    struct policy_mode mode;           /* of the whole layer, beside `modes` */
    struct str description;            /* of a pack: its title, for people; may be empty */
    size_t index;                      /* among the shared ones, or those of its team */
};

/* True when not every campaign meets it. What it says of templates then classifies none. */
bool policy_layer_is_scoped(const struct policy_layer *layer);

/* One rule of one layer. `value` points to the type that rules.def names. */
struct policy_setting {
    enum policy_rule rule;
    const struct policy_layer *layer;
    const void *value;
};

/* By rule; the layers of one rule in the order they speak. */
struct policy_settings {
    const struct policy_setting *items;
    size_t count;
};

struct policy_team {
    struct str name;
    struct policy_settings settings;
    const struct policy_layer *const *layers; /* its own: the base first, then the cases */
    size_t layer_count;
    struct policy_mode mode;     /* the organisation's, for everything this team does */
    bool replaces[POLICY_RULES]; /* the organisation's rule: overridable, and set here */
    bool has_class;
    enum message_class default_class;                 /* of templates that no registry classifies */
    const struct policy_exception *const *exceptions; /* for this team or for all */
    size_t exception_count;
};

struct policy_exception {
    struct str id;
    struct str team; /* "*": all */
    bool rules[POLICY_RULES];
    struct str pack; /* lifts this pack's rules; empty: the organisation's and the team's */
    struct str campaign, caller_id, template_name; /* patterns with '*'; empty: any */
    int64_t from_ms, until_ms;                     /* [from, until) */
    struct str approver, ticket;
};

#define POLICY_DIGEST_HEX 65 /* SHA-256 in hex and a NUL */

struct policy_set {
    struct str revision;            /* as the author wrote it */
    char digest[POLICY_DIGEST_HEX]; /* of the files it was compiled from; filled by the loader */
    struct policy_settings shared;  /* packs and organisation, with their cases */
    const struct policy_layer *const *layers; /* the shared ones, in the order they speak */
    size_t layer_count;
    struct strset teams;                 /* team name -> struct policy_team */
    const struct policy_team *team_list; /* in the author's order */
    const struct policy_exception *exceptions;
    size_t exception_count;
    bool overridable[POLICY_RULES];
    bool has_class; /* the organisation says what unclassified templates are */
    enum message_class default_class;
    struct str calendar;      /* canonical zone in which the policy's own dates are days */
    bool disclose_caller_ids; /* a refusal may say which numbers the team has */
};

/* ---- compiling ---- */

/* One file of a policy, already read. `name` is for messages and for what it includes. */
struct policy_source {
    const char *name;
    struct str text;
};

/* How the compiler gets the files that others include; it does no I/O itself. */
struct policy_includer {
    void *context;
    /*
     * Reads `path` as written in the file `from`. *ret lives as long as the arena; its name is the
     * same for every way to write the same file. False with `err`: a sentence without place.
     */
    bool (*read)(void *context, const char *from, struct str path, struct policy_source *ret,
                 struct error *err);
};

/*
 * Compiles the sources, in the order given, into a set in `arena`. NULL with every problem found,
 * each naming file, line, column and remedy: then nothing of the policy may take effect. `revision`
 * must be given exactly once; the same rule or team in two places is a conflict and refused.
 * `includer` may be NULL: then an include is a problem.
 */
MUST_USE struct policy_set *policy_compile(const struct policy_source *sources, size_t count,
                                           const struct policy_includer *includer,
                                           struct arena *arena, struct problems *problems);

/* The team, or NULL when the policy does not know it. */
const struct policy_team *policy_team(const struct policy_set *set, struct str team);

/* ---- judging ---- */

struct reading;
struct policy_gaps;

/* What a verdict depends on besides policy and campaign. */
struct policy_context {
    int64_t now_unix_ms;
    struct str
        message_sha256;      /* of campaign.message, 64 lower-case hex digits; empty without one */
    struct reading *reading; /* of campaign.message, what others found out; or NULL */
    const struct policy_gaps *gaps; /* NULL: all of the campaign is known, as it is of requests */
};

/* What became of one setting, for `judge`. */
enum policy_answer {
    ANSWER_PASSED,
    ANSWER_FAILED,   /* refuses */
    ANSWER_REPORTED, /* would refuse, but its mode only reports */
    ANSWER_WAIVED,   /* would refuse, but for an exception */
    ANSWER_SKIPPED,  /* was not asked: `why` says so */
    ANSWER_UNKNOWN,  /* cannot be told, and would count: `why` says what is not known */
    ANSWER_UNBOUND,  /* refuses or cannot be told, and whether that counts is not known either */
};

/* "passed" … */
const char *policy_answer_text(enum policy_answer answer);

struct policy_trace {
    void *context;
    /* `why` and the violations live as long as the arena of the findings. */
    void (*note)(void *context, const struct policy_setting *setting, enum policy_answer answer,
                 struct str why, const struct violation *violations, size_t count);
};

#define POLICY_EXCEPTIONS_USED 16 /* named in one record; more are counted as violations waived */

/* The verdict. Whether the campaign is refused stands in `violations` alone, unless there are gaps:
 * then no violation means that it is allowed only when nothing is `unknown`. */
struct policy_findings {
    struct violations *violations; /* the caller's: what refuses */
    struct violations observed;    /* what does not: reported, or waived by an exception */
    const struct policy_exception *used[POLICY_EXCEPTIONS_USED];
    size_t used_count;
    size_t expired_count; /* exceptions that would have helped, had they not expired */
    size_t unknown_count; /* settings that may refuse, for all that is known */
    enum message_class class;
    struct str language;
};

/* ---- judging what is only known in part ---- */

/* What is hidden of a campaign's part, which is there. */
enum policy_gap {
    GAP_NONE,
    GAP_UNLISTED, /* a name: not known, but it is none of those that the policy writes in full */
    GAP_UNKNOWN,
};

/*
 * What is not known of a campaign that comes from a record. A name may be hidden in whole or in
 * part: what stands in struct campaign is then no name that the policy has. Whatever asks for a
 * hidden part is unknown, unless the answer follows from the rest.
 */
struct policy_gaps {
    enum policy_gap parts[POLICY_PARTS]; /* PART_BLOCKS: only whether two blocks are one across
                                            midnight; PART_MESSAGE: all but its digest and what the
                                            reading has; PART_CONTACT_LISTS: the worst of them */
    const enum policy_gap *lists;        /* by contact list, when any is hidden */

    /* What the setting is known to say all the same: adds its violations, if any, and is true. Or
     * NULL. */
    bool (*recall)(void *context, const struct policy_setting *setting,
                   const struct violation_source *source, struct violations *violations);
    void *context;
};

/* Nothing refuses, but a rule that only reports would have. */
bool policy_is_shadow_denied(const struct policy_findings *findings);

/*
 * Judges a campaign: adds every violation of every rule, in the order of rules.def: packs,
 * organisation, team. Fields that broke the contract are absent and not judged again.
 * `team` is never NULL: a team that the policy does not know is refused before, or its rules would
 * silently not be asked. `trace` may be NULL. Pure: the same arguments give the same findings.
 * Memory that runs out shows as a truncated findings->violations.
 */
void policy_check(const struct policy_set *set, const struct policy_team *team,
                  const struct campaign *campaign, const struct policy_context *context,
                  struct violations *violations, struct policy_findings *ret,
                  const struct policy_trace *trace);
