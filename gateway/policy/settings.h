/*
 * What the rules' settings look like once compiled: plain, immutable, in the policy's arena.
 *
 * Lists keep their entries in the author's order (for render and diff) beside the hash that the
 * rules ask. `listed` is such a list put into words for a sentence: "a, b, c and 7 more".
 */
#pragma once

#include "base/strset.h"
#include "campaign/campaign.h"
#include "policy/hours.h"

/* ---- message classes: what the law asks depends on what a message is for ---- */

/* From the one that is most restricted to the one that is least. */
enum message_class { CLASS_PROMOTIONAL, CLASS_SERVICE, CLASS_TRANSACTIONAL, MESSAGE_CLASSES };

/* "promotional" … */
const char *message_class_text(enum message_class class);
MUST_USE bool message_class_parse(struct str text, enum message_class *ret);

/* ---- lists ---- */

/* Names of the author's choice; one with '*' stands for any text in its place. */
struct name_list {
    const struct str *items;
    size_t count;
    struct strset exact;     /* those without '*' */
    const struct str *globs; /* those with */
    size_t glob_count;
    struct str listed;
};

/* True when the name is listed or one of the patterns fits. */
bool name_list_has(const struct name_list *list, struct str name);

/* Time zones by canonical name. */
struct zone_list {
    const struct str *items; /* canonical */
    size_t count;
    struct strset names;
    struct str listed;
};

/* ---- who ---- */

struct caller_binding {
    struct str id;
    const struct zone_list *timezones; /* NULL: any */
    bool bound_to_class;
    bool classes[MESSAGE_CLASSES]; /* when bound */
};

struct caller_list {
    const struct caller_binding *items;
    size_t count;
    struct strset by_id; /* -> struct caller_binding */
    struct str listed;
};

struct pattern;

struct text_pattern {
    const struct pattern *pattern;
    struct str source; /* the regular expression as written */
    struct str hint;   /* what to write instead, in the author's words; may be empty */
};

/* ---- when ---- */

struct frequency_set {
    bool has[FREQUENCY_CUSTOM + 1]; /* by enum frequency */
};

struct day_set {
    bool has[WEEKDAYS];
};

/* 0: no limit. */
struct block_limits {
    int shortest_min;
    int most_per_day;
    int most_week_min;
};

/* Business hours by canonical zone name; `fallback` ("*") serves zones not listed, or NULL. */
struct hours_table {
    struct strset zones;     /* canonical name -> struct week_windows */
    const struct str *items; /* canonical names in the author's order */
    size_t count;
    const struct week_windows *fallback;
    struct str clock; /* canonical zone by whose clock the windows are; empty: the campaign's own */
};

/* The week that applies to a canonical zone name, or NULL when neither it nor "*" is listed. */
const struct week_windows *hours_for_zone(const struct hours_table *table, struct str zone);

enum closed_kind {
    CLOSED_RANGE,  /* first_day to last_day, days since 1970 */
    CLOSED_YEARLY, /* every year on month and day */
    CLOSED_EASTER, /* every year, `offset_days` after Easter Sunday */
    CLOSED_NTH,    /* every year, the nth (or -1: the last) weekday of the month */
};

struct closed_date {
    struct str name;
    enum closed_kind kind;
    int64_t first_day, last_day;
    int month, day;
    int offset_days;
    int nth;
    enum weekday weekday;
    int notice_days; /* also closed so many days before */
};

struct blackout {
    const struct closed_date *items;
    size_t count;
};

/* The date's first and last day in the calendar year (equal unless it is a range). */
void closed_date_in_year(const struct closed_date *date, int year, int64_t *ret_first_day,
                         int64_t *ret_last_day);

/* ---- what ---- */

struct phrases;
struct pattern_slot;

struct phrase_list {
    const struct phrases *phrases;
    const struct str *items; /* as written */
    size_t count;
    struct str listed;
};

/* One approved text: exactly (sha256) or with slots (pattern), while it is valid. */
struct template_version {
    struct str sha256; /* 64 hex digits of the text's UTF-8; empty when there is a pattern */
    const struct pattern *pattern;
    struct str text;                  /* the pattern as its author wrote it */
    const struct pattern_slot *slots; /* of the text */
    size_t slot_count;
    int64_t valid_from_ms, valid_until_ms; /* [from, until) */
};

struct template_entry {
    struct str name;
    bool classified;
    enum message_class class; /* when classified */
    struct str language;      /* "hi"; may be empty */
    bool retired;
    const struct template_version *versions; /* none: any text, or another layer's business */
    size_t version_count;
};

struct template_registry {
    const struct template_entry **items;
    size_t count;
    struct strset by_name; /* -> struct template_entry */
    struct str listed;
};

struct url_rules {
    const struct str *items; /* hosts as written: "acme.com", "*.acme.com" */
    size_t count;
    struct strset hosts;       /* exactly */
    struct strset below;       /* "acme.com" for "*.acme.com" */
    const struct str *schemes; /* lower case */
    size_t scheme_count;
    bool shorteners; /* public URL shorteners may be used when their host is listed */
    struct str listed;
};

struct markup_rules {
    const struct str *placeholders; /* names between < and > that are allowed */
    size_t count;
    struct strset names;
    struct str listed;
};

/* most 0: any number. */
struct segment_limits {
    int most;
    bool gsm_only;
    int placeholder_characters; /* each placeholder counts as so many; 0: as written */
};
