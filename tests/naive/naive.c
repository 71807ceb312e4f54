/*
 * The server one writes first on libevhtp, libevent and cJSON as Debian ships them. Every handler
 * below is a trap of its own; nothing here is an example. tests/e2e/test_traps.py sends the probes
 * that the gateway must withstand to this server too, to show that each of them is able to fail.
 *
 *     naive CERTIFICATE KEY UPSTREAM_PORT [accept] [timeouts] [threads]
 *
 * prints {"port": N} and serves until it is killed, unless the probe does that.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <evhtp/evhtp.h>
#include <openssl/ssl.h>

static struct event_base *base;
static struct evdns_base *evdns;
static SSL_CTX *client_tls;
static struct evhttp_connection *upstream;
static uint16_t upstream_port;

/* ---- answers at once ---- */

/* Tells what the parser made of the request: path and length of the body. */
static void echo(evhtp_request_t *request, void *arg)
{
    (void)arg;
    evbuffer_add_printf(request->buffer_out, "%s %zu", request->uri->path->full,
                        evbuffer_get_length(request->buffer_in));
    evhtp_send_reply(request, EVHTP_RES_OK);
}

static int copy_header(evhtp_kv_t *header, void *into)
{
    return evbuffer_add(into, header->key, strlen(header->key)) ||
           evbuffer_add(into, header->val, strlen(header->val));
}

static void headers(evhtp_request_t *request, void *arg)
{
    (void)arg;
    evhtp_headers_for_each(request->headers_in, copy_header, request->buffer_out);
    evhtp_send_reply(request, EVHTP_RES_OK);
}

static evhtp_res refuse_early(evhtp_request_t *request, evhtp_headers_t *head, void *arg)
{
    (void)head, (void)arg;
    evhtp_headers_add_header(request->headers_out, evhtp_header_new("Connection", "close", 0, 0));
    evhtp_send_reply(request, EVHTP_RES_ENTOOLARGE);
    return EVHTP_RES_OK;
}

static void big(evhtp_request_t *request, void *arg)
{
    (void)arg;
    static char piece[1 << 20];
    for (int i = 0; i < 64; i++)
        evbuffer_add(request->buffer_out, piece, sizeof(piece));
    evhtp_send_reply(request, EVHTP_RES_OK);
}

/* Lets cJSON judge the body, looks a name up and prints the tree again. */
static void json(evhtp_request_t *request, void *arg)
{
    (void)arg;
    evbuffer_add(request->buffer_in, "", 1);
    cJSON *tree = cJSON_Parse((const char *)evbuffer_pullup(request->buffer_in, -1));
    char *name = cJSON_GetStringValue(cJSON_GetObjectItem(tree, "name"));
    char *printed = tree ? cJSON_PrintUnformatted(tree) : NULL;
    evbuffer_add_printf(request->buffer_out, "%s\n%s", name ? name : "", printed ? printed : "");
    evhtp_send_reply(request, tree ? EVHTP_RES_OK : EVHTP_RES_BADREQ);
    free(printed);
    cJSON_Delete(tree);
}

/* ---- answers later ---- */

static void answer_later(evhtp_request_t *request, event_callback_fn answer)
{
    const struct timeval delay = {0, 600000};
    event_base_once(base, -1, EV_TIMEOUT, answer, request, &delay);
}

static void answer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    echo(arg, NULL);
}

static void answer_and_resume(evutil_socket_t fd, short what, void *arg)
{
    evhtp_connection_t *connection = evhtp_request_get_connection(arg);
    answer(fd, what, arg);
    evhtp_connection_resume(connection);
}

static void later(evhtp_request_t *request, void *arg)
{
    (void)arg;
    answer_later(request, answer);
}

static void paused(evhtp_request_t *request, void *arg)
{
    (void)arg;
    evhtp_request_pause(request);
    answer_later(request, answer_and_resume);
}

