#include "net/tls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/limits.h"
#include "net/tickets.h"

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

/* ---- identities of the gateway ---- */

/* A certificate with what is needed to use it. */
struct identity {
    X509 *certificate;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* behind the leaf */
};

static void identity_release(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
    sk_X509_pop_free(identity->chain, X509_free);
}

/* An encrypted key cannot be used: nobody is there to be asked for its password. */
static int no_password(char *into, int size, int writing, void *arg)
{
    (void)into, (void)size, (void)writing, (void)arg;
    return -1;
}

static bool read_certificates(const char *path, struct identity *identity, struct error *err)
{
    BIO *file = access(path, R_OK) == 0 ? BIO_new_file(path, "r") : NULL;
    if (!file)
        return error_set(err, "cannot read the certificate file '%s'", path);
    identity->certificate = PEM_read_bio_X509_AUX(file, NULL, no_password, NULL);
    identity->chain = sk_X509_new_null();
    X509 *next;
    bool fine = identity->certificate && identity->chain;
    while (fine && (next = PEM_read_bio_X509(file, NULL, no_password, NULL))) {
        fine = sk_X509_push(identity->chain, next) > 0;
        if (!fine)
            X509_free(next);
    }
    BIO_free(file);
    /* the only good end of the loop is the end of the file */
    fine = fine && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!fine)
        return error_set(err, "'%s' holds no PEM certificate chain (%s)", path, openssl_reason());
    ERR_clear_error();
    return true;
}

static bool read_key(const char *path, struct identity *identity, struct error *err)
{
    BIO *file = access(path, R_OK) == 0 ? BIO_new_file(path, "r") : NULL;
    if (!file)
        return error_set(err, "cannot read the key file '%s'", path);
    identity->key = PEM_read_bio_PrivateKey(file, NULL, no_password, NULL);
    BIO_free(file);
    return identity->key ||
           error_set(err, "'%s' holds no unencrypted PEM private key (%s)", path, openssl_reason());
}

static bool check_dates(const X509 *leaf, const char *path, struct error *err)
{
    if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
        return error_set(err, "the certificate '%s' has expired", path);
    if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0)
        return error_set(err, "the certificate '%s' is not valid yet", path);
    return true;
}

/* Step by step, so that the sentence names the very file that is wrong. */
static bool read_identity(const struct tls_identity *paths, struct identity *identity,
                          const char **bad_path, struct error *err)
{
    *bad_path = paths->certificate_path;
    if (!read_certificates(paths->certificate_path, identity, err) ||
        !check_dates(identity->certificate, paths->certificate_path, err))
        return false;
    *bad_path = paths->key_path;
    if (!read_key(paths->key_path, identity, err))
        return false;
    if (X509_check_private_key(identity->certificate, identity->key) != 1)
        return error_set(err, "the key '%s' does not belong to the certificate '%s'",
                         paths->key_path, paths->certificate_path);
    return true;
}

/* ---- what a server's context carries beside OpenSSL's own ---- */

#define TRUST_BYTES 32

struct server_extra {
    struct tickets *tickets;
    int64_t session_ms;
    size_t identity_count;
    struct identity *identities;
    unsigned char trust[TRUST_BYTES]; /* a digest of how clients are verified */
    int64_t trust_until_unix_ms;      /* when the first CRL is due to be replaced */
};

static void free_extra(void *parent, void *extra_arg, CRYPTO_EX_DATA *data, int index, long argl,
                       void *argp)
{
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    struct server_extra *extra = extra_arg;
    if (!extra)
        return;
    for (size_t i = 0; i < extra->identity_count; i++)
        identity_release(&extra->identities[i]);
    free(extra->identities);
    free(extra);
}

static int extra_index;
static pthread_once_t extra_once = PTHREAD_ONCE_INIT;

static void make_extra_index(void)
{
    extra_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_extra);
}

static struct server_extra *extra_of(const SSL_CTX *context)
{
    return SSL_CTX_get_ex_data(context, extra_index);
}

