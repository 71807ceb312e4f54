#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "audit/digest.h"
#include "audit/record.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "campaign/decode.h"
#include "campaign/encoding.h"
#include "http/content.h"
#include "http/forward.h"
#include "http/problem.h"
#include "http/route.h"

/* Exchanges kept for the next requests, so that a busy worker does not allocate. */
#define LIMIT_SPARE_EXCHANGES 64
/* A buffer that grew beyond this for one request is given back. */
#define KEPT_BUFFER_BYTES 65536

#define RANDOM_POOL_BYTES 4000 /* one system call for 400 decision ids */

/* How a request is refused; product.md, "Answers". */
struct refusal {
    int status;
    const char *type;
    const char *title;
    const char *code;
    const char *detail;
};

struct exchange {
    struct desk *desk;
    struct exchange *previous, *next; /* under way, or spare */
    struct connection *connection;    /* NULL once the client is gone */

    struct arena arena;
    char id[ID_SIZE];
    int64_t started_us;
    struct http_request request;
    struct route route;
    bool parsed;  /* the head was accepted: `request` and `route` are valid */
    bool decided; /* the verdict is on its way to the journal: there is no way back */
    struct buf body;

    struct campaign campaign;
    bool decoded;
    struct violations violations;
    struct json_fault json_fault;
    struct refusal refusal; /* status 0: allowed */

    struct journal_entry entry;
    struct task recorded; /* brings the journal's answer to this loop */
    struct buf record;
    struct upstream_call call;
    struct buf out; /* the request to the upstream, then the answer to the client */
    const char *created;
};

struct desk {
    struct desk_options options;
    struct exchange *busy, *spare;
    size_t busy_count, spare_count;
    struct str upstream_authority; /* for Host */
    char authority_text[300];
    uint8_t random[RANDOM_POOL_BYTES];
    size_t random_left;
    bool audit_failing; /* so that the log tells of the change and not of every request */
};

static void on_decision(void *arg);
static void on_outcome(void *arg);
static void on_upstream(void *arg);

/* ---- life ---- */

static struct exchange *exchange_alloc(struct desk *desk)
{
    struct exchange *x = desk->spare;
    if (x) {
        desk->spare = x->next;
        desk->spare_count--;
        return x;
    }
    x = calloc(1, sizeof(*x));
    if (!x)
        return NULL;
    arena_init(&x->arena, LIMIT_ARENA_BYTES);
    buf_init(&x->body, desk->options.config->framing.body_bytes);
    buf_init(&x->record, LIMIT_RECORD_BYTES);
    buf_init(&x->call.body, LIMIT_ANSWER_BYTES);
    buf_init(&x->out,
             desk->options.config->framing.body_bytes + LIMIT_ANSWER_BYTES + 2 * LIMIT_HEAD_BYTES);
    return x;
}

static void exchange_free(struct exchange *x)
{
    arena_release(&x->arena);
    buf_release(&x->body);
    buf_release(&x->record);
    buf_release(&x->call.body);
    buf_release(&x->out);
    free(x);
}

static bool draw_random(struct desk *desk, uint8_t out[ID_RANDOM_BYTES])
{
    if (desk->random_left < ID_RANDOM_BYTES) {
        if (getrandom(desk->random, sizeof(desk->random), 0) != (ssize_t)sizeof(desk->random))
            return false;
        desk->random_left = sizeof(desk->random);
    }
    desk->random_left -= ID_RANDOM_BYTES;
    memcpy(out, desk->random + desk->random_left, ID_RANDOM_BYTES);
    return true;
}

/* A fresh exchange, or NULL: then the connection is closed without a word. */
static struct exchange *exchange_new(struct desk *desk, struct connection *connection)
{
    uint8_t random[ID_RANDOM_BYTES];
    struct exchange *x = draw_random(desk, random) ? exchange_alloc(desk) : NULL;
    if (!x)
        return NULL;
    x->desk = desk;
    x->connection = connection;
    x->started_us = clock_mono_us();
    id_format(clock_unix_ms(), random, x->id);
    x->request = (struct http_request){0};
    x->route = (struct route){0};
    x->parsed = x->decided = x->decoded = false;
    x->refusal = (struct refusal){0};
    x->json_fault = (struct json_fault){0};
    x->created = NULL;
    violations_init(&x->violations, &x->arena);

