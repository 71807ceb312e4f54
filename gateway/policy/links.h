/*
 * What a phone would let its user tap: links in a text, found rather once too often than missed.
 *
 * The text is folded (text.h), so that neither case, nor full-width letters, nor characters without
 * width hide a link. A link is
 *   - anything behind a scheme: https://acme.com/a, hxxp:\\acme; "\" is read as "/", as browsers do
 *   - www. and more
 *   - a domain below a top-level domain that exists: bit.ly/x; what follows its last one is left
 *     out, so "acme.com.Thanks" is acme.com, and "done.Please" is nothing
 *   - a dotted IPv4 address
 * In the latter three a domain begins wherever characters of a host begin (letters, marks and
 * digits of any script, "-"), whatever stands in front; pictures may stand within it (i❤.ws).
 * Email addresses below a top-level domain that exists are no links. Ideographic
 * full stops are dots (UTS #46), and a link in the path or query of another counts as well if it
 * has a scheme.
 *
 * A sentence without spaces may belong to the host: "请看acme.com" is the host 请看acme.com, which
 * phones also read so. Pure and linear.
 */
#pragma once

#include "base/arena.h"

struct link {
    struct str scheme;     /* without "://"; empty when there is none */
    struct str host;       /* lower case, without user, port and dots at its end */
    struct str whole;      /* as folded, for telling it to a person */
    bool has_userinfo;     /* something@ before the host */
    bool is_address;       /* an address in any spelling a browser takes: 10.1, 0x7f000001, [::1] */
    bool is_international; /* not ASCII, or with an xn-- label */
};

struct links {
    struct str text;
    size_t at;
    size_t floor; /* where the last link ended */
    char *hosts;  /* room for hosts that must be rewritten; NULL when no dot is ideographic */
};

/*
 * Goes through the links of a folded text. The text and the arena must live as long as the links'
 * views. False when the arena is full; it takes at most the bytes of the text.
 */
MUST_USE bool links_init(struct links *links, struct str folded, struct arena *arena);

/* The next link, in text order. False at the end. */
MUST_USE bool links_next(struct links *links, struct link *ret);

/*
 * True when the host consists of labels as DNS has them, so that no phone ends the link within it:
 * of https://evil.com,.acme.com browsers make one host, and many phones a link to evil.com.
 */
bool link_host_is_plain(struct str host);

/* True for public services that hide where a link leads, such as bit.ly, and hosts below them. */
bool link_is_shortener(struct str host);
