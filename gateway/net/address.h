/*
 * Socket addresses: as text, as a listening socket, and as the client they count for.
 */
#pragma once

#include <sys/socket.h>

#include "base/error.h"

/* "[IPv6 address]:port" and its NUL. */
#define ADDRESS_TEXT_SIZE 64

/* The numeric address with its port; "unknown" for a family that is neither IPv4 nor IPv6. */
void address_format(const struct sockaddr *address, char out[ADDRESS_TEXT_SIZE]);

/*
 * Whom an address counts for: itself in IPv4, its /64 in IPv6, because that is the least that one
 * customer is given (RFC 6177). IPv4 mapped into IPv6 counts as IPv4.
 */
struct client_key {
    uint64_t prefix;
    bool is_v4;
};

struct client_key address_client(const struct sockaddr *address);

/* How long an address of its family is; 0 for a family that is neither IPv4 nor IPv6. */
socklen_t address_length(const struct sockaddr *address);

/*
 * Whether connecting to `address` would reach whoever listens on `listening`: the same port, and
 * the same host, or any host of this machine when it listens on all of them.
 */
bool address_is_own(const struct sockaddr *address, const struct sockaddr *listening);

/* A listening socket, bound to "HOST:PORT" or "[IPV6]:PORT" (port 0: any free one). -1 with `err`
 * and errno.
 */
MUST_USE int address_listen(struct str address, struct error *err);

/* Where a socket is bound; a family of 0 when that cannot be told. */
struct sockaddr_storage address_of_socket(int fd);
void address_text_of_socket(int fd, char text[ADDRESS_TEXT_SIZE]);