    x->previous = NULL;
    x->next = desk->busy;
    if (desk->busy)
        desk->busy->previous = x;
    desk->busy = x;
    desk->busy_count++;
    return x;
}

static void recycle_buf(struct buf *buf)
{
    buf_clear(buf);
    if (buf->capacity > KEPT_BUFFER_BYTES)
        buf_release(buf);
}

static void exchange_end(struct exchange *x)
{
    struct desk *desk = x->desk;
    if (x->previous)
        x->previous->next = x->next;
    else
        desk->busy = x->next;
    if (x->next)
        x->next->previous = x->previous;
    desk->busy_count--;
    if (desk->spare_count < LIMIT_SPARE_EXCHANGES) {
        arena_reset(&x->arena);
        recycle_buf(&x->body);
        recycle_buf(&x->record);
        recycle_buf(&x->call.body);
        recycle_buf(&x->out);
        x->next = desk->spare;
        desk->spare = x;
        desk->spare_count++;
    } else {
        exchange_free(x);
    }
    if (desk->busy_count == 0)
        desk->options.idle(desk->options.arg);
}

static int64_t duration_us(const struct exchange *x)
{
    return clock_mono_us() - x->started_us;
}

/* ---- answering ---- */

/* What every answer carries. */
static void put_own_headers(const struct exchange *x, const char *verdict, struct buf *out)
{
    buf_format(out, "x-decision-id: %s\r\nx-campaign-gateway: %s\r\n", x->id, verdict);
    if (!connection_persists(x->connection))
        buf_append(out, STR("connection: close\r\n"));
}

static void send_answer(struct exchange *x)
{
    if (x->connection && x->out.failed)
        connection_drop(x->connection);
    else if (x->connection)
        connection_answer(x->connection, buf_str(&x->out));
    exchange_end(x);
}

static const char *verdict_header(const struct refusal *refusal)
{
    return refusal->status >= 500 && refusal->status <= 504 && refusal->status != 501 ? "error"
                                                                                      : "deny";
}

/* The refusal as problem+json, in x->record, whose own use is over by now. */
static void write_problem(struct exchange *x)
{
    const struct policy_set *policy = x->desk->options.policy;
    bool listed = strcmp(x->refusal.type, "contract") == 0 ||
                  strcmp(x->refusal.type, "policy") == 0 || strcmp(x->refusal.type, "json") == 0;
    const struct problem problem = {
        .status = x->refusal.status,
        .type = x->refusal.type,
        .title = x->refusal.title,
        .detail = str_from(x->refusal.detail),
        .decision_id = str_from(x->id),
        .policy_revision = policy->revision,
        .policy_digest = str_from(policy->digest),
        .violations = listed ? &x->violations : NULL,
        .code = x->refusal.code,
        .json_fault = x->json_fault.kind != JSON_OK ? &x->json_fault : NULL,
        .created = x->created,
    };
    buf_clear(&x->record);
    problem_write(&problem, &x->record);
}

static void answer_refusal(struct exchange *x)
{
    if (!x->connection) {
        exchange_end(x);
        return;
    }
    write_problem(x);
    char date[CLOCK_HTTP_SIZE];
    struct buf *out = &x->out;
    buf_clear(out);
    buf_format(out, "HTTP/1.1 %d %s\r\ncontent-type: application/problem+json\r\n",
               x->refusal.status, http_reason(x->refusal.status));
    clock_format_http(clock_unix_ms(), date);
    buf_format(out, "date: %s\r\n", date);
    if (x->refusal.status == 503)
        buf_append(out, STR("retry-after: 1\r\n"));
    if (x->refusal.status == 405)
        buf_format(out, "allow: %s\r\n", x->route.allow);
    buf_format(out, "content-length: %zu\r\n", x->record.len);
    put_own_headers(x, verdict_header(&x->refusal), out);
    buf_append(out, STR("\r\n"));
    if (!x->parsed || !str_equal(x->request.method, STR("HEAD")))
        buf_append(out, buf_str(&x->record));
    if (x->record.failed)
        out->failed = true;
    send_answer(x);
}

