#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

/* Connections the kernel completes before we accept them; it caps this at somaxconn. */
#define BACKLOG 4096

void address_format(const struct sockaddr *address, char out[ADDRESS_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    if (address->sa_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host)))
        (void)snprintf(out, ADDRESS_TEXT_SIZE, "%s:%u", host, ntohs(v4->sin_port));
    else if (address->sa_family == AF_INET6 &&
             inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host)))
        (void)snprintf(out, ADDRESS_TEXT_SIZE, "[%s]:%u", host, ntohs(v6->sin6_port));
    else
        (void)snprintf(out, ADDRESS_TEXT_SIZE, "unknown");
}

struct client_key address_client(const struct sockaddr *address)
{
    struct client_key key = {0};
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    if (address->sa_family == AF_INET) {
        key.is_v4 = true;
        memcpy(&key.prefix, &v4->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        key.is_v4 = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        memcpy(&key.prefix, v6->sin6_addr.s6_addr + (key.is_v4 ? 12 : 0), key.is_v4 ? 4 : 8);
    }
    return key;
}

socklen_t address_length(const struct sockaddr *address)
{
    return address->sa_family == AF_INET    ? sizeof(struct sockaddr_in)
           : address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                            : 0;
}

/* Host and port, with IPv4 as IPv6 has it, so that the two compare. */
struct endpoint {
    struct in6_addr host;
    in_port_t port;
    bool known;
};

static struct endpoint endpoint_of(const struct sockaddr *address)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    struct endpoint end = {.known = address_length(address) > 0};
    if (address->sa_family == AF_INET6) {
        end.host = v6->sin6_addr;
        end.port = v6->sin6_port;
    } else if (address->sa_family == AF_INET) {
        memset(end.host.s6_addr + 10, 0xff, 2);
        memcpy(end.host.s6_addr + 12, &v4->sin_addr, 4);
        end.port = v4->sin_port;
    }
    return end;
}

static bool is_any(const struct in6_addr *host)
{
    static const unsigned char any_v4[16] = {[10] = 0xff, [11] = 0xff};
    return IN6_IS_ADDR_UNSPECIFIED(host) || memcmp(host, any_v4, sizeof(any_v4)) == 0;
}

/* Only to an address of one's own can a socket be bound. */
static bool is_of_this_host(const struct sockaddr *address)
{
    struct sockaddr_storage any_port = {0};
    memcpy(&any_port, address, address_length(address));
    if (any_port.ss_family == AF_INET)
        ((struct sockaddr_in *)&any_port)->sin_port = 0;
    else
        ((struct sockaddr_in6 *)&any_port)->sin6_port = 0;
    int fd = socket(any_port.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool own = fd >= 0 && bind(fd, (struct sockaddr *)&any_port, address_length(address)) == 0;
    if (fd >= 0)
        close(fd);
    return own;
}

bool address_is_own(const struct sockaddr *address, const struct sockaddr *listening)
{
    const struct endpoint to = endpoint_of(address), own = endpoint_of(listening);
    if (!to.known || !own.known || to.port != own.port)
        return false;
    return is_any(&own.host) ? is_of_this_host(address)
                             : memcmp(&to.host, &own.host, sizeof(to.host)) == 0;
}

/* "HOST:PORT" or "[IPV6]:PORT" into its halves, as C strings. */
static bool split_address(struct str address, char *host, size_t host_size, char *port,
                          size_t port_size)
{
    size_t colon = address.len;
    while (colon > 0 && address.data[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    struct str name = str_slice(address, 0, colon - 1);
    struct str number = str_slice(address, colon, address.len);
    uint64_t value;
    if (name.len >= 2 && name.data[0] == '[' && name.data[name.len - 1] == ']')
        name = str_slice(name, 1, name.len - 1);
    else if (str_find(name, ':') < name.len)
        return false; /* an IPv6 address needs its brackets */
    if (name.len == 0 || name.len >= host_size || number.len >= port_size ||
        !str_to_u64(number, &value) || value > UINT16_MAX)
        return false;
    (void)snprintf(host, host_size, "%.*s", STR_ARGS(name));
    (void)snprintf(port, port_size, "%.*s", STR_ARGS(number));
    return true;
}

static int bind_first(const struct addrinfo *found)
{
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* lets a restart bind although old connections are in TIME_WAIT; two live ones still clash */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0 &&
        bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

int address_listen(struct str address, struct error *err)
{
    char host[256], port[8];
    if (!split_address(address, host, sizeof(host), port, sizeof(port))) {
        error_set(err, "'%.*s' is not HOST:PORT or [IPV6]:PORT", STR_ARGS(address));
        errno = EINVAL;
        return -1;
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int answer = getaddrinfo(host, port, &hints, &found);
    if (answer != 0) {
        error_set(err, "cannot resolve '%s': %s", host, gai_strerror(answer));
        errno = EADDRNOTAVAIL;
        return -1;
    }
    int fd = bind_first(found), why = errno;
    if (fd < 0)
        error_set(err, "cannot listen on %.*s: %s", STR_ARGS(address), strerrordesc_np(why));
    freeaddrinfo(found);
    errno = why;
    return fd;
}

struct sockaddr_storage address_of_socket(int fd)
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof(bound);
    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0)
        bound.ss_family = AF_UNSPEC;
    return bound;
}

void address_text_of_socket(int fd, char text[ADDRESS_TEXT_SIZE])
{
    const struct sockaddr_storage bound = address_of_socket(fd);
    address_format((const struct sockaddr *)&bound, text);
}
