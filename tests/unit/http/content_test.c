/* Content types: JSON in UTF-8, said once, and nothing else. */
#include "http/content.h"

#include "test.h"

/* Of a request with up to two headers of these names and values. */
static bool refused(const char *name, const char *value, const char *other_name,
                    const char *other_value)
{
    struct http_header headers[] = {{str_from(name), str_from(value)},
                                    {str_from(other_name), str_from(other_value)}};
    const struct http_request request = {.headers = headers, .header_count = other_name ? 2 : 1};
    return content_refusal(&request) != NULL;
}

TEST(json_in_utf_8_is_taken)
{
    static const char *const types[] = {
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json ; \t charset=UTF-8",
        "application/json;CHARSET=\"utf-8\"",
    };
    for (size_t i = 0; i < COUNT_OF(types); i++)
        assert_false(refused("content-TYPE", types[i], "accept", "*/*"));
}

TEST(anything_else_is_refused)
{
    static const char *const types[] = {
        "",
        "json",
        "text/json",
        "application/jsonx",
        "application/problem+json",
        "application/json;",
        "application/json,application/json",
        "application/json;charset=utf-16",
        "application/json;charset=latin-1",
        "application/json;charset = utf-8",
        "application/json;charset='utf-8'",
        "application/json;charset=\"utf-8",
        "application/json;charset=utf-8;charset=utf-7",
        "application/json;version=1",
        "application/json;encoding=utf-8",
        "application/x-www-form-urlencoded",
    };
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (!refused("Content-Type", types[i], NULL, NULL))
            fail_msg("taken: %s", types[i]);
    }
}

TEST(the_type_is_given_exactly_once)
{
    assert_true(refused("Accept", "application/json", NULL, NULL));
    assert_true(refused("Content-Type", "application/json", "content-type", "application/json"));
    assert_true(refused("Content-Type", "text/plain", "content-type", "application/json"));
}

TEST(a_body_with_a_coding_is_refused_whatever_the_coding)
{
    assert_true(refused("Content-Type", "application/json", "Content-Encoding", "gzip"));
    assert_true(refused("Content-Type", "application/json", "Content-Encoding", "identity"));
    assert_true(refused("content-encoding", "", "Content-Type", "application/json"));
}

TESTS(UNIT(json_in_utf_8_is_taken), UNIT(anything_else_is_refused),
      UNIT(the_type_is_given_exactly_once),
      UNIT(a_body_with_a_coding_is_refused_whatever_the_coding))