/* The gateway cannot decide or cannot record: nothing is forwarded and nothing is claimed. */
static void answer_unavailable(struct exchange *x, const char *code, const char *detail)
{
    x->json_fault.kind = JSON_OK;
    x->refusal = (struct refusal){503, "unavailable", "The gateway cannot take this request now",
                                  code, detail};
    answer_refusal(x);
}

/* ---- recording ---- */

/* Whether x->record is durable; the log hears when that changes. */
static bool recorded(struct exchange *x)
{
    struct desk *desk = x->desk;
    bool durable = x->entry.durable;
    if (durable == desk->audit_failing) {
        desk->audit_failing = !durable;
        LOG(durable ? LOG_INFO : LOG_ERROR, durable ? "audit-restored" : "audit-failed",
            LOG_TEXT("id", x->id),
            LOG_STR("directory", desk->options.config->audit_directory.value));
    }
    return durable;
}

/* On the journal's thread. */
static void pass_on(void *arg)
{
    struct exchange *x = arg;
    loop_post(x->desk->options.loop, &x->recorded);
}

/*
 * Queues x->record; `then` runs on this loop when its fate is known. When it cannot even be
 * queued, `then` runs soon all the same and finds it not durable.
 */
static void append_record(struct exchange *x, void (*then)(void *arg))
{
    struct desk *desk = x->desk;
    x->recorded = (struct task){.run = then, .arg = x};
    x->entry = (struct journal_entry){.members = buf_str(&x->record), .done = pass_on, .arg = x};
    if (x->record.failed || !journal_append(desk->options.journal, &x->entry)) {
        x->entry.durable = false;
        loop_defer(desk->options.loop, &x->recorded);
    }
}

static void record_verdict(struct exchange *x)
{
    const struct desk_options *options = &x->desk->options;
    char body_digest[DIGEST_HEX_SIZE] = "", message_digest[DIGEST_HEX_SIZE] = "";
    bool hashed = (x->body.len == 0 || digest_hex(buf_str(&x->body), body_digest)) &&
                  (!x->decoded || x->campaign.message.len == 0 ||
                   digest_hex(x->campaign.message, message_digest));
    const struct decision_record record = {
        .id = x->id,
        .time_unix_ms = clock_unix_ms(),
        .duration_us = duration_us(x),
        .allowed = x->refusal.status == 0,
        .status = x->refusal.status,
        .type = x->refusal.type,
        .code = x->refusal.code,
        .team = options->config->team.value,
        .peer = connection_peer(x->connection),
        .method = x->request.method,
        .path = str_slice(x->route.path, 0, 512),
        .stream_id = x->route.stream_id,
        .account_id = x->route.account_id,
        .body_sha256 = str_from(body_digest),
        .body_bytes = x->body.len,
        .campaign = x->decoded ? &x->campaign : NULL,
        .message_sha256 = str_from(message_digest),
        .violations = &x->violations,
        .policy_revision = options->policy->revision,
        .policy_digest = str_from(options->policy->digest),
    };
    record_decision(&record, &x->record);
    if (!hashed)
        x->record.failed = true;
    x->decided = true;
    append_record(x, on_decision);
}

static void refuse(struct exchange *x, struct refusal refusal)
{
    x->refusal = refusal;
    record_verdict(x);
}

/* ---- judging ---- */

static void check_auth_header(struct exchange *x)
{
    const struct http_request *request = &x->request;
    size_t count = http_header_count(request->headers, request->header_count, STR("auth"));
    if (count > 1)
        violations_add(&x->violations, VIOLATION_HEADER_DUPLICATE, STR(""),
                       "the header auth is given %zu times; send it once", count);
    const struct str *auth = http_header_find(request->headers, request->header_count, STR("auth"));
    if (!auth || auth->len == 0)
        violations_add(&x->violations, VIOLATION_HEADER_MISSING, STR(""),
                       "the header auth is missing; it must hold the API's token");
}

static void check_tenant(struct exchange *x)
{
    const struct config_tenant *tenant = &x->desk->options.config->tenant;
    if (!str_equal(x->route.stream_id, tenant->stream_id))
        violations_add(&x->violations, VIOLATION_TENANT_MISMATCH, STR(""),
                       "the stream in the path is not the one this gateway serves");
    if (x->route.has_account_id && !str_equal(x->route.account_id, tenant->account_id))
        violations_add(&x->violations, VIOLATION_TENANT_MISMATCH, STR(""),
                       "the accountId in the query is not the one this gateway serves");
}

