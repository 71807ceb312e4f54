#include "audit/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/clock.h"

#define LEAST_RSA_BITS 2048

struct capture {
    X509 *certificate;
    bool is_rsa;
};

/* ---- the certificate ---- */

static X509 *read_certificate(const char *path, struct error *err)
{
    BIO *file = access(path, R_OK) == 0 ? BIO_new_file(path, "r") : NULL;
    if (!file) {
        (void)error_set(err, "cannot read the certificate '%s': %s", path, strerrordesc_np(errno));
        return NULL;
    }
    X509 *certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);
    BIO_free(file);
    if (!certificate)
        (void)error_set(err,
                        "'%s' holds no PEM certificate; make one for the auditor's key with "
                        "`openssl req -x509 -new -key audit.key -subj /CN=audit`",
                        path);
    ERR_clear_error();
    return certificate;
}

static bool check_key(struct capture *capture, const char *path, struct error *err)
{
    const EVP_PKEY *key = X509_get0_pubkey(capture->certificate);
    int type = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
    capture->is_rsa = type == EVP_PKEY_RSA;
    if (capture->is_rsa && EVP_PKEY_get_bits(key) < LEAST_RSA_BITS)
        return error_set(err, "the RSA key of '%s' has %d bits; it must have at least %d", path,
                         EVP_PKEY_get_bits(key), LEAST_RSA_BITS);
    return capture->is_rsa || type == EVP_PKEY_EC ||
           error_set(err,
                     "the certificate '%s' has neither an RSA nor an EC key, so that nothing "
                     "can be encrypted to it",
                     path);
}

/* What can be loaded can seal: tried once, before a request depends on it. */
static bool try_it(const struct capture *capture, const char *path, struct error *err)
{
    struct buf sealed;
    buf_init(&sealed, CAPTURE_OVERHEAD_BYTES);
    bool fine = capture_seal(capture, STR("{}"), &sealed);
    buf_release(&sealed);
    return fine || error_set(err, "nothing can be encrypted to the certificate '%s'", path);
}

struct capture *capture_load(const char *path, struct error *err)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    if (!capture) {
        (void)error_set(err, "out of memory");
        return NULL;
    }
    capture->certificate = read_certificate(path, err);
    if (capture->certificate && check_key(capture, path, err) && try_it(capture, path, err))
        return capture;
    capture_free(capture);
    return NULL;
}

void capture_free(struct capture *capture)
{
    if (!capture)
        return;
    X509_free(capture->certificate);
    free(capture);
}

/* ---- sealing ---- */

#define SEAL_FLAGS (CMS_BINARY | CMS_PARTIAL | CMS_KEY_PARAM)

/* OAEP rather than PKCS #1 1.5, and a KDF with SHA-256 rather than SHA-1. */
static bool choose_parameters(const struct capture *capture, CMS_RecipientInfo *recipient)
{
    EVP_PKEY_CTX *context = CMS_RecipientInfo_get0_pkey_ctx(recipient);
    if (!context)
        return false;
    return capture->is_rsa ? EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
                                 EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0
                           : EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) > 0;
}

static bool fill(const struct capture *capture, CMS_ContentInfo *cms, struct str body)
{
    CMS_RecipientInfo *recipient = CMS_add1_recipient_cert(cms, capture->certificate, SEAL_FLAGS);
    BIO *from = BIO_new_mem_buf(body.data ? body.data : "", (int)body.len);
    bool fine = recipient && from && choose_parameters(capture, recipient) &&
                CMS_final(cms, from, NULL, SEAL_FLAGS) == 1;
    BIO_free(from);
    return fine;
}

static bool write_der(const CMS_ContentInfo *cms, struct buf *out)
{
    int length = i2d_CMS_ContentInfo(cms, NULL);
    if (length <= 0 || !buf_reserve(out, (size_t)length))
        return false;
    unsigned char *at = (unsigned char *)out->data + out->len;
    if (i2d_CMS_ContentInfo(cms, &at) != length)
        return false;
    out->len += (size_t)length;
    return true;
}

bool capture_seal(const struct capture *capture, struct str body, struct buf *out)
{
    CMS_ContentInfo *cms = CMS_AuthEnvelopedData_create(EVP_aes_256_gcm());
    bool fine =
        cms && CMS_set_detached(cms, 0) == 1 && fill(capture, cms, body) && write_der(cms, out);
    CMS_ContentInfo_free(cms);
    if (!fine)
        ERR_clear_error();
    return fine;
}

void capture_name(int64_t time_unix_ms, const char *id, char out[CAPTURE_NAME_SIZE])
{
    char time[CLOCK_UTC_SIZE];
    clock_format_utc(time_unix_ms, time);
    (void)snprintf(out, CAPTURE_NAME_SIZE, "captures/%.10s/%s.cms", time, id);
}
