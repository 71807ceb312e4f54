/*
 * dns_read_answer: whatever a name server sends, what is taken from it are addresses with our port,
 * no two of them the same, and a name that has an end.
 */
#include <arpa/inet.h>
#include <assert.h>

#include "fuzz.h"
#include "net/dns.h"

#define PORT 8443

static void check_address(const struct resolved *resolved, size_t index)
{
    const struct resolved_address *item = &resolved->items[index];
    const struct sockaddr_in *v4 = (const void *)&item->address;
    const struct sockaddr_in6 *v6 = (const void *)&item->address;
    bool is_v4 = v4->sin_family == AF_INET && v4->sin_port == htons(PORT);
    bool is_v6 = v6->sin6_family == AF_INET6 && v6->sin6_port == htons(PORT);
    assert((is_v4 && item->length == sizeof(*v4)) || (is_v6 && item->length == sizeof(*v6)));
    for (size_t i = 0; i < index; i++)
        assert(resolved->items[i].length != item->length ||
               memcmp(&resolved->items[i].address, &item->address, item->length) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[DNS_NAME_SIZE] = "api.test";
    struct resolved resolved = {.ttl_s = UINT32_MAX};
    bool fine = dns_read_answer(data, size, PORT, name, &resolved);
    assert(memchr(name, '\0', sizeof(name)));
    assert(resolved.count <= RESOLVE_ADDRESSES && (fine || resolved.count == 0));
    for (size_t i = 0; i < resolved.count; i++)
        check_address(&resolved, i);
    return 0;
}
