/* Signed notes: what is written is read, and nothing else is. */
#include "audit/checkpoint.h"

#include "signing_test.h"

#define ORIGIN "campaign-gateway/billing-0/0f1c"
#define TEXT                                                                                       \
    ORIGIN "\n1042\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\ntime 2026-11-28T11:30:00.000Z\n"
#define SOMEBODY "\xe2\x80\x94 witness.example/w1 AAAAAAE=\n"

static struct signing_key *key;
static struct buf note;

static int begin(void **state)
{
    (void)state;
    key = test_key(SECRET_1);
    buf_init(&note, 10000);
    return 0;
}

static int end(void **state)
{
    (void)state;
    signing_key_free(key);
    buf_release(&note);
    return 0;
}

static struct checkpoint example(void)
{
    struct checkpoint checkpoint = {
        .origin = STR(ORIGIN), .size = 1042, .time_unix_ms = 1795865400000};
    assert_true(digest_bytes(STR(""), checkpoint.root));
    return checkpoint;
}

static void sign_example(void)
{
    struct checkpoint checkpoint = example();
    buf_clear(&note);
    assert_true(checkpoint_sign(&checkpoint, key, &note));
}

/* The text as given, with a signature over it that is ours. */
static void sign(const char *text)
{
    char bytes[4 + SIGNATURE_BYTES] = {0};
    uint8_t digest[DIGEST_BYTES];
    char named[sizeof(ORIGIN) + 1 + SIGNING_PUBLIC_BYTES] = ORIGIN "\n\x01";
    memcpy(named + sizeof(ORIGIN) + 1, signing_key_public(key), SIGNING_PUBLIC_BYTES);
    assert_true(digest_bytes((struct str){named, sizeof(named)}, digest));
    memcpy(bytes, digest, 4);
    assert_true(signing_key_sign(key, str_from(text), (uint8_t *)bytes + 4));
    buf_clear(&note);
    buf_append(&note, str_from(text));
    buf_append(&note, STR("\n\xe2\x80\x94 " ORIGIN " "));
    base64_encode((struct str){bytes, sizeof(bytes)}, &note);
    buf_append_byte(&note, '\n');
}

static bool is_ours(void)
{
    return checkpoint_is_signed_by(buf_str(&note), signing_key_public(key));
}

TEST(writes_the_note_that_the_header_shows)
{
    sign_example();
    assert_true(str_starts(buf_str(&note), STR(TEXT "\n\xe2\x80\x94 " ORIGIN " ")));
    assert_true(str_ends(buf_str(&note), STR("=\n")));
}

