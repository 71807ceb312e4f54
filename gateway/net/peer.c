#include "net/peer.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/limits.h"
#include "net/tls.h"

/* ---- names ---- */

/* Only what prints: a name with a NUL, a line end or bytes beyond ASCII says different things to
 * different readers. */
static void add_name(struct buf *names, const char *kind, const ASN1_STRING *name)
{
    const char *data = (const char *)ASN1_STRING_get0_data(name);
    int length = ASN1_STRING_length(name);
    if (length <= 0 || length > LIMIT_PEER_NAME_BYTES)
        return;
    for (int i = 0; i < length; i++) {
        if (data[i] < ' ' || data[i] >= 0x7f)
            return;
    }
    buf_format(names, "%s:%.*s\n", kind, length, data);
}

/* True when there are any, also such as cannot be used. */
static bool add_alternative_names(struct buf *names, const X509 *certificate)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool any = false;
    for (int i = 0, count = 0; i < sk_GENERAL_NAME_num(all) && count < LIMIT_PEER_NAMES; i++) {
        const GENERAL_NAME *each = sk_GENERAL_NAME_value(all, i);
        if (each->type != GEN_URI && each->type != GEN_DNS)
            continue;
        any = true;
        count++;
        if (each->type == GEN_URI)
            add_name(names, "uri", each->d.uniformResourceIdentifier);
        else
            add_name(names, "dns", each->d.dNSName);
    }
    GENERAL_NAMES_free(all);
    return any;
}

static void add_common_name(struct buf *names, const X509 *certificate)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return; /* two common names are no name */
    add_name(names, "cn", X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

/* ---- life ---- */

static struct peer *peer_new(void)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    if (peer)
        buf_init(&peer->names, LIMIT_PEER_NAMES * (LIMIT_PEER_NAME_BYTES + 8));
    return peer;
}

bool peer_read(const SSL *tls, struct peer **ret)
{
    const X509 *certificate = SSL_get0_peer_certificate(tls);
    *ret = NULL;
    if (!certificate)
        return true;
    struct peer *peer = peer_new();
    if (!peer)
        return false;
    peer->valid = true;
    peer->reason = "";
    peer->expires_unix_ms = tls_time_unix_ms(X509_get0_notAfter(certificate));
    if (!add_alternative_names(&peer->names, certificate))
        add_common_name(&peer->names, certificate);
    if (peer->names.failed) {
        peer_free(peer);
        return false;
    }
    *ret = peer;
    return true;
}

void peer_free(struct peer *peer)
{
    if (!peer)
        return;
    buf_release(&peer->names);
    free(peer);
}

/* ---- doubts ---- */

static void lose_faith(struct peer *peer, const char *reason)
{
    peer->valid = false;
    peer->reason = reason;
}

void peer_check_date(struct peer *peer, const SSL_CTX *context, int64_t now_unix_ms)
{
    if (peer->valid && now_unix_ms > peer->expires_unix_ms)
        lose_faith(peer, "the client certificate has expired");
    else if (peer->valid && tls_trust_is_stale(context, now_unix_ms))
        lose_faith(peer, "the CRL has expired, so the client certificate may be revoked");
}

/* NULL when the chain the client sent verifies against the context's CA and CRL. */
static const char *verify_again(const SSL *tls, SSL_CTX *context)
{
    X509_STORE_CTX *verifier = X509_STORE_CTX_new();
    const char *reason = "the client certificate could not be verified again";
    if (verifier &&
        X509_STORE_CTX_init(verifier, SSL_CTX_get_cert_store(context),
                            SSL_get0_peer_certificate(tls), SSL_get_peer_cert_chain(tls)) == 1 &&
        X509_STORE_CTX_set_default(verifier, "ssl_client") == 1)
        reason = X509_verify_cert(verifier) == 1
                     ? NULL
                     : X509_verify_cert_error_string(X509_STORE_CTX_get_error(verifier));
    X509_STORE_CTX_free(verifier);
    ERR_clear_error();
    return reason;
}

bool peer_recheck(struct peer **peer, const SSL *tls, SSL_CTX *context)
{
    int mode = SSL_CTX_get_verify_mode(context);
    if (tls_same_trust(SSL_get_SSL_CTX(tls), context))
        return true; /* it would say the same again */
    if (!*peer) {
        if (!(mode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT))
            return true;
        *peer = peer_new();
        if (!*peer)
            return false;
        lose_faith(*peer, "a client certificate is required by now, and none was shown");
        return true;
    }
    if (!(*peer)->valid)
        return true;
    const char *reason = mode & SSL_VERIFY_PEER ? verify_again(tls, context)
                                                : "client certificates are not looked at any more";
    if (reason)
        lose_faith(*peer, reason);
    return true;
}
