/* The strict YAML reader: what it builds, what it refuses and where, and what size costs. */
#include "base/yaml_read.h"

#include "base/buf.h"
#include "base/limits.h"
#include "test.h"

static struct arena arena;
static struct error err;

static const struct yaml_node *read_bytes(struct str text)
{
    arena_release(&arena);
    arena_init(&arena, 256 << 20);
    return yaml_read("p.yaml", text, &arena, &err);
}

static const struct yaml_node *read_text(const char *text)
{
    return read_bytes(str_from(text));
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* ---- what is read ---- */

TEST(a_tree_keeps_order_and_places)
{
    const struct yaml_node *root = read_text("a: 1\nb:\n  - x\n  - {c: d}\n");
    assert_non_null(root);
    assert_int_equal(root->kind, YAML_MAPPING);
    assert_int_equal(root->count, 2);
    const struct yaml_node *list = root->first->next;
    EXPECT_STR(list->key, "b");
    assert_int_equal(list->key_line, 2);
    assert_int_equal(list->key_column, 1);
    assert_int_equal(list->line, 3);
    assert_int_equal(list->column, 3);
    assert_int_equal(list->count, 2);
    EXPECT_STR(list->first->text, "x");
    const struct yaml_node *inner = yaml_member(list->first->next, STR("c"));
    assert_non_null(inner);
    EXPECT_STR(inner->text, "d");
    assert_null(inner->next);
    assert_null(yaml_member(root, STR("c")));
}

TEST(json_is_read_too)
{
    const struct yaml_node *root = read_text("{\"a\": [\"x\", 1, null], \"b\": {}}");
    assert_non_null(root);
    const struct yaml_node *list = yaml_member(root, STR("a"));
    assert_true(list->first->quoted);
    assert_false(list->first->next->quoted);
    assert_true(yaml_is_null(list->first->next->next));
    assert_int_equal(yaml_member(root, STR("b"))->count, 0);
}

TEST(nothing_is_guessed_from_how_a_text_looks)
{
    const struct yaml_node *root = read_text("[no, 1e3, 0o7, 2026-11-23, =, +919561612345]");
    assert_non_null(root);
    const char *const texts[] = {"no", "1e3", "0o7", "2026-11-23", "=", "+919561612345"};
    size_t i = 0;
    for (const struct yaml_node *each = root->first; each; each = each->next)
        EXPECT_STR(each->text, texts[i++]);
    assert_int_equal(i, COUNT_OF(texts));
}

TEST(a_merge_key_is_a_key_like_any_other)
{
    const struct yaml_node *root = read_text("<<: {a: b}");
    assert_non_null(root);
    assert_non_null(yaml_member(root, STR("<<")));
    assert_null(yaml_member(root, STR("a")));
}

TEST(the_non_specific_tag_says_nothing)
{
    assert_non_null(read_text("! [! {a: ! b}]"));
}

TEST(null_is_what_nobody_wrote_or_an_unquoted_null)
{
    const struct yaml_node *root = read_text("[~, null, Null, NULL, '', \"null\", '~', nil]");
    assert_non_null(root);
    bool expected[] = {true, true, true, true, false, false, false, false};
    size_t i = 0;
    for (const struct yaml_node *each = root->first; each; each = each->next)
        assert_int_equal(yaml_is_null(each), expected[i++]);
    assert_true(yaml_is_null(read_text("a:\n")->first));
    assert_false(yaml_is_null(read_text("{}")));
}

TEST(a_byte_order_mark_does_not_shift_the_first_line)
{
    const struct yaml_node *root = read_text("\xef\xbb\xbf"
                                             "a: b\nc: d\n");
    assert_non_null(root);
    assert_int_equal(root->count, 2);
    assert_int_equal(root->first->key_column, 1);
}

TEST(columns_count_characters)
{
    const struct yaml_node *root = read_text("{\xc3\xa9: x}");
    assert_non_null(root);
    assert_int_equal(root->first->column, 5);
}

/* ---- what is refused ---- */

static const struct {
    const char *text, *sentence;
} refused[] = {
    {"", "p.yaml:1:1: the file is empty"},
    {"# only a comment", "p.yaml:2:1: the file is empty"},
    {"revision: a\nrevision: b",
     "p.yaml:2:1: the key 'revision' is here a second time; it is also in line 1"},
    {"revision: \"a\001b\"", "p.yaml:1:13: a control character is here; remove it"},
    {"revision: \"a\\0b\"", "p.yaml:1:11: a text must not hold a NUL character"},
    {"revision: a\n---\nb: 1", "p.yaml:2:1: a second document begins here; one file holds one"},
    {"revision: &x a", "p.yaml:1:11: anchors (&name) are not supported; write it out"},
    {"revision: *x", "p.yaml:1:11: aliases (*name) are not supported; write it out"},
    {"revision: !t a", "p.yaml:1:11: tags (!name) are not supported; remove it"},
    {"revision: a\n: b", "p.yaml:2:1: this is not YAML: did not find expected key; check the "
                         "quotes around texts and the indentation of the block that begins in "
                         "line 1"},
    {"revision: a\n~: b", "p.yaml:2:1: a key is missing here; write one in front of the ':'"},
    {"revision: a\norganisation: {? [x] : y}", "p.yaml:2:18: a key must be a plain text"},
    {"revision: a\n\torganisation: {}", "p.yaml:2:1: this is not YAML: found a tab character that "
                                        "violates indentation; indent with spaces, not tabs"},
    {"revision: a\nteams: {a: b: c}", "p.yaml:2:13: this is not YAML: did not find expected ',' or "
                                      "'}'; separate with commas and close the brace that opens "
                                      "in line 2"},
    {"revision: a\nteams:\n  a: {}\n b: {}",
     "p.yaml:4:2: this is not YAML: did not find expected key; check the quotes around texts "
     "and the indentation of the block that begins in line 1"},
    {"a:\n  *: b", "p.yaml:2:4: this is not YAML: did not find expected alphabetic or numeric "
                   "character; put a text that begins with * or & in quotes, such as \"*\""},
    {"a: [b\nc: d", "p.yaml:2:2: this is not YAML: did not find expected ',' or ']'; separate with "
                    "commas and close the bracket that opens in line 1"},
    {"a: [", "p.yaml:2:1: this is not YAML: did not find expected node content; put texts with "
             "special characters in quotes"},
    {"revision: \"a",
     "p.yaml:1:13: this is not YAML: found unexpected end of stream; close the quotes that open in "
     "line 1"},
    {"revision: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]", "p.yaml:1:42: this is nested too deeply"},
    {"revision: caf\351", "p.yaml:1:14: this is not UTF-8; save the file in that encoding"},
    {"\377\376r", "p.yaml:1:1: the file is in UTF-16; save it as UTF-8"},
    {"revision: a\norganisation: {\"\033[2J\": []}",
     "p.yaml:2:17: a control character is here; remove it"},
    {"revision: a\nteams: {x: {}, x: {}}",
     "p.yaml:2:16: the key 'x' is here a second time; it is also in line 2"},
};

TEST(bad_yaml_is_refused_with_its_place_and_a_remedy)
{
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        assert_null(read_text(refused[i].text));
        EXPECT_STR(str_from(err.text), refused[i].sentence);
    }
}

