/* The Merkle tree against RFC 6962 2.1, read literally. */
#include "audit/merkle.h"

#include "test.h"

#define MOST 300

static uint8_t records[MOST][DIGEST_BYTES];

static void make_records(void)
{
    for (size_t i = 0; i < MOST; i++)
        assert_true(digest_bytes((struct str){(const char *)&i, sizeof(i)}, records[i]));
}

/* MTH(D[n]): the largest power of two smaller than n splits the leaves. */
static void naive_root(size_t first, size_t count, uint8_t out[DIGEST_BYTES])
{
    uint8_t bytes[1 + 2 * DIGEST_BYTES];
    if (count == 0) {
        assert_true(digest_bytes(STR(""), out));
        return;
    }
    if (count == 1) {
        bytes[0] = 0;
        memcpy(bytes + 1, records[first], DIGEST_BYTES);
        assert_true(digest_bytes((struct str){(const char *)bytes, 1 + DIGEST_BYTES}, out));
        return;
    }
    size_t split = 1;
    while (split * 2 < count)
        split *= 2;
    bytes[0] = 1;
    naive_root(first, split, bytes + 1);
    naive_root(first + split, count - split, bytes + 1 + DIGEST_BYTES);
    assert_true(digest_bytes((struct str){(const char *)bytes, sizeof(bytes)}, out));
}

static void expect_root(const struct merkle *tree, const char *hex)
{
    uint8_t root[DIGEST_BYTES];
    char text[DIGEST_HEX_SIZE];
    assert_true(merkle_root(tree, root));
    digest_to_hex(root, text);
    assert_string_equal(text, hex);
}

TEST(no_leaves_have_the_hash_of_nothing)
{
    expect_root(&(struct merkle){0},
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* Computed once with Python's hashlib: SHA-256 of 0x00 and 32 zeros; then of 0x01 and that twice.
 */
TEST(one_and_two_known_leaves_have_the_known_roots)
{
    static const uint8_t zeros[DIGEST_BYTES];
    struct merkle tree = {0};
    assert_true(merkle_add(&tree, zeros));
    expect_root(&tree, "7f9c9e31ac8256ca2f258583df262dbc7d6f68f2a03043d5c99a4ae5a7396ce9");
    assert_true(merkle_add(&tree, zeros));
    expect_root(&tree, "a4b8c7873a49d5d53af0b2a0202486483020d95935d763edc4ef2f602200d8de");
}

TEST(every_size_has_the_root_of_the_recursive_definition)
{
    struct merkle tree = {0};
    uint8_t expected[DIGEST_BYTES], root[DIGEST_BYTES];
    make_records();
    for (size_t i = 0; i < MOST; i++) {
        assert_true(merkle_add(&tree, records[i]));
        naive_root(0, i + 1, expected);
        assert_true(merkle_root(&tree, root));
        assert_int_equal(tree.size, i + 1);
        assert_memory_equal(root, expected, DIGEST_BYTES);
    }
}

TEST(another_record_gives_another_root)
{
    struct merkle tree = {0}, other = {0};
    uint8_t root[DIGEST_BYTES], altered[DIGEST_BYTES];
    make_records();
    for (size_t i = 0; i < 7; i++) {
        assert_true(merkle_add(&tree, records[i]));
        assert_true(merkle_add(&other, records[i == 3 ? 100 : i]));
    }
    assert_true(merkle_root(&tree, root) && merkle_root(&other, altered));
    assert_memory_not_equal(root, altered, DIGEST_BYTES);
}

TESTS(UNIT(no_leaves_have_the_hash_of_nothing), UNIT(one_and_two_known_leaves_have_the_known_roots),
      UNIT(every_size_has_the_root_of_the_recursive_definition),
      UNIT(another_record_gives_another_root))
