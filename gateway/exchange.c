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
#include "http/refusal.h"
#include "http/route.h"
#include "policy/reading.h"

/* Exchanges kept for the next requests, so that a busy worker does not allocate. */
#define LIMIT_SPARE_EXCHANGES 64
/* A buffer that grew beyond this for one request is given back. */
#define KEPT_BUFFER_BYTES 65536

#define RANDOM_POOL_BYTES 4096 /* one system call for 120 requests */
/* What a request needs of it: for its id, its trace and its span. */
struct exchange_random {
    uint8_t id[ID_RANDOM_BYTES], trace[TRACE_RANDOM_BYTES], span[SPAN_RANDOM_BYTES];
};

struct exchange {
    struct desk *desk;
    struct exchange *previous, *next; /* under way, or spare */
    struct connection *connection;    /* NULL once the client is gone */

    struct arena arena;
    char id[ID_SIZE];
    struct str peer; /* outlives the connection */
    int64_t started_us, started_unix_ms;
    struct http_request request;
    struct trace_context trace;
    char span_id[SPAN_ID_SIZE]; /* of the gateway's part in it */
    struct route route;
    bool parsed;    /* the head was accepted: `request` and `route` are valid */
    bool decided;   /* the verdict is on its way to the journal: there is no way back */
    bool admitted;  /* counted among the requests under way */
    bool forwarded; /* bytes may have left for the upstream */
    bool expired;   /* was answered because its whole time was over */
    bool degraded;  /* a record of it was let pass without being durable */
    struct buf body;

    struct snapshot *snapshot;      /* what it is judged by, from begin to end */
    const struct policy_team *team; /* NULL: not known, or not yet */
    struct str caller;              /* who it was, for the record; may be empty */

    struct campaign campaign;
    struct reading reading; /* of its message, for both policies */
    int64_t judged_unix_ms; /* by this moment; 0: not by any policy */
    bool decoded;
    struct violations violations;
    struct policy_findings findings; /* what the policy found besides what refuses */
    struct candidate_verdict candidate;
    char message_sha256[DIGEST_HEX_SIZE]; /* empty: no message */
    struct json_fault json_fault;
    struct refusal refusal; /* status 0: allowed */

    struct journal_entry entry;
    struct task recorded; /* brings the journal's answer to this loop */
    struct buf record;
    struct buf sealed; /* the body as the auditor may read it */
    char sealed_name[CAPTURE_NAME_SIZE], sealed_sha256[DIGEST_HEX_SIZE]; /* empty: not kept */
    struct upstream_call call;
    struct buf out; /* the request to the upstream, then the answer to the client */
    const char *created;

    int64_t ended_us[STAGES]; /* see telemetry/summary.h */
    struct given_answer {
        int status; /* 0: none */
        const char *verdict, *type, *code;
        size_t bytes;
        int64_t at_us;
    } given;
};

struct desk {
    struct desk_options options;
    struct framing_limits framing; /* the listener's: fixed, whatever later snapshots say */
    struct exchange *busy, *spare;
    size_t busy_count, spare_count;
    struct str upstream_authority; /* for Host */
    char authority_text[CONFIG_AUTHORITY_SIZE];
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
    const struct framing_limits *limits = &desk->framing;
    struct budget *budget = admission_budget(desk->options.admission);
    arena_init_within(&x->arena, LIMIT_ARENA_BYTES, budget);
    buf_init_within(&x->body, limits->body_bytes, budget);
    buf_init_within(&x->record, LIMIT_RECORD_BYTES, budget);
    buf_init_within(&x->sealed, limits->body_bytes + CAPTURE_OVERHEAD_BYTES, budget);
    buf_init_within(&x->call.body, LIMIT_ANSWER_BYTES, budget);
    buf_init_within(&x->out, limits->body_bytes + LIMIT_ANSWER_BYTES + 2 * limits->head_bytes,
                    budget);
    return x;
}

static void exchange_free(struct exchange *x)
{
    snapshot_release(x->snapshot);
    arena_release(&x->arena);
    buf_release(&x->body);
    buf_release(&x->record);
    buf_release(&x->sealed);
    buf_release(&x->call.body);
    buf_release(&x->out);
    free(x);
}

static bool draw_random(struct desk *desk, struct exchange_random *ret)
{
    if (desk->random_left < sizeof(*ret)) {
        if (getrandom(desk->random, sizeof(desk->random), 0) != (ssize_t)sizeof(desk->random))
            return false;
        desk->random_left = sizeof(desk->random);
    }
    desk->random_left -= sizeof(*ret);
    memcpy(ret, desk->random + desk->random_left, sizeof(*ret));
    return true;
}

