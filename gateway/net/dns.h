/*
 * Addresses from DNS alone: the name servers of /etc/resolv.conf are asked, /etc/hosts is never
 * read. For a gateway whose pod maps the upstream's name to the gateway itself (decisions/0022).
 */
#pragma once

#include "net/resolve.h"

#define DNS_ALIASES 8 /* CNAMEs followed one after the other; more is a mistake or a loop */

/*
 * Asks for A and AAAA of `host`, taken as a full name: search domains are not tried. Blocks for as
 * long as the name servers take, some seconds at most. False when there is no address.
 */
MUST_USE bool dns_look_up(const char *host, uint16_t port, struct resolved *ret);

/*
 * What one message says about `name`: follows its CNAMEs, as far as the message has them, and adds
 * the addresses at their end. `name` becomes what to ask for next when there are none. False when
 * it is not a DNS message, or its CNAMEs go in a circle. For dns_look_up; pure.
 */
#define DNS_NAME_SIZE 1025 /* presentation form: NS_MAXDNAME */
MUST_USE bool dns_read_answer(const unsigned char *message, size_t size, uint16_t port,
                              char name[DNS_NAME_SIZE], struct resolved *ret);