/* The format's own example, so that we know that the signature and the key's hash are others'. */
TEST(agrees_with_the_specification_of_signed_notes)
{
    static const char text[] = "If you think cryptography is the answer to your problem,\n"
                               "then you don't know what your problem is.\n";
    uint8_t typed_key[33], signature[68];
    assert_true(
        base64_decode_exactly(STR("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"), typed_key, 33));
    assert_true(base64_decode_exactly(
        STR("x08go/ZJkuBS9UG/"
            "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBw"
            "JnAM="),
        signature, 68));
    assert_true(signature_is_valid(typed_key + 1, str_from(text), signature + 4));
    assert_true(checkpoint_verifier_key(STR("PeterNeumann"), typed_key + 1, &note));
    EXPECT_STR(buf_str(&note),
               "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    assert_false(checkpoint_verifier_key(STR("Peter Neumann"), typed_key + 1, &note));
}

TEST(reads_what_it_wrote)
{
    struct checkpoint parsed, checkpoint = example();
    sign_example();
    assert_true(checkpoint_parse(buf_str(&note), &parsed));
    EXPECT_STR(parsed.origin, ORIGIN);
    assert_int_equal(parsed.size, 1042);
    assert_int_equal(parsed.time_unix_ms, checkpoint.time_unix_ms);
    assert_memory_equal(parsed.root, checkpoint.root, DIGEST_BYTES);
    assert_false(parsed.has_successor);
    assert_true(is_ours());
}

TEST(reads_the_successor)
{
    struct checkpoint parsed, checkpoint = example();
    checkpoint.has_successor = true;
    checkpoint.size = UINT64_MAX;
    from_hex(PUBLIC_2, checkpoint.successor);
    assert_true(checkpoint_sign(&checkpoint, key, &note));
    assert_true(checkpoint_parse(buf_str(&note), &parsed));
    assert_true(parsed.has_successor && parsed.size == UINT64_MAX);
    assert_memory_equal(parsed.successor, checkpoint.successor, SIGNING_PUBLIC_BYTES);
    assert_true(is_ours());
}

TEST(every_flipped_bit_of_a_note_is_found)
{
    sign_example();
    for (size_t bit = 0; bit < note.len * 8; bit++) {
        note.data[bit / 8] ^= (char)(1 << bit % 8);
        if (is_ours())
            fail_msg("bit %zu", bit);
        note.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(is_ours());
}

TEST(another_key_did_not_sign)
{
    uint8_t other[SIGNING_PUBLIC_BYTES];
    from_hex(PUBLIC_2, other);
    sign_example();
    assert_false(checkpoint_is_signed_by(buf_str(&note), other));
}

TEST(others_may_sign_too)
{
    sign_example();
    buf_append(&note, STR(SOMEBODY));
    assert_true(is_ours());
    sign(TEXT);
    struct buf swapped;
    buf_init(&swapped, 10000);
    buf_append(&swapped, STR(TEXT "\n" SOMEBODY));
    buf_append(&swapped, str_slice(buf_str(&note), sizeof(TEXT), note.len));
    assert_true(checkpoint_is_signed_by(buf_str(&swapped), signing_key_public(key)));
    buf_release(&swapped);
}

TEST(others_alone_do_not_do)
{
    struct checkpoint parsed;
    buf_append(&note, STR(TEXT "\n" SOMEBODY));
    assert_true(checkpoint_parse(buf_str(&note), &parsed));
    assert_false(is_ours());
}

/* Two of ours would let somebody hide a second one behind the first. */
TEST(we_sign_once)
{
    sign_example();
    struct buf twice;
    buf_init(&twice, 10000);
    buf_append(&twice, buf_str(&note));
    buf_append(&twice, str_slice(buf_str(&note), sizeof(TEXT), note.len));
    assert_false(checkpoint_is_signed_by(buf_str(&twice), signing_key_public(key)));
    buf_release(&twice);
}

TEST(a_signature_for_another_name_is_not_ours)
{
    struct checkpoint other = example();
    other.origin = STR("campaign-gateway/billing-1/0f1c");
    assert_true(checkpoint_sign(&other, key, &note));
    assert_true(is_ours());
    note.data[26] = '0'; /* the text now names us; the line still names the other */
    assert_false(is_ours());
}

/* All of these carry a valid signature of ours: they are refused for how they are written. */
TEST(refuses_every_other_spelling_although_it_is_signed)
{
#define ROOT "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
#define TIME "time 2026-11-28T11:30:00.000Z\n"
    static const char *const refused[] = {
        "",
        "\n",
        ORIGIN "\n",
        ORIGIN "\n1042\n",
        ORIGIN "\n1042\n" ROOT,
        ORIGIN "\n01042\n" ROOT TIME,
        ORIGIN "\n00\n" ROOT TIME,
        ORIGIN "\n+1042\n" ROOT TIME,
        ORIGIN "\n1042 \n" ROOT TIME,
        ORIGIN "\n\n" ROOT TIME,
        ORIGIN "\n18446744073709551616\n" ROOT TIME,
        ORIGIN "\n1042\r\n" ROOT TIME,
        ORIGIN " \n1042\n" ROOT TIME,
        "campaign+gateway\n1042\n" ROOT TIME,
        "campaign\xc2\xa0gateway\n1042\n" ROOT TIME,
        "campaign\xffgateway\n1042\n" ROOT TIME,
        "campaign\tgateway\n1042\n" ROOT TIME,
        "\n1042\n" ROOT TIME,
        ORIGIN "\n1042\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\n" TIME,
        ORIGIN "\n1042\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n" TIME,
        ORIGIN "\n1042\n47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=\n" TIME,
        ORIGIN "\n1042\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hS\n" TIME,
        ORIGIN "\n1042\n" ROOT "time 2026-11-28T11:30:00Z\n",
        ORIGIN "\n1042\n" ROOT "time 2026-11-28T11:30:00.0Z\n",
        ORIGIN "\n1042\n" ROOT "time 2026-11-28T12:30:00.000+01:00\n",
        ORIGIN "\n1042\n" ROOT "time  2026-11-28T11:30:00.000Z\n",
        ORIGIN "\n1042\n" ROOT "Time 2026-11-28T11:30:00.000Z\n",
        ORIGIN "\n1042\n" ROOT TIME TIME,
        ORIGIN "\n1042\n" ROOT TIME "unknown line\n",
        ORIGIN "\n1042\n" ROOT TIME "\n",
        ORIGIN "\n1042\n" ROOT "successor " PUBLIC_2 "\n" TIME,
        ORIGIN "\n1042\n" ROOT TIME "successor \n",
        ORIGIN "\n1042\n" ROOT TIME
               "successor 3D4017C3E843895A92B70AA74D1B7EBC9C982CCF2EC4968CC0CD55F12AF4660C\n",
        ORIGIN "\n1042\n" ROOT TIME "successor " PUBLIC_2 "\nsuccessor " PUBLIC_2 "\n",
    };
    struct checkpoint parsed = {.size = 7};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        sign(refused[i]);
        if (checkpoint_parse(buf_str(&note), &parsed) || is_ours())
            fail_msg("%zu was read:\n%s", i, refused[i]);
    }
    assert_int_equal(parsed.size, 7);
    sign(ORIGIN "\n0\n" ROOT TIME);
    assert_true(is_ours());
}

TEST(refuses_hostile_signature_lines)
{
    static const char *const refused[] = {
        "",
        "\n",
        "- " ORIGIN " AAAAAAE=\n",
        "\xe2\x80\x94" ORIGIN " AAAAAAE=\n",
        "\xe2\x80\x94 " ORIGIN "\n",
        "\xe2\x80\x94 " ORIGIN " \n",
        "\xe2\x80\x94 " ORIGIN " AAAAAAE= \n",
        "\xe2\x80\x94 " ORIGIN "  AAAAAAE=\n",
        "\xe2\x80\x94 " ORIGIN " AAAAAAE\n",
        "\xe2\x80\x94 " ORIGIN " AAAAAAF=\n",
        "\xe2\x80\x94 " ORIGIN " AAAAAA==\n", /* a hash, and no signature */
        "\xe2\x80\x94 " ORIGIN " AAAAAAE=",
        "\xe2\x80\x94  AAAAAAE=\n",
        SOMEBODY "\n" SOMEBODY,
        SOMEBODY "\n",
        SOMEBODY "and so on\n",
    };
    struct checkpoint parsed;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        buf_clear(&note);
        buf_append(&note, STR(TEXT "\n"));
        buf_append(&note, str_from(refused[i]));
        if (checkpoint_parse(buf_str(&note), &parsed))
            fail_msg("%zu was read", i);
    }
}

