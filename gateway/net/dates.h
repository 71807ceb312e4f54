/*
 * When certificates and CRLs begin and end to be valid, for those who are to replace them in time.
 * Reads files.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

/* The time in which all that a PEM file holds is valid. INT64_MAX: for ever. */
struct tls_dates {
    int64_t from_unix_ms, until_unix_ms;
};

/* Of its certificates, or of its CRLs: until the first is to be replaced. False when there is none,
 * or the file cannot be read. */
MUST_USE bool tls_certificate_dates(const char *path, struct tls_dates *ret);
MUST_USE bool tls_crl_dates(const char *path, struct tls_dates *ret);
