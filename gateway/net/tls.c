#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

/* Forward secrecy and authenticated encryption only (RFC 9325 4.2). TLS 1.3 has nothing else. */
#define TLS12_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!SHA1"

static const char *openssl_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    return reason ? reason : "unknown reason";
}

static void common_settings(SSL_CTX *context)
{
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    /* an idle connection keeps no 16 KiB record buffers; one read() takes all that has come */
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
}

/* Chooses http/1.1; a client that offers only other protocols is told so (RFC 7301 3.2). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned int in_len, void *arg)
{
    (void)ssl, (void)arg;
    static const unsigned char ours[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours), in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Asks step by step, so that the sentence names the very file that is wrong. */
static bool load_identity(SSL_CTX *context, const char *certificate_path, const char *key_path,
                          const char **bad_path, struct error *err)
{
    *bad_path = certificate_path;
    if (access(certificate_path, R_OK) != 0)
        return error_set(err, "cannot read the certificate file '%s'", certificate_path);
    if (SSL_CTX_use_certificate_chain_file(context, certificate_path) != 1)
        return error_set(err, "'%s' holds no PEM certificate chain (%s)", certificate_path,
                         openssl_reason());
    *bad_path = key_path;
    if (access(key_path, R_OK) != 0)
        return error_set(err, "cannot read the key file '%s'", key_path);
    if (SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM) != 1) {
        if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH)
            return error_set(err, "the key '%s' does not belong to the certificate '%s'", key_path,
                             certificate_path);
        return error_set(err, "'%s' holds no unencrypted PEM private key (%s)", key_path,
                         openssl_reason());
    }
    if (SSL_CTX_check_private_key(context) != 1)
        return error_set(err, "the key '%s' does not belong to the certificate '%s'", key_path,
                         certificate_path);
    return true;
}

static bool check_dates(const SSL_CTX *context, const char *path, const char **bad_path,
                        struct error *err)
{
    const X509 *leaf = SSL_CTX_get0_certificate(context);
    *bad_path = path;
    if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
        return error_set(err, "the certificate '%s' has expired", path);
    if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0)
        return error_set(err, "the certificate '%s' is not valid yet", path);
    return true;
}

SSL_CTX *tls_server_context(const char *certificate_path, const char *key_path,
                            const char **bad_path, struct error *err)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    *bad_path = certificate_path;
    if (!context) {
        error_set(err, "out of memory");
        return NULL;
    }
    common_settings(context);
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets need no cache */
    static const unsigned char session_context[] = "campaign-gateway";
    SSL_CTX_set_session_id_context(context, session_context, sizeof(session_context) - 1);
    if (SSL_CTX_set_cipher_list(context, TLS12_CIPHERS) != 1) {
        error_set(err, "this OpenSSL offers none of the ciphers %s", TLS12_CIPHERS);
        goto fail;
    }
    if (!load_identity(context, certificate_path, key_path, bad_path, err) ||
        !check_dates(context, certificate_path, bad_path, err))
        goto fail;
    return context;

fail:
    SSL_CTX_free(context);
    return NULL;
}

SSL_CTX *tls_client_context(const char *ca_path, struct error *err)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) {
        error_set(err, "out of memory");
        return NULL;
    }
    common_settings(context);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_cipher_list(context, TLS12_CIPHERS) != 1) {
        error_set(err, "this OpenSSL offers none of the ciphers %s", TLS12_CIPHERS);
        goto fail;
    }
    if (ca_path && access(ca_path, R_OK) != 0) {
        error_set(err, "cannot read the CA file '%s'", ca_path);
        goto fail;
    }
    if (ca_path ? SSL_CTX_load_verify_file(context, ca_path) != 1
                : SSL_CTX_set_default_verify_paths(context) != 1) {
        error_set(err, "%s holds no PEM certificates (%s)",
                  ca_path ? ca_path : "the system's CA store", openssl_reason());
        goto fail;
    }
    return context;

fail:
    SSL_CTX_free(context);
    return NULL;
}

void tls_context_free(SSL_CTX *context)
{
    SSL_CTX_free(context);
}
