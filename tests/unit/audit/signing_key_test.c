/* Ed25519: known vectors, the key file and who may read it. */
#include "audit/signing_key.h"

#include "signing_test.h"

static char directory[64], path[100];
static struct error err;
static struct signing_key *key, *former;

static int begin(void **state)
{
    (void)state;
    err = (struct error){0};
    key = former = NULL;
    strcpy(directory, "/tmp/signing-key-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/signing.key", directory);
    return 0;
}

static int end(void **state)
{
    (void)state;
    signing_key_free(key);
    signing_key_free(former);
    (void)unlink(path);
    return rmdir(directory); /* nothing else was left behind */
}

static void write_keys(const char *const *secrets, size_t count, mode_t mode)
{
    struct buf pem;
    buf_init(&pem, 10000);
    for (size_t i = 0; i < count; i++)
        put_pem(secrets[i], &pem);
    write_test_file(path, buf_str(&pem), mode);
    buf_release(&pem);
}

static void expect_refused(const char *sentence)
{
    assert_false(signing_key_load(path, NULL, &key, &former, &err));
    assert_null(key);
    if (!strstr(err.text, sentence))
        fail_msg("\"%s\" does not say \"%s\"", err.text, sentence);
}

static void expect_public(const struct signing_key *actual, const char *hex)
{
    char text[DIGEST_HEX_SIZE];
    assert_non_null(actual);
    digest_to_hex(signing_key_public(actual), text);
    assert_string_equal(text, hex);
}

/* ---- RFC 8032 7.1 ---- */

static void expect_signature(const char *secret, const char *public_hex, struct str text,
                             const char *first_half, const char *second_half)
{
    uint8_t expected[SIGNATURE_BYTES], signature[SIGNATURE_BYTES], public_key[DIGEST_BYTES];
    struct signing_key *signer = test_key(secret);
    from_hex(first_half, expected);
    from_hex(second_half, expected + 32);
    from_hex(public_hex, public_key);
    expect_public(signer, public_hex);
    assert_true(signing_key_sign(signer, text, signature));
    assert_memory_equal(signature, expected, SIGNATURE_BYTES);
    assert_true(signature_is_valid(public_key, text, signature));
    signing_key_free(signer);
}

