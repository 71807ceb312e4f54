/* Strict JSON: what is refused, and exactly where. */
#include "base/json_read.h"

#include <pthread.h>

#include "base/buf.h"
#include "base/limits.h"
#include "test.h"

static struct arena arena;

static struct json_fault scan(struct str text)
{
    struct json_fault fault;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    bool fine = json_scan(text, &arena, &fault);
    assert_int_equal(fine, fault.kind == JSON_OK);
    struct json_fault again;
    assert_int_equal(json_read(text, &arena, &again) != NULL, fine);
    arena_release(&arena);
    return fault;
}

static const struct {
    const char *text, *code;
    size_t offset;
} refused[] = {
    {"", "json-empty", 0},
    {" \n\t ", "json-empty", 4},
    {"\xef\xbb\xbf{}", "json-byte-order-mark", 0},
    {"{} x", "json-trailing-bytes", 3},
    {"{}{}", "json-trailing-bytes", 2},
    {"[1,]", "json-syntax", 3},
    {"[,1]", "json-syntax", 1},
    {"[1 2]", "json-syntax", 3},
    {"{\"a\":1,}", "json-syntax", 7},
    {"{a:1}", "json-syntax", 1},
    {"{'a':1}", "json-syntax", 1},
    {"{\"a\" 1}", "json-syntax", 5},
    {"{\"a\":1]", "json-syntax", 6},
    {"[1}", "json-syntax", 2},
    {"NaN", "json-syntax", 0},
    {"tru", "json-truncated", 3},
    {"trux", "json-syntax", 3},
    {"True", "json-syntax", 0},
    {"[1", "json-truncated", 2},
    {"[[1],", "json-truncated", 5},
    {"{", "json-truncated", 1},
    {"{\"a\":1,", "json-truncated", 7},
    {"{\"a\"", "json-truncated", 4},
    {"\"abc", "json-truncated", 4},
    {"\"abc\\", "json-truncated", 5},
    {"\"\\u00", "json-truncated", 5},
    {"\"\\ud800", "json-truncated", 7},
    {"\"\\ud800\\", "json-truncated", 8},
    {"01", "json-number", 1},
    {"-", "json-truncated", 1},
    {"-a", "json-number", 1},
    {"1.", "json-truncated", 2},
    {"1.e", "json-number", 2},
    {".5", "json-syntax", 0},
    {"+1", "json-syntax", 0},
    {"1e", "json-truncated", 2},
    {"1e+x", "json-number", 3},
    {"0x1", "json-trailing-bytes", 1},
    {"\"\x01\"", "json-control-character", 1},
    {"\"a\nb\"", "json-control-character", 2},
    {"\"\\x\"", "json-escape", 1},
    {"\"\\u12g4\"", "json-escape", 1},
    {"\"\\u+041\"", "json-escape", 1},
    {"\"a\\ud800\\u12", "json-truncated", 12},
    {"\"a\\ud800\\u12g4\"", "json-escape", 8},
    {"\"\\u0000\"", "json-nul", 1},
    {"{\"\\u0000\":1}", "json-nul", 2},
    {"\"\\ud800\"", "json-lone-surrogate", 1},
    {"\"\\ud800x\"", "json-lone-surrogate", 1},
    {"\"\\ud800\\n\"", "json-lone-surrogate", 1},
    {"\"\\ud800\\ud800\"", "json-lone-surrogate", 1},
    {"\"\\udc00\"", "json-lone-surrogate", 1},
    {"\"\xff\"", "json-utf8", 1},
    {"\"\xc0\xaf\"", "json-utf8", 1},
    {"\"\xed\xa0\x80\"", "json-utf8", 1},
    {"\"\xf4\x90\x80\x80\"", "json-utf8", 1},
    {"\"\xe2\x82\"", "json-utf8", 1},
    {"\"ab\xc3\xa4\x80\"", "json-utf8", 5},
    {"{\"a\":1,\"a\":2}", "json-duplicate-key", 7},
    {"{\"a\":1,\"\\u0061\":2}", "json-duplicate-key", 7},
    {"{\"\\/\":1,\"/\":2}", "json-duplicate-key", 8},
    {"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "json-duplicate-key", 18},
    {"[{\"x\":{\"b\":1,\"b\":1}}]", "json-duplicate-key", 13},
    {"\v1", "json-syntax", 0},
};

TEST(refuses_and_says_where)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct json_fault fault = scan(str_from(refused[i].text));
        EXPECT_STR(str_from(json_fault_code(fault.kind)), refused[i].code);
        if (fault.offset != refused[i].offset)
            print_error("in %s\n", refused[i].text);
        assert_int_equal(fault.offset, refused[i].offset);
    }
}

