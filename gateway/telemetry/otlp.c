#include "telemetry/otlp.h"

#include <stdio.h>

#include "base/json_read.h"
#include "base/json_write.h"

/* Of opentelemetry-proto; JSON has enums as numbers. */
enum { KIND_INTERNAL = 1, KIND_SERVER = 2, KIND_CLIENT = 3, STATUS_ERROR = 2 };

static const char *const stage_names[STAGES] = {
    [STAGE_RECEIVE] = "receive",
    [STAGE_JUDGE] = "judge",
    [STAGE_RECORD] = "record",
    [STAGE_OUTCOME] = "outcome",
};

/* ---- attributes ---- */

static void open_attribute(struct json_writer *w, const char *key)
{
    json_open_object(w);
    json_put_str(w, "key", str_from(key));
    json_open_object_at(w, "value");
}

static void close_attribute(struct json_writer *w)
{
    json_close_object(w);
    json_close_object(w);
}

static void put_text(struct json_writer *w, const char *key, struct str value)
{
    if (value.len == 0)
        return;
    open_attribute(w, key);
    json_put_str(w, "stringValue", value);
    close_attribute(w);
}

/* 64 bits are texts in protobuf's JSON. */
static void put_number(struct json_writer *w, const char *key, int value)
{
    char digits[16];
    if (value == 0)
        return;
    (void)snprintf(digits, sizeof(digits), "%d", value);
    open_attribute(w, key);
    json_put_str(w, "intValue", str_from(digits));
    close_attribute(w);
}

static void put_codes(struct json_writer *w, const struct violations *violations)
{
    bool seen[VIOLATION_COUNT] = {0};
    if (!violations || violations->count == 0)
        return;
    open_attribute(w, "campaign_gateway.violations");
    json_open_object_at(w, "arrayValue");
    json_open_array_at(w, "values");
    for (size_t i = 0; i < violations->count; i++) {
        enum violation_code code = violations->items[i].code;
        if (seen[code])
            continue;
        seen[code] = true;
        json_open_object(w);
        json_put_str(w, "stringValue", str_from(violation_code_text(code)));
        json_close_object(w);
    }
    json_close_array(w);
    json_close_object(w);
    close_attribute(w);
}

/* ---- spans ---- */

/* From the clock that never goes back to the one that people have. */
static void put_time(struct json_writer *w, const char *key, const struct request_summary *summary,
                     int64_t at_us)
{
    char text[32];
    int64_t unix_us = summary->started_unix_ms * 1000 + (at_us - summary->started_us);
    (void)snprintf(text, sizeof(text), "%lld000", (long long)(unix_us > 0 ? unix_us : 0));
    json_put_str(w, key, str_from(text));
}

struct span {
    const char *id, *parent_id;
    const char *name, *route; /* a route is a part of the name; or NULL */
    int kind;
    int64_t from_us, to_us;
};

static void open_span(struct json_writer *w, const struct request_summary *summary,
                      const struct span *span)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "%s%s%s", span->name, span->route ? " " : "",
                   span->route ? span->route : "");
    json_open_object(w);
    json_put_str(w, "traceId", str_from(summary->trace_id));
    json_put_str(w, "spanId", str_from(span->id));
    json_put_str_if_any(w, "parentSpanId", str_from(span->parent_id));
    json_put_str(w, "name", str_from(name));
    json_put_int(w, "kind", span->kind);
    put_time(w, "startTimeUnixNano", summary, span->from_us);
    put_time(w, "endTimeUnixNano", summary, span->to_us);
    json_open_array_at(w, "attributes");
}

static void close_span(struct json_writer *w, bool failed)
{
    json_close_array(w);
    json_open_object_at(w, "status");
    if (failed)
        json_put_int(w, "code", STATUS_ERROR);
    json_close_object(w);
    json_close_object(w);
}

/* The conventions' word for a method that was not understood. */
static struct str method_of(const struct request_summary *summary)
{
    return summary->method.len ? summary->method : STR("_OTHER");
}

static void put_error(struct json_writer *w, const char *why, int status)
{
    char digits[16];
    (void)snprintf(digits, sizeof(digits), "%d", status);
    put_text(w, "error.type", str_from(why ? why : digits));
}

