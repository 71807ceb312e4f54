/* The keys of months: made, found, kept apart, destroyed, and never made again. */
#include "audit/hash_keys.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "test.h"

#define KEY_1 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ID_1 "630dcd29" /* the beginning of its SHA-256 */

static char directory[64];
static struct error err;
static struct hash_keys *keys;

static int64_t at(const char *instant)
{
    int64_t ms;
    assert_true(clock_parse_utc(str_from(instant), &ms));
    return ms;
}

static int begin(void **state)
{
    (void)state;
    err = (struct error){.text = ""};
    keys = NULL;
    strcpy(directory, "/tmp/hash-keys-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int end(void **state)
{
    char path[400];
    (void)state;
    hash_keys_close(keys);
    (void)chmod(directory, 0700);
    DIR *dir = opendir(directory);
    for (struct dirent *entry; (entry = readdir(dir));) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        (void)unlink(path);
    }
    closedir(dir);
    return rmdir(directory);
}

static const char *path_of(const char *name)
{
    static char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static bool is_there(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

/* All names in the directory, in order, with commas between. */
static const char *files(void)
{
    static char names[500];
    struct dirent **entries;
    int count = scandir(directory, &entries, NULL, alphasort);
    names[0] = '\0';
    for (int i = 0; i < count; i++) {
        size_t used = strlen(names);
        if (entries[i]->d_name[0] != '.')
            (void)snprintf(names + used, sizeof(names) - used, "%s%s", used ? "," : "",
                           entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return names;
}

static void open_at(const char *instant)
{
    keys = hash_keys_open(directory, at(instant), &err);
    if (!keys)
        fail_msg("%s", err.text);
}

static void expect_refused(const char *instant, const char *sentence)
{
    keys = hash_keys_open(directory, at(instant), &err);
    assert_null(keys);
    if (!strstr(err.text, sentence))
        fail_msg("\"%s\" does not say \"%s\"", err.text, sentence);
}

static void collect(void *arg, const struct hash_key *key)
{
    char *ids = arg;
    size_t used = strlen(ids);
    (void)snprintf(ids + used, 200 - used, "%s%s", used ? "," : "", key->id);
}

/* ---- RFC 4231 ---- */

static void expect_mac(const char *key_bytes, size_t key_len, struct str text, const char *expected)
{
    struct hash_key key = {.id = ""};
    uint8_t mac[DIGEST_BYTES];
    char hex[DIGEST_HEX_SIZE];
    memcpy(key.bytes, key_bytes, key_len); /* a shorter key is filled up with zeros anyway */
    assert_true(hash_key_mac(&key, text, mac));
    digest_to_hex(mac, hex);
    assert_string_equal(hex, expected);
}

TEST(computes_hmac_sha256)
{
    expect_mac("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b",
               20, STR("Hi There"),
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    expect_mac("Jefe", 4, STR("what do ya want for nothing?"),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(refuses_to_compute_of_too_much)
{
    static char text[1025];
    const struct hash_key key = {.id = ""};
    uint8_t mac[DIGEST_BYTES];
    assert_true(hash_key_mac(&key, (struct str){text, 1024}, mac));
    assert_false(hash_key_mac(&key, (struct str){text, 1025}, mac));
}

/* ---- the running gateway ---- */

TEST(makes_the_key_of_this_month)
{
    open_at("2026-11-28T10:00:00Z");
    const struct hash_key *key = hash_keys_at(keys, at("2026-11-01T00:00:00Z"));
    struct stat info;
    assert_non_null(key);
    assert_memory_equal(key->id, "2026-11-", 8);
    assert_int_equal(strlen(key->id), HASH_KEY_ID_SIZE - 1);
    assert_int_equal(stat(path_of("2026-11.key"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(info.st_size, 65);
    assert_int_equal(info.st_nlink, 1);
    assert_string_equal(files(), "2026-11.key");
}

TEST(makes_the_directory_too)
{
    assert_int_equal(rmdir(directory), 0);
    open_at("2026-11-28T10:00:00Z");
    assert_true(is_there("2026-11.key"));
}

TEST(keys_are_random)
{
    open_at("2026-11-28T10:00:00Z");
    struct hash_key first = *hash_keys_at(keys, at("2026-11-28T10:00:00Z"));
    hash_keys_close(keys);
    assert_int_equal(unlink(path_of("2026-11.key")), 0);
    open_at("2026-11-28T10:00:00Z");
    assert_memory_not_equal(first.bytes, hash_keys_at(keys, at("2026-11-28T10:00:00Z"))->bytes,
                            HASH_KEY_BYTES);
}

TEST(reads_the_key_that_is_there)
{
    uint8_t bytes[DIGEST_BYTES];
    assert_true(digest_from_hex(STR(KEY_1), bytes));
    write_file("2026-11.key", KEY_1 "\n", 0440);
    open_at("2026-11-28T10:00:00Z");
    const struct hash_key *key = hash_keys_at(keys, at("2026-11-28T10:00:00Z"));
    assert_string_equal(key->id, "2026-11-" ID_1);
    assert_memory_equal(key->bytes, bytes, sizeof(bytes));
}

TEST(makes_the_next_months_key_ahead_of_time)
{
    open_at("2026-12-31T23:00:00Z");
    assert_null(hash_keys_at(keys, at("2027-01-01T00:00:00Z")));
    assert_true(hash_keys_refresh(keys, at("2026-12-31T23:00:00Z"), &err));
    assert_string_equal(files(), "2026-12.key,2027-01.key");
    const struct hash_key *old = hash_keys_at(keys, at("2026-12-31T23:59:59.999Z")),
                          *next = hash_keys_at(keys, at("2027-01-01T00:00:00Z"));
    assert_memory_equal(old->id, "2026-12-", 8);
    assert_memory_equal(next->id, "2027-01-", 8);
    assert_null(hash_keys_at(keys, at("2027-02-01T00:00:00Z")));
}

TEST(forgets_the_keys_of_past_months)
{
    open_at("2026-11-28T10:00:00Z");
    assert_true(hash_keys_refresh(keys, at("2026-11-28T10:00:00Z"), &err));
    const struct hash_key *old = hash_keys_at(keys, at("2026-11-28T10:00:00Z"));
    static const uint8_t zeros[HASH_KEY_BYTES];
    assert_true(hash_keys_refresh(keys, at("2026-12-01T00:10:00Z"), &err));
    assert_null(hash_keys_at(keys, at("2026-11-30T23:59:59Z")));
    assert_memory_not_equal(old->bytes, zeros, HASH_KEY_BYTES); /* somebody may be using it yet */
    assert_true(hash_keys_refresh(keys, at("2026-12-01T01:10:00Z"), &err));
    assert_memory_equal(old->bytes, zeros, HASH_KEY_BYTES);
}

TEST(goes_on_for_years)
{
    open_at("2026-11-28T10:00:00Z");
    for (int month = 0; month < 30; month++) {
        char instant[40];
        (void)snprintf(instant, sizeof(instant), "%04d-%02d-15T00:00:00Z", 2027 + month / 12,
                       month % 12 + 1);
        assert_true(hash_keys_refresh(keys, at(instant), &err));
        assert_memory_equal(hash_keys_at(keys, at(instant))->id, instant, 7);
    }
}

TEST(a_month_without_key_has_none)
{
    open_at("2026-11-28T10:00:00Z");
    assert_null(hash_keys_at(keys, at("2026-10-31T23:59:59Z")));
    assert_null(hash_keys_at(keys, at("2026-12-01T00:00:00Z")));
    assert_null(hash_keys_at(keys, at("2027-11-28T10:00:00Z")));
    assert_null(hash_keys_at(keys, -1));
}

TEST(gateways_may_share_a_directory)
{
    open_at("2026-11-28T10:00:00Z");
    struct hash_keys *other = hash_keys_open(directory, at("2026-11-28T10:00:00Z"), &err);
    assert_non_null(other);
    assert_string_equal(hash_keys_at(keys, at("2026-11-28T10:00:00Z"))->id,
                        hash_keys_at(other, at("2026-11-28T10:00:00Z"))->id);
    hash_keys_close(other);
}

TEST(refuses_a_file_that_holds_no_key)
{
    static const char *const wrong[] = {
        "",
        "\n",
        "0001",
        KEY_1 "00",
        KEY_1 "\n\n",
        KEY_1 " ",
        "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
        "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        write_file("2026-11.key", wrong[i], 0600);
        expect_refused("2026-11-28T10:00:00Z", "holds no key");
    }
    write_file("2026-11.key", KEY_1, 0600); /* without line feed */
    open_at("2026-11-28T10:00:00Z");
}

TEST(refuses_a_key_that_others_can_read)
{
    write_file("2026-11.key", KEY_1 "\n", 0644);
    expect_refused("2026-11-28T10:00:00Z", "has mode 0644");
    write_file("2026-11.key", KEY_1 "\n", 0460);
    expect_refused("2026-11-28T10:00:00Z", "chmod 600");
}

TEST(refuses_what_is_no_file)
{
    assert_int_equal(mkfifo(path_of("2026-11.key"), 0600), 0);
    expect_refused("2026-11-28T10:00:00Z", "is not a file");
}

TEST(refuses_a_directory_that_is_none)
{
    write_file("file", "", 0600);
    keys = hash_keys_open(path_of("file"), at("2026-11-28T10:00:00Z"), &err);
    assert_null(keys);
    assert_non_null(strstr(err.text, "Not a directory"));
    keys = hash_keys_open(path_of("no/where"), at("2026-11-28T10:00:00Z"), &err);
    assert_null(keys);
    assert_non_null(strstr(err.text, "cannot make the directory"));
}

/* root may write anywhere, so it becomes somebody else for a moment */
static void as_nobody(void)
{
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
}

static void as_before(void)
{
    assert_int_equal(seteuid(getuid()), 0);
}

TEST(a_read_only_directory_needs_its_key)
{
    assert_int_equal(chmod(directory, 0555), 0);
    as_nobody();
    keys = hash_keys_open(directory, at("2026-11-28T10:00:00Z"), &err);
    as_before();
    assert_null(keys);
    assert_non_null(strstr(err.text, "there is no key for 2026-11"));
    assert_non_null(strstr(err.text, "openssl rand -hex 32 > 2026-11.key"));
}

TEST(a_read_only_directory_warns_of_the_next_month)
{
    write_file("2026-11.key", KEY_1 "\n", 0600);
    if (geteuid() == 0)
        assert_int_equal(chown(path_of("2026-11.key"), 65534, 65534), 0);
    assert_int_equal(chmod(directory, 0555), 0);
    as_nobody();
    keys = hash_keys_open(directory, at("2026-11-28T10:00:00Z"), &err);
    bool refreshed = keys && hash_keys_refresh(keys, at("2026-11-28T10:00:00Z"), &err);
    as_before();
    assert_non_null(keys);
    assert_false(refreshed);
    assert_non_null(strstr(err.text, "there is no key for 2026-12"));
    assert_non_null(hash_keys_at(keys, at("2026-11-28T10:00:00Z")));
    assert_null(hash_keys_at(keys, at("2026-12-01T00:00:00Z")));

    assert_int_equal(chmod(directory, 0755), 0); /* somebody puts it there */
    write_file("2026-12.key", KEY_1 "\n", 0600);
    assert_true(hash_keys_refresh(keys, at("2026-11-30T10:00:00Z"), &err));
    assert_string_equal(hash_keys_at(keys, at("2026-12-01T00:00:00Z"))->id, "2026-12-" ID_1);
}

/* ---- verbs ---- */

TEST(tells_every_key_in_order)
{
    char ids[200] = "";
    write_file("2026-11.key", KEY_1 "\n", 0600);
    write_file("2026-02.key", KEY_1 "\n", 0600);
    write_file("2025-12.key", KEY_1 "\n", 0600);
    write_file("2026-13.key", KEY_1 "\n", 0600);
    write_file("notes.key", "", 0600);
    write_file("2026-03.new-17", KEY_1 "\n", 0600);
    assert_true(hash_keys_each(directory, collect, ids, &err));
    assert_string_equal(ids, "2025-12-" ID_1 ",2026-02-" ID_1 ",2026-11-" ID_1);
}

TEST(tells_the_others_when_one_is_wrong)
{
    char ids[200] = "";
    write_file("2026-10.key", "rubbish", 0600);
    write_file("2026-11.key", KEY_1 "\n", 0600);
    assert_false(hash_keys_each(directory, collect, ids, &err));
    assert_non_null(strstr(err.text, "2026-10.key"));
    assert_string_equal(ids, "2026-11-" ID_1);
}

TEST(finds_a_key_by_its_id)
{
    struct hash_key key;
    write_file("2026-11.key", KEY_1 "\n", 0600);
    assert_true(hash_key_find(directory, STR("2026-11-" ID_1), &key));
    assert_string_equal(key.id, "2026-11-" ID_1);
    assert_false(hash_key_find(directory, STR("2026-11-00000000"), &key));
    assert_false(hash_key_find(directory, STR("2026-12-" ID_1), &key));
    assert_false(hash_key_find(directory, STR("../../x-" ID_1), &key));
    assert_false(hash_key_find(directory, STR(""), &key));
    assert_false(hash_key_find("/no/where", STR("2026-11-" ID_1), &key));
}

static bool destroy(const char *month)
{
    return hash_key_destroy(directory, str_from(month), at("2026-11-28T10:00:00Z"), &err);
}

TEST(destroys_the_key_of_a_past_month)
{
    char ids[200] = "", text[100] = "";
    write_file("2026-08.key", KEY_1 "\n", 0600);
    write_file("2026-08.new-99", KEY_1 "\n", 0600);
    write_file("2026-09.key", KEY_1 "\n", 0600);
    int fd = open(path_of("2026-08.key"), O_RDONLY);
    assert_true(destroy("2026-08"));
    assert_string_equal(files(), "2026-08.destroyed,2026-09.key");
    assert_true(read(fd, text, sizeof(text)) >= 64);
    assert_null(strstr(text, "0102")); /* what lay on the disk was overwritten */
    close(fd);
    assert_true(hash_keys_each(directory, collect, ids, &err));
    assert_string_equal(ids, "2026-09-" ID_1);
    assert_true(destroy("2026-08")); /* again */
}

TEST(a_destroyed_key_is_not_made_again)
{
    write_file("2026-08.key", KEY_1 "\n", 0600);
    assert_true(destroy("2026-08"));
    expect_refused("2026-08-15T00:00:00Z", "was destroyed");
    assert_false(is_there("2026-08.key"));
    open_at("2026-07-15T00:00:00Z");
    assert_false(hash_keys_refresh(keys, at("2026-07-15T00:00:00Z"), &err));
    assert_non_null(strstr(err.text, "is the clock right?"));
    assert_string_equal(files(), "2026-07.key,2026-08.destroyed");
}

TEST(a_key_with_the_mark_is_no_key_any_more)
{
    char ids[200] = "";
    struct hash_key key;
    write_file("2026-08.key", KEY_1 "\n", 0600); /* as a crash within destroying leaves it */
    write_file("2026-08.destroyed", "", 0400);
    assert_true(hash_keys_each(directory, collect, ids, &err));
    assert_string_equal(ids, "");
    assert_false(hash_key_find(directory, STR("2026-08-" ID_1), &key));
    expect_refused("2026-08-15T00:00:00Z", "was destroyed");
    assert_true(destroy("2026-08"));
    assert_string_equal(files(), "2026-08.destroyed");
}

TEST(does_not_destroy_the_key_in_use)
{
    write_file("2026-11.key", KEY_1 "\n", 0600);
    write_file("2026-12.key", KEY_1 "\n", 0600);
    assert_false(destroy("2026-11"));
    assert_non_null(strstr(err.text, "2026-11 is not over"));
    assert_false(destroy("2026-12"));
    assert_string_equal(files(), "2026-11.key,2026-12.key");
}

TEST(destroys_nothing_else)
{
    static const char *const wrong[] = {"2026",       "2026-8",      "2026-00", "2026-13",
                                        "../2026-08", "2026-08.key", ""};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(destroy(wrong[i]));
        assert_non_null(strstr(err.text, "is no month"));
    }
    assert_false(destroy("2026-08"));
    assert_non_null(strstr(err.text, "No such file"));
    assert_string_equal(files(), "");
}

TEST(does_not_follow_links_when_it_destroys)
{
    write_file("kept", KEY_1 "\n", 0600);
    assert_int_equal(symlink("kept", path_of("2026-08.key")), 0);
    assert_false(destroy("2026-08"));
    assert_non_null(strstr(err.text, "destroy the key where it is kept"));
    assert_string_equal(files(), "2026-08.key,kept");
}

#define KEYS_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
TESTS(UNIT(computes_hmac_sha256), UNIT(refuses_to_compute_of_too_much),
      KEYS_TEST(makes_the_key_of_this_month), KEYS_TEST(makes_the_directory_too),
      KEYS_TEST(keys_are_random), KEYS_TEST(reads_the_key_that_is_there),
      KEYS_TEST(makes_the_next_months_key_ahead_of_time),
      KEYS_TEST(forgets_the_keys_of_past_months), KEYS_TEST(goes_on_for_years),
      KEYS_TEST(a_month_without_key_has_none), KEYS_TEST(gateways_may_share_a_directory),
      KEYS_TEST(refuses_a_file_that_holds_no_key), KEYS_TEST(refuses_a_key_that_others_can_read),
      KEYS_TEST(refuses_what_is_no_file), KEYS_TEST(refuses_a_directory_that_is_none),
      KEYS_TEST(a_read_only_directory_needs_its_key),
      KEYS_TEST(a_read_only_directory_warns_of_the_next_month), KEYS_TEST(tells_every_key_in_order),
      KEYS_TEST(tells_the_others_when_one_is_wrong), KEYS_TEST(finds_a_key_by_its_id),
      KEYS_TEST(destroys_the_key_of_a_past_month), KEYS_TEST(a_destroyed_key_is_not_made_again),
      KEYS_TEST(a_key_with_the_mark_is_no_key_any_more), KEYS_TEST(does_not_destroy_the_key_in_use),
      KEYS_TEST(destroys_nothing_else), KEYS_TEST(does_not_follow_links_when_it_destroys))
