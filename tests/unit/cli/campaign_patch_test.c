#include "test.h"

#include "campaign/encoding.h"
#include "cli/campaign_patch.h"

#define BASE                                                                                       \
    "{\"name\":\"c\",\"priority\":5,\"lists\":[\"a\",\"b\"],\"message\":{\"message\":\"x\"},"      \
    "\"\":0,\"a/b\":{\"~\":null},\"x\":[true,-1.5e300,1e999]}"

struct outcome {
    bool fine;
    char text[2048];
    struct error err;
};

static struct outcome patch_with(const char *base, const char *changes, const char *message)
{
    struct outcome o = {.err.text = ""};
    struct arena arena;
    struct json_fault fault;
    struct str text;
    arena_init(&arena, 1 << 20);
    const struct json_value *json = json_read(str_from(base), &arena, &fault);
    const struct yaml_node *yaml =
        changes ? yaml_read("t.yaml", str_from(changes), &arena, &o.err) : NULL;
    const struct yaml_node *scalar =
        message ? yaml_read("t.yaml", str_from(message), &arena, &o.err) : NULL;
    assert_non_null(json);
    assert_true((yaml || !changes) && (scalar || !message));
    o.fine = campaign_patch(json, scalar, yaml, &arena, &text, &o.err);
    if (o.fine)
        (void)snprintf(o.text, sizeof(o.text), "%.*s", STR_ARGS(text));
    arena_release(&arena);
    return o;
}

static void expect_patched(const char *base, const char *changes, const char *expected)
{
    struct outcome o = patch_with(base, changes, NULL);
    assert_string_equal(o.err.text, "");
    assert_true(o.fine);
    assert_string_equal(o.text, expected);
}

static void expect_refused(const char *changes, const char *sentence)
{
    struct outcome o = patch_with(BASE, changes, NULL);
    assert_false(o.fine);
    assert_string_equal(o.err.text, sentence);
}

TEST(without_changes_nothing_changes)
{
    expect_patched(BASE, NULL,
                   "{\"name\":\"c\",\"priority\":5,\"lists\":[\"a\",\"b\"],"
                   "\"message\":{\"message\":\"x\"},\"\":0,\"a/b\":{\"~\":null},"
                   "\"x\":[true,-1.5000000000000001e+300,1e999]}");
    expect_patched("[]", NULL, "[]");
    expect_patched("{\"a\\\"\\u0001\":{}}", NULL, "{\"a\\\"\\u0001\":{}}");
}

TEST(values_have_the_type_they_are_written_as)
{
    expect_patched("{\"a\":1,\"b\":2}", "/a: true", "{\"a\":true,\"b\":2}");
    expect_patched("{\"a\":1}", "/a: 'true'", "{\"a\":\"true\"}");
    expect_patched("{\"a\":1}", "/a: -2.50", "{\"a\":-2.50}");
    expect_patched("{\"a\":1}", "/a: '5'", "{\"a\":\"5\"}");
    expect_patched("{\"a\":1}", "/a: 05", "{\"a\":\"05\"}");
    expect_patched("{\"a\":1}", "/a: +1", "{\"a\":\"+1\"}");
    expect_patched("{\"a\":1}", "/a: 'null'", "{\"a\":\"null\"}");
    expect_patched("{\"a\":1}", "/a: ''", "{\"a\":\"\"}");
    expect_patched("{\"a\":1}", "/a: {b: [x, null, 1]}", "{\"a\":{\"b\":[\"x\",null,1]}}");
}

TEST(null_removes)
{
    expect_patched("{\"a\":1,\"b\":[1,2,3]}", "{/a: null, /b/1: ~}", "{\"b\":[1,3]}");
    expect_refused("/nothing: null", "t.yaml:1:1: there is nothing to remove");
    expect_refused("/nothing/below: null", "t.yaml:1:1: there is nothing to remove");
    expect_refused("/lists/-: null", "t.yaml:1:1: there is nothing to remove");
    expect_refused("'': null", "t.yaml:1:1: the whole body cannot be removed");
}