TEST(every_way_to_give_a_text_another_meaning_is_refused)
{
    const char *const texts[] = {
        "&a {}",    "&a []",    "[&a b]",  "{&a b: c}",  "[*a]",         "{*a : b}",
        "!!map {}", "!!seq []", "!!str b", "!<tag:x> b", "{!!str a: b}", "? {a: b}\n: c",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_null(read_text(texts[i]));
}

TEST(a_raw_nul_is_refused)
{
    assert_null(read_bytes(STR("a: b\nc: d\0e\n")));
    EXPECT_STR(str_from(err.text), "p.yaml:2:5: a control character is here; remove it");
}

TEST(utf_16_is_refused_in_both_orders_and_without_a_mark)
{
    const struct str texts[] = {STR("\xff\xfe"
                                    "a\0"),
                                STR("\xfe\xff"
                                    "\0a"),
                                STR("a\0:\0"), STR("\0a\0:")};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_null(read_bytes(texts[i]));
}

TEST(a_sentence_carries_no_control_characters)
{
    assert_null(read_text("\"\\e[2J\": a\n\"\\e[2J\": a\n"));
    EXPECT_STR(str_from(err.text),
               "p.yaml:2:1: the key '?[2J' is here a second time; it is also in line 1");
    const struct yaml_node *root = read_text("\"\\u009b2J\": a");
    assert_false(yaml_error(root->first, &err, "'%.*s'", STR_ARGS(root->first->key)));
    EXPECT_STR(str_from(err.text), "p.yaml:1:13: '?"
                                   "?2J'");
}

TEST(nesting_ends_at_its_limit)
{
    char text[2 * LIMIT_YAML_DEPTH + 3] = {0};
    memset(text, '[', LIMIT_YAML_DEPTH);
    memset(text + LIMIT_YAML_DEPTH, ']', LIMIT_YAML_DEPTH);
    assert_non_null(read_text(text));
    memset(text, '[', LIMIT_YAML_DEPTH + 1);
    memset(text + LIMIT_YAML_DEPTH + 1, ']', LIMIT_YAML_DEPTH + 1);
    assert_null(read_text(text));
}

TEST(a_file_over_the_limit_is_refused_unread)
{
    assert_null(read_bytes((struct str){"", LIMIT_YAML_BYTES + 1}));
    EXPECT_STR(str_from(err.text), "p.yaml:1:1: the file is larger than 8 MiB; split it");
}

TEST(a_file_with_too_many_values_is_refused)
{
    struct buf text;
    buf_init(&text, LIMIT_YAML_BYTES);
    buf_append_byte(&text, '[');
    for (size_t i = 0; i <= LIMIT_YAML_NODES; i++)
        buf_append(&text, i % 50 ? STR("a,") : STR("a,\n"));
    buf_append_byte(&text, ']');
    arena_release(&arena);
    arena_init(&arena, (size_t)1 << 30);
    assert_null(yaml_read("p.yaml", buf_str(&text), &arena, &err));
    assert_true(str_ends(str_from(err.text), STR("the file holds too many values; split it")));
    buf_release(&text);
}

TEST(memory_that_runs_out_is_a_sentence_at_every_size)
{
    for (size_t limit = 0; limit < 4096; limit += 16) {
        arena_release(&arena);
        arena_init(&arena, limit);
        err.text[0] = '\0';
        if (!yaml_read("p.yaml", str_from("a: [b, {c: d}]\ne: f\n"), &arena, &err))
            assert_true(str_starts(str_from(err.text), STR("p.yaml:")));
    }
}

/* ---- size ---- */

TEST(duplicates_among_a_hundred_thousand_keys_are_found)
{
    struct buf text;
    buf_init(&text, LIMIT_YAML_BYTES);
    for (int i = 0; i < 100000; i++)
        buf_format(&text, "key-%d: x\n", i);
    assert_non_null(read_bytes(buf_str(&text)));
    assert_int_equal(yaml_read("p.yaml", buf_str(&text), &arena, &err)->count, 100000);
    buf_format(&text, "key-77777: x\n");
    assert_null(read_bytes(buf_str(&text)));
    EXPECT_STR(str_from(err.text), "p.yaml:100001:1: the key 'key-77777' is here a second time; "
                                   "it is also in line 77778");
    buf_release(&text);
}

#define STORY(name) cmocka_unit_test_teardown(name, release)

TESTS(STORY(a_tree_keeps_order_and_places), STORY(json_is_read_too),
      STORY(nothing_is_guessed_from_how_a_text_looks), STORY(a_merge_key_is_a_key_like_any_other),
      STORY(the_non_specific_tag_says_nothing),
      STORY(null_is_what_nobody_wrote_or_an_unquoted_null),
      STORY(a_byte_order_mark_does_not_shift_the_first_line), STORY(columns_count_characters),
      STORY(bad_yaml_is_refused_with_its_place_and_a_remedy),
      STORY(every_way_to_give_a_text_another_meaning_is_refused), STORY(a_raw_nul_is_refused),
      STORY(utf_16_is_refused_in_both_orders_and_without_a_mark),
      STORY(a_sentence_carries_no_control_characters), STORY(nesting_ends_at_its_limit),
      STORY(a_file_over_the_limit_is_refused_unread), STORY(a_file_with_too_many_values_is_refused),
      STORY(memory_that_runs_out_is_a_sentence_at_every_size),
      STORY(duplicates_among_a_hundred_thousand_keys_are_found))