static struct refusal refusal_of_violations(const struct exchange *x)
{
    if (x->violations.truncated && x->violations.count < LIMIT_VIOLATIONS)
        return (struct refusal){503, "unavailable", "The gateway cannot take this request now",
                                "no-memory", "the request needs more memory than it may use"};
    if (violations_break_contract(&x->violations))
        return (struct refusal){422, "contract", "The campaign breaks the API's contract", NULL,
                                "every violation found is listed in errors"};
    return (struct refusal){403, "policy", "The campaign breaks the organisation's policy", NULL,
                            "every violation found is listed in errors"};
}

/* Everything that can be said about the request is said before the verdict. */
static void judge(struct exchange *x)
{
    const struct desk_options *options = &x->desk->options;
    const struct decode_options decode = {options->config->sender_ids,
                                          options->config->sender_id_count,
                                          options->config->allow_unknown_fields};
    route_check_query(&x->route, &x->violations);
    check_auth_header(x);
    x->decoded = campaign_decode(buf_str(&x->body), &decode, &x->arena, &x->campaign,
                                 &x->violations, &x->json_fault) == DECODE_DONE;
    check_tenant(x);
    if (x->decoded)
        policy_check(options->policy, options->team, &x->campaign, &x->violations);

    if (!x->decoded && x->json_fault.kind == JSON_MEMORY)
        refuse(x, (struct refusal){503, "unavailable", "The gateway cannot take this request now",
                                   "no-memory", json_fault_sentence(JSON_MEMORY)});
    else if (!x->decoded)
        refuse(x, (struct refusal){400, "json", "The body is not JSON",
                                   json_fault_code(x->json_fault.kind),
                                   json_fault_sentence(x->json_fault.kind)});
    else if (!violations_clean(&x->violations))
        refuse(x, refusal_of_violations(x));
    else
        record_verdict(x);
}

/* ---- the head ---- */

/* What can be refused before the body is read. True: it was. */
static bool refuse_head(struct exchange *x)
{
    if (x->route.kind == ROUTE_NOT_FOUND) {
        refuse(x, (struct refusal){404, "route", "No such route", "route-not-found",
                                   "the gateway serves no such path; it must be written exactly "
                                   "as the API documents it"});
        return true;
    }
    if (x->route.kind == ROUTE_METHOD_NOT_ALLOWED) {
        refuse(x, (struct refusal){405, "route", "Method not allowed", "method-not-allowed",
                                   "this path takes another method; see the Allow header"});
        return true;
    }
    const char *content = content_refusal(&x->request);
    if (content)
        refuse(x, (struct refusal){415, "content-type", "The content type is not accepted",
                                   "content-type", content});
    return content != NULL;
}

static void *exchange_begin(void *context, struct connection *connection, struct str head,
                            bool *wants_body)
{
    struct exchange *x = exchange_new(context, connection);
    if (!x)
        return NULL;
    struct str copy = arena_copy(&x->arena, head);
    if (!copy.data || !framing_split(copy, &x->arena, &x->request)) {
        exchange_end(x);
        return NULL;
    }
    x->parsed = true;
    route_find(&x->request, &x->route);
    *wants_body = !refuse_head(x);
    return x;
}

static void exchange_piece(void *request, struct str piece)
{
    struct exchange *x = request;
    buf_append(&x->body, piece); /* a failure sticks and is asked for when the body is complete */
}

static void exchange_complete(void *request)
{
    struct exchange *x = request;
    if (x->refusal.status != 0)
        return; /* refused by its head already; the answer is on its way */
    if (x->body.failed)
        refuse(x, (struct refusal){503, "unavailable", "The gateway cannot take this request now",
                                   "no-memory", "there is no memory for the body"});
    else
        judge(x);
}

static void *exchange_refused(void *context, void *request, struct connection *connection,
                              const struct framing_reason *reason)
{
    struct exchange *x = request ? request : exchange_new(context, connection);
    if (!x || x->refusal.status != 0)
        return x;
    refuse(x, (struct refusal){reason->status, reason->type, "The request is not accepted",
                               reason->code, reason->sentence});
    return x;
}

