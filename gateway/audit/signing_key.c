#include "audit/signing_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/buf.h"

#define KEY_FILE_BYTES 65536 /* a key is 119 bytes; this is room for hundreds, and comments */

struct signing_key {
    EVP_PKEY *pkey;
    uint8_t public_key[SIGNING_PUBLIC_BYTES];
};

/* ---- one key ---- */

void signing_key_free(struct signing_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

/* Takes ownership of `pkey`, also on failure. NULL: it is not an Ed25519 key, or memory is out. */
static struct signing_key *key_of(EVP_PKEY *pkey)
{
    struct signing_key *key = calloc(1, sizeof(*key));
    size_t len = sizeof(key->public_key);
    if (!key || !pkey || EVP_PKEY_get_id(pkey) != EVP_PKEY_ED25519 ||
        EVP_PKEY_get_raw_public_key(pkey, key->public_key, &len) != 1) {
        EVP_PKEY_free(pkey);
        free(key);
        return NULL;
    }
    key->pkey = pkey;
    return key;
}

const uint8_t *signing_key_public(const struct signing_key *key)
{
    return key->public_key;
}

bool signing_key_sign(const struct signing_key *key, struct str text, uint8_t out[SIGNATURE_BYTES])
{
    uint8_t signature[SIGNATURE_BYTES];
    size_t len = sizeof(signature);
    EVP_MD_CTX *signing = EVP_MD_CTX_new();
    bool fine =
        signing && EVP_DigestSignInit(signing, NULL, NULL, NULL, key->pkey) == 1 &&
        EVP_DigestSign(signing, signature, &len, (const unsigned char *)text.data, text.len) == 1 &&
        len == sizeof(signature);
    EVP_MD_CTX_free(signing);
    if (fine)
        memcpy(out, signature, sizeof(signature));
    else
        ERR_clear_error();
    return fine;
}

bool signature_is_valid(const uint8_t public_key[SIGNING_PUBLIC_BYTES], struct str text,
                        const uint8_t signature[SIGNATURE_BYTES])
{
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, SIGNING_PUBLIC_BYTES);
    EVP_MD_CTX *checking = EVP_MD_CTX_new();
    bool valid = pkey && checking && EVP_DigestVerifyInit(checking, NULL, NULL, NULL, pkey) == 1 &&
                 EVP_DigestVerify(checking, signature, SIGNATURE_BYTES,
                                  (const unsigned char *)text.data, text.len) == 1;
    EVP_MD_CTX_free(checking);
    EVP_PKEY_free(pkey);
    if (!valid)
        ERR_clear_error();
    return valid;
}

/* ---- the file ---- */

/* Group may read: that is how Kubernetes hands a Secret to a user who is not root. */
static bool check_mode(const char *path, const struct stat *file, struct error *err)
{
    if (!S_ISREG(file->st_mode))
        return error_set(err, "'%s' is not a file", path);
    if (file->st_mode & (S_IWGRP | S_IRWXO))
        return error_set(err,
                         "the signing key '%s' has mode %04o: whoever can read it can sign a "
                         "forged journal; use `chmod 600`, or defaultMode 0440 of a Secret",
                         path, (unsigned)file->st_mode & 07777);
    if (file->st_size > KEY_FILE_BYTES)
        return error_set(err, "'%s' is larger than any file of signing keys", path);
    return true;
}

/* NULL with `err`. The caller frees it with BIO_free, which wipes it. */
static BIO *read_file(const char *path, struct error *err)
{
    char bytes[KEY_FILE_BYTES];
    struct stat file;
    BIO *bio = NULL;
    ssize_t got = 0;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is refused, not waited for */
    if (fd < 0 || fstat(fd, &file) != 0) {
        (void)error_set(err, "cannot read the signing key '%s': %s", path, strerrordesc_np(errno));
        goto close_file;
    }
    if (!check_mode(path, &file, err))
        goto close_file;
    while (len < sizeof(bytes) && (got = read(fd, bytes + len, sizeof(bytes) - len)) > 0)
        len += (size_t)got;
    if (got < 0) {
        (void)error_set(err, "cannot read the signing key '%s': %s", path, strerrordesc_np(errno));
        goto wipe;
    }
    bio = BIO_new(BIO_s_secmem());
    if (!bio || (len > 0 && BIO_write(bio, bytes, (int)len) != (int)len)) {
        (void)error_set(err, "out of memory");
        BIO_free(bio);
        bio = NULL;
    }
wipe:
    OPENSSL_cleanse(bytes, sizeof(bytes));
close_file:
    if (fd >= 0)
        close(fd);
    return bio;
}