/* An empty one that lives and dies with the context. NULL when memory ran out. */
static struct server_extra *attach_extra(SSL_CTX *context, const struct tls_server_options *options)
{
    struct server_extra *extra = calloc(1, sizeof(*extra));
    pthread_once(&extra_once, make_extra_index);
    if (!extra)
        return NULL;
    extra->tickets = options->tickets;
    extra->session_ms = options->session_ms;
    extra->trust_until_unix_ms = INT64_MAX;
    extra->identities = calloc(options->identity_count, sizeof(*extra->identities));
    if (!extra->identities || SSL_CTX_set_ex_data(context, extra_index, extra) != 1) {
        free(extra->identities);
        free(extra);
        return NULL;
    }
    return extra;
}

/* ---- the right certificate ---- */

static bool fits(const struct identity *identity, const char *name)
{
    return X509_check_host(identity->certificate, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
                           NULL) == 1;
}

static bool use_identity(SSL *ssl, const struct identity *identity)
{
    return SSL_use_cert_and_key(ssl, identity->certificate, identity->key, identity->chain, 1) == 1;
}

/*
 * By the name the client asks for (RFC 6066 3), else the first. OpenSSL keeps one certificate for
 * each type of key and chooses among them by what the client can verify; so those of other names
 * must go, and an ECDSA and an RSA certificate of this name may both stay.
 */
static int choose_identity(SSL *ssl, void *arg)
{
    const struct server_extra *extra = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    bool any = false;
    SSL_certs_clear(ssl);
    for (size_t i = extra->identity_count; name && i-- > 0;) { /* the earliest of a type stays */
        const struct identity *each = &extra->identities[i];
        if (!fits(each, name))
            continue;
        if (!use_identity(ssl, each))
            return 0;
        any = true;
    }
    return any || use_identity(ssl, &extra->identities[0]);
}

static bool load_identities(SSL_CTX *context, const struct tls_server_options *options,
                            struct server_extra *extra, const char **bad_path, struct error *err)
{
    for (size_t i = 0; i < options->identity_count; i++) {
        struct identity *identity = &extra->identities[extra->identity_count++];
        if (!read_identity(&options->identities[i], identity, bad_path, err))
            return false;
        /* each is tried, so that one OpenSSL finds too weak shows now and not in a handshake */
        if (SSL_CTX_use_cert_and_key(context, identity->certificate, identity->key, identity->chain,
                                     1) != 1) {
            *bad_path = options->identities[i].certificate_path;
            return error_set(err, "the certificate '%s' cannot be used (%s)", *bad_path,
                             openssl_reason());
        }
    }
    const struct identity *first = &extra->identities[0];
    if (extra->identity_count > 1) /* with one there is nothing to choose in each handshake */
        SSL_CTX_set_cert_cb(context, choose_identity, extra);
    return SSL_CTX_use_cert_and_key(context, first->certificate, first->key, first->chain, 1) ==
               1 ||
           error_set(err, "out of memory");
}

/* ---- clients' certificates ---- */

static bool load_client_ca(SSL_CTX *context, const char *path, struct error *err)
{
    if (access(path, R_OK) != 0)
        return error_set(err, "cannot read the file of client CAs '%s'", path);
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
    if (!names || SSL_CTX_load_verify_file(context, path) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return error_set(err, "'%s' holds no PEM certificates (%s)", path, openssl_reason());
    }
    SSL_CTX_set_client_CA_list(context, names); /* takes ownership */
    return true;
}

int64_t tls_time_unix_ms(const ASN1_TIME *time)
{
    struct tm parts;
    return time && ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) * 1000 : INT64_MAX;
}

static bool check_crl(const X509_CRL *crl, const char *path, struct server_extra *extra,
                      struct error *err)
{
    int64_t until_ms = tls_time_unix_ms(X509_CRL_get0_nextUpdate(crl));
    if (until_ms < clock_unix_ms())
        return error_set(err, "a CRL in '%s' has expired: it was to be replaced by now", path);
    if (until_ms < extra->trust_until_unix_ms)
        extra->trust_until_unix_ms = until_ms;
    return true;
}