TEST(accepts_json_of_every_kind)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "0",
        "-0",
        "-0.0e-0",
        "1E400",
        "\"\"",
        "null",
        "true",
        "false",
        " [ 1 , 2 ] ",
        "{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}",
        "\"\\ud83d\\ude00\"",
        "\"\xf4\x8f\xbf\xbf\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
        "\"\x7f\"",
        "{\"\":1}",
        "{\"a\":1,\"A\":2}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(scan(str_from(texts[i])).kind, JSON_OK);
}

TEST(nul_bytes_are_never_an_end)
{
    assert_int_equal(scan(STR("{}\0")).kind, JSON_TRAILING);
    assert_int_equal(scan(STR("\"a\0b\"")).kind, JSON_NUL);
    assert_int_equal(scan(STR("\0")).kind, JSON_SYNTAX);
}

static char large[300000];

static struct str repeat(const char *first, const char *piece, size_t count, const char *last)
{
    size_t len = (size_t)snprintf(large, sizeof(large), "%s", first);
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(large + len, sizeof(large) - len, "%s", piece);
    len += (size_t)snprintf(large + len, sizeof(large) - len, "%s", last);
    return (struct str){large, len};
}

TEST(lines_and_columns_count_from_one)
{
    struct json_fault fault = scan(STR("{\n \"a\": 1,\n \"a\": 2}"));
    assert_int_equal(fault.line, 3);
    assert_int_equal(fault.column, 2);
    fault = scan(STR("x"));
    assert_int_equal(fault.line, 1);
    assert_int_equal(fault.column, 1);
    fault = scan(STR("[\"\xc3\xa4\", x]")); /* columns count bytes */
    assert_int_equal(fault.column, 8);
}

TEST(every_fault_has_a_code_and_a_sentence)
{
    for (enum json_fault_kind kind = JSON_EMPTY; kind <= JSON_MEMORY; kind++) {
        assert_true(str_starts(str_from(json_fault_code(kind)), STR("json-")));
        assert_true(strlen(json_fault_sentence(kind)) > 0);
    }
}

/* cJSON before its fix of CVE-2023-26819 reads 63 bytes of a number and then refuses the rest. */
TEST(long_numbers_are_numbers)
{
    assert_int_equal(scan(repeat("[1.", "0", 500, "]")).kind, JSON_OK);
    assert_int_equal(scan(repeat("", "9", 500, "")).kind, JSON_OK);
}

TEST(depth_tokens_and_keys_are_bounded)
{
    assert_int_equal(scan(repeat("", "[", LIMIT_JSON_DEPTH, "")).kind, JSON_TRUNCATED);
    assert_int_equal(scan(repeat("", "[", LIMIT_JSON_DEPTH + 1, "")).kind, JSON_DEPTH);
    assert_int_equal(scan(repeat("[0", ",0", LIMIT_JSON_TOKENS - 2, "]")).kind, JSON_OK);
    assert_int_equal(scan(repeat("[0", ",0", LIMIT_JSON_TOKENS - 1, "]")).kind, JSON_TOKENS);
}

static struct str many_keys(size_t count, bool repeat_first)
{
    size_t len = (size_t)snprintf(large, sizeof(large), "{\"k0\":0");
    for (size_t i = 1; i < count; i++)
        len += (size_t)snprintf(large + len, sizeof(large) - len, ",\"k%zu\":0",
                                repeat_first && i == count - 1 ? 0 : i);
    len += (size_t)snprintf(large + len, sizeof(large) - len, "}");
    return (struct str){large, len};
}