/* A fresh exchange, or NULL: then the connection is closed without a word. */
static struct exchange *exchange_new(struct desk *desk, struct connection *connection)
{
    struct exchange_random random;
    struct exchange *x = draw_random(desk, &random) ? exchange_alloc(desk) : NULL;
    if (!x)
        return NULL;
    x->desk = desk;
    x->connection = connection;
    x->peer = arena_copy(&x->arena, connection_peer(connection));
    x->started_us = clock_mono_us();
    x->started_unix_ms = clock_unix_ms();
    id_format(x->started_unix_ms, random.id, x->id);
    span_id_format(random.span, x->span_id);
    x->request = (struct http_request){0};
    x->route = (struct route){0};
    x->parsed = x->decided = x->decoded = false;
    x->admitted = x->forwarded = x->expired = x->degraded = false;
    x->snapshot = snapshot_hold(desk->options.snapshot);
    trace_context_begin(random.trace, x->snapshot->config->trace_sample, &x->trace);
    x->team = x->snapshot->team;
    x->caller = (struct str){0};
    x->refusal = (struct refusal){0};
    x->findings = (struct policy_findings){0};
    x->candidate = (struct candidate_verdict){0};
    x->message_sha256[0] = '\0';
    x->sealed_name[0] = x->sealed_sha256[0] = '\0';
    x->reading = (struct reading){0};
    x->judged_unix_ms = 0;
    x->json_fault = (struct json_fault){0};
    x->created = NULL;
    x->given = (struct given_answer){0};
    memset(x->ended_us, 0, sizeof(x->ended_us));
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

static void reached_end_of(struct exchange *x, enum stage stage)
{
    x->ended_us[stage] = clock_mono_us();
}

/* As record.h has them. */
static const char *const route_names[] = {
    [ROUTE_CAMPAIGN] = "create-campaign",
    [ROUTE_NOT_FOUND] = "not-found",
    [ROUTE_LOOKALIKE] = "lookalike",
    [ROUTE_METHOD_NOT_ALLOWED] = "method-not-allowed",
};

static const char *route_name(const struct exchange *x)
{
    return x->parsed ? route_names[x->route.kind] : NULL;
}

/* How a record of this moment hides phone numbers; without a key it cannot be written. */
static struct privacy privacy_now(struct exchange *x, int64_t now_unix_ms)
{
    const struct hash_keys *keys = x->desk->options.hash_keys;
    return (struct privacy){.in_clear = !keys,
                            .key = keys ? hash_keys_at(keys, now_unix_ms) : NULL,
                            .arena = &x->arena};
}

/* As the record has it. */
static struct str shown_caller(struct exchange *x)
{
    struct privacy privacy = privacy_now(x, x->started_unix_ms);
    return x->caller.len ? privacy_mask(&privacy, x->caller) : x->caller;
}

static void tell(struct exchange *x)
{
    const struct upstream_call *call = &x->call;
    bool asked = x->ended_us[STAGE_UPSTREAM] != 0;
    bool answered = asked && call->failure == UPSTREAM_ANSWERED;
    struct request_summary summary = {
        .id = x->id,
        .trace_id = x->trace.trace_id,
        .span_id = x->span_id,
        .parent_id = x->trace.parent_id,
        .sampled = x->trace.sampled,
        .route = route_name(x),
        .team = x->team ? x->team->name : (struct str){0},
        .caller = shown_caller(x),
        .peer = x->peer,
        .method = x->request.method,
        .status = x->given.status,
        .verdict = x->given.verdict,
        .type = x->given.type,
        .code = x->given.code,
        .violations = &x->violations,
        .forwarded = x->forwarded,
        .upstream_status = answered ? call->response.status : 0,
        .upstream_why = asked && !answered ? upstream_failure_code(call->failure) : NULL,
        .body_bytes = x->body.len,
        .answer_bytes = x->given.bytes,
        .started_unix_ms = x->started_unix_ms,
        .started_us = x->started_us,
        .answered_us = x->given.at_us,
        .over_us = clock_mono_us(),
    };
    memcpy(summary.ended_us, x->ended_us, sizeof(summary.ended_us));
    x->desk->options.ended(x->desk->options.arg, &summary);
}

static void exchange_end(struct exchange *x)
{
    struct desk *desk = x->desk;
    tell(x);
    if (x->previous)
        x->previous->next = x->next;
    else
        desk->busy = x->next;
    if (x->next)
        x->next->previous = x->previous;
    desk->busy_count--;
    if (x->admitted)
        admission_end_request(desk->options.admission);
    snapshot_release(x->snapshot);
    x->snapshot = NULL;
    /* what spare ones hold is taken from the budget, too: it must not crowd out real requests */
    if (desk->spare_count < LIMIT_SPARE_EXCHANGES &&
        budget_is_ample(admission_budget(desk->options.admission))) {
        arena_reset(&x->arena);
        recycle_buf(&x->body);
        recycle_buf(&x->record);
        recycle_buf(&x->sealed);
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

/* Every code once; there are few. */
static void put_reported_codes(const struct exchange *x, struct buf *out)
{
    bool seen[VIOLATION_COUNT] = {0};
    const struct violations *observed = &x->findings.observed;
    const char *separator = "x-policy-shadow: ";
    for (size_t i = 0; i < observed->count; i++) {
        const struct violation *violation = &observed->items[i];
        if (violation->effect != EFFECT_REPORTED || seen[violation->code])
            continue;
        seen[violation->code] = true;
        buf_format(out, "%s%s", separator, violation_code_text(violation->code));
        separator = ", ";
    }
    buf_append(out, STR("\r\n"));
}

/* Which policy judged; what would have refused if it were enforced. */
static void put_policy_header(const struct exchange *x, struct buf *out)
{
    const struct policy_set *policy = x->snapshot->policy;
    buf_format(out, "x-policy: %.*s; sha256=%s\r\n", STR_ARGS(policy->revision), policy->digest);
    if (policy_is_shadow_denied(&x->findings))
        put_reported_codes(x, out);
}

/* What every answer carries. */
static void put_own_headers(const struct exchange *x, const char *verdict, struct buf *out)
{
    buf_format(out, "x-decision-id: %s\r\nx-campaign-gateway: %s\r\n", x->id, verdict);
    put_policy_header(x, out);
    if (x->degraded)
        buf_append(out, STR("x-audit: degraded\r\n"));
    if (!connection_persists(x->connection))
        buf_append(out, STR("connection: close\r\n"));
}

static const char *verdict_header(const struct exchange *x, const struct refusal *refusal)
{
    if (refusal)
        return refusal_is_failure(refusal) ? "error" : "deny";
    return policy_is_shadow_denied(&x->findings) ? "shadow-deny" : "allow";
}

/* `refusal` NULL: the upstream's answer is relayed. */
static void give_answer(struct exchange *x, const struct refusal *refusal, const struct buf *out)
{
    x->given = (struct given_answer){.status = refusal ? refusal->status : x->call.response.status,
                                     .verdict = verdict_header(x, refusal),
                                     .type = refusal ? refusal->type : NULL,
                                     .code = refusal ? refusal->code : NULL,
                                     .bytes = out->len,
                                     .at_us = clock_mono_us()};
    if (out->failed)
        connection_abandon(x->connection);
    else
        connection_answer(x->connection, buf_str(out));
    x->connection = NULL;
}

static void send_answer(struct exchange *x, const struct refusal *refusal)
{
    if (x->connection)
        give_answer(x, refusal, &x->out);
    exchange_end(x);
}

/* A hundred long sentences may be too much; some of them, and "truncated", say enough. */
static void shorten_problem(struct problem problem, struct buf *out)
{
    struct violations fewer = problem.violations ? *problem.violations : (struct violations){0};
    fewer.truncated = true;
    problem.violations = &fewer;
    for (fewer.count /= 2; out->failed && fewer.count > 0; fewer.count /= 2) {
        buf_clear(out);
        problem_write(&problem, out);
    }
}

static void write_problem(const struct exchange *x, const struct refusal *refusal,
                          const char *created, struct buf *out)
{
    const struct policy_set *policy = x->snapshot->policy;
    bool listed = strcmp(refusal->type, "contract") == 0 || strcmp(refusal->type, "policy") == 0 ||
                  strcmp(refusal->type, "json") == 0;
    const struct problem problem = {
        .status = refusal->status,
        .type = refusal->type,
        .title = refusal_title(refusal),
        .detail = str_from(refusal->detail),
        .decision_id = str_from(x->id),
        .policy_revision = policy->revision,
        .policy_digest = str_from(policy->digest),
        .violations = listed ? &x->violations : NULL,
        .code = refusal->code,
        .json_fault = listed && x->json_fault.kind != JSON_OK ? &x->json_fault : NULL,
        .created = created,
    };
    buf_clear(out);
    problem_write(&problem, out);
    shorten_problem(problem, out);
}

/* Headers that belong to a status. Nobody is asked to try again what may have been created. */
static void put_status_headers(const struct exchange *x, int status, const char *created,
                               struct buf *out)
{
    if (status == 503 && (!created || strcmp(created, "unknown") != 0))
        buf_append(out, STR("retry-after: 1\r\n"));
    if (status == 405)
        buf_format(out, "allow: %s\r\n", x->route.allow);
    if (status == 401) /* RFC 9110 15.5.2: a challenge must come along */
        buf_format(out, "www-authenticate: ApiKey realm=\"campaign-gateway\", header=\"%.*s\"\r\n",
                   STR_ARGS(x->snapshot->config->api_key_header.value));
}

/* The refusal's whole answer in `out`; `problem` lends room for its body. */
static void compose_refusal(const struct exchange *x, const struct refusal *refusal,
                            const char *created, struct buf *problem, struct buf *out)
{
    char date[CLOCK_HTTP_SIZE];
    clock_format_http(clock_unix_ms(), date);
    write_problem(x, refusal, created, problem);
    buf_clear(out);
    buf_format(out,
               "HTTP/1.1 %d %s\r\ncontent-type: application/problem+json\r\n"
               "x-content-type-options: nosniff\r\ndate: %s\r\n",
               refusal->status, http_reason(refusal->status), date);
    put_status_headers(x, refusal->status, created, out);
    buf_format(out, "content-length: %zu\r\n", problem->len);
    put_own_headers(x, verdict_header(x, refusal), out);
    buf_append(out, STR("\r\n"));
    if (!x->parsed || !str_equal(x->request.method, STR("HEAD")))
        buf_append(out, buf_str(problem));
    out->failed |= problem->failed;
}

static void answer_refusal(struct exchange *x)
{
    if (x->connection) /* x->record has served its own purpose by now */
        compose_refusal(x, &x->refusal, x->created, &x->record, &x->out);
    send_answer(x, &x->refusal);
}

/* The refusal that takes the verdict's place: nothing more is forwarded and nothing claimed. */
static void answer_instead(struct exchange *x, struct refusal refusal)
{
    x->refusal = refusal;
    answer_refusal(x);
}

/* Answers now, whatever the exchange's own buffers are lent to; it goes on without its client. */
static void answer_early(struct exchange *x, const struct refusal *refusal, const char *created)
{
    struct buf problem, out;
    struct budget *budget = admission_budget(x->desk->options.admission);
    buf_init_within(&problem, LIMIT_RECORD_BYTES, budget);
    buf_init_within(&out, LIMIT_RECORD_BYTES + LIMIT_HEAD_BYTES, budget);
    compose_refusal(x, refusal, created, &problem, &out);
    give_answer(x, refusal, &out);
    buf_release(&problem);
    buf_release(&out);
}

/* ---- recording ---- */

/* Whether x->record is durable, or may pass without; the log hears when that changes. */
static bool recorded(struct exchange *x)
{
    struct desk *desk = x->desk;
    bool durable = x->entry.fate != JOURNAL_FAILED;
    x->degraded |= x->entry.fate == JOURNAL_DEGRADED;
    if (durable == desk->audit_failing) {
        desk->audit_failing = !durable;
        LOG(durable ? LOG_INFO : LOG_ERROR, durable ? "audit-restored" : "audit-failed",
            LOG_TEXT("id", x->id), LOG_TEXT("reason", x->record.failed ? "no memory" : "journal"),
            LOG_STR("directory", x->snapshot->config->audit.directory.value));
    }
    return durable;
}

/* On the journal's thread. */
static void pass_on(void *arg)
{
    struct exchange *x = arg;
    loop_post(x->desk->options.loop, &x->recorded);
}

/* What a record says of the campaign. */
enum record_meaning {
    MEANS_REFUSED,
    MEANS_ALLOWED, /* an outcome must follow */
    MEANS_KNOWN,   /* whether it was created */
    MEANS_UNKNOWN, /* nobody knows; see reconcile.h */
};

/*
 * Queues x->record; `then` runs on this loop when its fate is known. When it cannot even be
 * queued, `then` runs soon all the same and finds it not durable.
 */
static void append_record(struct exchange *x, enum record_meaning meaning, void (*then)(void *arg))
{
    struct desk *desk = x->desk;
    const struct str id = str_from(x->id), none = {0};
    x->recorded = (struct task){.run = then, .arg = x};
    x->entry = (struct journal_entry){.members = buf_str(&x->record),
                                      .opens = meaning == MEANS_ALLOWED ? id : none,
                                      .closes = meaning == MEANS_KNOWN ? id : none,
                                      .orphans = meaning == MEANS_UNKNOWN ? id : none,
                                      .attachment = buf_str(&x->sealed),
                                      .attachment_name = str_from(x->sealed_name),
                                      .done = pass_on,
                                      .arg = x};
    if (x->record.failed || !journal_append(desk->options.journal, &x->entry)) {
        x->entry.fate = JOURNAL_FAILED;
        loop_defer(desk->options.loop, &x->recorded);
    }
}

/* The body, sealed for the auditor, where that is configured. What is turned away because too much
 * is under way is not worth a file. */
static bool seal_body(struct exchange *x, int64_t now_unix_ms)
{
    if (!x->snapshot->capture || !x->admitted || x->body.len == 0)
        return true;
    capture_name(now_unix_ms, x->id, x->sealed_name);
    return capture_seal(x->snapshot->capture, buf_str(&x->body), &x->sealed) &&
           digest_hex(buf_str(&x->sealed), x->sealed_sha256);
}

/* The verdict goes to the journal; `then` runs when it is durable, or cannot be made so. */
static void record_verdict(struct exchange *x, void (*then)(void *arg))
{
    const struct policy_set *policy = x->snapshot->policy;
    const struct config_tenant *tenant = &x->snapshot->config->tenant;
    int64_t now_unix_ms = x->judged_unix_ms ? x->judged_unix_ms : clock_unix_ms();
    struct privacy privacy = privacy_now(x, now_unix_ms);
    bool sealed = seal_body(x, now_unix_ms);
    const struct decision_record record = {
        .id = x->id,
        .time_unix_ms = now_unix_ms,
        .duration_us = duration_us(x),
        .allowed = x->refusal.status == 0,
        .status = x->refusal.status,
        .type = x->refusal.type,
        .code = x->refusal.code,
        .team = x->team ? x->team->name : (struct str){0},
        .caller = x->caller,
        .peer = x->peer,
        .trace_id = str_from(x->trace.trace_id),
        .method = x->request.method,
        .path = x->route.path,
        .route = route_name(x),
        .stream_id = x->route.stream_id,
        .account_id = x->route.account_id,
        .own_stream_id = tenant->stream_id,
        .own_account_id = tenant->account_id,
        .body = buf_str(&x->body),
        .campaign = x->decoded ? &x->campaign : NULL,
        .message_sha256 = str_from(x->message_sha256),
        .capture_file = str_from(x->sealed_name),
        .capture_sha256 = str_from(x->sealed_sha256),
        .violations = &x->violations,
        .findings = x->findings.violations ? &x->findings : NULL,
        .candidate = x->candidate.differs ? &x->candidate : NULL,
        .policy_revision = policy->revision,
        .policy_digest = str_from(policy->digest),
        .privacy = &privacy,
    };
    record_decision(&record, &x->record);
    if (!sealed)
        x->record.failed = true;
    x->decided = true;
    reached_end_of(x, STAGE_JUDGE);
    append_record(x, record.allowed ? MEANS_ALLOWED : MEANS_REFUSED, then);
}

static void refuse(struct exchange *x, struct refusal refusal)
{
    x->refusal = refusal;
    record_verdict(x, on_decision);
}

/* ---- too much under way ---- */

static void on_noted(void *arg)
{
    struct exchange *x = arg;
    reached_end_of(x, STAGE_RECORD);
    if (!recorded(x))
        counters_count(x->desk->options.counters, COUNTER_UNRECORDED);
    exchange_end(x);
}

/* The client is told first: waiting for the disk is what there is too much of. */
static void run_turn_away(void *arg)
{
    struct exchange *x = arg;
    if (!x->connection) {
        exchange_end(x);
        return;
    }
    record_verdict(x, on_noted); /* its `done` comes over this loop, so not before we return */
    answer_early(x, &x->refusal, "no");
}

static void turn_away(struct exchange *x)
{
    x->refusal = refusal_of(REFUSAL_OVERLOADED);
    x->decided = true;
    counters_count(x->desk->options.counters, COUNTER_LIMIT_REQUESTS);
    x->recorded = (struct task){.run = run_turn_away, .arg = x};
    loop_defer(x->desk->options.loop, &x->recorded);
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
    const struct config_tenant *tenant = &x->snapshot->config->tenant;
    if (!str_equal(x->route.stream_id, tenant->stream_id))
        violations_add(&x->violations, VIOLATION_TENANT_MISMATCH, STR(""),
                       "the stream in the path is not the one this gateway serves");
    if (x->route.has_account_id && !str_equal(x->route.account_id, tenant->account_id))
        violations_add(&x->violations, VIOLATION_TENANT_MISMATCH, STR(""),
                       "the accountId in the query is not the one this gateway serves");
}

/* What the candidate would have said, when that is something else. */
static void ask_candidate(struct exchange *x, const struct policy_context *context, bool allowed)
{
    const struct policy_set *policy = x->snapshot->candidate;
    const struct policy_team *team = policy_team(policy, x->team->name);
    struct candidate_verdict *verdict = &x->candidate;
    struct policy_findings findings;
    violations_init(&verdict->violations, &x->arena);
    if (team)
        policy_check(policy, team, &x->campaign, context, &verdict->violations, &findings, NULL);
    verdict->allowed = team && violations_clean(&verdict->violations);
    verdict->team_unknown = !team;
    verdict->revision = policy->revision;
    verdict->digest = str_from(policy->digest);
    verdict->differs = verdict->allowed != allowed;
    if (verdict->differs)
        counters_count(x->desk->options.counters, verdict->allowed ? COUNTER_CANDIDATE_WOULD_ALLOW
                                                                   : COUNTER_CANDIDATE_WOULD_DENY);
}

static void count_findings(const struct exchange *x)
{
    struct counters *counters = x->desk->options.counters;
    for (size_t i = 0; i < x->findings.expired_count; i++)
        counters_count(counters, COUNTER_EXCEPTIONS_EXPIRED);
    for (size_t i = 0; i < x->findings.used_count; i++)
        counters_count(counters, COUNTER_EXCEPTIONS_USED);
    if (policy_is_shadow_denied(&x->findings))
        counters_count(counters, COUNTER_SHADOW_DENIED);
}

static void ask_policies(struct exchange *x)
{
    x->judged_unix_ms = clock_unix_ms();
    reading_init(&x->reading, x->campaign.message, &x->arena);
    struct policy_context context = {.now_unix_ms = x->judged_unix_ms, .reading = &x->reading};
    bool hashed =
        x->campaign.message.len == 0 || digest_hex(x->campaign.message, x->message_sha256);
    if (!hashed)
        violations_lose(&x->violations); /* what cannot be told apart is not allowed */
    bool refused_by_any = !violations_clean(&x->violations); /* the contract, another tenant */
    context.message_sha256 = str_from(x->message_sha256);
    policy_check(x->snapshot->policy, x->team, &x->campaign, &context, &x->violations, &x->findings,
                 NULL);
    if (x->snapshot->candidate && !refused_by_any)
        ask_candidate(x, &context, violations_clean(&x->violations));
    count_findings(x);
}

/* Everything that can be said about the request is said before the verdict. */
static void judge(struct exchange *x)
{
    const struct config *config = x->snapshot->config;
    const struct decode_options decode = {config->sender_ids, config->sender_id_count,
                                          config->allow_unknown_fields, config->midnight};
    route_check_query(&x->route, &x->violations);
    check_auth_header(x);
    x->decoded = campaign_decode(buf_str(&x->body), &decode, &x->arena, &x->campaign,
                                 &x->violations, &x->json_fault) == DECODE_DONE;
    check_tenant(x);
    if (x->decoded)
        ask_policies(x);

    if (!x->decoded && x->json_fault.kind == JSON_MEMORY)
        refuse(x, refusal_of(REFUSAL_NO_MEMORY));
    else if (!x->decoded)
        refuse(x, refusal_because(REFUSAL_NOT_JSON, json_fault_code(x->json_fault.kind),
                                  json_fault_sentence(x->json_fault.kind)));
    else if (!violations_clean(&x->violations))
        refuse(x, refusal_of(refusal_of_violations(&x->violations)));
    else
        record_verdict(x, on_decision);
}

/* ---- who is calling ---- */

static const enum refusal_kind refusal_of_answer[] = {
    [CALLER_KNOWN] = REFUSAL_NONE,
    [CALLER_ABSENT] = REFUSAL_CALLER_ABSENT,
    [CALLER_KEY_UNKNOWN] = REFUSAL_API_KEY_UNKNOWN,
    [CALLER_KEY_EXPIRED] = REFUSAL_API_KEY_EXPIRED,
    [CALLER_NO_TEAM] = REFUSAL_CALLER_WITHOUT_TEAM,
    [CALLER_AMBIGUOUS] = REFUSAL_CALLER_AMBIGUOUS,
};

/* The API key's SHA-256: true when there is exactly one, *count tells how many there are. */
static bool digest_api_key(const struct exchange *x, size_t *count, uint8_t out[DIGEST_BYTES])
{
    const struct http_request *request = &x->request;
    struct str name = x->snapshot->config->api_key_header.value;
    *count = http_header_count(request->headers, request->header_count, name);
    if (*count != 1)
        return false;
    const struct str *key = http_header_find(request->headers, request->header_count, name);
    return key->len > 0 && key->len <= LIMIT_API_KEY_BYTES && digest_bytes(*key, out);
}

/* Finds the team. A refusal with status 0 means that it is known. */
static struct refusal identify(struct exchange *x)
{
    const struct snapshot *snapshot = x->snapshot;
    const struct peer *certificate = connection_certificate(x->connection);
    uint8_t key[DIGEST_BYTES];
    size_t keys;
    if (certificate && !certificate->valid)
        return refusal_because(REFUSAL_CERTIFICATE_INVALID, "certificate-invalid",
                               certificate->reason);
    struct str names = certificate ? buf_str(&certificate->names) : (struct str){0};
    struct caller caller = {0};
    enum caller_answer answer = CALLER_KNOWN;
    if (snapshot->callers) {
        bool has_key = digest_api_key(x, &keys, key);
        const struct caller_evidence evidence = {certificate != NULL, names, has_key ? key : NULL,
                                                 clock_unix_ms()};
        answer = callers_find(snapshot->callers, &evidence, &caller);
        if (keys > 0 && !has_key)
            answer = CALLER_KEY_UNKNOWN; /* two keys, an empty one, or one longer than any */
        x->team = answer == CALLER_KNOWN ? policy_team(snapshot->policy, caller.team) : NULL;
    } else {
        (void)str_cut(names, '\n', &caller.name, &names);
    }
    x->caller = arena_copy(&x->arena, caller.name);
    return refusal_of(x->caller.data ? refusal_of_answer[answer] : REFUSAL_NO_MEMORY);
}

static void refuse_caller(struct exchange *x, struct refusal unknown)
{
    if (unknown.status == 401)
        counters_count(x->desk->options.counters, COUNTER_CALLERS_UNKNOWN);
    else if (unknown.status == 403)
        counters_count(x->desk->options.counters, COUNTER_CALLERS_WITHOUT_TEAM);
    refuse(x, unknown);
}

/* ---- the head ---- */

static const enum refusal_kind refusal_of_route[] = {
    [ROUTE_CAMPAIGN] = REFUSAL_NONE,
    [ROUTE_NOT_FOUND] = REFUSAL_NO_ROUTE,
    [ROUTE_LOOKALIKE] = REFUSAL_LOOKALIKE,
    [ROUTE_METHOD_NOT_ALLOWED] = REFUSAL_METHOD,
};

/* What can be refused before the body is read. True: it was. */
static bool refuse_head(struct exchange *x)
{
    struct refusal unknown = identify(x); /* first, so that every record tells who it was */
    enum refusal_kind route = refusal_of_route[x->route.kind];
    const char *content = content_refusal(&x->request);
    if (route != REFUSAL_NONE)
        refuse(x, refusal_of(route));
    else if (unknown.status != 0)
        refuse_caller(x, unknown);
    else if (content)
        refuse(x, refusal_because(REFUSAL_CONTENT, "content-type", content));
    return x->refusal.status != 0;
}

static void *exchange_begin(void *context, struct connection *connection, struct str head,
                            bool *wants_body)
{
    struct exchange *x = exchange_new(context, connection);
    if (!x)
        return NULL;
    struct str copy = arena_copy(&x->arena, head);
    if (!copy.data || !framing_split(copy, &x->arena, &x->request)) {
        counters_count(x->desk->options.counters, COUNTER_LIMIT_BUFFERS);
        exchange_end(x);
        return NULL;
    }
    x->parsed = true;
    (void)trace_context_read(x->request.headers, x->request.header_count,
                             &x->trace); /* or its own */
    route_find(&x->request, &x->arena, &x->route);
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
    reached_end_of(x, STAGE_RECEIVE);
    if (x->body.failed) {
        counters_count(x->desk->options.counters, COUNTER_LIMIT_BUFFERS);
        refuse(x, refusal_of(REFUSAL_NO_MEMORY));
        return;
    }
    x->admitted = admission_begin_request(x->desk->options.admission);
    if (x->admitted)
        judge(x);
    else
        turn_away(x);
}

static void *exchange_refused(void *context, void *request, struct connection *connection,
                              const struct framing_reason *reason)
{
    struct exchange *x = request ? request : exchange_new(context, connection);
    if (!x || x->refusal.status != 0)
        return x;
    if (!x->parsed)
        (void)identify(x); /* by its certificate, for the record */
    if (reason->status == 413 || reason->status == 414 || reason->status == 431)
        counters_count(x->desk->options.counters, COUNTER_LIMIT_SIZE);
    refuse(x, (struct refusal){reason->status, reason->type, reason->code, reason->sentence});
    return x;
}

static void exchange_gone(void *request)
{
    struct exchange *x = request;
    x->connection = NULL;
    if (!x->decided)
        exchange_end(x); /* it was still arriving */
}

/*
 * The request's whole time is over. Its client is answered; what is begun goes on without it: a
 * verdict that is not durable yet will forward nothing.
 */
static void exchange_expired(void *request)
{
    struct exchange *x = request;
    if (x->recorded.queued && x->recorded.run == run_turn_away) {
        loop_cancel(x->desk->options.loop, &x->recorded);
        run_turn_away(x); /* it was about to be answered, and recorded, anyway */
        return;
    }
    const struct refusal late =
        refusal_of(x->forwarded ? REFUSAL_TOO_LATE_FORWARDED : REFUSAL_TOO_LATE);
    x->expired = true;
    answer_early(x, &late, x->forwarded ? "unknown" : "no");
}

static void on_unheard(void *context, struct str peer, const char *reason)
{
    (void)context;
    LOG(LOG_INFO, "handshake-failed", LOG_STR("peer", peer), LOG_TEXT("reason", reason));
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
    const struct config_tenant *tenant = &x->snapshot->config->tenant;
    char call_id[SPAN_ID_SIZE];
    stage_span_id(x->span_id, STAGE_UPSTREAM, call_id);
    const struct forward_target target = {.authority = x->desk->upstream_authority,
                                          .api_key_header =
                                              x->snapshot->config->api_key_header.value,
                                          .account_id = tenant->account_id,
                                          .stream_id = tenant->stream_id,
                                          .add_account_id = !x->route.has_account_id,
                                          .trace = &x->trace,
                                          .span_id = call_id};
    buf_clear(&x->out);
    forward_request(&x->request, &target, buf_str(&x->body), &x->out);
    if (x->out.failed) {
        loop_defer(x->desk->options.loop, &x->call.done); /* a failure like any other */
        return;
    }
    x->call.request = buf_str(&x->out);
    x->forwarded = true;
    pool_send(x->desk->options.pool, &x->call);
}

/* The client left, or was answered, before anything was forwarded: nothing may be created. */
static void abandon(struct exchange *x)
{
    const struct policy_set *policy = x->snapshot->policy;
    int64_t now_unix_ms = clock_unix_ms();
    struct privacy privacy = privacy_now(x, now_unix_ms);
    const struct outcome_record record = {.id = x->id,
                                          .time_unix_ms = now_unix_ms,
                                          .duration_us = duration_us(x),
                                          .trace_id = str_from(x->trace.trace_id),
                                          .outcome = x->expired ? "expired" : "client_gone",
                                          .created = "no",
                                          .upstream_host = x->desk->upstream_authority,
                                          .policy_revision = policy->revision,
                                          .policy_digest = str_from(policy->digest),
                                          .privacy = &privacy};
    record_outcome(&record, &x->record);
    append_record(x, MEANS_KNOWN, on_outcome);
}

/* The verdict is durable: it takes effect. */
static void on_decision(void *arg)
{
    struct exchange *x = arg;
    bool durable = recorded(x);
    reached_end_of(x, STAGE_RECORD);
    buf_clear(&x->record);
    buf_clear(&x->sealed);
    if (!durable) {
        x->created = "no";
        answer_instead(x, refusal_of(REFUSAL_DECISION_UNRECORDED));
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
    reached_end_of(x, STAGE_UPSTREAM);
    struct json_fault fault;
    bool answered = call->failure == UPSTREAM_ANSWERED;
    const struct json_value *root =
        answered ? json_read(buf_str(&call->body), &x->arena, &fault) : NULL;
    const struct json_value *data = member_object(root, "data");
    const struct json_value *message = member_object(data, "message");
    char stored[DIGEST_HEX_SIZE] = "";
    digest_stored_message(message, &x->arena, stored);
    int64_t now_unix_ms = clock_unix_ms();
    struct privacy privacy = privacy_now(x, now_unix_ms);

    struct outcome_record record = {
        .id = x->id,
        .time_unix_ms = now_unix_ms,
        .duration_us = duration_us(x),
        .trace_id = str_from(x->trace.trace_id),
        .upstream_host = x->desk->upstream_authority,
        .upstream_status = answered ? call->response.status : 0,
        .failure = answered ? NULL : upstream_failure_code(call->failure),
        .detail = str_from(answered ? "" : call->detail),
        .answer_status = member_text(root, "status"),
        .campaign_id = member_text(data, "_id"),
        .template_id = member_text(message, "templateId"),
        .created_at = member_text(data, "createdAt"),
        .message_sha256 = str_from(x->message_sha256),
        .stored_message_sha256 = str_from(stored),
        .expired = x->expired,
        .policy_revision = x->snapshot->policy->revision,
        .policy_digest = str_from(x->snapshot->policy->digest),
        .privacy = &privacy,
    };
    classify(x, record.answer_status, &record);
    if (!answered)
        LOG(LOG_WARN, "upstream-failed", LOG_TEXT("id", x->id), LOG_TEXT("failure", record.failure),
            LOG_STR("detail", record.detail), LOG_TEXT("created", record.created));
    x->created = strcmp(record.created, "no") == 0 ? "no" : "unknown";
    record_outcome(&record, &x->record);
    bool known = strcmp(record.created, "unknown") != 0;
    append_record(x, known ? MEANS_KNOWN : MEANS_UNKNOWN, on_outcome);
}

static void relay_answer(struct exchange *x)
{
    buf_clear(&x->out);
    forward_answer_head(&x->call.response, x->call.body.len, &x->out);
    put_own_headers(x, verdict_header(x, NULL), &x->out);
    buf_append(&x->out, STR("\r\n"));
    buf_append(&x->out, buf_str(&x->call.body));
    send_answer(x, NULL);
}

static void answer_failure(struct exchange *x)
{
    enum upstream_failure failure = x->call.failure;
    bool late = failure == UPSTREAM_CONNECT_TIMEOUT || failure == UPSTREAM_FIRST_BYTE_TIMEOUT ||
                failure == UPSTREAM_TOTAL_TIMEOUT;
    answer_instead(x, refusal_because(late ? REFUSAL_UPSTREAM_LATE : REFUSAL_UPSTREAM_FAILED,
                                      upstream_failure_code(failure),
                                      upstream_failure_sentence(failure)));
}

/* The outcome is durable: the client may know. */
static void on_outcome(void *arg)
{
    struct exchange *x = arg;
    bool durable = recorded(x);
    reached_end_of(x, STAGE_OUTCOME);
    if (!x->connection)
        exchange_end(x);
    else if (!durable)
        answer_instead(x, refusal_of(REFUSAL_OUTCOME_UNRECORDED));
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
    const struct config *config = options->snapshot->config;
    desk->options = *options;
    desk->options.snapshot = snapshot_hold(options->snapshot);
    desk->framing = config->framing;
    config_authority(config, desk->authority_text);
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
    snapshot_release(desk->options.snapshot);
    free(desk);
}

void desk_adopt(struct desk *desk, struct snapshot *snapshot)
{
    snapshot_hold(snapshot);
    snapshot_release(desk->options.snapshot);
    desk->options.snapshot = snapshot;
}

size_t desk_busy(const struct desk *desk)
{
    return desk->busy_count;
}

struct connection_handler desk_handler(struct desk *desk)
{
    return (struct connection_handler){
        .context = desk,
        .begin = exchange_begin,
        .piece = exchange_piece,
        .complete = exchange_complete,
        .refused = exchange_refused,
        .expired = exchange_expired,
        .gone = exchange_gone,
        .unheard = on_unheard,
    };
}