TEST(lists_can_be_changed_and_grow)
{
    expect_patched("[1,2]", "/0: 3", "[3,2]");
    expect_patched("[1,2]", "{/-: 3, /3: 4}", "[1,2,3,4]");
    expect_patched("{\"d\":[{\"x\":1},{\"x\":2}]}", "/d/1/x: 3", "{\"d\":[{\"x\":1},{\"x\":3}]}");
    expect_refused("/lists/3: x", "t.yaml:1:1: the list has 2 elements only; write - to append");
    expect_refused("/lists/01: x", "t.yaml:1:1: '01' is not a place in a list: write 0 for its "
                                   "first element, or - to append");
    expect_refused("/lists/99999999999999999999: x",
                   "t.yaml:1:1: '99999999999999999999' is not a place in a list: write 0 for its "
                   "first element, or - to append");
}

TEST(what_is_missing_on_the_way_is_made)
{
    expect_patched("{}", "/a/b/c: 1", "{\"a\":{\"b\":{\"c\":1}}}");
    expect_patched("{}", "/a/0/b/-: 1", "{\"a\":[{\"b\":[1]}]}");
    expect_refused(
        "/name/x: 1",
        "t.yaml:1:1: there is nothing below a string; replace it with a mapping or a list");
}

TEST(pointers_are_escaped)
{
    expect_patched("{\"a/b\":1,\"~1\":2}", "{/a~1b: x, /~01: y}", "{\"a/b\":\"x\",\"~1\":\"y\"}");
    expect_patched("{\"\":{\"\":1}}", "//: x", "{\"\":{\"\":\"x\"}}");
    expect_patched("{\"a\":1}", "'': [1]", "[1]");
    expect_refused("name: x", "t.yaml:1:1: this is not a JSON pointer: it begins with /, such as "
                              "/priority");
    expect_refused("/a~2: x", "t.yaml:1:1: in a JSON pointer ~ is written ~0, and ~1 stands for /");
    expect_refused("/a~: x", "t.yaml:1:1: in a JSON pointer ~ is written ~0, and ~1 stands for /");
}

TEST(the_message_is_encoded_before_the_changes)
{
    struct outcome o = patch_with("{\"message\":{\"message\":\"x\"}}", NULL, "true?>~");
    assert_string_equal(o.text, "{\"message\":{\"message\":\"dHJ1ZT8%2Bfg%3D%3D\"}}");
    o = patch_with("{\"message\":{\"message\":\"x\"}}", "/message/message: y", "z");
    assert_string_equal(o.text, "{\"message\":{\"message\":\"y\"}}");
    o = patch_with("{}", NULL, "z");
    assert_string_equal(o.text, "{\"message\":{\"message\":\"eg%3D%3D\"}}");
}

TEST(memory_that_runs_out_is_told)
{
    struct json_fault fault;
    struct arena arena, small;
    struct str text;
    struct error err;
    arena_init(&arena, 1 << 20);
    const struct json_value *json = json_read(STR(BASE), &arena, &fault);
    const struct yaml_node *yaml = yaml_read("t.yaml", STR("{/a/0/b: [1]}"), &arena, &err);
    bool fine = false;
    for (size_t bytes = 0; !fine; bytes += 16) {
        arena_init(&small, bytes);
        err.text[0] = '\0';
        fine = campaign_patch(json, yaml->first, yaml, &small, &text, &err) || bytes > 100000;
        assert_true(fine || err.text[0]);
        arena_release(&small);
    }
    arena_release(&arena);
}

TESTS(UNIT(without_changes_nothing_changes), UNIT(values_have_the_type_they_are_written_as),
      UNIT(null_removes), UNIT(lists_can_be_changed_and_grow),
      UNIT(what_is_missing_on_the_way_is_made), UNIT(pointers_are_escaped),
      UNIT(the_message_is_encoded_before_the_changes), UNIT(memory_that_runs_out_is_told))
