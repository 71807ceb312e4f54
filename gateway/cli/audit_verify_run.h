/*
 * One journal being verified, wherever its lines come from: files, or the central database.
 */
#pragma once

#include "audit/central.h"
#include "audit/verify.h"
#include "base/problems.h"
#include "cli/audit_verify_report.h"

/* What is asked of it. */
struct audit_verify_request {
    const struct pinned_keys *pinned; /* NULL: none */
    const struct verify_expected *expected;
    size_t expected_count;
    bool shows_progress; /* on stderr */
};

struct audit_verify_run {
    struct audit_verify_request request;
    struct verify *verify;
    struct problems findings;
    struct error broken;               /* empty: it is not */
    struct audit_verify_result result; /* views into all of this */

    char place[4096 + 32]; /* of the record being looked at; empty: none */
    char file[4096];       /* its segment, and where the last record ends there */
    uint64_t file_end;
    uint64_t torn_bytes;
    uint64_t linked;        /* records in front of the first segment record, held by their hashes */
    struct chain_head head; /* of lines that are checked here */
};

/*
 * The journal in these directories. With `central`, also whether it is what that database has of
 * it. False with `err` when it cannot be read, or there is none.
 */
MUST_USE bool audit_verify_files(struct audit_verify_run *run,
                                 const struct audit_verify_request *request,
                                 const char *const *directories, size_t directory_count,
                                 struct central *central, struct error *err);

/* What the central database has of one source. */
MUST_USE bool audit_verify_central(struct audit_verify_run *run,
                                   const struct audit_verify_request *request,
                                   struct central *central, const struct central_source *source,
                                   struct error *err);

/* Accepts a zeroed one. */
void audit_verify_release(struct audit_verify_run *run);