TEST(duplicates_are_found_among_few_and_among_many)
{
    for (size_t count = 2; count < 60; count++) {
        assert_int_equal(scan(many_keys(count, false)).kind, JSON_OK);
        assert_int_equal(scan(many_keys(count, true)).kind, JSON_DUPLICATE_KEY);
    }
    assert_int_equal(scan(many_keys(LIMIT_JSON_KEYS, false)).kind, JSON_OK);
    assert_int_equal(scan(many_keys(LIMIT_JSON_KEYS, true)).kind, JSON_DUPLICATE_KEY);
    assert_int_equal(scan(many_keys(LIMIT_JSON_KEYS + 1, false)).kind, JSON_KEYS);
}

TEST(a_small_arena_is_a_fault_and_not_a_clean_text)
{
    struct json_fault fault;
    arena_init(&arena, 64);
    assert_null(json_read(STR("{\"a\":[1,2,3,4,5,6,7,8,9]}"), &arena, &fault));
    assert_int_equal(fault.kind, JSON_MEMORY);
    arena_release(&arena);
}

TEST(memory_for_keys_is_bounded_too)
{
    struct json_fault fault;
    arena_init(&arena, 64);
    assert_false(json_scan(many_keys(100, false), &arena, &fault));
    assert_int_equal(fault.kind, JSON_MEMORY);
    arena_release(&arena);
}

static void *read_many(void *text)
{
    struct arena own;
    struct json_fault fault;
    size_t built = 0;
    arena_init(&own, LIMIT_ARENA_BYTES);
    for (int i = 0; i < 2000; i++) {
        built += json_read(str_from(text), &own, &fault) != NULL;
        arena_reset(&own);
    }
    arena_release(&own);
    return (void *)built;
}

TEST(threads_read_into_their_own_arenas)
{
    static char text[] = "{\"a\":[1,2,{\"b\":\"c\"}]}";
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_many, text), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *built;
        assert_int_equal(pthread_join(threads[i], &built), 0);
        assert_int_equal((size_t)built, 2000);
    }
}

/* Keys are compared as what they say: an escape hides nothing, in one byte of UTF-8 or in four. */
TEST(a_key_is_the_same_key_however_it_is_escaped)
{
    static const struct {
        const char *text;
        size_t offset;
    } same[] = {
        {"{\"a\":1,\"\\u0061\":2}", 7},
        {"{\"\xc3\xa4\":1,\"\\u00e4\":2}", 8},
        {"{\"\xe2\x82\xac\":1,\"\\u20ac\":2}", 9},
        {"{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}", 10},
        {"{\"\\ud83d\\ude00\":1,\"\\uD83D\\uDE00\":2}", 18},
        {"{\"\\/\":1,\"/\":2}", 8},
        {"{\"\\n\":1,\"\\u000a\":2}", 8},
    };
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        struct json_fault fault = scan(str_from(same[i].text));
        assert_string_equal(json_fault_code(fault.kind), "json-duplicate-key");
        assert_int_equal(fault.offset, same[i].offset);
    }
    static const char *const different[] = {
        "{\"a\":1,\"\\u0041\":2}",
        "{\"\\u00e4\":1,\"a\\u0308\":2}", /* the same to the eye, but not the same text */
        "{\"\\ud83d\\ude00\":1,\"\\ud83d\\ude01\":2}",
        "{\"\\\\u0061\":1,\"a\":2}",
        "{\"a\":1,\"b\":{\"a\":2}}",
    };
    for (size_t i = 0; i < COUNT_OF(different); i++)
        assert_int_equal(scan(str_from(different[i])).kind, JSON_OK);
}

TEST(strings_and_keys_come_unescaped)
{
    struct json_fault fault;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    const struct json_value *root =
        json_read(STR("{\"\\u0061\\/\":\"\\ud83d\\ude00\\n\",\"b\":-2.5e1}"), &arena, &fault);
    EXPECT_STR(json_key(json_first(root)), "a/");
    EXPECT_STR(json_string(json_first(root)), "\U0001f600\n");
    assert_true(json_number(json_member(root, STR("b"))) == -25.0);
    assert_null(json_member(root, STR("a")));
    assert_null(json_next(json_next(json_first(root))));
    arena_release(&arena);
}

