/*
 * Runs of host characters are taken from left to right:
 *
 *     Visit:acme.com/a,or http://user@bit.ly:80/x
 *     ----- ********   -- ~~~~        ------
 *
 * A run before "://" is the end of a scheme, and the link is read as a browser reads it; another is
 * a domain, if it ends in a top-level domain. Where a link ends, the search goes on, so that a path
 * that was read too far or not far enough hides nothing with a scheme of its own.
 */
#include "policy/links.h"

#include "base/utf8.h"
#include "policy/text.h"

#include "tlds_table.inc"

/* U+3002 ends sentences where scripts have no spaces, and browsers take it for a dot. */
static const struct str ideographic_stop = STR("\u3002");

bool links_init(struct links *links, struct str folded, struct arena *arena)
{
    *links = (struct links){.text = folded};
    for (size_t i = 0; i < folded.len; i++) {
        if (!str_starts(str_slice(folded, i, folded.len), ideographic_stop))
            continue;
        links->hosts = arena_alloc(arena, folded.len); /* links do not overlap */
        return links->hosts != NULL;
    }
    return true;
}

/* ---- characters ---- */

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* The byte at `at`, or NUL behind the end; validated text has no NUL. */
static char byte_at(struct str text, size_t at)
{
    return at < text.len ? text.data[at] : '\0';
}

/* The bytes of the letter, mark or digit at `at`, or 0. */
static size_t word_character(struct str text, size_t at)
{
    char c = byte_at(text, at);
    uint32_t code;
    if ((uint8_t)c < 0x80)
        return is_letter(c) || is_digit(c);
    size_t length = utf8_decode(str_slice(text, at, text.len), &code);
    return length > 0 && text_is_word_character(code) ? length : 0;
}

/* The bytes of the picture at `at`, or 0: registries sell i❤.ws, and phones tap it. */
static size_t picture(struct str text, size_t at)
{
    uint32_t code;
    size_t length = utf8_decode(str_slice(text, at, text.len), &code);
    return length > 1 && text_is_picture(code) ? length : 0;
}

/* The bytes of a label's character at `at`, or 0. */
static size_t label_character(struct str text, size_t at)
{
    size_t length = byte_at(text, at) == '-' ? 1 : word_character(text, at);
    return length > 0 ? length : picture(text, at);
}

/* The bytes of the dot at `at`, or 0. */
static size_t dot(struct str text, size_t at)
{
    char c = byte_at(text, at);
    if (c == '.' || c != ideographic_stop.data[0])
        return c == '.';
    return str_starts(str_slice(text, at, text.len), ideographic_stop) ? ideographic_stop.len : 0;
}

static size_t skip_digits(struct str text, size_t at)
{
    while (is_digit(byte_at(text, at)))
        at++;
    return at;
}

static bool is_continuation(char c)
{
    return ((uint8_t)c & 0xc0) == 0x80;
}

/* Where the character before `at` begins. `at` is not 0. */
static size_t before(struct str text, size_t at)
{
    do
        at--;
    while (at > 0 && is_continuation(text.data[at]));
    return at;
}

/* ---- schemes ---- */

static bool is_scheme_character(char c)
{
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
}

static bool is_scheme_end(struct str text, size_t at)
{
    return byte_at(text, at) == ':' && is_slash(byte_at(text, at + 1)) &&
           is_slash(byte_at(text, at + 2));
}

/* Where the scheme begins that ends at `colon`, not before `floor`; `colon` when there is none. */
static size_t scheme_start(struct str text, size_t floor, size_t colon)
{
    size_t start = colon;
    while (start > floor && is_scheme_character(text.data[start - 1]))
        start--;
    while (start < colon && !is_letter(text.data[start]))
        start++;
    return start;
}

/* ---- paths ---- */

/* Earlier than phones do: what stands behind is then looked at for links of its own. */
static bool ends_path(char c)
{
    return (uint8_t)c <= ' ' || (uint8_t)c >= 0x80 || strchr("<>\"'`,;|()[]{}^", c);
}

/* The end of what follows the host's port at `at`: path, query, fragment, up to a link in them. */
static size_t path_end(struct str text, size_t at)
{
    size_t end = at;
    if (!is_slash(byte_at(text, at)) && byte_at(text, at) != '?' && byte_at(text, at) != '#')
        return at;
    while (end < text.len && !ends_path(text.data[end])) {
        if (is_scheme_end(text, end))
            return scheme_start(text, at, end);
        end++;
    }
    return end;
}

