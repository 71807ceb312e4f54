#include "net/dns.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* What fits into one answer over TCP; resolvers that are in use answer with far less. */
#define ANSWER_BYTES 65535

/* For one server and try; two tries. A refresh is due every 30 s, and the last answer stands. */
#define TRY_S 2
#define TRIES 2

/* ---- reading ---- */

/* The same name, with or without the dot of the root. */
static bool same_name(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    a_len -= a_len > 0 && a[a_len - 1] == '.';
    b_len -= b_len > 0 && b[b_len - 1] == '.';
    return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

static void lower_ttl(struct resolved *resolved, uint32_t ttl_s)
{
    if (ttl_s < resolved->ttl_s)
        resolved->ttl_s = ttl_s;
}

/* The target of the name's CNAME, if the message has one. */
static bool follow_alias(ns_msg *message, char name[DNS_NAME_SIZE], struct resolved *ret)
{
    for (int i = 0; i < ns_msg_count(*message, ns_s_an); i++) {
        ns_rr record;
        char target[DNS_NAME_SIZE];
        if (ns_parserr(message, ns_s_an, i, &record) != 0 || ns_rr_type(record) != ns_t_cname ||
            ns_rr_class(record) != ns_c_in || !same_name(ns_rr_name(record), name))
            continue;
        if (ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), ns_rr_rdata(record),
                               target, sizeof(target)) < 0)
            continue;
        (void)snprintf(name, DNS_NAME_SIZE, "%s", target);
        lower_ttl(ret, ns_rr_ttl(record));
        return true;
    }
    return false;
}

static void add_address(const ns_rr *record, uint16_t port, struct resolved *ret)
{
    if (ret->count == RESOLVE_ADDRESSES)
        return;
    struct resolved_address item = {.length = 0};
    struct sockaddr_in *v4 = (void *)&item.address;
    struct sockaddr_in6 *v6 = (void *)&item.address;
    if (ns_rr_type(*record) == ns_t_a && ns_rr_rdlen(*record) == sizeof(v4->sin_addr)) {
        *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&v4->sin_addr, ns_rr_rdata(*record), sizeof(v4->sin_addr));
        item.length = sizeof(*v4);
    } else if (ns_rr_type(*record) == ns_t_aaaa && ns_rr_rdlen(*record) == sizeof(v6->sin6_addr)) {
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&v6->sin6_addr, ns_rr_rdata(*record), sizeof(v6->sin6_addr));
        item.length = sizeof(*v6);
    } else {
        return;
    }
    lower_ttl(ret, ns_rr_ttl(*record));
    if (!resolved_has(ret, &item))
        ret->items[ret->count++] = item;
}

bool dns_read_answer(const unsigned char *bytes, size_t size, uint16_t port,
                     char name[DNS_NAME_SIZE], struct resolved *ret)
{
    ns_msg message;
    if (size > ANSWER_BYTES || ns_initparse(bytes, (int)size, &message) != 0 ||
        ns_msg_getflag(message, ns_f_rcode) != ns_r_noerror)
        return false;
    for (int hops = 0; follow_alias(&message, name, ret); hops++) {
        if (hops == DNS_ALIASES)
            return false;
    }
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        ns_rr record;
        if (ns_parserr(&message, ns_s_an, i, &record) == 0 && ns_rr_class(record) == ns_c_in &&
            same_name(ns_rr_name(record), name))
            add_address(&record, port, ret);
    }
    return true;
}

/* ---- asking ---- */

/* The answer's size; 0: there is none. */
static size_t ask_once(struct __res_state *state, const char *name, ns_type type,
                       unsigned char *answer)
{
    unsigned char query[NS_PACKETSZ + DNS_NAME_SIZE];
    int length =
        res_nmkquery(state, ns_o_query, name, ns_c_in, type, NULL, 0, NULL, query, sizeof(query));
    /* it asks again over TCP when the answer was cut */
    int size = length > 0 ? res_nsend(state, query, length, answer, ANSWER_BYTES) : -1;
    return size < 0 ? 0 : size > ANSWER_BYTES ? ANSWER_BYTES : (size_t)size;
}

/* A server that leaves the end of a chain of CNAMEs to us is asked for that, too. */
static void ask(struct __res_state *state, const char *host, uint16_t port, ns_type type,
                unsigned char *answer, struct resolved *ret)
{
    char name[DNS_NAME_SIZE], asked[DNS_NAME_SIZE];
    size_t before = ret->count;
    (void)snprintf(name, sizeof(name), "%s", host);
    for (int hops = 0; hops <= DNS_ALIASES; hops++) {
        (void)snprintf(asked, sizeof(asked), "%s", name);
        size_t size = ask_once(state, name, type, answer);
        if (size == 0 || !dns_read_answer(answer, size, port, name, ret) || ret->count > before ||
            same_name(asked, name))
            return;
    }
}

/* Connecting a datagram socket sends nothing, and fails when no route leads there. */
static bool has_route(const struct resolved_address *item)
{
    const struct sockaddr *address = (const void *)&item->address;
    int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool routed = fd >= 0 && connect(fd, address, item->length) == 0;
    if (fd >= 0)
        close(fd);
    return routed;
}

/* What leads nowhere from here, such as IPv6 in a pod without it, would cost a connect timeout. */
static void drop_unreachable(struct resolved *resolved)
{
    size_t kept = 0;
    for (size_t i = 0; i < resolved->count; i++) {
        if (has_route(&resolved->items[i]))
            resolved->items[kept++] = resolved->items[i];
    }
    if (kept > 0) /* otherwise it is the network that is down, and connecting says so best */
        resolved->count = kept;
}

bool dns_look_up(const char *host, uint16_t port, struct resolved *ret)
{
    struct __res_state state = {0};
    unsigned char *answer = malloc(ANSWER_BYTES);
    *ret = (struct resolved){.ttl_s = UINT32_MAX};
    if (!answer || res_ninit(&state) != 0) {
        free(answer);
        return false;
    }
    state.retrans = TRY_S;
    state.retry = TRIES;
    /* IPv4 first: addresses are tried one after the other, and that is what a pod surely has */
    ask(&state, host, port, ns_t_a, answer, ret);
    ask(&state, host, port, ns_t_aaaa, answer, ret);
    res_nclose(&state);
    free(answer);
    drop_unreachable(ret);
    return ret->count > 0;
}
