/* Looking one member up without a tree. */
#include "audit/member.h"

#include "test.h"

#include "base/json_read.h"

#define OBJECT                                                                                     \
    "{\"seq\":7,\"kind\":\"decision\",\"name\":\"a\\\"b\\\\\",\"campaign\":{\"id\":\"inner\","     \
    "\"blocks\":[{\"day\":\"MO\"},[]]},\"ok\":true,\"id\":\"outer\",\"empty\":\"\"}"

TEST(finds_the_objects_own_members)
{
    struct str value;
    assert_true(member_text(STR(OBJECT), STR("id"), &value));
    EXPECT_STR(value, "outer");
    assert_true(member_raw(STR(OBJECT), STR("seq"), &value));
    EXPECT_STR(value, "7");
    assert_true(member_raw(STR(OBJECT), STR("ok"), &value));
    EXPECT_STR(value, "true");
    assert_true(member_raw(STR(OBJECT), STR("campaign"), &value));
    EXPECT_STR(value, "{\"id\":\"inner\",\"blocks\":[{\"day\":\"MO\"},[]]}");
    assert_true(member_text(STR(OBJECT), STR("empty"), &value));
    assert_int_equal(value.len, 0);
    assert_true(member_is(STR(OBJECT), STR("kind"), STR("decision")));
}

TEST(finds_nothing_else)
{
    struct str value = STR("untouched");
    assert_false(member_raw(STR(OBJECT), STR("day"), &value));
    assert_false(member_raw(STR(OBJECT), STR("decision"), &value));
    assert_false(member_raw(STR(OBJECT), STR(""), &value));
    assert_false(member_text(STR(OBJECT), STR("seq"), &value));
    assert_false(member_text(STR(OBJECT), STR("campaign"), &value));
    assert_false(member_text(STR(OBJECT), STR("name"), &value)); /* it has escapes */
    EXPECT_STR(value, "untouched");
    assert_false(member_is(STR(OBJECT), STR("kind"), STR("outcome")));
    assert_false(member_is(STR(OBJECT), STR("none"), STR("")));
}

/* A name chosen by a client is a text, whatever it looks like. */
TEST(a_text_cannot_pretend_to_be_a_member)
{
    struct str value;
    struct str json = STR("{\"name\":\"x\\\",\\\"id\\\":\\\"fake\",\"id\":\"true\"}");
    assert_true(member_text(json, STR("id"), &value));
    EXPECT_STR(value, "true");
}

/* The bytes are in memory of their own, so that a sanitizer sees a look beyond them. */
TEST(any_cut_of_a_text_is_survived)
{
    struct str value;
    for (size_t len = 0; len < sizeof(OBJECT); len++) {
        char *copy = malloc(len ? len : 1);
        memcpy(copy, OBJECT, len);
        bool found = member_raw((struct str){copy, len}, STR("empty"), &value);
        assert_true(found == (len == sizeof(OBJECT) - 1));
        free(copy);
    }
    static const char *const odd[] = {
        "",           "{",        "{\"", "{\"\\",           "{\"a\"",
        "{\"a\":",    "{\"a\":}", "}}}", "{\"a\":\"\\\\\\", "{\"a\":]]]]",
        "{\"a\":{{{{"};
    for (size_t i = 0; i < COUNT_OF(odd); i++)
        assert_false(member_text(str_from(odd[i]), STR("a"), &value));
}

TESTS(UNIT(finds_the_objects_own_members), UNIT(finds_nothing_else),
      UNIT(a_text_cannot_pretend_to_be_a_member), UNIT(any_cut_of_a_text_is_survived))
