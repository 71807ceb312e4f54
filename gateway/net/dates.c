#include "net/dates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "net/tls.h"

static void narrow(struct tls_dates *dates, const ASN1_TIME *from, const ASN1_TIME *until)
{
    int64_t from_ms = tls_time_unix_ms(from), until_ms = tls_time_unix_ms(until);
    if (from_ms != INT64_MAX && from_ms > dates->from_unix_ms)
        dates->from_unix_ms = from_ms;
    if (until_ms < dates->until_unix_ms)
        dates->until_unix_ms = until_ms;
}

/* The next one of the file; false behind the last. */
static bool next_certificate(BIO *file, struct tls_dates *dates)
{
    X509 *certificate = PEM_read_bio_X509_AUX(file, NULL, NULL, NULL);
    if (certificate)
        narrow(dates, X509_get0_notBefore(certificate), X509_get0_notAfter(certificate));
    X509_free(certificate);
    return certificate != NULL;
}

static bool next_crl(BIO *file, struct tls_dates *dates)
{
    X509_CRL *crl = PEM_read_bio_X509_CRL(file, NULL, NULL, NULL);
    if (crl)
        narrow(dates, X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl));
    X509_CRL_free(crl);
    return crl != NULL;
}

static bool read_dates(const char *path, bool (*next)(BIO *file, struct tls_dates *dates),
                       struct tls_dates *ret)
{
    struct tls_dates dates = {INT64_MIN, INT64_MAX};
    size_t count = 0;
    BIO *file = BIO_new_file(path, "r");
    while (file && next(file, &dates))
        count++;
    BIO_free(file);
    ERR_clear_error();
    if (count > 0)
        *ret = dates;
    return count > 0;
}

bool tls_certificate_dates(const char *path, struct tls_dates *ret)
{
    return read_dates(path, next_certificate, ret);
}

bool tls_crl_dates(const char *path, struct tls_dates *ret)
{
    return read_dates(path, next_crl, ret);
}
