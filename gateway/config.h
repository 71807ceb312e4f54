/*
 * The configuration: one file and the environment in, one immutable struct out, or a sentence that
 * says where and why not. Everything a file names (certificates, policies) is read and checked
 * here or by the functions that take the struct, before anything is started.
 *
 * Precedence: environment over file over default. A scalar setting `a: {b: …}` is overridden by
 * CAMPAIGN_GATEWAY_A_B. Relative paths are relative to the configuration file's directory.
 *
 * A reload reads everything again. What sockets, threads and files were made from stays fixed until
 * a restart; config_fixed_changes tells which of these settings differ.
 */
#pragma once

#include "audit/journal.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/problems.h"
#include "campaign/decode.h"
#include "net/connection.h"
#include "net/tls.h"
#include "telemetry/access_log.h"
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

/* A certificate of the gateway and its key: paths. */
struct config_identity {
    struct config_text certificate, key;
};

/* http(s)://HOST[:PORT]/PATH */
struct config_endpoint {
    struct config_text url; /* empty: none */
    bool tls;
    struct str authority, host, path;
    uint16_t port;
    bool host_is_address;
};

struct config_tenant {
    struct str account_id;
    struct str stream_id;
};

struct config_audit {
    struct config_text directory;
    struct config_text second_directory; /* for when the first fails; or empty */
    struct config_text source;           /* what this gateway is called in the record; or empty */
    enum { DURABILITY_LOCAL, DURABILITY_CENTRAL } durability; /* where a record must be to count */
    uint64_t segment_bytes;
    int64_t segment_ms;       /* the most that one segment covers */
    int64_t write_timeout_ms; /* until a disk that does not answer has failed */
    enum { AUDIT_FAILURE_DENY, AUDIT_FAILURE_ALLOW_DEGRADED } on_failure;
    uint64_t degraded_requests; /* that may pass without a durable record, and for how long */
    int64_t degraded_ms;
    struct config_text signing_key; /* of checkpoints; empty: made in the directory */
    struct config_text hash_keys;   /* directory of the keys that hide phone numbers */
    enum { PHONE_NUMBERS_HMAC, PHONE_NUMBERS_CLEAR } phone_numbers;
    struct config_text capture_certificate; /* whom whole bodies are encrypted to; or empty */
    struct config_text reconcile_auth;      /* file with the token to ask the API with; or empty */
    int64_t
        reconcile_after_ms; /* from upstream.total_timeout to asking what became of a campaign */
    struct config_text central; /* libpq connection string; or empty */
    int64_t central_timeout_ms; /* until a receipt that does not come has failed */
    int64_t central_hold_ms;    /* how long segments stay after their receipt */
};

struct config_admin {
    struct config_text listen;       /* empty: no admin listener */
    struct config_identity identity; /* empty: plain HTTP */
    struct config_text client_ca;    /* who signs the certificates that are asked for; or empty */
};

struct config {
    struct arena arena; /* everything below lives here */
    const char *path;
    char digest[65]; /* SHA-256 of the file, but for audit.central, in hex */

    struct config_text listen;
    uint64_t workers;
    struct config_identity *identities; /* the first is tls.certificate and tls.key */
    size_t identity_count;
    struct config_identity first_identity;
    enum tls_client_certificates client_certificates;
    struct config_text client_ca, client_crl;
    int64_t ticket_rotation_ms;

    struct config_text upstream_url, upstream_ca;
    struct str upstream_host; /* from the URL */
    uint16_t upstream_port;
    bool upstream_host_is_address;
    enum resolve_by upstream_resolve;
    struct upstream_deadlines upstream;

    struct config_tenant tenant;
    struct config_text team;    /* of every request; empty when there are callers */
    struct config_text callers; /* path of the file that says whose team is which */
    struct config_text api_key_header;
    struct config_text *policies; /* files or directories */
    size_t policy_count;
    struct config_text *candidates; /* a second policy, tried beside the first; none: NULL */
    size_t candidate_count;
    struct str *sender_ids;
    size_t sender_id_count;
    bool allow_unknown_fields;
    enum decode_midnight midnight;

    struct config_audit audit;

    struct framing_limits framing;
    struct connection_deadlines deadlines;
    struct admission_limits admission;
    int64_t drain_ms;

    struct config_admin admin;

    bool sandbox_seccomp, sandbox_landlock; /* what the running gateway gives up; see sandbox.h */

    enum log_level log_level;
    enum log_format log_format;
    struct config_text log_file;        /* empty: stderr */
    struct config_text access_log_file; /* empty: none is kept; "-": stdout */
    enum access_format access_log_format;
    struct config_endpoint trace_endpoint; /* of an OpenTelemetry collector */
    struct config_text trace_ca;           /* empty: the system's */
    uint64_t trace_sample;                 /* of a million traces that begin here */
    struct str trace_service_name;

    struct config_fixed *fixed; /* for config_fixed_changes */
    struct problems *problems;  /* while it is being read */
};

/* Reads and checks the file. NULL with all that is wrong. The caller frees with config_free. */
MUST_USE struct config *config_load(const char *path, struct problems *problems);
void config_free(struct config *config);

/* The names of fixed settings in which the two differ, with commas between; empty when none do. */
struct config_names {
    char text[512];
};
void config_fixed_changes(const struct config *running, const struct config *fresh,
                          struct config_names *ret);

/* The upstream as the header Host names it. */
#define CONFIG_AUTHORITY_SIZE 300
void config_authority(const struct config *config, char out[CONFIG_AUTHORITY_SIZE]);

/* What the journal is to be opened with, by whoever opens it. */
void config_journal_options(const struct config *config, struct journal_options *ret);

/* "FILE:LINE:COLUMN: sentence" (or "environment NAME: sentence") about a setting; false. */
bool config_error(const struct config_place *place, struct error *err, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Reads a whole file of at most `max` bytes into the arena. */
MUST_USE bool config_read_file(const char *path, size_t max, struct arena *arena, struct str *ret,
                               struct error *err);