static void put_request(struct json_writer *w, const struct request_summary *summary)
{
    char method[16];
    (void)snprintf(method, sizeof(method), "%.*s",
                   STR_ARGS(summary->method.len ? summary->method : STR("HTTP")));
    const struct span span = {.id = summary->span_id,
                              .parent_id = summary->parent_id,
                              .name = method,
                              .route = summary->route,
                              .kind = KIND_SERVER,
                              .from_us = summary->started_us,
                              .to_us =
                                  summary->answered_us ? summary->answered_us : summary->over_us};
    bool failed = summary->status >= 500;
    open_span(w, summary, &span);
    put_text(w, "http.request.method", method_of(summary));
    put_text(w, "http.route", str_from(summary->route));
    put_number(w, "http.response.status_code", summary->status);
    put_text(w, "url.scheme", STR("https"));
    if (failed)
        put_error(w, summary->code ? summary->code : summary->type, summary->status);
    put_text(w, "campaign_gateway.decision_id", str_from(summary->id));
    put_text(w, "campaign_gateway.team", summary->team);
    put_text(w, "campaign_gateway.verdict", str_from(summary->verdict));
    put_text(w, "campaign_gateway.type", str_from(summary->type));
    put_text(w, "campaign_gateway.code", str_from(summary->code));
    put_codes(w, summary->violations);
    close_span(w, failed);
}

static void put_call(struct json_writer *w, const struct request_summary *summary,
                     const struct otlp_upstream *upstream)
{
    bool failed = summary->upstream_why || summary->upstream_status >= 400;
    put_text(w, "http.request.method", method_of(summary));
    put_text(w, "server.address", upstream->host);
    put_number(w, "server.port", upstream->port);
    put_number(w, "http.response.status_code", summary->upstream_status);
    if (failed)
        put_error(w, summary->upstream_why, summary->upstream_status);
    close_span(w, failed);
}

static void put_stage(struct json_writer *w, const struct request_summary *summary,
                      enum stage stage, const struct otlp_upstream *upstream)
{
    char id[SPAN_ID_SIZE];
    bool calls = stage == STAGE_UPSTREAM;
    stage_span_id(summary->span_id, stage, id);
    const struct span span = {.id = id,
                              .parent_id = summary->span_id,
                              .name = calls ? "POST" : stage_names[stage],
                              .kind = calls ? KIND_CLIENT : KIND_INTERNAL,
                              .from_us = stage_began_us(summary, stage),
                              .to_us = summary->ended_us[stage]};
    open_span(w, summary, &span);
    if (calls)
        put_call(w, summary, upstream);
    else
        close_span(w, false);
}

void otlp_put_spans(const struct request_summary *summary, const struct otlp_upstream *upstream,
                    struct buf *out)
{
    struct json_writer w = json_writer(out);
    put_request(&w, summary);
    for (unsigned stage = 0; stage < STAGES; stage++) {
        if (summary->ended_us[stage])
            put_stage(&w, summary, stage, upstream);
    }
    buf_append_byte(out, '\n');
}

/* ---- bodies ---- */

static void put_lines(struct json_writer *w, struct str lines)
{
    const char *separator = "";
    json_open_array_at(w, "spans");
    for (struct str line; lines.len > 0; separator = ",") {
        (void)str_cut(lines, '\n', &line, &lines);
        buf_append(w->out, str_from(separator));
        buf_append(w->out, line);
    }
    json_close_array(w);
}

void otlp_put_body(const struct otlp_service *service, struct str lines, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open_object(&w);
    json_open_array_at(&w, "resourceSpans");
    json_open_object(&w);
    json_open_object_at(&w, "resource");
    json_open_array_at(&w, "attributes");
    put_text(&w, "service.name", service->name);
    put_text(&w, "service.version", STR(GATEWAY_VERSION));
    put_text(&w, "service.instance.id", service->instance);
    json_close_array(&w);
    json_close_object(&w);
    json_open_array_at(&w, "scopeSpans");
    json_open_object(&w);
    json_open_object_at(&w, "scope");
    json_put_str(&w, "name", STR("campaign-gateway"));
    json_put_str(&w, "version", STR(GATEWAY_VERSION));
    json_close_object(&w);
    put_lines(&w, lines);
    json_close_object(&w);
    json_close_array(&w);
    json_close_object(&w);
    json_close_array(&w);
    json_close_object(&w);
}

/* ---- answers ---- */

static const struct json_value *member(const struct json_value *object, struct str key)
{
    return object && json_kind(object) == JSON_KIND_OBJECT ? json_member(object, key) : NULL;
}

uint64_t otlp_rejected(struct str answer, struct arena *arena, struct str *ret_why)
{
    struct json_fault fault;
    uint64_t count = 0;
    const struct json_value *partial =
        member(json_read(answer, arena, &fault), STR("partialSuccess"));
    const struct json_value *spans = member(partial, STR("rejectedSpans")),
                            *why = member(partial, STR("errorMessage"));
    *ret_why = why && json_kind(why) == JSON_KIND_STRING ? json_string(why) : (struct str){0};
    if (spans && json_kind(spans) == JSON_KIND_STRING && !str_to_u64(json_string(spans), &count))
        return 0;
    if (spans && json_kind(spans) == JSON_KIND_NUMBER && json_number(spans) > 0 &&
        json_number(spans) < 1e9)
        count = (uint64_t)json_number(spans);
    return count;
}