static struct signing_key *decode_block(const char *path, const char *name, const char *header,
                                        const unsigned char *data, long len, struct error *err)
{
    if (strcmp(name, "PRIVATE KEY") != 0 || *header) {
        (void)error_set(err,
                        "'%s' holds a \"%s\" where a key is expected: Ed25519, PKCS #8, without a "
                        "pass phrase, as `campaign-gateway audit key make` writes it",
                        path, name);
        return NULL;
    }
    const unsigned char *at = data;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, len);
    struct signing_key *key = info && at == data + len ? key_of(EVP_PKCS82PKEY(info)) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    if (!key)
        (void)error_set(err,
                        "a key in '%s' is not an Ed25519 key; `campaign-gateway audit key make` "
                        "makes one",
                        path);
    return key;
}

/* The next key of the file. NULL at its end, where `err` stays empty, and on failure. */
static struct signing_key *next_key(const char *path, BIO *bio, struct error *err)
{
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long len = 0;
    if (PEM_read_bio(bio, &name, &header, &data, &len) != 1) {
        if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
            (void)error_set(err, "'%s' is damaged: a block of it is not whole PEM", path);
        return NULL;
    }
    struct signing_key *key = decode_block(path, name, header, data, len, err);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, (size_t)len);
    return key;
}

/* Behind the first key: all of them, so that damage shows before a rotation needs them. */
static bool read_former(const char *path, BIO *bio, const uint8_t *wanted,
                        struct signing_key **ret_former, struct error *err)
{
    struct signing_key *found = NULL, *key;
    while ((key = next_key(path, bio, err))) {
        bool is_wanted = wanted && memcmp(key->public_key, wanted, SIGNING_PUBLIC_BYTES) == 0;
        if (!found && is_wanted)
            found = key;
        else
            signing_key_free(key);
    }
    if (err->text[0]) {
        signing_key_free(found);
        return false;
    }
    *ret_former = found;
    return true;
}

bool signing_key_load(const char *path, const uint8_t former[SIGNING_PUBLIC_BYTES],
                      struct signing_key **ret_key, struct signing_key **ret_former,
                      struct error *err)
{
    struct error why = {0};
    struct signing_key *key = NULL, *found = NULL;
    ERR_clear_error();
    BIO *bio = read_file(path, &why);
    if (bio && !(key = next_key(path, bio, &why)) && !why.text[0])
        (void)error_set(&why, "'%s' holds no key; `campaign-gateway audit key make` makes one",
                        path);
    bool fine = key && read_former(path, bio, former, &found, &why);
    BIO_free(bio);
    ERR_clear_error();
    if (!fine) {
        signing_key_free(key);
        *err = why;
        return false;
    }
    *ret_key = key;
    if (ret_former)
        *ret_former = found;
    else
        signing_key_free(found);
    return true;
}

/* ---- making one ---- */

static bool generate(BIO *out)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    bool fine = pkey && PEM_write_bio_PKCS8PrivateKey(out, pkey, NULL, NULL, 0, NULL, NULL) == 1;
    EVP_PKEY_free(pkey);
    return fine;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        bytes += put;
        len -= (size_t)put;
    }
    return fsync(fd) == 0;
}

/* A name is durable when its directory is. */
static bool sync_directory_of(const char *path)
{
    char directory[4096];
    const char *slash = strrchr(path, '/');
    int len = slash ? (int)(slash - path) : 1;
    (void)snprintf(directory, sizeof(directory), "%.*s", len ? len : 1,
                   slash ? (len ? path : "/") : ".");
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool fine = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return fine;
}

/* Under another name beside it first: a crash leaves no half key. `temporary` gets the name, and is
 * there only when the answer is true. */