/* Every CA of a chain needs its CRL then; one that is missing refuses the client. */
static bool load_crl(SSL_CTX *context, const char *path, struct server_extra *extra,
                     struct error *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    BIO *file = access(path, R_OK) == 0 ? BIO_new_file(path, "r") : NULL;
    if (!file)
        return error_set(err, "cannot read the CRL file '%s'", path);
    size_t count = 0;
    bool fine = true;
    for (X509_CRL *crl; fine && (crl = PEM_read_bio_X509_CRL(file, NULL, no_password, NULL));) {
        fine = check_crl(crl, path, extra, err) &&
               (X509_STORE_add_crl(store, crl) == 1 || error_set(err, "out of memory"));
        X509_CRL_free(crl);
        count++;
    }
    BIO_free(file);
    if (fine && (count == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
        return error_set(err, "'%s' holds no PEM CRL (%s)", path, openssl_reason());
    ERR_clear_error();
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return fine;
}

static bool add_to_digest(EVP_MD_CTX *digest, const X509_OBJECT *object)
{
    unsigned char one[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    X509 *certificate = X509_OBJECT_get0_X509(object);
    if (certificate) /* fills OpenSSL's cache of its extensions now, before workers share it */
        (void)X509_check_purpose(certificate, -1, 0);
    X509_CRL *crl = X509_OBJECT_get0_X509_CRL((X509_OBJECT *)object);
    bool fine = certificate ? X509_digest(certificate, EVP_sha256(), one, &length) == 1
                            : crl && X509_CRL_digest(crl, EVP_sha256(), one, &length) == 1;
    return fine && EVP_DigestUpdate(digest, one, length) == 1;
}

/* What a resumed session relies on: how clients are verified, by which CAs and CRLs. */
static bool digest_trust(SSL_CTX *context, const struct tls_server_options *options,
                         struct server_extra *extra)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
    bool fine = digest && EVP_DigestInit_ex2(digest, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(digest, &options->client_certificates,
                                 sizeof(options->client_certificates)) == 1;
    for (int i = 0; fine && i < sk_X509_OBJECT_num(objects); i++)
        fine = add_to_digest(digest, sk_X509_OBJECT_value(objects, i));
    fine = fine && EVP_DigestFinal_ex(digest, extra->trust, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return fine;
}

static bool load_trust(SSL_CTX *context, const struct tls_server_options *options,
                       struct server_extra *extra, const char **bad_path, struct error *err)
{
    static const int modes[] = {
        [TLS_CLIENT_OFF] = SSL_VERIFY_NONE,
        [TLS_CLIENT_OPTIONAL] = SSL_VERIFY_PEER,
        [TLS_CLIENT_REQUIRED] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
    };
    SSL_CTX_set_verify(context, modes[options->client_certificates], NULL);
    if (options->client_certificates != TLS_CLIENT_OFF) {
        *bad_path = options->client_ca_path;
        if (!load_client_ca(context, options->client_ca_path, err))
            return false;
        *bad_path = options->client_crl_path;
        if (options->client_crl_path && !load_crl(context, options->client_crl_path, extra, err))
            return false;
    }
    *bad_path = NULL;
    return digest_trust(context, options, extra) || error_set(err, "out of memory");
}

/* ---- tickets ---- */

static int on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                         EVP_MAC_CTX *mac, int sealing)
{
    return tickets_callback(extra_of(SSL_get_SSL_CTX(ssl))->tickets, name, iv, cipher, mac,
                            sealing);
}

/* What a ticket says of its client, beside OpenSSL's own. */
struct ticket_note {
    unsigned char trust[TRUST_BYTES]; /* under which the client was verified */
    int64_t verified_unix_ms; /* when it was, in the first handshake of a chain of sessions */
};

static bool read_note(const SSL_SESSION *session, struct ticket_note *ret)
{
    void *note;
    size_t size;
    if (SSL_SESSION_get0_ticket_appdata((SSL_SESSION *)session, &note, &size) != 1 ||
        size != sizeof(*ret))
        return false;
    memcpy(ret, note, sizeof(*ret));
    return true;
}

/* A resumed session hands on what it was resumed with: resuming does not verify anybody anew. */
static int on_ticket_sealed(SSL *ssl, void *arg)
{
    const struct server_extra *extra = arg;
    SSL_SESSION *session = SSL_get_session(ssl);
    struct ticket_note note;
    if (SSL_session_reused(ssl) && read_note(session, &note))
        return 1;
    memcpy(note.trust, extra->trust, TRUST_BYTES);
    note.verified_unix_ms = clock_unix_ms();
    return SSL_SESSION_set1_ticket_appdata(session, &note, sizeof(note));
}

/* Resuming skips the verification, so it is allowed only when that would say the same again. */
static bool still_trusted(const struct server_extra *extra, const SSL_SESSION *session)
{
    struct ticket_note note;
    int64_t now_ms = clock_unix_ms();
    const X509 *certificate = SSL_SESSION_get0_peer((SSL_SESSION *)session);
    return read_note(session, &note) && memcmp(note.trust, extra->trust, TRUST_BYTES) == 0 &&
           now_ms < note.verified_unix_ms + extra->session_ms &&
           now_ms < extra->trust_until_unix_ms &&
           (!certificate || now_ms < tls_time_unix_ms(X509_get0_notAfter(certificate)));
}

static SSL_TICKET_RETURN on_ticket_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                          size_t name_length, SSL_TICKET_STATUS status, void *arg)
{
    (void)ssl, (void)name, (void)name_length;
    switch (status) {
    case SSL_TICKET_SUCCESS:
    case SSL_TICKET_SUCCESS_RENEW:
        break;
    case SSL_TICKET_EMPTY:
    case SSL_TICKET_NO_DECRYPT:
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    default:
        return SSL_TICKET_RETURN_ABORT;
    }
    if (!still_trusted(arg, session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

static void use_tickets(SSL_CTX *context, struct server_extra *extra)
{
    static const unsigned char session_context[] = "campaign-gateway";
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets need no cache */
    SSL_CTX_set_session_id_context(context, session_context, sizeof(session_context) - 1);
    SSL_CTX_set_timeout(context, (long)(extra->session_ms / 1000) + 1);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket_key);
    SSL_CTX_set_session_ticket_cb(context, on_ticket_sealed, on_ticket_opened, extra);
}

bool tls_same_trust(const SSL_CTX *one, const SSL_CTX *other)
{
    return memcmp(extra_of(one)->trust, extra_of(other)->trust, TRUST_BYTES) == 0;
}

bool tls_trust_is_stale(const SSL_CTX *context, int64_t now_unix_ms)
{
    return now_unix_ms >= extra_of(context)->trust_until_unix_ms;
}

/* ---- contexts ---- */

SSL_CTX *tls_server_context(const struct tls_server_options *options, const char **bad_path,
                            struct error *err)
{
    ERR_clear_error();
    *bad_path = NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    struct server_extra *extra = context ? attach_extra(context, options) : NULL;
    if (!extra) {
        error_set(err, "out of memory");
        goto fail;
    }
    common_settings(context);
    SSL_CTX_set_max_cert_list(context, LIMIT_CLIENT_CHAIN_BYTES);
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_max_early_data(context, 0);
    use_tickets(context, extra);
    if (SSL_CTX_set_cipher_list(context, TLS12_CIPHERS) != 1) {
        error_set(err, "this OpenSSL offers none of the ciphers %s", TLS12_CIPHERS);
        goto fail;
    }
    if (load_identities(context, options, extra, bad_path, err) &&
        load_trust(context, options, extra, bad_path, err))
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

void tls_context_hold(SSL_CTX *context)
{
    if (context)
        SSL_CTX_up_ref(context);
}

void tls_context_free(SSL_CTX *context)
{
    SSL_CTX_free(context);
}

const char *tls_library_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}
