/*
 * Headers that belong to one hop and are not forwarded (RFC 9110 7.6.1).
 */
#pragma once

#include "http/message.h"

/*
 * True for Connection, Keep-Alive, Proxy-*, TE, Trailer, Transfer-Encoding, Upgrade, and for each
 * name that a Connection header among `headers` nominates. Content-Length and Host are framing,
 * not hop-by-hop: callers rebuild them.
 */
bool hop_by_hop(const struct http_header *headers, size_t count, struct str name);
