#include "upstream/client.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

#define READ_BYTES 8192

static void client_ready(void *arg);
static void on_deadline(void *arg);
static void connect_next(struct client *client);

void client_count(const struct client *client, enum counter counter)
{
    if (client->options->counters)
        counters_count(client->options->counters, counter);
}

/* ---- endings ---- */

static void fail(struct client *client, enum upstream_failure failure, const char *detail)
{
    struct upstream_call *call = client->call;
    client->call = NULL;
    client_close(client);
    if (call)
        pool_call_ended(call, failure, detail);
}

/* The answer is complete. The connection is kept only if nothing speaks against it. */
static void finish(struct client *client)
{
    struct upstream_call *call = client->call;
    client->call = NULL;
    bool fit = client->parser.reusable && client->input.len == 0 &&
               stream_state(client->stream) == STREAM_OPEN && stream_unsent(client->stream) == 0 &&
               pool_client_idle(client->pool, client);
    if (fit) {
        client->phase = CLIENT_IDLE;
        buf_release(&client->input);
        timer_set(client->deadline, client->options->deadlines.idle_ms);
    } else {
        client_close(client);
    }
    pool_call_ended(call, UPSTREAM_ANSWERED, "");
}

/* ---- deadlines ---- */

static int64_t total_left_ms(const struct client *client)
{
    int64_t spent_ms = (clock_mono_us() - client->call->started_us) / 1000;
    int64_t left_ms = client->options->deadlines.total_ms - spent_ms;
    return left_ms > 0 ? left_ms : 0;
}

/* The phase's own deadline, or what is left of the call's, whichever is sooner. */
static void set_deadline(struct client *client, int64_t phase_ms)
{
    int64_t left_ms = total_left_ms(client);
    timer_set(client->deadline, phase_ms < left_ms ? phase_ms : left_ms);
}

static void on_deadline(void *arg)
{
    struct client *client = arg;
    if (client->phase == CLIENT_IDLE)
        client_close(client);
    else if (client->phase == CLIENT_CONNECTING && total_left_ms(client) > 0)
        connect_next(client);
    else if (client->phase == CLIENT_CONNECTING)
        fail(client, UPSTREAM_CONNECT_TIMEOUT, "");
    else if (client->phase == CLIENT_AWAITING && total_left_ms(client) > 0)
        fail(client, UPSTREAM_FIRST_BYTE_TIMEOUT, "");
    else
        fail(client, UPSTREAM_TOTAL_TIMEOUT, "");
}

/* ---- connecting ---- */

static void connect_next(struct client *client)
{
    const char *why = client->stream ? stream_reason(client->stream) : "";
    bool late = client->stream && stream_state(client->stream) == STREAM_CONNECTING;
    stream_close(client->stream);
    client->stream = NULL;
    while (!client->stream && client->next_address < client->addresses.count) {
        const struct resolved_address *to = &client->addresses.items[client->next_address++];
        client_count(client, COUNTER_UPSTREAM_ATTEMPTS);
        client->stream = stream_connect(
            client->loop, (const struct sockaddr *)&to->address, to->length, &client->options->peer,
            (struct stream_owner){.ready = client_ready, .owner = client});
        if (!client->stream)
            why = strerrordesc_np(errno);
    }
    if (client->stream)
        set_deadline(client, client->options->deadlines.connect_ms);
    else
        fail(client, late ? UPSTREAM_CONNECT_TIMEOUT : UPSTREAM_CONNECT, why);
}

void client_connect(struct client *client, struct upstream_call *call)
{
    client->call = call;
    call->client = client;
    client->changes = resolver_changes(client->options->resolver);
    resolver_get(client->options->resolver, &client->addresses);
    if (client->addresses.count == 0)
        fail(client, client->addresses.is_own ? UPSTREAM_SELF : UPSTREAM_RESOLVE, "");
    else
        connect_next(client);
}

/* ---- the call ---- */

/* False: the stream took no byte of the request and never will. */
static bool send_request(struct client *client, struct upstream_call *call)
{
    uint64_t before = stream_sent_bytes(client->stream);
    client->call = call;
    call->client = client;
    response_init(&client->parser, false, client->options->max_answer_bytes);
    bool written = stream_write(client->stream, call->request);
    call->sent = written || stream_sent_bytes(client->stream) != before;
    client->phase = CLIENT_AWAITING;
    if (call->sent)
        set_deadline(client, client->options->deadlines.first_byte_ms);
    return call->sent;
}

/*
 * Whether the name still leads where this connection does. A host that has moved may be gone
 * without a word; a request sent there would be a campaign of which nobody knows.
 */
static bool leads_there(struct client *client)
{
    unsigned changes = resolver_changes(client->options->resolver);
    if (changes == client->changes)
        return true;
    const struct resolved_address *ours = &client->addresses.items[client->next_address - 1];
    struct resolved now;
    resolver_get(client->options->resolver, &now);
    client->changes = changes;
    return resolved_has(&now, ours);
}