/* A sentence's own marks are not the link's. */
static struct str without_end_marks(struct str whole)
{
    while (whole.len > 1 && strchr(".,:;!?", whole.data[whole.len - 1]))
        whole.len--;
    return whole;
}

/* ---- hosts ---- */

/* What the label before the next dot is; *at moves behind that dot. */
static struct str next_label(struct str host, size_t *at)
{
    size_t start = *at, end = start, length = 0;
    while (end < host.len && (length = dot(host, end)) == 0)
        end++;
    *at = end + length;
    return str_slice(host, start, end);
}

static bool is_hex_number(struct str label)
{
    if (!str_starts(label, STR("0x")))
        return false;
    for (size_t i = 2; i < label.len; i++) {
        if (hex_digit(label.data[i]) < 0)
            return false;
    }
    return true;
}

/* WHATWG URL 3.5, "ends in a number": browsers read such hosts as addresses only. */
static bool ends_in_number(struct str host)
{
    struct str label = {0};
    for (size_t at = 0; at < host.len;)
        label = next_label(host, &at);
    return label.len > 0 && (skip_digits(label, 0) == label.len || is_hex_number(label));
}

static bool is_international(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        if ((uint8_t)host.data[i] >= 0x80)
            return true;
    }
    for (size_t at = 0; at < host.len;) {
        if (str_starts(next_label(host, &at), STR("xn--")))
            return true;
    }
    return false;
}

/* The host with plain dots. */
static struct str with_plain_dots(struct links *links, struct str host)
{
    struct str plain = {links->hosts, 0};
    if (!links->hosts)
        return host;
    for (size_t i = 0, length; i < host.len; i += length) {
        length = dot(host, i);
        links->hosts[plain.len++] = length ? '.' : host.data[i];
        length += length == 0;
    }
    links->hosts += plain.len;
    return plain;
}

/* The link from `start` to `end`, where the search will go on. */
static bool give(struct links *links, struct link found, size_t start, size_t end, struct link *ret)
{
    found.host = with_plain_dots(links, found.host);
    found.is_international = is_international(found.host);
    found.whole = without_end_marks(str_slice(links->text, start, end));
    links->at = links->floor = end;
    *ret = found;
    return true;
}

/* ---- links with a scheme ---- */

static bool ends_authority(struct str text, size_t at)
{
    char c = text.data[at];
    if ((uint8_t)c <= ' ' || is_slash(c) || strchr("?#<>\"`|^{}", c))
        return true;
    /* U+1680, U+2028, U+2029: blanks that folding has not made spaces */
    return (uint8_t)c >= 0x80 && utf8_is_blank(str_slice(text, at, at + 3));
}

/* The end of user, host and port: as long as a browser's, since an "@" at its end would matter. */
static size_t authority_end(struct str text, size_t at)
{
    while (at < text.len && !ends_authority(text, at))
        at++;
    return at;
}

/* Where the host begins: behind the last "@". */
static size_t host_start(struct str text, size_t start, size_t end)
{
    for (size_t i = end; i > start; i--) {
        if (text.data[i - 1] == '@')
            return i;
    }
    return start;
}

/* From `start`, up to the port's colon if there is one, or behind an IPv6 address's bracket. */
static size_t host_end(struct str text, size_t start, size_t end)
{
    struct str host = str_slice(text, start, end);
    if (byte_at(host, 0) != '[')
        return start + str_find(host, ':');
    size_t bracket = str_find(host, ']');
    return bracket < host.len ? start + bracket + 1 : end;
}

/* Of "[::1]", the inside; of any other host, what its last letter, mark or digit ends. */
static struct str bare_host(struct str host)
{
    if (byte_at(host, 0) == '[' && host.data[host.len - 1] == ']')
        return str_slice(host, 1, host.len - 1);
    while (host.len > 0) {
        size_t last = before(host, host.len);
        if (word_character(host, last))
            break;
        host.len = last;
    }
    return host;
}

