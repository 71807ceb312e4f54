/* Which headers end at the gateway and which go on. */
#include "http/hop.h"

#include "test.h"

static const struct http_header headers[] = {
    {STR("Connection"), STR("close, X-Mine ,\tauth")},
    {STR("X-Mine"), STR("1")},
    {STR("connection"), STR("Other")},
    {STR("Keep"), STR("x-not-nominated")},
};

static bool ends_here(const char *name)
{
    return hop_by_hop(headers, COUNT_OF(headers), str_from(name));
}

TEST(the_listed_headers_are_not_forwarded_in_any_case)
{
    static const char *const names[] = {
        "Connection", "KEEP-ALIVE", "te",      "Trailer",          "transfer-encoding",
        "Upgrade",    "proxy-",     "Proxy-X", "Proxy-Connection", "PROXY-AUTHORIZATION",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_true(hop_by_hop(NULL, 0, str_from(names[i])));
}

TEST(a_connection_header_nominates_more)
{
    assert_true(ends_here("x-mine"));
    assert_true(ends_here("Auth"));
    assert_true(ends_here("OTHER")); /* of the second one */
    assert_true(ends_here("close"));
}

TEST(everything_else_goes_on)
{
    static const char *const names[] = {
        "x-not-nominated", "x-min", "x-mine2", "content-length", "host", "proxy", "keep", ""};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_false(ends_here(names[i]));
}

TESTS(UNIT(the_listed_headers_are_not_forwarded_in_any_case),
      UNIT(a_connection_header_nominates_more), UNIT(everything_else_goes_on))
