/* Sealed bodies: only the auditor's key opens them. */
#include "audit/capture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "test.h"

static char path[64];
static struct error err;
static struct capture *capture;
static EVP_PKEY *private_key;
static X509 *certificate;

static int begin(void **state)
{
    (void)state;
    err = (struct error){.text = ""};
    capture = NULL;
    private_key = NULL;
    certificate = NULL;
    strcpy(path, "/tmp/capture-XXXXXX");
    int fd = mkstemp(path);
    close(fd);
    return fd < 0;
}

static int end(void **state)
{
    (void)state;
    capture_free(capture);
    EVP_PKEY_free(private_key);
    X509_free(certificate);
    return unlink(path);
}

/* Takes the key; writes its certificate, signed by itself where it can sign. */
static void certify(EVP_PKEY *key, EVP_PKEY *signer, const EVP_MD *digest)
{
    private_key = key;
    certificate = X509_new();
    assert_non_null(key);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), -3600); /* over: it only lends its key */
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"audit", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, signer, digest) > 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const char *text)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void expect_refused(const char *sentence)
{
    capture = capture_load(path, &err);
    assert_null(capture);
    if (!strstr(err.text, sentence))
        fail_msg("\"%s\" does not say \"%s\"", err.text, sentence);
}

/* What the key makes of the sealed bytes: the body, or nothing. */
static bool opens(struct str sealed, EVP_PKEY *key, struct str expected)
{
    const unsigned char *at = (const unsigned char *)sealed.data;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)sealed.len);
    BIO *to = BIO_new(BIO_s_mem());
    char *bytes;
    bool opened = cms && CMS_decrypt(cms, key, NULL, NULL, to, CMS_BINARY) == 1;
    long len = BIO_get_mem_data(to, &bytes);
    bool same = opened && str_equal((struct str){bytes, (size_t)len}, expected);
    CMS_ContentInfo_free(cms);
    BIO_free(to);
    return same;
}

static void expect_round_trip(void)
{
    static char large[256 * 1024];
    const struct str bodies[] = {
        STR("{\"name\":\"x\"}"), STR("\r\n\0binary\xff"), {large, sizeof(large)}};
    memset(large, 'x', sizeof(large));
    capture = capture_load(path, &err);
    if (!capture)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct buf sealed;
        buf_init(&sealed, sizeof(large) + CAPTURE_OVERHEAD_BYTES);
        assert_true(capture_seal(capture, bodies[i], &sealed));
        assert_true(opens(buf_str(&sealed), private_key, bodies[i]));
        buf_release(&sealed);
    }
}

TEST(what_is_sealed_to_rsa_opens)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    certify(key, key, EVP_sha256());
    expect_round_trip();
}

TEST(what_is_sealed_to_ec_opens)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    certify(key, key, EVP_sha256());
    expect_round_trip();
}

TEST(another_key_opens_nothing)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    struct buf sealed;
    buf_init(&sealed, CAPTURE_OVERHEAD_BYTES);
    certify(key, key, EVP_sha256());
    capture = capture_load(path, &err);
    assert_true(capture_seal(capture, STR("{}"), &sealed));
    assert_true(opens(buf_str(&sealed), key, STR("{}")));
    assert_false(opens(buf_str(&sealed), other, STR("{}")));
    EVP_PKEY_free(other);
    buf_release(&sealed);
}

TEST(a_changed_byte_is_noticed)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct buf sealed;
    buf_init(&sealed, CAPTURE_OVERHEAD_BYTES);
    certify(key, key, EVP_sha256());
    capture = capture_load(path, &err);
    assert_true(capture_seal(capture, STR("{\"priority\":\"5\"}"), &sealed));
    sealed.data[sealed.len - 20] ^= 1; /* of the content, before its tag of 18 bytes */
    assert_false(opens(buf_str(&sealed), key, STR("{\"priority\":\"5\"}")));
    buf_release(&sealed);
}

TEST(the_same_body_is_sealed_differently_each_time)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct buf one, two;
    buf_init(&one, CAPTURE_OVERHEAD_BYTES);
    buf_init(&two, CAPTURE_OVERHEAD_BYTES);
    certify(key, key, EVP_sha256());
    capture = capture_load(path, &err);
    assert_true(capture_seal(capture, STR("{}"), &one) && capture_seal(capture, STR("{}"), &two));
    assert_false(str_equal(buf_str(&one), buf_str(&two)));
    buf_release(&one);
    buf_release(&two);
}

TEST(what_does_not_fit_is_not_half_there)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct buf sealed;
    buf_init(&sealed, 100);
    certify(key, key, EVP_sha256());
    capture = capture_load(path, &err);
    assert_false(capture_seal(capture, STR("{}"), &sealed));
    assert_int_equal(sealed.len, 0);
    buf_release(&sealed);
}

TEST(a_key_that_cannot_encrypt_is_refused)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    certify(key, key, NULL);
    expect_refused("neither an RSA nor an EC key");
}

TEST(a_short_rsa_key_is_refused)
{
    EVP_PKEY *key = EVP_RSA_gen(1024);
    certify(key, key, EVP_sha256());
    expect_refused("has 1024 bits; it must have at least 2048");
}

TEST(a_file_without_certificate_is_refused)
{
    write_text("rubbish\n");
    expect_refused("holds no PEM certificate");
    write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect_refused("holds no PEM certificate");
    assert_null(capture_load("/no/where", &err));
    assert_non_null(strstr(err.text, "cannot read the certificate '/no/where'"));
}

TEST(files_lie_by_day)
{
    char name[CAPTURE_NAME_SIZE];
    capture_name(INT64_C(1795862400000), "019a1234-1234-7123-8123-123456789abc", name);
    assert_string_equal(name, "captures/2026-11-28/019a1234-1234-7123-8123-123456789abc.cms");
}

#define CAPTURE_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
TESTS(CAPTURE_TEST(what_is_sealed_to_rsa_opens), CAPTURE_TEST(what_is_sealed_to_ec_opens),
      CAPTURE_TEST(another_key_opens_nothing), CAPTURE_TEST(a_changed_byte_is_noticed),
      CAPTURE_TEST(the_same_body_is_sealed_differently_each_time),
      CAPTURE_TEST(what_does_not_fit_is_not_half_there),
      CAPTURE_TEST(a_key_that_cannot_encrypt_is_refused), CAPTURE_TEST(a_short_rsa_key_is_refused),
      CAPTURE_TEST(a_file_without_certificate_is_refused), UNIT(files_lie_by_day))