bool client_reuse(struct client *client, struct upstream_call *call)
{
    client->phase = CLIENT_AWAITING;
    if (leads_there(client) && !stream_is_stale(client->stream) && send_request(client, call))
        return true;
    client->call = NULL;
    return false;
}

static bool take_head(struct client *client, struct str head)
{
    struct upstream_call *call = client->call;
    struct str copy = arena_copy(call->arena, head);
    if (copy.data && response_split(copy, call->arena, &call->response))
        return true;
    fail(client, UPSTREAM_MEMORY, "");
    return false;
}

/*
 * Feeds the parser with what has come. `at_end`: that is all, and the peer said so; `torn`: that is
 * all, and it did not. The client may be gone afterwards.
 */
static void parse_input(struct client *client, bool at_end, bool torn)
{
    size_t done = 0;
    for (;;) {
        struct str input = str_slice(buf_str(&client->input), done, SIZE_MAX);
        struct str out;
        size_t used = 0;
        enum response_event event = response_next(&client->parser, input, at_end, &used, &out);
        if (event == RESPONSE_HEAD && !take_head(client, out))
            return;
        if (event == RESPONSE_PIECE && !buf_append(&client->call->body, out)) {
            fail(client, UPSTREAM_MEMORY, "");
            return;
        }
        done += used;
        if (event == RESPONSE_FAULTY) {
            bool cut = client->parser.fault == RESPONSE_TRUNCATED;
            fail(client, cut ? UPSTREAM_RESET : UPSTREAM_MALFORMED,
                 response_fault_sentence(client->parser.fault));
            return;
        }
        if (event == RESPONSE_MORE && torn) {
            fail(client, UPSTREAM_RESET, response_fault_sentence(RESPONSE_TRUNCATED));
            return;
        }
        if (event == RESPONSE_DONE || event == RESPONSE_MORE) {
            buf_consume(&client->input, done);
            if (event == RESPONSE_DONE)
                finish(client);
            return;
        }
    }
}

static void read_answer(struct client *client)
{
    struct buf *input = &client->input;
    if (!buf_reserve(input, READ_BYTES)) {
        fail(client, UPSTREAM_MEMORY, "");
        return;
    }
    ssize_t got =
        stream_read(client->stream, input->data + input->len, input->capacity - input->len);
    if (got == STREAM_AGAIN)
        return;
    if (got == STREAM_END && stream_state(client->stream) == STREAM_FAILED) {
        fail(client, UPSTREAM_RESET, stream_reason(client->stream));
        return;
    }
    if (got > 0) {
        input->len += (size_t)got;
        if (client->phase == CLIENT_AWAITING) {
            client->phase = CLIENT_READING;
            timer_set(client->deadline, total_left_ms(client));
        }
    }
    /* RFC 9112 9.8: without close_notify the end of the connection delimits nothing */
    bool torn = got == STREAM_END && !stream_ended_cleanly(client->stream);
    parse_input(client, got == STREAM_END && !torn, torn);
}

/* Whatever an idle connection says, it says of nothing we asked. */
static void read_idle(struct client *client)
{
    char byte;
    if (stream_read(client->stream, &byte, 1) != STREAM_AGAIN)
        client_close(client);
}

/* It is connected; TLS is up. */
static void begin_call(struct client *client)
{
    client_count(client, COUNTER_UPSTREAM_OPENED);
    if (!send_request(client, client->call))
        fail(client, UPSTREAM_RESET, stream_reason(client->stream));
}

static void client_ready(void *arg)
{
    struct client *client = arg;
    enum stream_state state = stream_state(client->stream);
    if (client->phase == CLIENT_CONNECTING) {
        if (state == STREAM_FAILED)
            connect_next(client);
        else if (state == STREAM_OPEN)
            begin_call(client);
    } else if (client->phase == CLIENT_IDLE) {
        read_idle(client);
    } else if (state == STREAM_FAILED) {
        fail(client, UPSTREAM_RESET, stream_reason(client->stream));
    } else {
        read_answer(client);
    }
}

/* ---- life ---- */

struct client *client_new(struct loop *loop, const struct upstream_options *options,
                          struct upstream_pool *pool)
{
    struct client *client = calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    client->loop = loop;
    client->options = options;
    client->pool = pool;
    client->deadline = timer_new(loop, on_deadline, client);
    buf_init(&client->input, LIMIT_HEAD_BYTES + LIMIT_LINE_BYTES + 2 * READ_BYTES);
    if (!client->deadline) {
        free(client);
        return NULL;
    }
    return client;
}

void client_close(struct client *client)
{
    pool_client_free(client->pool, client);
    timer_free(client->deadline);
    stream_close(client->stream);
    buf_release(&client->input);
    free(client);
}