static void on_closed(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

/* Never answers; waits for the client's leaving with EV_CLOSED. */
static void watched(evhtp_request_t *request, void *arg)
{
    (void)arg;
    evhtp_request_pause(request);
    event_add(event_new(base, request->conn->sock, EV_CLOSED | EV_PERSIST, on_closed, NULL), NULL);
}

/* ---- forwards ---- */

static void forward(evhtp_request_t *request, void *arg);

static void on_upstream_answer(struct evhttp_request *answered, void *arg)
{
    evhtp_request_t *request = arg;
    if (!answered || evhttp_request_get_response_code(answered) == 0) {
        upstream = NULL;
        forward(request, NULL); /* it will surely work this time */
        return;
    }
    evbuffer_add_buffer(request->buffer_out, evhttp_request_get_input_buffer(answered));
    evhtp_send_reply(request, (evhtp_res)evhttp_request_get_response_code(answered));
}

static void forward(evhtp_request_t *request, void *arg)
{
    (void)arg;
    if (!upstream)
        upstream = evhttp_connection_base_bufferevent_new(
            base, evdns,
            bufferevent_openssl_socket_new(base, -1, SSL_new(client_tls),
                                           BUFFEREVENT_SSL_CONNECTING, 0),
            "127.0.0.1", upstream_port);
    struct evhttp_request *call = evhttp_request_new(on_upstream_answer, request);
    size_t len = evbuffer_get_length(request->buffer_in);
    evbuffer_add(evhttp_request_get_output_buffer(call), evbuffer_pullup(request->buffer_in, -1),
                 len);
    evhttp_add_header(evhttp_request_get_output_headers(call), "Host", "localhost");
    evhttp_make_request(upstream, call, EVHTTP_REQ_POST, "/");
}

/* ---- start ---- */

static bool has_option(char **argv, const char *option)
{
    while (*argv && strcmp(*argv, option) != 0)
        argv++;
    return *argv != NULL;
}

static void set_routes(evhtp_t *evhtp)
{
    evhtp_set_gencb(evhtp, echo, NULL);
    evhtp_set_cb(evhtp, "/headers", headers, NULL);
    evhtp_set_cb(evhtp, "/big", big, NULL);
    evhtp_set_cb(evhtp, "/json", json, NULL);
    evhtp_set_cb(evhtp, "/later", later, NULL);
    evhtp_set_cb(evhtp, "/paused", paused, NULL);
    evhtp_set_cb(evhtp, "/watched", watched, NULL);
    evhtp_set_cb(evhtp, "/forward", forward, NULL);
    evhtp_set_regex_cb(evhtp, "^/number/[0-9]+$", echo, NULL);
    evhtp_callback_set_hook(evhtp_set_cb(evhtp, "/early", later, NULL), evhtp_hook_on_headers,
                            (evhtp_hook)refuse_early, NULL);
}

/* evhtp_accept_socket is what a server that makes its own socket calls. */
static bool accept_own_socket(evhtp_t *evhtp)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    return bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0 && listen(fd, 128) == 0 &&
           evhtp_accept_socket(evhtp, fd, 128) == 0;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    base = event_base_new();
    evdns = evdns_base_new(base, 0);
    client_tls = SSL_CTX_new(TLS_client_method());
    upstream_port = (uint16_t)strtoul(argv[3], NULL, 10);
    evhtp_t *evhtp = evhtp_new(base, NULL);
    evhtp_ssl_cfg_t tls = {.pemfile = argv[1], .privfile = argv[2]};
    if (evhtp_ssl_init(evhtp, &tls) != 0)
        return 1;
    set_routes(evhtp);
    const struct timeval timeout = {0, 300000};
    if (has_option(argv, "timeouts"))
        evhtp_set_timeouts(evhtp, &timeout, &timeout);
    if (has_option(argv, "threads"))
        evhtp_use_threads_wexit(evhtp, NULL, NULL, 2, NULL);
    if (has_option(argv, "accept") ? !accept_own_socket(evhtp)
                                   : evhtp_bind_socket(evhtp, "127.0.0.1", 0, 128) != 0)
        return 1;
    struct sockaddr_in bound;
    socklen_t size = sizeof(bound);
    getsockname(evconnlistener_get_fd(evhtp->server), (struct sockaddr *)&bound, &size);
    printf("{\"port\": %u}\n", ntohs(bound.sin_port));
    fflush(stdout);
    return event_base_dispatch(base);
}
