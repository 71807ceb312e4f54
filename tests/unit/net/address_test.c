#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "test.h"

static struct sockaddr_storage at(const char *host, uint16_t port)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *v4 = (void *)&address;
    struct sockaddr_in6 *v6 = (void *)&address;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
    } else {
        assert_int_equal(inet_pton(AF_INET6, host, &v6->sin6_addr), 1);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
    }
    return address;
}

static bool is_own(const char *host, uint16_t port, const char *listening, uint16_t listening_port)
{
    const struct sockaddr_storage to = at(host, port), own = at(listening, listening_port);
    return address_is_own((const void *)&to, (const void *)&own);
}

TEST(the_address_that_is_listened_on_is_own)
{
    assert_true(is_own("127.0.0.1", 443, "127.0.0.1", 443));
    assert_true(is_own("::ffff:127.0.0.1", 443, "127.0.0.1", 443));
    assert_true(is_own("::1", 443, "::1", 443));
}

TEST(on_all_addresses_each_of_this_host_is_own)
{
    assert_true(is_own("127.0.0.1", 443, "0.0.0.0", 443));
    assert_true(is_own("127.8.8.8", 443, "0.0.0.0", 443));
    assert_true(is_own("127.0.0.1", 443, "::", 443));
    assert_true(is_own("0.0.0.0", 443, "0.0.0.0", 443)); /* connecting there leads here, too */
}

TEST(others_are_not_own)
{
    assert_false(is_own("127.0.0.1", 443, "127.0.0.1", 8443));
    assert_false(is_own("127.0.0.2", 443, "127.0.0.1", 443));
    assert_false(is_own("192.0.2.1", 443, "0.0.0.0", 443));
    assert_false(is_own("2001:db8::1", 443, "::", 443));
    const struct sockaddr_storage to = at("127.0.0.1", 443), unknown = {.ss_family = AF_UNSPEC};
    assert_false(address_is_own((const void *)&to, (const void *)&unknown));
}

TESTS(UNIT(the_address_that_is_listened_on_is_own), UNIT(on_all_addresses_each_of_this_host_is_own),
      UNIT(others_are_not_own))
