/*
 * Which files with certificates and CRLs are in force, and until when they are good: for those who
 * replace them, and for readiness. Read together with the contexts that use them.
 */
#pragma once

#include "config.h"
#include "net/dates.h"

struct certificate_dates {
    const char *use; /* "server", "client-ca", "client-crl", "upstream-ca", "admin",
                        "admin-client-ca", "trace-ca" */
    struct str file;
    struct tls_dates dates;
};

/* The gateway's first certificate stands first. */
struct certificate_list {
    struct certificate_dates *items;
    size_t count;
};

/* In the arena. False when memory is out, or one of the gateway's own certificates cannot be read;
 * other files are then left out. */
MUST_USE bool certificates_look(const struct config *config, struct arena *arena,
                                struct certificate_list *ret);
