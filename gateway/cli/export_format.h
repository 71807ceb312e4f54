/*
 * What an export writes for each record. Pure.
 *
 *     jsonl        the journal's own JSON, byte by byte, a line each
 *     csv          a row for each campaign: the decision, and what became of it (RFC 4180)
 *     ocsf         the same as an event of the Open Cybersecurity Schema Framework, class API
 *                  Activity (6003), a line each
 *     cloudevents  each record as a CloudEvent 1.0 in JSON, a line each
 */
#pragma once

#include "audit/record_read.h"
#include "base/buf.h"

/* One that was found; of a decision also the last of its outcomes, and what a person said became of
 * it. */
struct export_record {
    struct str source, json, hash;
    uint64_t seq;
    const struct json_value *value;   /* NULL: it is no JSON */
    const struct json_value *outcome; /* NULL: there is none */
    const struct json_value *closed;  /* likewise */
};

struct export_format {
    const char *name;
    const char *kind;               /* of records, unless another is asked for; "" for any */
    bool only_kind;                 /* another cannot be written so */
    bool joins;                     /* wants a decision's outcome, and who closed it */
    void (*begin)(struct buf *out); /* or NULL */
    void (*put)(const struct export_record *record, struct buf *out);
};

/* In the order of "jsonl|csv|ocsf|cloudevents". */
extern const struct export_format export_formats[];

void export_csv_begin(struct buf *out);
void export_csv_put(const struct export_record *record, struct buf *out);
void export_ocsf_put(const struct export_record *record, struct buf *out);
void export_cloudevent_put(const struct export_record *record, struct buf *out);

/* Appends one cell, quoted when it must be; what a spreadsheet would take for a formula has an
 * apostrophe in front. */
void export_csv_cell(struct str text, struct buf *out);

/* The codes of a decision, each once, with "; " between; as `separator` says. */
void export_put_codes(const struct json_value *record, const char *separator, struct buf *out);

/* Whether a campaign was created, by the last word on it: "yes", "no", "unknown"; empty when there
 * is none. */
struct str export_created(const struct export_record *record);
