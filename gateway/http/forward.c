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
    STR("x-http-method"),
    STR("x-http-method-override"),
    STR("x-method-override"),
    STR("x-original-url"),
    STR("x-rewrite-url"),
};

/* Of the answer: rebuilt, or ours to say. */
static const struct str not_relayed[] = {
    STR("content-length"),
    STR("x-decision-id"),
    STR("x-campaign-gateway"),
};

static bool is_listed(struct str name, const struct str *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal_nocase(name, list[i]))
            return true;
    }
    return false;
}

/* Copies the headers that are neither on the list nor the business of this hop. */
static void put_headers(const struct http_header *headers, size_t count, const struct str *dropped,
                        size_t dropped_count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        if (is_listed(headers[i].name, dropped, dropped_count) ||
            hop_by_hop(headers, count, headers[i].name))
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
    put_headers(request->headers, request->header_count, not_forwarded, COUNT_OF(not_forwarded),
                out);
    buf_append(out, STR("\r\n"));
    buf_append(out, body); /* in one piece with the head: one write, one TLS record */
}

void forward_answer_head(const struct http_response *response, size_t body_len, struct buf *out)
{
    buf_format(out, "HTTP/1.1 %d %.*s\r\n", response->status, STR_ARGS(response->reason));
    put_headers(response->headers, response->header_count, not_relayed, COUNT_OF(not_relayed), out);
    if (response->status != 204 && response->status != 304) /* RFC 9110 8.6 */
        buf_format(out, "content-length: %zu\r\n", body_len);
}
