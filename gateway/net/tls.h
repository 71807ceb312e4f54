/*
 * TLS contexts of both sides, made from files and checked completely before they are used.
 *
 * A context is immutable once made, may serve all workers at once, and is counted: streams hold a
 * reference while they live. Loading reads files, so it happens at start and on reload only.
 */
#pragma once

#include "base/error.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/*
 * For the listeners: TLS 1.2 (ECDHE with AEAD) and 1.3, ALPN http/1.1, tickets shared by whoever
 * shares the context; no renegotiation, compression or early data. The certificate file may hold
 * a chain, leaf first. NULL with `err` (a sentence without place) and *bad_path, the file at fault.
 */
MUST_USE struct ssl_ctx_st *tls_server_context(const char *certificate_path, const char *key_path,
                                               const char **bad_path, struct error *err);

/*
 * For the upstream: verifies the chain against `ca_path`, or the system's store when NULL. The
 * host name is set per connection. NULL with `err` as above.
 */
MUST_USE struct ssl_ctx_st *tls_client_context(const char *ca_path, struct error *err);

/* Drops a reference. Accepts NULL. */
void tls_context_free(struct ssl_ctx_st *context);
