#include "admin/admin.h"

#include <pthread.h>
#include <stdlib.h>

#include "admin/accept.h"
#include "base/limits.h"
#include "net/listener.h"
#include "net/tls.h"
#include "telemetry/exposition.h"

/* Probes and a scraper or two; none of them is a stranger. */
static const struct admission_limits own_limits = {.connections = 64,
                                                   .connections_per_client = 64,
                                                   .handshakes = 64,
                                                   .requests = 64,
                                                   .buffer_bytes = 64UL << 20};

static const struct connection_deadlines own_deadlines = {.handshake_ms = 5000,
                                                          .idle_ms = 60000,
                                                          .head_ms = 5000,
                                                          .body_ms = 5000,
                                                          .request_ms = 10000,
                                                          .write_ms = 5000,
                                                          .linger_ms = 1000,
                                                          .body_rate = 1,
                                                          .body_grace_ms = 5000};

struct admin {
    struct admin_options options;
    struct loop *loop;
    struct listener *listener;
    struct admission *admission;
    struct counters counters; /* of its own connections; nobody asks */
    struct breakdown answers; /* by page and status */
    bool loopback;            /* nobody but this machine can ask */
    struct task adopt_task;
    _Atomic(struct ssl_ctx_st *) offered; /* to be adopted, with a reference; NULL: nothing new */
    pthread_t thread;
    bool runs;
};

/* One request. Freed once it is answered, or the client is gone. */
struct probe {
    struct admin *admin;
    struct connection *connection;
    struct task answer_task;
    const struct page *page; /* NULL: `status` says why not */
    int status;
    bool head; /* the method is HEAD */
    bool openmetrics;
    struct probe_options options;
};

/* ---- pages ---- */

struct page {
    struct str path;
    const char *what;
    const char *(*content_type)(const struct probe *probe);
    int (*write)(struct probe *probe, struct buf *body); /* gives the status */
};

static const char *type_of_probe(const struct probe *probe)
{
    return probe_content_type(&probe->options);
}

static const char *type_of_metrics(const struct probe *probe)
{
    return exposition_content_type(probe->openmetrics);
}

static const char *type_of_status(const struct probe *probe)
{
    (void)probe;
    return "application/json";
}

static const char *type_of_text(const struct probe *probe)
{
    (void)probe;
    return "text/plain; charset=utf-8";
}

static int write_livez(struct probe *probe, struct buf *body)
{
    liveness_write(&probe->options, body);
    return 200;
}

static int write_readyz(struct probe *probe, struct buf *body)
{
    const struct admin_options *options = &probe->admin->options;
    struct readiness readiness = {0};
    options->look(options->arg, &readiness);
    readiness_write(&readiness, &probe->options, body);
    return readiness_passes(&readiness, &probe->options) ? 200 : 503;
}

static int write_metrics(struct probe *probe, struct buf *body)
{
    const struct admin_options *options = &probe->admin->options;
    options->write_metrics(options->arg, &probe->admin->answers, probe->openmetrics, body);
    return 200;
}

static int write_status(struct probe *probe, struct buf *body)
{
    const struct admin_options *options = &probe->admin->options;
    options->write_status(options->arg, body);
    return 200;
}

static int write_index(struct probe *probe, struct buf *body);

static const struct page pages[] = {
    {STR("/"), "these pages", type_of_text, write_index},
    {STR("/livez"), "whether the process runs; ?verbose", type_of_probe, write_livez},
    {STR("/readyz"), "whether it serves requests, and why not; ?verbose", type_of_probe,
     write_readyz},
    {STR("/metrics"), "counters, gauges and histograms", type_of_metrics, write_metrics},
    {STR("/status"), "what runs, in JSON", type_of_status, write_status},
};

static void list_pages(struct buf *body)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++)
        buf_format(body, "%-9.*s %s\n", STR_ARGS(pages[i].path), pages[i].what);
}

static int write_index(struct probe *probe, struct buf *body)
{
    (void)probe;
    list_pages(body);
    return 200;
}

static const struct page *find_page(struct str path)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (str_equal(path, pages[i].path))
            return &pages[i];
    }
    return NULL;
}

/* ---- what is asked for ---- */

/* Whether the Host names this very machine: an address, or localhost. Or nothing, as in HTTP/1.0.
 */
