/* Manifests of exports: what they say, and who signed that. */
#include "audit/manifest.h"

#include "base/json_read.h"
#include "signing_test.h"

#define TIME_MS 1795865400000 /* 2026-11-28T11:30:00Z */

static struct arena arena;
static struct buf note;
static struct error err;
static struct manifest told;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    buf_init(&note, 100000);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    buf_release(&note);
    return 0;
}

static void write_manifest(const char *secret)
{
    static struct manifest_source source = {
        .source = {"campaign-gateway/a/b", 20}, .rows = 2, .first_seq = 3, .last_seq = 9};
    struct signing_key *key = secret ? test_key(secret) : NULL;
    struct manifest manifest = {.time_unix_ms = TIME_MS,
                                .by = STR("alice"),
                                .version = STR("0.1.0"),
                                .signer = key ? STR("campaign-gateway/a/b") : (struct str){0},
                                .file = STR("a \"file\".csv"),
                                .file_format = STR("csv"),
                                .bytes = 17,
                                .filter = STR("{\"team\":\"billing\"}"),
                                .rows = 2,
                                .first_unix_ms = TIME_MS,
                                .last_unix_ms = TIME_MS,
                                .sources = &source,
                                .source_count = 1};
    memset(manifest.sha256, 'a', DIGEST_HEX);
    assert_true(manifest_write(&manifest, key, &note));
    signing_key_free(key);
}

static struct pinned_keys pinned(const char *public_hex, int64_t not_before, int64_t not_after)
{
    static struct pinned_key key;
    from_hex(public_hex, key.public_key);
    key.not_before_ms = not_before;
    key.not_after_ms = not_after;
    return (struct pinned_keys){&key, 1};
}

static bool is_signed(const char *public_hex, int64_t not_before, int64_t not_after)
{
    struct pinned_keys keys = pinned(public_hex, not_before, not_after);
    arena_reset(&arena);
    return manifest_read(buf_str(&note), &arena, &told, &err) &&
           manifest_is_signed(buf_str(&note), &told, &keys, &err);
}

TEST(it_says_what_the_file_was)
{
    write_manifest(SECRET_1);
    assert_true(manifest_read(buf_str(&note), &arena, &told, &err));
    EXPECT_STR(told.file, "a \"file\".csv");
    EXPECT_STR(told.signer, "campaign-gateway/a/b");
    EXPECT_STR(told.file_format, "csv");
    assert_int_equal(told.bytes, 17);
    assert_int_equal(told.rows, 2);
    assert_int_equal(told.time_unix_ms, TIME_MS);
    assert_int_equal(strspn(told.sha256, "a"), DIGEST_HEX);
}

TEST(its_first_line_is_json)
{
    struct json_fault fault;
    struct str line, rest;
    write_manifest(SECRET_1);
    (void)str_cut(buf_str(&note), '\n', &line, &rest);
    assert_non_null(json_read(line, &arena, &fault));
    assert_true(str_starts(rest, STR("\n\xe2\x80\x94 campaign-gateway/a/b ")));
}

TEST(the_key_that_signed_it_is_believed)
{
    write_manifest(SECRET_1);
    assert_true(is_signed(PUBLIC_1, INT64_MIN, INT64_MAX));
    assert_true(is_signed(PUBLIC_1, TIME_MS, TIME_MS + 1));
}

TEST(another_key_is_not_nor_one_that_might_not_sign_then)
{
    write_manifest(SECRET_1);
    assert_false(is_signed(PUBLIC_2, INT64_MIN, INT64_MAX));
    assert_false(is_signed(PUBLIC_1, TIME_MS + 1, INT64_MAX));
    assert_string_equal(err.text, "the manifest is signed by a key that might not sign then");
    assert_false(is_signed(PUBLIC_1, INT64_MIN, TIME_MS));
}

TEST(without_a_signature_nobody_vouches_for_it)
{
    write_manifest(NULL);
    assert_true(manifest_read(buf_str(&note), &arena, &told, &err));
    assert_false(is_signed(PUBLIC_1, INT64_MIN, INT64_MAX));
    assert_string_equal(err.text, "the manifest is not signed");
}

TEST(every_flipped_bit_is_found)
{
    write_manifest(SECRET_1);
    for (size_t bit = 0; bit < note.len * 8; bit++) {
        note.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(is_signed(PUBLIC_1, INT64_MIN, INT64_MAX));
        note.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(is_signed(PUBLIC_1, INT64_MIN, INT64_MAX));
}

TEST(what_is_no_manifest_is_refused)
{
    static const char *const others[] = {"",
                                         "\n",
                                         "{}\n",
                                         "{\"format\":\"campaign-gateway/export/1\"}\n",
                                         "text",
                                         "{\"format\":1}\n",
                                         "{\"format\":\"campaign-gateway/export/"
                                         "1\",\"time\":\"2026-11-28T11:30:00Z\",\"file\":\"a\","
                                         "\"bytes\":-1,\"rows\":1,\"sha256\":\"aa\"}\n"};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(manifest_read(str_from(others[i]), &arena, &told, &err));
}

#define MANIFEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(MANIFEST(it_says_what_the_file_was), MANIFEST(its_first_line_is_json),
      MANIFEST(the_key_that_signed_it_is_believed),
      MANIFEST(another_key_is_not_nor_one_that_might_not_sign_then),
      MANIFEST(without_a_signature_nobody_vouches_for_it), MANIFEST(every_flipped_bit_is_found),
      MANIFEST(what_is_no_manifest_is_refused))
