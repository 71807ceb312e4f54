/*
 * Who a client's certificate says it is, and whether that is still to be believed.
 *
 * Single-threaded: a peer belongs to its connection.
 */
#pragma once

#include "base/buf.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */
struct ssl_st;     /* … and SSL */

struct peer {
    bool valid;         /* false: it was once, but see `reason` */
    const char *reason; /* static */
    int64_t expires_unix_ms;

    /*
     * Whom it names, one in a line: "uri:spiffe://example.org/team/billing", "dns:billing.example";
     * or, in a certificate without either, "cn:billing" (RFC 9525 2: names are in the SAN). What
     * does not print is left out.
     */
    struct buf names;
};

/* *ret is NULL when the client showed none. The caller frees. False when memory ran out. */
MUST_USE bool peer_read(const struct ssl_st *tls, struct peer **ret);

/* Accepts NULL. */
void peer_free(struct peer *peer);

/* Sees to it that a certificate past its date is not valid, nor one whose CRL in `context` is. */
void peer_check_date(struct peer *peer, const struct ssl_ctx_st *context, int64_t now_unix_ms);

/*
 * Asks `context`, which is newer than the connection, whether the client may still be believed:
 * verifies its certificate again; a *peer of NULL becomes an invalid one when a certificate is
 * required by now. Whatever cannot be verified is not valid. False when memory ran out.
 */
MUST_USE bool peer_recheck(struct peer **peer, const struct ssl_st *tls,
                           struct ssl_ctx_st *context);
