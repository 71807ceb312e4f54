#include "http/forward.h"

#include "http/hop.h"

/* Rebuilt, injected, or a way to say something else than what was judged. */
static const struct str not_forwarded[] = {
    STR("host"),
    STR("content-length"),
    STR("content-type"),
    STR("expect"),
    STR("accountid"),
    STR("iid"),
    STR("accept-encoding"), /* the answer must be readable for the audit */
    STR("x-decision-id"),
    STR("x-campaign-gateway"),
    STR("x-policy"),
    STR("x-policy-shadow"),
    STR("x-audit"),
    STR("x-http-method"),
    STR("x-http-method-override"),
    STR("x-method-override"),
    STR("x-original-url"),
    STR("x-rewrite-url"),
    STR("forwarded"),
    STR("x-forwarded-*"), /* where a request came from is not for the client to say */
    STR("x-real-ip"),
    STR("true-client-ip"),
    STR("cf-connecting-ip"),
    STR("x-envoy-*"),
    STR("x-client-*"),
    STR("x-ssl-*"),
    STR("x-campaign-*"),
    STR("traceparent"),
    STR("tracestate"),
};

/* Of the answer: rebuilt, or ours to say. */
static const struct str not_relayed[] = {
    STR("content-length"), STR("x-decision-id"),   STR("x-campaign-gateway"),
    STR("x-policy"),       STR("x-policy-shadow"), STR("x-audit"),
};

static bool same_name(struct str name, struct str listed)
{
    if (name.len != listed.len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        struct str a = str_slice(name, i, i + 1), b = str_slice(listed, i, i + 1);
        if (!str_equal_nocase(a, b) && !(a.data[0] == '_' && b.data[0] == '-'))
            return false;
    }
    return true;
}

/* A listed name that ends in * stands for all that begin so. */
static bool is_listed(struct str name, const struct str *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str listed = list[i], start = name;
        if (str_ends(listed, STR("*"))) {
            listed = str_slice(listed, 0, listed.len - 1);
            start = str_slice(name, 0, listed.len);
        }
        if (same_name(start, listed))
            return true;
    }
    return false;
}

/* Copies the headers that are neither on the list, nor `secret`, nor the business of this hop. */
static void put_headers(const struct http_header *headers, size_t count, const struct str *dropped,
                        size_t dropped_count, struct str secret, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        if (is_listed(headers[i].name, dropped, dropped_count) ||
            same_name(headers[i].name, secret) || hop_by_hop(headers, count, headers[i].name))
            continue;
        buf_append(out, headers[i].name);
        buf_append(out, STR(": "));
        buf_append(out, headers[i].value);
        buf_append(out, STR("\r\n"));
    }
}

void forward_request(const struct http_request *request, const struct forward_target *target,
                     struct str body, struct buf *out)
{
    buf_append(out, request->method);
    buf_append_byte(out, ' ');
    buf_append(out, request->target);
    if (target->add_account_id) {
        buf_append(out, STR("&accountId="));
        buf_append(out, target->account_id);
    }
    buf_append(out, STR(" HTTP/1.1\r\nhost: "));
    buf_append(out, target->authority);
    buf_append(out, STR("\r\naccountid: "));
    buf_append(out, target->account_id);
    buf_append(out, STR("\r\niid: "));
    buf_append(out, target->stream_id);
    buf_format(out, "\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n", body.len);
    trace_context_put(target->trace, target->span_id, request->headers, request->header_count, out);
    put_headers(request->headers, request->header_count, not_forwarded, COUNT_OF(not_forwarded),
                target->api_key_header, out);
    buf_append(out, STR("\r\n"));
    buf_append(out, body); /* in one piece with the head: one write, one TLS record */
}

void forward_answer_head(const struct http_response *response, size_t body_len, struct buf *out)
{
    buf_format(out, "HTTP/1.1 %d %.*s\r\n", response->status, STR_ARGS(response->reason));
    put_headers(response->headers, response->header_count, not_relayed, COUNT_OF(not_relayed),
                (struct str){0}, out);
    if (response->status != 204 && response->status != 304) /* RFC 9110 8.6 */
        buf_format(out, "content-length: %zu\r\n", body_len);
}
