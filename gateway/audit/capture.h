/*
 * Whole bodies, kept so that only an auditor can read them: each one encrypted to the auditor's
 * certificate as CMS AuthEnvelopedData with AES-256-GCM (RFC 5083, RFC 5084). The gateway has no
 * key to open one, and
 *
 *     openssl cms -decrypt -inform DER -in ID.cms -inkey audit.key -binary
 *
 * does. Files lie beside the journal, and may be deleted without breaking it: the record holds the
 * file's SHA-256.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#define CAPTURE_NAME_SIZE 64 /* "captures/2026-11-28/ID.cms" and a NUL */

/* The most that encryption adds: the sealed key, and the certificate's names around it. */
#define CAPTURE_OVERHEAD_BYTES 16384

struct capture;

/* Reads the first certificate of a PEM file: RSA of 2048 bits or more, or EC. NULL with `err`. */
MUST_USE struct capture *capture_load(const char *path, struct error *err);

/* Appends the sealed body, DER. False when libcrypto fails or it does not fit. Any thread. */
MUST_USE bool capture_seal(const struct capture *capture, struct str body, struct buf *out);

/* Where the journal keeps it: by day (UTC) and decision. */
void capture_name(int64_t time_unix_ms, const char *id, char out[CAPTURE_NAME_SIZE]);

void capture_free(struct capture *capture); /* accepts NULL */