TEST(a_note_has_a_length)
{
    struct checkpoint parsed;
    sign_example();
    while (note.len + sizeof(SOMEBODY) - 1 <= LIMIT_CHECKPOINT_BYTES)
        buf_append(&note, STR(SOMEBODY));
    assert_true(checkpoint_parse(buf_str(&note), &parsed));
    buf_append(&note, STR(SOMEBODY));
    assert_false(checkpoint_parse(buf_str(&note), &parsed));
}

TEST(the_longest_note_fits)
{
    char origin[LIMIT_ORIGIN_BYTES + 1];
    struct checkpoint checkpoint = {.size = UINT64_MAX, .has_successor = true};
    memset(origin, 'x', sizeof(origin));
    checkpoint.origin = (struct str){origin, LIMIT_ORIGIN_BYTES};
    assert_true(checkpoint_sign(&checkpoint, key, &note));
    assert_true(is_ours());
    checkpoint.origin.len++;
    const size_t len = note.len;
    assert_false(checkpoint_sign(&checkpoint, key, &note));
    assert_int_equal(note.len, len);
}

TEST(does_not_sign_for_what_is_no_name)
{
    static const char *const refused[] = {"", "a b", "a+b", "a\nb", "a\xff"};
    struct checkpoint checkpoint = example();
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        checkpoint.origin = str_from(refused[i]);
        assert_false(checkpoint_sign(&checkpoint, key, &note));
    }
    assert_int_equal(note.len, 0);
}

#define WITH_KEY(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(WITH_KEY(writes_the_note_that_the_header_shows),
      WITH_KEY(agrees_with_the_specification_of_signed_notes), WITH_KEY(reads_what_it_wrote),
      WITH_KEY(reads_the_successor), WITH_KEY(every_flipped_bit_of_a_note_is_found),
      WITH_KEY(another_key_did_not_sign), WITH_KEY(others_may_sign_too),
      WITH_KEY(others_alone_do_not_do), WITH_KEY(we_sign_once),
      WITH_KEY(a_signature_for_another_name_is_not_ours),
      WITH_KEY(refuses_every_other_spelling_although_it_is_signed),
      WITH_KEY(refuses_hostile_signature_lines), WITH_KEY(a_note_has_a_length),
      WITH_KEY(the_longest_note_fits), WITH_KEY(does_not_sign_for_what_is_no_name))