static bool write_beside(const char *path, const char *bytes, size_t len, char temporary[PATH_MAX],
                         const struct stat *like, struct error *err)
{
    int room = snprintf(temporary, PATH_MAX, "%s.XXXXXX", path);
    if (room < 0 || room >= PATH_MAX)
        return error_set(err, "the path '%.100s…' is too long", path);
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return error_set(err, "cannot write beside '%s': %s", path, strerrordesc_np(errno));
    bool fine = !like || (fchown(fd, like->st_uid, like->st_gid) == 0 &&
                          fchmod(fd, like->st_mode & 07777) == 0);
    fine = fine && write_all(fd, bytes, len);
    int why = errno;
    close(fd);
    if (fine)
        return true;
    (void)unlink(temporary);
    return error_set(err, "cannot write a key beside '%s' as its owner: %s", path,
                     strerrordesc_np(why));
}

/* A file that exists is not touched. */
static bool write_file(const char *path, const char *bytes, size_t len, struct error *err)
{
    char temporary[PATH_MAX];
    if (!write_beside(path, bytes, len, temporary, NULL, err))
        return false;
    bool fine = link(temporary, path) == 0;
    int why = errno;
    (void)unlink(temporary);
    if (!fine && why == EEXIST)
        return error_set(err, "'%s' exists already and is not overwritten", path);
    if (!fine)
        return error_set(err, "cannot write '%s': %s", path, strerrordesc_np(why));
    return sync_directory_of(path) ||
           error_set(err, "cannot make '%s' durable: %s", path, strerrordesc_np(errno));
}

bool signing_key_make(const char *path, struct error *err)
{
    char *bytes = NULL;
    BIO *pem = BIO_new(BIO_s_secmem());
    bool fine = pem && generate(pem);
    long len = fine ? BIO_get_mem_data(pem, &bytes) : 0;
    fine = fine ? write_file(path, bytes, (size_t)len, err)
                : error_set(err, "libcrypto could not make an Ed25519 key");
    BIO_free(pem);
    ERR_clear_error();
    return fine;
}

/* ---- another one in front ---- */

static bool replace_file(const char *path, BIO *pem, struct error *err)
{
    char temporary[PATH_MAX];
    char *bytes = NULL;
    struct stat file;
    long len = BIO_get_mem_data(pem, &bytes);
    if (len > KEY_FILE_BYTES)
        return error_set(err,
                         "'%s' holds too many keys; remove the last ones, whose successors "
                         "the journal has recorded",
                         path);
    if (stat(path, &file) != 0)
        return error_set(err, "cannot read '%s': %s", path, strerrordesc_np(errno));
    if (!write_beside(path, bytes, (size_t)len, temporary, &file, err))
        return false;
    if (rename(temporary, path) != 0) {
        int why = errno;
        (void)unlink(temporary);
        return error_set(err, "cannot replace '%s': %s", path, strerrordesc_np(why));
    }
    return sync_directory_of(path) ||
           error_set(err, "cannot make '%s' durable: %s", path, strerrordesc_np(errno));
}

static bool append_file(const char *path, BIO *pem, struct error *err)
{
    char *bytes = NULL;
    BIO *old = read_file(path, err);
    long len = old ? BIO_get_mem_data(old, &bytes) : 0;
    bool fine =
        old && (BIO_write(pem, bytes, (int)len) == (int)len || error_set(err, "out of memory"));
    BIO_free(old);
    return fine;
}

bool signing_key_rotate(const char *path, struct signing_key **ret_key, struct error *err)
{
    struct signing_key *former = NULL;
    char *target = realpath(path, NULL); /* a link stays one */
    if (!target)
        return error_set(err, "cannot read the signing key '%s': %s", path, strerrordesc_np(errno));
    BIO *pem = BIO_new(BIO_s_secmem());
    bool fine =
        signing_key_load(target, NULL, &former, NULL, err) &&
        ((pem && generate(pem)) || error_set(err, "libcrypto could not make an Ed25519 key")) &&
        append_file(target, pem, err) && replace_file(target, pem, err) &&
        signing_key_load(target, NULL, ret_key, NULL, err);
    signing_key_free(former);
    BIO_free(pem);
    free(target);
    ERR_clear_error();
    return fine;
}
