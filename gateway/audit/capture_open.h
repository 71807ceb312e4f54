/*
 * Opens what capture.h has sealed, with the auditor's private key: for verbs on the auditor's own
 * machine. The gateway has no such key.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

struct capture_key;

/* Reads a PEM file with a private key that no passphrase protects. NULL with `err`. */
MUST_USE struct capture_key *capture_key_load(const char *path, struct error *err);

/* Appends the body. False when it is sealed for somebody else, or not what was sealed. */
MUST_USE bool capture_open(const struct capture_key *key, struct str sealed, struct buf *out);

void capture_key_free(struct capture_key *key); /* accepts NULL */
