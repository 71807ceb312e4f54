/*
 * How single settings are read: a text in, a checked value out, or a sentence with its place. For
 * config.c, whose table says which setting is read how.
 */
#pragma once

#include "config.h"

/* One scalar, wherever it came from. */
struct value {
    struct str text;
    struct config_place place;
    uint64_t min, max; /* of a number; 0: no bound */
};

/* Writes what `value` says to `target`, a member of `config` or of what lives in its arena. */
typedef bool value_fn(struct config *config, void *target, const struct value *value,
                      struct error *err);

value_fn value_text, value_path, value_header_name, value_source;     /* struct config_text */
value_fn value_number, value_size, value_body_limit;                  /* uint64_t, of at least 1 */
value_fn value_workers;                                               /* uint64_t */
value_fn value_duration;                                              /* int64_t, in milliseconds */
value_fn value_path_or_stdout;                                        /* config_text */
value_fn value_bool, value_on_off;                                    /* bool */
value_fn value_log_level, value_log_format, value_access_format;      /* their enums */
value_fn value_client_certificates, value_durability, value_midnight; /* theirs */
value_fn value_on_audit_failure, value_phone_numbers, value_resolve;
value_fn value_url;      /* struct config_text, and what it says of the upstream */
value_fn value_endpoint; /* struct config_endpoint */
value_fn value_ratio;    /* uint64_t: of TRACE_SAMPLE_ALL */
value_fn value_str;      /* struct str */

/* A copy in the configuration's arena. A view with NULL data when it is full. */
struct str value_copy(struct config *config, struct str text);

/* The sentence for that; false. */
bool value_out_of_memory(struct error *err);
