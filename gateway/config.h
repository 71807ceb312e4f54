/*
 * The configuration: one file and the environment in, one immutable struct out, or a sentence that
 * says where and why not. Everything a file names (certificates, policies) is read and checked
 * here or by the functions that take the struct, before anything is started.
 *
 * Precedence: environment over file over default. A scalar setting `a: {b: …}` is overridden by
 * CAMPAIGN_GATEWAY_A_B. Relative paths are relative to the configuration file's directory.
 */
#pragma once

#include "audit/journal.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "net/listener.h"
#include "upstream/pool.h"

/* Where a setting was written, so that what is wrong with it can be pointed at. */
struct config_place {
    const char *file;    /* or "environment NAME" */
    size_t line, column; /* 0 in the environment */
};

/* A text and its place. NUL-terminated; empty when not given. */
struct config_text {
    struct str value;
    struct config_place place;
};

struct config_tenant {
    struct str account_id;
    struct str stream_id;
};

struct config {
    struct arena arena; /* everything below lives here */
    const char *path;
    char digest[65]; /* SHA-256 of the file, in hex */

    struct config_text listen;
    uint64_t workers;
    struct config_text certificate, key; /* paths, made absolute or relative to the process */

    struct config_text upstream_url, upstream_ca;
    struct str upstream_host; /* from the URL */
    uint16_t upstream_port;
    bool upstream_host_is_address;
    struct upstream_deadlines upstream;

    struct config_tenant tenant;
    struct config_text team;
    struct config_text *policies; /* files or directories */
    size_t policy_count;
    struct str *sender_ids;
    size_t sender_id_count;
    bool allow_unknown_fields;

    struct config_text audit_directory;
    enum { DURABILITY_LOCAL } durability; /* where a record must be before it counts */
    uint64_t segment_bytes;

    struct framing_limits framing;
    struct listener_deadlines deadlines;
    int64_t drain_ms;

    enum log_level log_level;
    enum log_format log_format;
};

/* Reads and checks the file. NULL with `err`. The caller frees with config_free. */
MUST_USE struct config *config_load(const char *path, struct error *err);
void config_free(struct config *config);

/* "FILE:LINE:COLUMN: sentence" (or "environment NAME: sentence") about a setting; false. */
bool config_error(const struct config_place *place, struct error *err, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Reads a whole file of at most `max` bytes into the arena. */
MUST_USE bool config_read_file(const char *path, size_t max, struct arena *arena, struct str *ret,
                               struct error *err);