static bool is_local(struct str host)
{
    struct str name, port;
    if (host.len == 0 || host.data[0] == '[')
        return true;
    (void)str_cut(host, ':', &name, &port);
    size_t digits = 0;
    while (digits < name.len &&
           ((name.data[digits] >= '0' && name.data[digits] <= '9') || name.data[digits] == '.'))
        digits++;
    return digits == name.len || str_equal_nocase(name, STR("localhost"));
}

static bool is_believed(const struct connection *connection)
{
    const struct peer *certificate = connection_certificate(connection);
    return !certificate || certificate->valid;
}

static int refusal_status(const struct probe *probe, const struct http_request *request,
                          const struct page *page)
{
    if (!is_believed(probe->connection))
        return 403; /* it was verified by CAs that are not those in force any more */
    if (probe->admin->loopback && !is_local(request->host))
        return 421;
    if (!page)
        return 404;
    return str_equal(request->method, STR("GET")) || probe->head ? 200 : 405;
}

static void take_request(struct probe *probe, const struct http_request *request)
{
    struct str path, query;
    const struct str *found =
        http_header_find(request->headers, request->header_count, STR("accept"));
    struct str accept = found ? *found : (struct str){0};
    (void)str_cut(request->target, '?', &path, &query);
    const struct page *page = find_page(path);
    probe->head = str_equal(request->method, STR("HEAD"));
    probe->options = probe_options(query, accept);
    probe->openmetrics = accept_prefers(accept, STR("application/openmetrics-text"), STR("1.0.0"),
                                        STR("text/plain"));
    probe->status = refusal_status(probe, request, page);
    probe->page = probe->status == 200 ? page : NULL;
}

/* ---- requests ---- */

static const char *status_label(int status)
{
    static const struct {
        int status;
        const char *text;
    } labels[] = {{200, "200"}, {403, "403"}, {404, "404"}, {405, "405"},
                  {421, "421"}, {400, "400"}, {408, "408"}, {503, "503"}};
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        if (labels[i].status == status)
            return labels[i].text;
    }
    return "other";
}

static void count_answer(struct probe *probe)
{
    const char *const labels[BREAKDOWN_LABELS] = {probe->page ? probe->page->path.data : "other",
                                                  status_label(probe->status)};
    breakdown_count(&probe->admin->answers, labels);
}

static void write_refusal(const struct probe *probe, struct buf *body)
{
    buf_format(body, "%s\n", http_reason(probe->status));
    if (probe->status == 404)
        list_pages(body);
    else if (probe->status == 421)
        buf_append(body, STR("Ask for an address or for localhost.\n"));
}

static void write_body(struct probe *probe, struct buf *body)
{
    if (probe->page)
        probe->status = probe->page->write(probe, body);
    else
        write_refusal(probe, body);
}

static void write_answer(const struct probe *probe, const struct buf *body, struct buf *out)
{
    buf_format(out,
               "HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n"
               "cache-control: no-store\r\nx-content-type-options: nosniff\r\n%s%s\r\n",
               probe->status, http_reason(probe->status),
               probe->page ? probe->page->content_type(probe) : type_of_text(probe), body->len,
               probe->status == 405 ? "allow: GET, HEAD\r\n" : "",
               connection_persists(probe->connection) ? "" : "connection: close\r\n");
    if (!probe->head)
        buf_append(out, buf_str(body));
}

static void run_answer(void *arg)
{
    struct probe *probe = arg;
    struct buf body, out;
    buf_init(&body, LIMIT_ADMIN_BYTES);
    buf_init(&out, LIMIT_ADMIN_BYTES + 1024);
    write_body(probe, &body);
    count_answer(probe);
    write_answer(probe, &body, &out);
    if (out.failed || body.failed)
        connection_abandon(probe->connection);
    else
        connection_answer(probe->connection, buf_str(&out));
    buf_release(&body);
    buf_release(&out);
    free(probe);
}

static struct probe *probe_new(struct admin *admin, struct connection *connection)
{
    struct probe *probe = calloc(1, sizeof(*probe));
    if (!probe)
        return NULL;
    *probe = (struct probe){
        .admin = admin, .connection = connection, .answer_task = {.run = run_answer, .arg = probe}};
    return probe;
}

