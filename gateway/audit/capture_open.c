#include "audit/capture_open.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

struct capture_key {
    EVP_PKEY *key;
};

/* OpenSSL would ask on the terminal. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out, (void)size, (void)writing, (void)arg;
    return 0;
}

struct capture_key *capture_key_load(const char *path, struct error *err)
{
    struct capture_key *key = calloc(1, sizeof(*key));
    BIO *file = access(path, R_OK) == 0 ? BIO_new_file(path, "r") : NULL;
    if (!key || !file) {
        (void)error_set(err, "cannot read the private key '%s': %s", path, strerrordesc_np(errno));
        BIO_free(file);
        free(key);
        return NULL;
    }
    key->key = PEM_read_bio_PrivateKey(file, NULL, no_passphrase, NULL);
    BIO_free(file);
    ERR_clear_error();
    if (key->key)
        return key;
    (void)error_set(err,
                    "'%s' holds no PEM private key without a passphrase; `openssl pkey -in FILE` "
                    "writes one",
                    path);
    capture_key_free(key);
    return NULL;
}

void capture_key_free(struct capture_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->key);
    free(key);
}

static bool take_all(BIO *from, struct buf *out)
{
    char *data = NULL;
    long length = BIO_get_mem_data(from, &data);
    return length >= 0 && buf_append(out, (struct str){data, (size_t)length});
}

bool capture_open(const struct capture_key *key, struct str sealed, struct buf *out)
{
    const unsigned char *at = (const unsigned char *)sealed.data;
    CMS_ContentInfo *cms =
        sealed.len <= LONG_MAX ? d2i_CMS_ContentInfo(NULL, &at, (long)sealed.len) : NULL;
    BIO *body = BIO_new(BIO_s_mem());
    bool fine = cms && body && at == (const unsigned char *)sealed.data + sealed.len &&
                CMS_decrypt(cms, key->key, NULL, NULL, body, CMS_BINARY) == 1 &&
                take_all(body, out);
    BIO_free(body);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return fine;
}