static void exchange_gone(void *request)
{
    struct exchange *x = request;
    x->connection = NULL;
    if (!x->decided)
        exchange_end(x); /* it was still arriving */
}

/* ---- forwarding ---- */

static void forward(struct exchange *x)
{
    x->call.failure = UPSTREAM_MEMORY;
    x->call.sent = false;
    x->call.detail = "";
    x->call.request = (struct str){0};
    x->call.arena = &x->arena;
    x->call.done = (struct task){.run = on_upstream, .arg = x};
    const struct config_tenant *tenant = &x->desk->options.config->tenant;
    const struct forward_target target = {.authority = x->desk->upstream_authority,
                                          .account_id = tenant->account_id,
                                          .stream_id = tenant->stream_id,
                                          .add_account_id = !x->route.has_account_id};
    buf_clear(&x->out);
    forward_request(&x->request, &target, buf_str(&x->body), &x->out);
    if (x->out.failed) {
        loop_defer(x->desk->options.loop, &x->call.done); /* a failure like any other */
        return;
    }
    x->call.request = buf_str(&x->out);
    pool_send(x->desk->options.pool, &x->call);
}

/* The client left before anything was forwarded: it will try again, so nothing may be created. */
static void abandon(struct exchange *x)
{
    const struct outcome_record record = {.id = x->id,
                                          .time_unix_ms = clock_unix_ms(),
                                          .duration_us = duration_us(x),
                                          .outcome = "client_gone",
                                          .created = "no",
                                          .upstream_host = x->desk->upstream_authority};
    record_outcome(&record, &x->record);
    append_record(x, on_outcome);
}

/* The verdict is durable: it takes effect. */
static void on_decision(void *arg)
{
    struct exchange *x = arg;
    bool durable = recorded(x);
    buf_clear(&x->record);
    if (!durable) {
        x->created = "no";
        answer_unavailable(x, "audit-unavailable", "the decision could not be written down");
    } else if (x->refusal.status != 0) {
        answer_refusal(x);
    } else if (!x->connection) {
        abandon(x);
    } else {
        forward(x);
    }
}

/* ---- the answer ---- */

static struct str member_text(const struct json_value *object, const char *key)
{
    const struct json_value *value =
        object && json_kind(object) == JSON_KIND_OBJECT ? json_member(object, str_from(key)) : NULL;
    return value && json_kind(value) == JSON_KIND_STRING ? str_slice(json_string(value), 0, 256)
                                                         : (struct str){0};
}

static const struct json_value *member_object(const struct json_value *object, const char *key)
{
    return object && json_kind(object) == JSON_KIND_OBJECT ? json_member(object, str_from(key))
                                                           : NULL;
}

static void digest_stored_message(const struct json_value *message, struct arena *arena,
                                  char out[DIGEST_HEX_SIZE])
{
    const struct json_value *text = member_object(message, "message");
    struct str decoded;
    size_t offset;
    if (text && json_kind(text) == JSON_KIND_STRING &&
        message_decode(json_string(text), arena, &decoded, &offset) == MESSAGE_OK &&
        !digest_hex(decoded, out))
        out[0] = '\0';
}

/* kore-api.md A4: the status code and the body's own status together say what happened. */
static void classify(const struct exchange *x, struct str answer_status,
                     struct outcome_record *record)
{
    int status = x->call.response.status;
    if (x->call.failure != UPSTREAM_ANSWERED) {
        record->outcome = x->call.sent ? "unknown" : "failed";
        record->created = x->call.sent ? "unknown" : "no";
    } else if (status < 300 && str_equal(answer_status, STR("success"))) {
        record->outcome = "created";
        record->created = "yes";
    } else if (status >= 300 && status < 500) {
        record->outcome = "refused_upstream";
        record->created = "no";
    } else {
        record->outcome = "unknown";
        record->created = "unknown";
    }
}