static void *on_begin(void *context, struct connection *connection, struct str head,
                      bool *wants_body)
{
    struct probe *probe = probe_new(context, connection);
    struct arena arena;
    struct http_request request;
    *wants_body = true;
    if (!probe)
        return NULL;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    bool fine = framing_split(head, &arena, &request);
    if (fine)
        take_request(probe, &request);
    arena_release(&arena);
    if (fine)
        return probe;
    free(probe);
    return NULL;
}

static void on_piece(void *request, struct str piece)
{
    (void)request, (void)piece; /* nobody asks a probe with a body */
}

static void on_complete(void *request)
{
    struct probe *probe = request;
    loop_defer(probe->admin->loop, &probe->answer_task);
}

static void *on_refused(void *context, void *request, struct connection *connection,
                        const struct framing_reason *reason)
{
    struct probe *probe = request ? request : probe_new(context, connection);
    if (!probe)
        return NULL;
    probe->page = NULL;
    probe->status = reason->status;
    on_complete(probe);
    return probe;
}

static void on_gone(void *request)
{
    struct probe *probe = request;
    loop_cancel(probe->admin->loop, &probe->answer_task);
    free(probe);
}

/* An answer never takes that long; if it does, nothing is left to say. */
static void on_expired(void *request)
{
    struct probe *probe = request;
    struct connection *connection = probe->connection;
    on_gone(probe);
    connection_abandon(connection);
}

/* ---- life ---- */

static void on_drained(void *arg)
{
    (void)arg; /* it is closed and not drained: it goes last */
}

static void *admin_main(void *arg)
{
    struct admin *admin = arg;
    loop_run(admin->loop);
    return NULL;
}

static bool open_listener(struct admin *admin, int fd)
{
    const struct listener_options options = {
        .framing = {LIMIT_LINE_BYTES, LIMIT_HEAD_BYTES, LIMIT_HEADERS, LIMIT_LINE_BYTES},
        .deadlines = own_deadlines,
        .handler = {.context = admin,
                    .begin = on_begin,
                    .piece = on_piece,
                    .complete = on_complete,
                    .refused = on_refused,
                    .expired = on_expired,
                    .gone = on_gone},
        .tls = admin->options.tls,
        .admission = admin->admission,
        .counters = &admin->counters,
        .drained = on_drained,
    };
    admin->listener = listener_new(admin->loop, fd, &options);
    return admin->listener != NULL;
}

/* On the admin thread. */
static void run_adopt(void *arg)
{
    struct admin *admin = arg;
    struct ssl_ctx_st *tls = atomic_exchange(&admin->offered, NULL);
    listener_set_tls(admin->listener, tls);
    tls_context_free(tls);
}

void admin_set_tls(struct admin *admin, struct ssl_ctx_st *tls)
{
    if (!admin || !tls || !admin->options.tls)
        return;
    tls_context_hold(tls);
    struct ssl_ctx_st *missed = atomic_exchange(&admin->offered, tls);
    if (!missed)
        loop_post(admin->loop, &admin->adopt_task); /* otherwise it is on its way already */
    tls_context_free(missed);
}

static bool is_loopback(int listen_fd)
{
    char address[ADDRESS_TEXT_SIZE];
    address_text_of_socket(listen_fd, address);
    struct str text = str_from(address);
    return str_starts(text, STR("127.")) || str_starts(text, STR("[::1]"));
}

struct admin *admin_start(const struct admin_options *options, struct error *err)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    if (!admin) {
        error_set(err, "out of memory");
        return NULL;
    }
    admin->options = *options;
    admin->adopt_task = (struct task){.run = run_adopt, .arg = admin};
    admin->loopback = is_loopback(options->listen_fd);
    admin->loop = loop_new();
    admin->admission = admission_new(&own_limits);
    bool open = admin->loop && admin->admission && open_listener(admin, options->listen_fd);
    admin->runs = open && pthread_create(&admin->thread, NULL, admin_main, admin) == 0;
    if (admin->runs)
        return admin;
    error_set(err, "out of memory or descriptors");
    admin_stop(admin);
    return NULL;
}

void admin_stop(struct admin *admin)
{
    if (!admin)
        return;
    if (admin->runs) {
        loop_stop(admin->loop);
        pthread_join(admin->thread, NULL);
    }
    listener_free(admin->listener);
    loop_free(admin->loop);
    admission_free(admin->admission);
    tls_context_free(admin->offered);
    free(admin);
}
