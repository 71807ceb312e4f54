/*
 * What /readyz and /livez answer: a list of checks, as text in the style of Kubernetes or as JSON.
 * Pure.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

/* X(NAME, name) in the order in which they are told; campaign-gateway(8) says what each means. */
#define READINESS_CHECKS(X)                                                                        \
    X(SERVING, "serving")                                                                          \
    X(POLICY, "policy")                                                                            \
    X(CONFIGURATION, "configuration")                                                              \
    X(JOURNAL, "journal")                                                                          \
    X(CENTRAL, "central")                                                                          \
    X(CERTIFICATES, "certificates")                                                                \
    X(UPSTREAM, "upstream")

enum check_name {
#define X(name, text) CHECK_##name,
    READINESS_CHECKS(X)
#undef X
        CHECKS,
};

enum check_result { CHECK_OK, CHECK_WARNING, CHECK_FAILED };

/* Begins zeroed: all is well. */
struct readiness {
    struct check {
        enum check_result result;
        struct error why; /* unless OK */
    } checks[CHECKS];
};

/* A second finding of the same check does not make it better. */
void readiness_find(struct readiness *readiness, enum check_name name, enum check_result result,
                    const char *format, ...) PRINTF_LIKE(4, 5);

/* What was asked for. */
struct probe_options {
    bool verbose, json;
    bool excluded[CHECKS];
    bool excludes_unknown;
};

/* From the query of the target and the Accept header, either of which may be empty. */
struct probe_options probe_options(struct str query, struct str accept);

/* Whether none fails that is not excluded. */
bool readiness_passes(const struct readiness *readiness, const struct probe_options *options);

/* The body. Without `verbose` it is "ok" when it passes. */
void readiness_write(const struct readiness *readiness, const struct probe_options *options,
                     struct buf *out);

/* The body for /livez: the one check is that somebody answers. */
void liveness_write(const struct probe_options *options, struct buf *out);

/* "text/plain" or "application/json". */
const char *probe_content_type(const struct probe_options *options);
