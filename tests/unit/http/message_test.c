/* Looking headers up, and the names of statuses. */
#include "http/message.h"

#include "test.h"

static const struct http_header headers[] = {
    {STR("Auth"), STR("first")}, {STR("AUTH"), STR("second")}, {STR("Empty"), STR("")}};

TEST(finds_the_first_header_of_a_name_in_any_case)
{
    EXPECT_STR(*http_header_find(headers, COUNT_OF(headers), STR("auth")), "first");
    EXPECT_STR(*http_header_find(headers, COUNT_OF(headers), STR("empty")), "");
    assert_null(http_header_find(headers, COUNT_OF(headers), STR("aut")));
    assert_null(http_header_find(NULL, 0, STR("auth")));
}

TEST(counts_headers_of_a_name)
{
    assert_int_equal(http_header_count(headers, COUNT_OF(headers), STR("aUTH")), 2);
    assert_int_equal(http_header_count(headers, COUNT_OF(headers), STR("x")), 0);
}

TEST(names_the_statuses_it_knows)
{
    assert_string_equal(http_reason(200), "OK");
    assert_string_equal(http_reason(422), "Unprocessable Content");
    assert_string_equal(http_reason(429), "Too Many Requests");
    assert_string_equal(http_reason(431), "Request Header Fields Too Large");
    assert_string_equal(http_reason(505), "HTTP Version Not Supported");
    assert_string_equal(http_reason(299), "Unknown");
}

TESTS(UNIT(finds_the_first_header_of_a_name_in_any_case), UNIT(counts_headers_of_a_name),
      UNIT(names_the_statuses_it_knows))
