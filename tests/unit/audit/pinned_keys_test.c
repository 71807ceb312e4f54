/* The keys that a verifier believes, and when. */
#include "audit/pinned_keys.h"

#include "base/clock.h"
#include "signing_test.h"

#define KEY_1 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static struct arena arena;
static struct pinned_keys keys;
static struct error err;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    keys = (struct pinned_keys){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static bool parse(const char *text)
{
    return pinned_keys_parse("keys", str_from(text), &arena, &keys, &err);
}

static bool permits(const char *time)
{
    int64_t time_ms;
    uint8_t key[SIGNING_PUBLIC_BYTES];
    from_hex(PUBLIC_1, key);
    assert_true(clock_parse_utc(str_from(time), &time_ms));
    return pinned_keys_permit(&keys, key, time_ms, 0);
}

TEST(reads_lines_comments_and_windows)
{
    uint8_t key[SIGNING_PUBLIC_BYTES];
    from_hex(PUBLIC_1, key);
    assert_true(parse("# billing\n\n  ed25519 " KEY_1 "   # a comment\r\n"
                      "ed25519\t" KEY_1 "\t2026-01-01T00:00:00Z\n"
                      "ed25519 " KEY_1 " - 2026-07-01T00:00:00+05:30#to summer\n"
                      "ed25519 " KEY_1 " 2026-01-01T00:00:00Z 2026-07-01T00:00:00Z"));
    assert_int_equal(keys.count, 4);
    assert_memory_equal(keys.items[3].public_key, key, sizeof(key));
    assert_true(keys.items[0].not_before_ms == INT64_MIN &&
                keys.items[0].not_after_ms == INT64_MAX);
    assert_true(keys.items[1].not_before_ms == 1767225600000);
    assert_true(keys.items[2].not_after_ms == 1782844200000);
}

TEST(a_window_begins_with_its_first_instant_and_ends_before_its_last)
{
    assert_true(parse("ed25519 " KEY_1 " 2026-01-01T00:00:00Z 2026-07-01T00:00:00Z"));
    assert_false(permits("2025-12-31T23:59:59.999Z"));
    assert_true(permits("2026-01-01T00:00:00Z"));
    assert_true(permits("2026-06-30T23:59:59.999Z"));
    assert_false(permits("2026-07-01T00:00:00Z"));
}

TEST(a_key_may_have_several_windows_and_slack)
{
    uint8_t key[SIGNING_PUBLIC_BYTES], other[SIGNING_PUBLIC_BYTES];
    from_hex(PUBLIC_1, key);
    from_hex(PUBLIC_2, other);
    assert_true(parse("ed25519 " KEY_1 " - 2026-01-01T00:00:00Z\n"
                      "ed25519 " KEY_1 " 2026-07-01T00:00:00Z"));
    assert_true(permits("2025-06-01T00:00:00Z"));
    assert_false(permits("2026-06-01T00:00:00Z"));
    assert_true(permits("2026-08-01T00:00:00Z"));
    assert_true(pinned_keys_permit(&keys, key, 1767225600000, 1));
    assert_false(pinned_keys_permit(&keys, key, 1767225600001, 1));
    assert_true(pinned_keys_has(&keys, key));
    assert_false(pinned_keys_has(&keys, other));
    assert_false(pinned_keys_permit(&keys, other, 0, 0));
}

TEST(an_open_window_bears_any_time_and_slack)
{
    uint8_t key[SIGNING_PUBLIC_BYTES];
    from_hex(PUBLIC_1, key);
    assert_true(parse("ed25519 " KEY_1));
    assert_true(pinned_keys_permit(&keys, key, INT64_MIN, INT64_MAX));
    assert_true(pinned_keys_permit(&keys, key, INT64_MAX, INT64_MAX));
}

TEST(refuses_lines_that_are_not_understood)
{
    static const struct {
        const char *text, *sentence;
    } refused[] = {
        {"", "pins no key"},
        {"# nothing\n\n", "pins no key"},
        {KEY_1, "keys:1:1: the line does not begin with \"ed25519\""},
        {"Ed25519 " KEY_1, "does not begin with"},
        {"\ned25519", "keys:2:1: \"\" is not the base64"},
        {"ed25519 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo", "is not the base64"},
        {"ed25519 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURp=", "is not the base64"},
        {"ed25519 " PUBLIC_1, "is not the base64"},
        {"ed25519 " KEY_1 " 2026-01-01", "are instants"},
        {"ed25519 " KEY_1 " - soon", "are instants"},
        {"ed25519 " KEY_1 " - - -", "something follows"},
        {"ed25519 " KEY_1 " 2026-07-01T00:00:00Z 2026-01-01T00:00:00Z", "ends before it begins"},
        {"ed25519 " KEY_1 " 2026-07-01T00:00:00Z 2026-07-01T00:00:00Z", "ends before it begins"},
    };
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        if (parse(refused[i].text) || !strstr(err.text, refused[i].sentence))
            fail_msg("\"%s\" does not say \"%s\"", err.text, refused[i].sentence);
    }
    assert_int_equal(keys.count, 0);
}

/* `openssl pkey -pubout` of the first key of RFC 8032. */
#define PEM                                                                                        \
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"   \
    "-----END PUBLIC KEY-----\n"

TEST(reads_and_writes_pem)
{
    uint8_t key[SIGNING_PUBLIC_BYTES];
    struct buf out;
    from_hex(PUBLIC_1, key);
    buf_init(&out, 1000);
    assert_true(pinned_keys_pem(key, &out));
    EXPECT_STR(buf_str(&out), PEM);
    assert_true(pinned_keys_parse_pem("key.pem", buf_str(&out), &arena, &keys, &err));
    assert_int_equal(keys.count, 1);
    assert_memory_equal(keys.items[0].public_key, key, sizeof(key));
    assert_true(permits("2026-01-01T00:00:00Z"));
    buf_release(&out);
}

TEST(refuses_other_pem)
{
    static const char *const refused[] = {
        "",
        "-----BEGIN PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMc"
        "rn9g\n-----END PRIVATE KEY-----\n",
        /* X25519 */
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
        "-----END PUBLIC KEY-----\n",
        "ed25519 " KEY_1,
    };
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_false(pinned_keys_parse_pem("f", str_from(refused[i]), &arena, &keys, &err));
}

/* Computed with Python's hashlib. */
TEST(a_fingerprint_is_the_keys_hash)
{
    char text[FINGERPRINT_SIZE];
    uint8_t key[SIGNING_PUBLIC_BYTES];
    from_hex(PUBLIC_1, key);
    key_fingerprint(key, text);
    assert_string_equal(text,
                        "SHA256:21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9");
}

#define WITH_ARENA(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(WITH_ARENA(reads_lines_comments_and_windows),
      WITH_ARENA(a_window_begins_with_its_first_instant_and_ends_before_its_last),
      WITH_ARENA(a_key_may_have_several_windows_and_slack),
      WITH_ARENA(an_open_window_bears_any_time_and_slack),
      WITH_ARENA(refuses_lines_that_are_not_understood), WITH_ARENA(reads_and_writes_pem),
      WITH_ARENA(refuses_other_pem), WITH_ARENA(a_fingerprint_is_the_keys_hash))