TEST(the_tree_is_looked_up_case_sensitively)
{
    struct json_fault fault;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    const struct json_value *root =
        json_read(STR("{\"AccountId\":\"x\",\"b\":[true,null]}"), &arena, &fault);
    assert_null(json_member(root, STR("accountid")));
    EXPECT_STR(json_string(json_member(root, STR("AccountId"))), "x");
    const struct json_value *list = json_member(root, STR("b"));
    assert_int_equal(json_kind(list), JSON_KIND_ARRAY);
    assert_int_equal(json_count(list), 2);
    assert_true(json_bool(json_first(list)));
    assert_int_equal(json_kind(json_next(json_first(list))), JSON_KIND_NULL);
    arena_release(&arena);
}

/* ---- visiting ---- */

static void write_visit(void *arg, const struct json_path *path, enum json_kind kind,
                        struct str text)
{
    struct buf *out = arg;
    for (size_t i = 0; i < path->depth; i++)
        buf_format(out, "/%.*s", STR_ARGS(path->keys[i]));
    buf_format(out, " %d %.*s\n", (int)kind, STR_ARGS(text));
}

static void expect_visits(const char *json, bool accepted, const char *visits)
{
    struct json_fault fault;
    struct buf out;
    arena_init(&arena, 1 << 20);
    buf_init(&out, 10000);
    assert_int_equal(json_visit(str_from(json), &arena, write_visit, &out, &fault), accepted);
    EXPECT_STR(buf_str(&out), visits);
    buf_release(&out);
    arena_release(&arena);
}

TEST(each_value_is_told_with_the_keys_that_lead_to_it)
{
    expect_visits("{\"a\":1,\"b\":{\"c\":\"x\",\"d\":[true,null,{\"e\":-2.5e1}]},\"f\":\"\"}", true,
                  "/a 2 1\n/b/c 3 x\n/b/d/ 1 true\n/b/d/ 0 null\n/b/d//e 2 -2.5e1\n/f 3 \n");
    expect_visits("[]", true, "");
    expect_visits(" \"alone\" ", true, " 3 alone\n");
    expect_visits("[[1],[2,[3]]]", true, "// 2 1\n// 2 2\n/// 2 3\n");
}

TEST(keys_and_strings_are_told_unescaped)
{
    expect_visits("{\"\\u0061\\n\":\"\\u00e9\\ud83d\\ude00\\/\"}", true,
                  "/a\n 3 \xc3\xa9\xf0\x9f\x98\x80/\n");
}

TEST(what_json_read_refuses_is_refused_while_visiting)
{
    expect_visits("{\"a\":1,\"a\":2}", false, "/a 2 1\n/a 2 2\n");
    expect_visits("{\"a\":1}x", false, "/a 2 1\n");
    expect_visits("{\"a\":\"\\ud800\"}", false, "");
    expect_visits("", false, "");
}

TESTS(UNIT(refuses_and_says_where), UNIT(accepts_json_of_every_kind),
      UNIT(nul_bytes_are_never_an_end), UNIT(lines_and_columns_count_from_one),
      UNIT(every_fault_has_a_code_and_a_sentence), UNIT(long_numbers_are_numbers),
      UNIT(depth_tokens_and_keys_are_bounded), UNIT(duplicates_are_found_among_few_and_among_many),
      UNIT(a_small_arena_is_a_fault_and_not_a_clean_text), UNIT(memory_for_keys_is_bounded_too),
      UNIT(threads_read_into_their_own_arenas), UNIT(a_key_is_the_same_key_however_it_is_escaped),
      UNIT(strings_and_keys_come_unescaped), UNIT(the_tree_is_looked_up_case_sensitively),
      UNIT(each_value_is_told_with_the_keys_that_lead_to_it),
      UNIT(keys_and_strings_are_told_unescaped),
      UNIT(what_json_read_refuses_is_refused_while_visiting))
