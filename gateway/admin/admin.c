#include "admin/admin.h"

#include <pthread.h>
#include <stdlib.h>

#include "admin/metrics.h"
#include "base/limits.h"
#include "net/listener.h"

/* Probes and a scraper or two; none of them is a stranger. */
static const struct admission_limits own_limits = {.connections = 64,
                                                   .connections_per_client = 64,
                                                   .handshakes = 64,
                                                   .requests = 64,
                                                   .buffer_bytes = 4UL << 20};

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
    pthread_t thread;
    bool runs;
};

/* One request. Freed once it is answered, or the client is gone. */
struct probe {
    struct admin *admin;
    struct connection *connection;
    struct task answer_task;
    const struct page *page; /* NULL: `refusal` says why not */
    int status;
};

/* ---- pages ---- */

struct page {
    struct str path;
    const char *content_type;
    int (*write)(struct admin *admin, struct buf *body); /* gives the status */
};

static int write_livez(struct admin *admin, struct buf *body)
{
    (void)admin;
    buf_append(body, STR("ok\n"));
    return 200;
}

static int write_readyz(struct admin *admin, struct buf *body)
{
    bool ready = admin->options.ready(admin->options.arg);
    buf_append(body, ready ? STR("ok\n") : STR("draining\n"));
    return ready ? 200 : 503;
}

static int write_metrics(struct admin *admin, struct buf *body)
{
    uint64_t counters[COUNTERS];
    const struct admission_usage usage = admission_usage(admin->options.admission);
    struct journal_state journal;
    admin->options.sum_counters(admin->options.arg, counters);
    admin->options.look_at_journal(admin->options.arg, &journal);
    metrics_write(counters, &usage, &journal, admin->options.stale(admin->options.arg), body);
    return 200;
}

static int write_status(struct admin *admin, struct buf *body)
{
    admin->options.write_status(admin->options.arg, body);
    return 200;
}

static const struct page pages[] = {
    {STR("/livez"), "text/plain", write_livez},
    {STR("/readyz"), "text/plain", write_readyz},
    {STR("/metrics"), METRICS_CONTENT_TYPE, write_metrics},
    {STR("/status"), "application/json", write_status},
};

static void find_page(struct probe *probe, const struct http_request *request)
{
    struct str path, query;
    (void)str_cut(request->target, '?', &path, &query);
    probe->status = 404;
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (!str_equal(path, pages[i].path))
            continue;
        bool get = str_equal(request->method, STR("GET"));
        probe->page = get ? &pages[i] : NULL;
        probe->status = get ? 200 : 405;
    }
}

/* ---- requests ---- */

static void run_answer(void *arg)
{
    struct probe *probe = arg;
    struct buf body, out;
    buf_init(&body, LIMIT_RECORD_BYTES);
    buf_init(&out, LIMIT_RECORD_BYTES + 1024);
    const char *type = probe->page ? probe->page->content_type : "text/plain";
    if (probe->page)
        probe->status = probe->page->write(probe->admin, &body);
    else
        buf_format(&body, "%s\n", http_reason(probe->status));
    buf_format(&out, "HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n%s%s\r\n",
               probe->status, http_reason(probe->status), type, body.len,
               probe->status == 405 ? "allow: GET\r\n" : "",
               connection_persists(probe->connection) ? "" : "connection: close\r\n");
    buf_append(&out, buf_str(&body));
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
        find_page(probe, &request);
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
        .admission = admin->admission,
        .counters = &admin->counters,
        .drained = on_drained,
    };
    admin->listener = listener_new(admin->loop, fd, &options);
    return admin->listener != NULL;
}

struct admin *admin_start(const struct admin_options *options, struct error *err)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    if (!admin) {
        error_set(err, "out of memory");
        return NULL;
    }
    admin->options = *options;
    admin->loop = loop_new();
    admin->admission = admission_new(&own_limits);
    bool open = admin->loop && admin->admission &&
                open_listener(admin, options->listen_fd); /* makes its own duplicate */
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
    free(admin);
}
