#include "http/problem.h"

#include <stdio.h>

#include "base/json_write.h"

static void put_prefixed(struct json_writer *w, const char *key, const char *prefix,
                         struct str value)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "%s%.*s", prefix, STR_ARGS(value));
    json_put_str(w, key, str_from(text));
}

/* The problem itself as an error: when nothing else is listed, or beside what is. */
static void put_single(struct json_writer *w, const struct problem *problem)
{
    const struct json_fault *fault = problem->json_fault;
    json_open_object(w);
    json_put_str(w, "code", str_from(problem->code));
    json_put_str(w, "pointer", STR(""));
    json_put_str(w, "msg", problem->detail);
    if (fault) {
        json_put_int(w, "offset", (int64_t)fault->offset);
        json_put_int(w, "line", (int64_t)fault->line);
        json_put_int(w, "column", (int64_t)fault->column);
    }
    json_close_object(w);
}

static void put_policy(struct json_writer *w, const struct problem *problem)
{
    json_open_object_at(w, "policy");
    json_put_str(w, "revision", problem->policy_revision);
    json_put_str(w, "digest", problem->policy_digest);
    json_close_object(w);
}

void problem_write(const struct problem *problem, struct buf *out)
{
    struct json_writer w = json_writer(out);
    const struct violations *violations = problem->violations;
    bool listed = violations && violations->count > 0;

    json_open_object(&w);
    put_prefixed(&w, "type", "urn:campaign-gateway:problem:", str_from(problem->type));
    json_put_str(&w, "title", str_from(problem->title));
    json_put_int(&w, "status", problem->status);
    json_put_str(&w, "detail", problem->detail);
    put_prefixed(&w, "instance", "urn:uuid:", problem->decision_id);
    json_put_str(&w, "decision_id", problem->decision_id);
    if (problem->policy_revision.len)
        put_policy(&w, problem);
    if (problem->created)
        json_put_str(&w, "created", str_from(problem->created));
    json_open_array_at(&w, "errors");
    if (!listed || problem->json_fault)
        put_single(&w, problem);
    for (size_t i = 0; listed && i < violations->count; i++) {
        json_open_object(&w);
        violation_put_members(&w, &violations->items[i], true);
        json_close_object(&w);
    }
    json_close_array(&w);
    if (violations && violations->truncated)
        json_put_bool(&w, "truncated", true);
    json_close_object(&w);
}
