/* Sealed bodies opened again, and by nobody else. */
#include "audit/capture_open.h"

#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "audit/capture.h"
#include "test.h"

static char directory[64], key_path[96], certificate_path[96];
static struct error err;
static struct buf sealed, opened;

static EVP_PKEY *make_key(bool rsa)
{
    return rsa ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
               : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

static void write_key(EVP_PKEY *key, const char *path, const char *passphrase)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(PEM_write_PrivateKey(file, key, passphrase ? EVP_aes_256_cbc() : NULL,
                                     (const unsigned char *)passphrase,
                                     passphrase ? (int)strlen(passphrase) : 0, NULL, NULL));
    fclose(file);
}

static void write_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"audit", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = fopen(certificate_path, "w");
    assert_true(file && PEM_write_X509(file, certificate));
    fclose(file);
    X509_free(certificate);
}

static int begin(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/capture-open-XXXXXX");
    buf_init(&sealed, 1 << 20);
    buf_init(&opened, 1 << 20);
    if (!mkdtemp(directory))
        return 1;
    (void)snprintf(key_path, sizeof(key_path), "%s/key.pem", directory);
    (void)snprintf(certificate_path, sizeof(certificate_path), "%s/cert.pem", directory);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buf_release(&sealed);
    buf_release(&opened);
    (void)unlink(key_path);
    (void)unlink(certificate_path);
    return rmdir(directory);
}

static void seal(bool rsa, struct str body)
{
    EVP_PKEY *key = make_key(rsa);
    write_key(key, key_path, NULL);
    write_certificate(key);
    EVP_PKEY_free(key);
    struct capture *capture = capture_load(certificate_path, &err);
    assert_non_null(capture);
    assert_true(capture_seal(capture, body, &sealed));
    capture_free(capture);
}

static bool opens(struct str text)
{
    struct capture_key *key = capture_key_load(key_path, &err);
    assert_non_null(key);
    buf_clear(&opened);
    bool fine = capture_open(key, text, &opened);
    capture_key_free(key);
    return fine;
}

TEST(opens_what_was_sealed)
{
    for (int rsa = 0; rsa < 2; rsa++) {
        buf_clear(&sealed);
        seal(rsa, STR("{\"name\":\"Autumn\",\"zero\":\"\0\"}"));
        assert_true(opens(buf_str(&sealed)));
        assert_true(str_equal(buf_str(&opened), STR("{\"name\":\"Autumn\",\"zero\":\"\0\"}")));
    }
}

TEST(another_key_does_not_open_it)
{
    seal(true, STR("{}"));
    EVP_PKEY *other = make_key(true);
    write_key(other, key_path, NULL);
    EVP_PKEY_free(other);
    assert_false(opens(buf_str(&sealed)));
    assert_int_equal(opened.len, 0);
}

TEST(what_was_changed_does_not_open)
{
    seal(false,
         STR("{\"name\":\"Autumn\",\"description\":\"a body that is longer than a block\"}"));
    size_t refused = 0, tried = 0;
    for (size_t i = 0; i < sealed.len; i++, tried++) {
        sealed.data[i] ^= 1;
        bool fine = opens(buf_str(&sealed));
        sealed.data[i] ^= 1;
        refused += !fine;
        /* names and numbers around the key are not sealed; the body is */
        if (fine)
            EXPECT_STR(
                buf_str(&opened),
                "{\"name\":\"Autumn\",\"description\":\"a body that is longer than a block\"}");
    }
    assert_true(refused > tried / 2);
    assert_false(opens(str_slice(buf_str(&sealed), 0, sealed.len - 1)));
    assert_false(opens(STR("")));
    assert_false(opens(STR("no CMS")));
    buf_append(&sealed, STR("x"));
    assert_false(opens(buf_str(&sealed)));
}

TEST(a_body_that_does_not_fit_is_not_cut)
{
    seal(false, STR("0123456789"));
    buf_release(&opened);
    buf_init(&opened, 9);
    assert_false(opens(buf_str(&sealed)));
}

static void expect_refused(const char *part)
{
    assert_null(capture_key_load(key_path, &err));
    assert_non_null(strstr(err.text, part));
}

TEST(a_file_without_a_key_is_refused_in_words)
{
    expect_refused("cannot read the private key");
    FILE *file = fopen(key_path, "w");
    (void)fputs("no key\n", file);
    fclose(file);
    expect_refused("holds no PEM private key");
}

TEST(a_passphrase_is_not_asked_for)
{
    EVP_PKEY *key = make_key(false);
    write_key(key, key_path, "secret");
    EVP_PKEY_free(key);
    expect_refused("without a passphrase");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
TESTS(CASE(opens_what_was_sealed), CASE(another_key_does_not_open_it),
      CASE(what_was_changed_does_not_open), CASE(a_body_that_does_not_fit_is_not_cut),
      CASE(a_file_without_a_key_is_refused_in_words), CASE(a_passphrase_is_not_asked_for))