/* The link whose scheme ends at `colon`. What is none is passed over. */
static bool scheme_link(struct links *links, size_t colon, struct link *ret)
{
    struct str text = links->text;
    size_t start = scheme_start(text, links->floor, colon), user = colon + 1;
    while (is_slash(byte_at(text, user)))
        user++; /* browsers do not count them */
    size_t limit = authority_end(text, user), host = host_start(text, user, limit);
    size_t end = host_end(text, host, limit);
    struct link found = {.scheme = str_slice(text, start, colon),
                         .host = bare_host(str_slice(text, host, end)),
                         .has_userinfo = host > user};
    links->at = end;
    if (is_scheme_end(text, end)) { /* http://https://acme.com: phones tap the second */
        links->at = host;
        return false;
    }
    if (found.host.len == 0)
        return false;
    found.is_address = byte_at(text, host) == '[' || ends_in_number(found.host);
    if (byte_at(text, end) == ':')
        end = skip_digits(text, end + 1);
    return give(links, found, start, end == limit ? path_end(text, end) : end, ret);
}

/* ---- links without a scheme ---- */

static bool is_tld(struct str label)
{
    size_t low = 0, high = COUNT_OF(tld_rows);
    if (label.len < 2 || is_digit(label.data[0]))
        return false;
    if (str_starts(label, STR("xn--")))
        return true; /* nobody would write that to mean something else */
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(label, tld_rows[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* The ASCII letters and digits that the label begins with: "com" of "com-Offer" and "com请看". */
static struct str plain_part(struct str label)
{
    size_t end = 0;
    while (is_letter(byte_at(label, end)) || is_digit(byte_at(label, end)))
        end++;
    return str_slice(label, 0, end);
}

/* The length of the domain that the run begins with: up to its last top-level domain, or 0. */
static size_t domain_length(struct str run)
{
    size_t length = 0, at = 0;
    (void)next_label(run, &at);
    while (at < run.len) {
        size_t start = at;
        struct str label = next_label(run, &at), plain = plain_part(label);
        if (is_tld(label))
            length = start + label.len;
        else if (plain.len < label.len && is_tld(plain))
            length = start + plain.len;
    }
    return length;
}

static bool is_octet(struct str label)
{
    uint64_t value;
    return label.len <= 3 && str_to_u64(label, &value) && value <= 255;
}

/* The length of the dotted address that the run begins with, or 0. 1.2.3.4.5 is a version. */
static size_t address_length(struct str run)
{
    size_t length = 0, at = 0;
    for (int i = 0; i < 4; i++) {
        size_t start = at;
        struct str label = next_label(run, &at);
        struct str octet = i < 3 ? label : plain_part(label);
        if (!is_octet(octet))
            return 0;
        length = start + octet.len;
    }
    return at < run.len && is_digit(run.data[at]) ? 0 : length;
}

/* The end of the labels, with single dots between them, that begin at `at`. */
static size_t run_end(struct str text, size_t at)
{
    while (at < text.len) {
        size_t length = label_character(text, at);
        if (length == 0) {
            length = dot(text, at);
            if (length == 0 || label_character(text, at + length) == 0)
                break;
        }
        at += length;
    }
    return at;
}

/* True when an email address goes through the run: name@run, or run@domain.tld. */
static bool is_email(struct str text, size_t start, size_t end)
{
    if (start > 1 && text.data[start - 1] == '@') {
        size_t local = before(text, start - 1);
        if (word_character(text, local) || strchr("._%+-", text.data[local]))
            return true;
    }
    if (byte_at(text, end) != '@')
        return false;
    /* bit.ly@x is none, and its bit.ly can be tapped */
    return domain_length(str_slice(text, end + 1, run_end(text, end + 1))) > 0;
}

/* The link without a scheme that the run from `start` to `end` begins with. */
static bool bare_link(struct links *links, size_t start, size_t end, struct link *ret)
{
    struct str text = links->text, run = str_slice(text, start, end);
    struct link found = {0};
    if (is_email(text, start, end))
        return false;
    size_t length = domain_length(run);
    if (length == 0) {
        length = address_length(run);
        found.is_address = length > 0;
    }
    if (length == 0 && str_starts(run, STR("www")) && dot(run, 3))
        length = run.len;
    if (length == 0)
        return false;
    found.host = str_slice(run, 0, length);
    size_t stop = start + length, port = skip_digits(text, stop + 1);
    if (byte_at(text, stop) == ':' && port > stop + 1)
        stop = port;
    return give(links, found, start, path_end(text, stop), ret);
}

/* ---- left to right ---- */

/* A picture in front of a domain points at it; one in front of a dot is a label. */
static bool begins_run(struct str text, size_t at)
{
    size_t length = picture(text, at);
    return length > 0 ? dot(text, at + length) > 0 : word_character(text, at) > 0;
}

/* The next labels with single dots between them; links->at moves to their end. */
static bool next_run(struct links *links, size_t *start)
{
    struct str text = links->text;
    size_t at = links->at;
    while (at < text.len && !begins_run(text, at))
        at++;
    *start = at;
    links->at = run_end(text, at);
    return links->at > at;
}

/* The colon of a scheme whose last run ends at `end`; 0 when none does. */
static size_t scheme_colon(const struct links *links, size_t end)
{
    while (byte_at(links->text, end) == '+' || byte_at(links->text, end) == '.')
        end++;
    bool scheme =
        is_scheme_end(links->text, end) && scheme_start(links->text, links->floor, end) < end;
    return scheme ? end : 0;
}

bool links_next(struct links *links, struct link *ret)
{
    size_t start, colon;
    while (next_run(links, &start)) {
        size_t end = links->at;
        if ((colon = scheme_colon(links, end)) > 0 && scheme_link(links, colon, ret))
            return true;
        if (bare_link(links, start, end, ret))
            return true;
    }
    return false;
}

/* ---- what hosts are ---- */

#define LABEL_CHARACTERS 63 /* RFC 1035 2.3.4 */

/* Of letters, marks and digits, with "-" between them. */
static bool is_plain_label(struct str label)
{
    size_t last = 0, length;
    for (size_t i = 0; i < label.len; i += length) {
        length = label.data[i] == '-' ? 1 : word_character(label, i);
        if (length == 0)
            return false;
        last = i;
    }
    return label.len > 0 && utf8_utf16_units(label) <= LABEL_CHARACTERS &&
           word_character(label, 0) && word_character(label, last);
}

bool link_host_is_plain(struct str host)
{
    bool plain = true;
    for (size_t at = 0; plain && at < host.len;)
        plain = is_plain_label(next_label(host, &at));
    return plain;
}

static const struct str shorteners[] = {
    STR("adf.ly"),    STR("aka.ms"),      STR("amzn.to"),   STR("bit.do"),      STR("bit.ly"),
    STR("bitly.com"), STR("bl.ink"),      STR("buff.ly"),   STR("clck.ru"),     STR("cutt.ly"),
    STR("dlvr.it"),   STR("fb.me"),       STR("goo.gl"),    STR("goo.su"),      STR("gg.gg"),
    STR("ift.tt"),    STR("is.gd"),       STR("j.mp"),      STR("kutt.it"),     STR("linktr.ee"),
    STR("lnkd.in"),   STR("lnk.to"),      STR("n9.cl"),     STR("ow.ly"),       STR("po.st"),
    STR("q.gs"),      STR("qr.ae"),       STR("rb.gy"),     STR("rebrand.ly"),  STR("s.id"),
    STR("short.gy"),  STR("short.io"),    STR("shorte.st"), STR("shorturl.at"), STR("snip.ly"),
    STR("soo.gd"),    STR("t.co"),        STR("t.ly"),      STR("t2m.io"),      STR("tiny.cc"),
    STR("tiny.one"),  STR("tinyurl.com"), STR("trib.al"),   STR("u.to"),        STR("urlz.fr"),
    STR("v.gd"),      STR("v.ht"),        STR("vk.cc"),     STR("wp.me"),       STR("x.co"),
    STR("x.gd"),      STR("zpr.io"),      STR("zws.im"),
};

/* The last two labels: every shortener's own name has just these. */
static struct str last_labels(struct str host)
{
    size_t start = host.len, dots = 0;
    while (start > 0 && (host.data[start - 1] != '.' || dots++ == 0))
        start--;
    return str_slice(host, start, host.len);
}

bool link_is_shortener(struct str host)
{
    struct str name = last_labels(host);
    for (size_t i = 0; i < COUNT_OF(shorteners); i++) {
        if (str_equal(name, shorteners[i]))
            return true;
    }
    return false;
}
