/* Keys for the tests of what is signed. */
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/base64.h"
#include "audit/digest.h"
#include "audit/signing_key.h"
#include "test.h"

/* RFC 8032 7.1, tests 1 and 2. */
#define SECRET_1 "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define PUBLIC_1 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define SECRET_2 "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
#define PUBLIC_2 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"

/* RFC 8410 7: what stands in front of the 32 bytes. */
#define PKCS8_FRONT "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"

static inline void from_hex(const char *hex, uint8_t out[DIGEST_BYTES])
{
    assert_true(digest_from_hex(str_from(hex), out));
}

static inline void write_test_file(const char *path, struct str bytes, mode_t mode)
{
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.data, bytes.len), bytes.len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* The secret as PEM, appended to `out`. */
static inline void put_pem(const char *secret_hex, struct buf *out)
{
    char der[sizeof(PKCS8_FRONT) - 1 + 32];
    memcpy(der, PKCS8_FRONT, sizeof(PKCS8_FRONT) - 1);
    from_hex(secret_hex, (uint8_t *)der + sizeof(PKCS8_FRONT) - 1);
    buf_append(out, STR("-----BEGIN PRIVATE KEY-----\n"));
    base64_encode((struct str){der, sizeof(der)}, out);
    buf_append(out, STR("\n-----END PRIVATE KEY-----\n"));
}

/* The key of a secret; the caller frees it. */
static inline struct signing_key *test_key(const char *secret_hex)
{
    char path[] = "/tmp/signing-XXXXXX";
    struct signing_key *key = NULL;
    struct error err = {0};
    struct buf pem;
    buf_init(&pem, 1000);
    put_pem(secret_hex, &pem);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, pem.data, pem.len), pem.len);
    close(fd);
    assert_true(signing_key_load(path, NULL, &key, NULL, &err));
    (void)unlink(path);
    buf_release(&pem);
    return key;
}