/* The call has ended; what became of it is written down before anybody is told. */
static void on_upstream(void *arg)
{
    struct exchange *x = arg;
    const struct upstream_call *call = &x->call;
    struct json_fault fault;
    bool answered = call->failure == UPSTREAM_ANSWERED;
    const struct json_value *root =
        answered ? json_read(buf_str(&call->body), &x->arena, &fault) : NULL;
    const struct json_value *data = member_object(root, "data");
    const struct json_value *message = member_object(data, "message");
    char stored[DIGEST_HEX_SIZE] = "";
    digest_stored_message(message, &x->arena, stored);

    struct outcome_record record = {
        .id = x->id,
        .time_unix_ms = clock_unix_ms(),
        .duration_us = duration_us(x),
        .upstream_host = x->desk->upstream_authority,
        .upstream_status = answered ? call->response.status : 0,
        .failure = answered ? NULL : upstream_failure_code(call->failure),
        .detail = str_from(answered ? "" : call->detail),
        .answer_status = member_text(root, "status"),
        .campaign_id = member_text(data, "_id"),
        .template_id = member_text(message, "templateId"),
        .created_at = member_text(data, "createdAt"),
        .stored_message_sha256 = str_from(stored),
    };
    classify(x, record.answer_status, &record);
    if (!answered)
        LOG(LOG_WARN, "upstream-failed", LOG_TEXT("id", x->id), LOG_TEXT("failure", record.failure),
            LOG_STR("detail", record.detail), LOG_TEXT("created", record.created));
    x->created = strcmp(record.created, "no") == 0 ? "no" : "unknown";
    record_outcome(&record, &x->record);
    append_record(x, on_outcome);
}

static void relay_answer(struct exchange *x)
{
    buf_clear(&x->out);
    forward_answer_head(&x->call.response, x->call.body.len, &x->out);
    put_own_headers(x, "allow", &x->out);
    buf_append(&x->out, STR("\r\n"));
    buf_append(&x->out, buf_str(&x->call.body));
    send_answer(x);
}

static void answer_failure(struct exchange *x)
{
    enum upstream_failure failure = x->call.failure;
    bool late = failure == UPSTREAM_CONNECT_TIMEOUT || failure == UPSTREAM_FIRST_BYTE_TIMEOUT ||
                failure == UPSTREAM_TOTAL_TIMEOUT;
    x->refusal =
        (struct refusal){late ? 504 : 502, "upstream", "The upstream did not answer",
                         upstream_failure_code(failure), upstream_failure_sentence(failure)};
    answer_refusal(x);
}

/* The outcome is durable: the client may know. */
static void on_outcome(void *arg)
{
    struct exchange *x = arg;
    bool durable = recorded(x);
    if (!x->connection)
        exchange_end(x);
    else if (!durable)
        answer_unavailable(x, "audit-unavailable", "the outcome could not be written down");
    else if (x->call.failure == UPSTREAM_ANSWERED)
        relay_answer(x);
    else
        answer_failure(x);
}

/* ---- the desk ---- */

struct desk *desk_new(const struct desk_options *options)
{
    struct desk *desk = calloc(1, sizeof(*desk));
    if (!desk)
        return NULL;
    const struct config *config = options->config;
    bool v6 = str_find(config->upstream_host, ':') < config->upstream_host.len;
    desk->options = *options;
    (void)snprintf(desk->authority_text, sizeof(desk->authority_text), v6 ? "[%.*s]" : "%.*s",
                   STR_ARGS(config->upstream_host));
    size_t used = strlen(desk->authority_text);
    if (config->upstream_port != 443)
        (void)snprintf(desk->authority_text + used, sizeof(desk->authority_text) - used, ":%u",
                       config->upstream_port);
    desk->upstream_authority = str_from(desk->authority_text);
    return desk;
}

void desk_free(struct desk *desk)
{
    if (!desk)
        return;
    for (struct exchange *lists[] = {desk->busy, desk->spare}, **list = lists; list < lists + 2;
         list++) {
        for (struct exchange *x = *list, *next; x; x = next) {
            next = x->next;
            exchange_free(x);
        }
    }
    free(desk);
}

size_t desk_busy(const struct desk *desk)
{
    return desk->busy_count;
}

struct listener_handler desk_handler(struct desk *desk)
{
    return (struct listener_handler){
        .context = desk,
        .begin = exchange_begin,
        .piece = exchange_piece,
        .complete = exchange_complete,
        .refused = exchange_refused,
        .gone = exchange_gone,
    };
}
