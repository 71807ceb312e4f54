/*
 * TLS contexts of both sides, made from files and checked completely before they are used.
 *
 * A context is immutable once made, may serve all workers at once, and is counted: streams hold a
 * reference while they live. Loading reads files, so it happens at start and on reload only.
 */
#pragma once

#include "base/error.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */
struct tickets;

/* A certificate file may hold a chain, leaf first; both are PEM, the key is not encrypted. */
struct tls_identity {
    const char *certificate_path, *key_path;
};

enum tls_client_certificates {
    TLS_CLIENT_OFF,      /* not asked for */
    TLS_CLIENT_OPTIONAL, /* none is fine, a bad one is not */
    TLS_CLIENT_REQUIRED,
};

struct tls_server_options {
    const struct tls_identity *identities; /* chosen by SNI; the first when no name fits */
    size_t identity_count;                 /* at least one */
    enum tls_client_certificates client_certificates;
    const char *client_ca_path; /* PEM; needed unless OFF */
    const char
        *client_crl_path;    /* PEM, a CRL for every CA that may stand in a chain; may be NULL */
    struct tickets *tickets; /* must outlive the context */
    int64_t session_ms;      /* how long a session may be resumed */
};

/*
 * For the listeners: TLS 1.2 (ECDHE with AEAD) and 1.3, ALPN http/1.1; no renegotiation,
 * compression or early data. A session is resumed only while its client certificate is valid and
 * CA and CRL are what they were when it was verified. NULL with `err` (a sentence without place)
 * and *bad_path, the file at fault.
 */
MUST_USE struct ssl_ctx_st *tls_server_context(const struct tls_server_options *options,
                                               const char **bad_path, struct error *err);

/*
 * For the upstream: verifies the chain against `ca_path`, or the system's store when NULL. The
 * host name is set per connection. NULL with `err` as above.
 */
MUST_USE struct ssl_ctx_st *tls_client_context(const char *ca_path, struct error *err);

/* Whether both verify clients by the same CAs, CRLs and mode. */
bool tls_same_trust(const struct ssl_ctx_st *one, const struct ssl_ctx_st *other);

/* True when a CRL was to be replaced by now: nobody can be said not to be revoked. */
bool tls_trust_is_stale(const struct ssl_ctx_st *context, int64_t now_unix_ms);

/* Of OpenSSL, as it runs: "OpenSSL 3.0.17 1 Jul 2025". */
const char *tls_library_version(void);

/* Takes and drops a reference. Both accept NULL. */
void tls_context_hold(struct ssl_ctx_st *context);
void tls_context_free(struct ssl_ctx_st *context);

/* A point in time of a certificate or CRL; INT64_MAX when there is none. */
struct asn1_string_st;
int64_t tls_time_unix_ms(const struct asn1_string_st *time);