TEST(signs_as_rfc_8032_shows)
{
    expect_signature(SECRET_1, PUBLIC_1, STR(""),
                     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
                     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
    expect_signature(SECRET_2, PUBLIC_2, STR("\x72"),
                     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
                     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(every_flipped_bit_of_a_signature_text_or_key_is_refused)
{
    uint8_t signature[SIGNATURE_BYTES], public_key[SIGNING_PUBLIC_BYTES];
    char text[] = "1042 records";
    struct str view = {text, sizeof(text) - 1};
    key = test_key(SECRET_1);
    from_hex(PUBLIC_1, public_key);
    assert_true(signing_key_sign(key, view, signature));
    struct {
        uint8_t *bytes;
        size_t len;
    } parts[] = {{signature, SIGNATURE_BYTES}, {(uint8_t *)text, view.len}, {public_key, 32}};
    for (size_t part = 0; part < COUNT_OF(parts); part++) {
        for (size_t bit = 0; bit < parts[part].len * 8; bit++) {
            parts[part].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(signature_is_valid(public_key, view, signature));
            parts[part].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    assert_true(signature_is_valid(public_key, view, signature));
}

/* RFC 8032 8.4: S and S + L would verify alike where S is not checked to be below L. */
TEST(a_signature_has_one_form_only)
{
    static const uint8_t order[] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                    0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                    0,    0,    0,    0,    0,    0,    0,    0,
                                    0,    0,    0,    0,    0,    0,    0,    0x10};
    uint8_t signature[SIGNATURE_BYTES];
    key = test_key(SECRET_1);
    assert_true(signing_key_sign(key, STR("text"), signature));
    for (size_t i = 0, carry = 0; i < sizeof(order); i++) {
        carry += (size_t)signature[32 + i] + order[i];
        signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_false(signature_is_valid(signing_key_public(key), STR("text"), signature));
}

/* ---- the file ---- */

TEST(makes_a_key_that_only_its_owner_reads)
{
    struct stat file;
    uint8_t signature[SIGNATURE_BYTES];
    assert_true(signing_key_make(path, &err));
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
    assert_int_equal(file.st_nlink, 1);
    assert_true(signing_key_load(path, NULL, &key, NULL, &err));
    assert_true(signing_key_sign(key, STR("text"), signature));
    assert_true(signature_is_valid(signing_key_public(key), STR("text"), signature));
}

TEST(never_writes_over_a_key)
{
    write_keys((const char *[]){SECRET_1}, 1, 0600);
    assert_false(signing_key_make(path, &err));
    assert_non_null(strstr(err.text, "exists already"));
    assert_true(signing_key_load(path, NULL, &key, NULL, &err));
    expect_public(key, PUBLIC_1);
}

TEST(says_when_the_directory_is_not_there)
{
    assert_false(signing_key_make("/tmp/no-such-directory/signing.key", &err));
    assert_non_null(strstr(err.text, "No such file"));
}

TEST(finds_a_former_key_behind_the_first)
{
    uint8_t wanted[SIGNING_PUBLIC_BYTES];
    from_hex(PUBLIC_1, wanted);
    write_keys((const char *[]){SECRET_2, SECRET_1}, 2, 0600);
    assert_true(signing_key_load(path, wanted, &key, &former, &err));
    expect_public(key, PUBLIC_2);
    expect_public(former, PUBLIC_1);
}

TEST(the_first_key_is_not_a_former_one)
{
    uint8_t wanted[SIGNING_PUBLIC_BYTES];
    from_hex(PUBLIC_2, wanted);
    write_keys((const char *[]){SECRET_2, SECRET_1}, 2, 0600);
    assert_true(signing_key_load(path, wanted, &key, &former, &err));
    assert_null(former);
}

TEST(a_group_may_read_and_nobody_else)
{
    static const mode_t accepted[] = {0400, 0600, 0440, 0640};
    static const mode_t refused[] = {0644, 0604, 0444, 0660, 0601, 0666};
    for (size_t i = 0; i < COUNT_OF(accepted); i++) {
        write_keys((const char *[]){SECRET_1}, 1, accepted[i]);
        assert_true(signing_key_load(path, NULL, &key, NULL, &err));
        signing_key_free(key);
        key = NULL;
    }
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        write_keys((const char *[]){SECRET_1}, 1, refused[i]);
        expect_refused("chmod 600");
    }
}

TEST(refuses_files_without_a_key)
{
    expect_refused("No such file");
    write_test_file(path, STR(""), 0600);
    expect_refused("holds no key");
    write_test_file(path, STR("not a key at all\n"), 0600);
    expect_refused("holds no key");
    (void)unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_refused("is not a file");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refused("is not a file");
}

TEST(refuses_damaged_and_foreign_keys)
{
    struct buf pem;
    buf_init(&pem, 100000);
    put_pem(SECRET_1, &pem);
    write_test_file(path, str_slice(buf_str(&pem), 0, pem.len - 10), 0600);
    expect_refused("not whole PEM");
    put_pem(SECRET_2, &pem);
    write_test_file(path, str_slice(buf_str(&pem), 0, pem.len - 30), 0600);
    expect_refused("not whole PEM");
    pem.data[60] ^= 1; /* within the key's base64 */
    pem.data[30] ^= 1; /* within its frame */
    write_test_file(path, buf_str(&pem), 0600);
    expect_refused("not an Ed25519 key");
    buf_clear(&pem);
    buf_append(&pem, STR("-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n"));
    write_test_file(path, buf_str(&pem), 0600);
    expect_refused("holds a \"EC PRIVATE KEY\"");
    buf_clear(&pem);
    while (pem.len < 70000)
        put_pem(SECRET_1, &pem);
    write_test_file(path, buf_str(&pem), 0600);
    expect_refused("larger than");
    buf_release(&pem);
}

/* RFC 8410: an X25519 key differs by one byte and cannot sign. */
TEST(refuses_a_key_of_another_kind)
{
    write_test_file(path,
                    STR("-----BEGIN PRIVATE KEY-----\n"
                        "MC4CAQAwBQYDK2VuBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                        "-----END PRIVATE KEY-----\n"),
                    0600);
    expect_refused("not an Ed25519 key");
}

/* ---- rotation ---- */

TEST(a_new_key_stands_in_front_of_the_former_ones)
{
    struct stat file;
    uint8_t first[SIGNING_PUBLIC_BYTES], second[SIGNING_PUBLIC_BYTES];
    struct signing_key *second_key, *third_key;
    from_hex(PUBLIC_1, first);
    write_keys((const char *[]){SECRET_1}, 1, 0640);
    assert_true(signing_key_rotate(path, &second_key, &err));
    memcpy(second, signing_key_public(second_key), sizeof(second));
    assert_true(signing_key_rotate(path, &third_key, &err));
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0640);
    assert_true(signing_key_load(path, second, &key, &former, &err));
    assert_memory_equal(signing_key_public(key), signing_key_public(third_key), sizeof(second));
    assert_memory_equal(signing_key_public(former), second, sizeof(second));
    signing_key_free(former);
    signing_key_free(key);
    assert_true(signing_key_load(path, first, &key, &former, &err));
    expect_public(former, PUBLIC_1);
    signing_key_free(second_key);
    signing_key_free(third_key);
}

TEST(rotation_keeps_a_link_and_changes_what_it_leads_to)
{
    char link_path[120];
    struct stat file;
    struct signing_key *next;
    (void)snprintf(link_path, sizeof(link_path), "%s/link", directory);
    write_keys((const char *[]){SECRET_1}, 1, 0600);
    assert_int_equal(symlink("signing.key", link_path), 0);
    assert_true(signing_key_rotate(link_path, &next, &err));
    assert_int_equal(lstat(link_path, &file), 0);
    assert_true(S_ISLNK(file.st_mode));
    assert_true(signing_key_load(path, NULL, &key, NULL, &err));
    assert_memory_equal(signing_key_public(key), signing_key_public(next), SIGNING_PUBLIC_BYTES);
    signing_key_free(next);
    assert_int_equal(unlink(link_path), 0);
}

TEST(what_is_no_key_file_is_not_rotated)
{
    struct signing_key *next = NULL;
    assert_false(signing_key_rotate(path, &next, &err));
    assert_non_null(strstr(err.text, "No such file"));
    write_test_file(path, STR("no key"), 0600);
    assert_false(signing_key_rotate(path, &next, &err));
    write_keys((const char *[]){SECRET_1}, 1, 0644);
    assert_false(signing_key_rotate(path, &next, &err));
    assert_non_null(strstr(err.text, "chmod 600"));
    assert_null(next);
}

TEST(a_file_does_not_grow_without_end)
{
    struct signing_key *next = NULL;
    struct buf pem;
    buf_init(&pem, 100000);
    while (pem.len < 65536 - 119)
        put_pem(SECRET_1, &pem);
    write_test_file(path, buf_str(&pem), 0600);
    assert_false(signing_key_rotate(path, &next, &err));
    assert_non_null(strstr(err.text, "too many keys"));
    buf_release(&pem);
}

#define WITH_FILE(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(WITH_FILE(signs_as_rfc_8032_shows),
      WITH_FILE(every_flipped_bit_of_a_signature_text_or_key_is_refused),
      WITH_FILE(a_signature_has_one_form_only), WITH_FILE(makes_a_key_that_only_its_owner_reads),
      WITH_FILE(never_writes_over_a_key), WITH_FILE(says_when_the_directory_is_not_there),
      WITH_FILE(finds_a_former_key_behind_the_first), WITH_FILE(the_first_key_is_not_a_former_one),
      WITH_FILE(a_group_may_read_and_nobody_else), WITH_FILE(refuses_files_without_a_key),
      WITH_FILE(refuses_damaged_and_foreign_keys), WITH_FILE(refuses_a_key_of_another_kind),
      WITH_FILE(a_new_key_stands_in_front_of_the_former_ones),
      WITH_FILE(rotation_keeps_a_link_and_changes_what_it_leads_to),
      WITH_FILE(what_is_no_key_file_is_not_rotated), WITH_FILE(a_file_does_not_grow_without_end))
