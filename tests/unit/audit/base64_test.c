/* Base64: RFC 4648 10, and that nothing but the canonical form is read. */
#include "audit/base64.h"

#include "test.h"

static struct buf out;

static int begin(void **state)
{
    (void)state;
    buf_init(&out, 1000);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

static const struct {
    const char *bytes, *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
};

TEST(writes_and_reads_the_vectors_of_rfc_4648)
{
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        buf_clear(&out);
        assert_true(base64_encode(str_from(vectors[i].bytes), &out) || !*vectors[i].bytes);
        EXPECT_STR(buf_str(&out), vectors[i].text);
        buf_clear(&out);
        assert_true(base64_decode(str_from(vectors[i].text), &out));
        EXPECT_STR(buf_str(&out), vectors[i].bytes);
    }
}

TEST(refuses_every_other_spelling)
{
    static const char *const refused[] = {
        "Z",     "Zg",   "Zg=",    "Zh==", "Zm9=",  "Z===", "====", "Zg==Zg==", "Zm 9",
        "Zm9\n", " Zg=", "Zg==\n", "Zm-_", "Zm9v=", "=Zg=", "Zg=a", "Zm8\xc3"};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        buf_clear(&out);
        buf_append(&out, STR("kept"));
        if (base64_decode(str_from(refused[i]), &out))
            fail_msg("\"%s\" was read", refused[i]);
        EXPECT_STR(buf_str(&out), "kept");
        assert_false(out.failed);
    }
    assert_false(base64_decode((struct str){"Zg\0=", 4}, &out));
}

TEST(reads_exactly_so_many_bytes)
{
    uint8_t bytes[2] = {1, 2};
    assert_false(base64_decode_exactly(STR("Zm9v"), bytes, 2));
    assert_false(base64_decode_exactly(STR("Zg=="), bytes, 2));
    assert_false(base64_decode_exactly(STR("Zm9="), bytes, 2));
    assert_int_equal(bytes[0], 1);
    assert_true(base64_decode_exactly(STR("Zm8="), bytes, 2));
    assert_memory_equal(bytes, "fo", 2);
}

#define WITH_BUF(name) cmocka_unit_test_setup_teardown(name, begin, end)

TESTS(WITH_BUF(writes_and_reads_the_vectors_of_rfc_4648), WITH_BUF(refuses_every_other_spelling),
      WITH_BUF(reads_exactly_so_many_bytes))
