#include "admin/checks.h"

#include <stdarg.h>
#include <stdio.h>

#include "admin/accept.h"
#include "base/json_write.h"

static const struct str names[] = {
#define X(name, text) STR(text),
    READINESS_CHECKS(X)
#undef X
};

void readiness_find(struct readiness *readiness, enum check_name name, enum check_result result,
                    const char *format, ...)
{
    struct check *check = &readiness->checks[name];
    va_list args;
    if (result <= check->result)
        return;
    check->result = result;
    va_start(args, format);
    (void)vsnprintf(check->why.text, sizeof(check->why.text), format, args);
    va_end(args);
}

/* ---- what was asked for ---- */

static void exclude(struct probe_options *options, struct str name)
{
    size_t i = 0;
    while (i < CHECKS && !str_equal(name, names[i]))
        i++;
    if (i < CHECKS)
        options->excluded[i] = true;
    else
        options->excludes_unknown = true;
}

struct probe_options probe_options(struct str query, struct str accept)
{
    struct probe_options options = {.json = accept_prefers(accept, STR("application/json"),
                                                           (struct str){0}, STR("text/plain"))};
    for (struct str pair, rest = query; rest.len;) {
        struct str key, value;
        (void)str_cut(rest, '&', &pair, &rest);
        (void)str_cut(pair, '=', &key, &value);
        if (str_equal(key, STR("verbose")))
            options.verbose = true;
        else if (str_equal(key, STR("format")))
            options.json = str_equal(value, STR("json"));
        else if (str_equal(key, STR("exclude")))
            exclude(&options, value);
    }
    return options;
}

/* ---- answers ---- */

static bool fails(const struct readiness *readiness, const struct probe_options *options, size_t i)
{
    return readiness->checks[i].result == CHECK_FAILED && !options->excluded[i];
}

bool readiness_passes(const struct readiness *readiness, const struct probe_options *options)
{
    for (size_t i = 0; i < CHECKS; i++) {
        if (fails(readiness, options, i))
            return false;
    }
    return true;
}

static void write_line(const struct check *check, struct str name, bool excluded, struct buf *out)
{
    if (excluded)
        buf_format(out, "[+]%.*s excluded: ok\n", STR_ARGS(name));
    else if (check->result == CHECK_OK)
        buf_format(out, "[+]%.*s ok\n", STR_ARGS(name));
    else
        buf_format(out, "[%c]%.*s %s: %s\n", check->result == CHECK_FAILED ? '-' : '+',
                   STR_ARGS(name), check->result == CHECK_FAILED ? "failed" : "warning",
                   check->why.text);
}

static void write_text(const struct readiness *readiness, const struct probe_options *options,
                       bool passes, struct buf *out)
{
    for (size_t i = 0; i < CHECKS; i++)
        write_line(&readiness->checks[i], names[i], options->excluded[i], out);
    if (options->excludes_unknown)
        buf_append(out, STR("warning: 'exclude' names a check that there is not\n"));
    buf_format(out, "readyz check %s\n", passes ? "passed" : "failed");
}

static void put_check(struct json_writer *w, struct str name, const char *status,
                      const char *reason)
{
    json_open_object(w);
    json_put_str(w, "name", name);
    json_put_str(w, "status", str_from(status));
    json_put_str_if_any(w, "reason", str_from(reason));
    json_close_object(w);
}

static void write_json(const struct readiness *readiness, const struct probe_options *options,
                       bool passes, struct buf *out)
{
    static const char *const results[] = {
        [CHECK_OK] = "ok", [CHECK_WARNING] = "warning", [CHECK_FAILED] = "failed"};
    struct json_writer w = json_writer(out);
    json_open_object(&w);
    json_put_str(&w, "status", passes ? STR("ok") : STR("failed"));
    json_open_array_at(&w, "checks");
    for (size_t i = 0; i < CHECKS; i++) {
        const struct check *check = &readiness->checks[i];
        put_check(&w, names[i], options->excluded[i] ? "excluded" : results[check->result],
                  check->result == CHECK_OK ? "" : check->why.text);
    }
    json_close_array(&w);
    json_close_object(&w);
    buf_append_byte(out, '\n');
}

void readiness_write(const struct readiness *readiness, const struct probe_options *options,
                     struct buf *out)
{
    bool passes = readiness_passes(readiness, options);
    if (options->json)
        write_json(readiness, options, passes, out);
    else if (passes && !options->verbose)
        buf_append(out, STR("ok\n"));
    else
        write_text(readiness, options, passes, out);
}

void liveness_write(const struct probe_options *options, struct buf *out)
{
    if (options->json)
        buf_append(
            out,
            STR("{\"status\":\"ok\",\"checks\":[{\"name\":\"process\",\"status\":\"ok\"}]}\n"));
    else if (options->verbose)
        buf_append(out, STR("[+]process ok\nlivez check passed\n"));
    else
        buf_append(out, STR("ok\n"));
}

const char *probe_content_type(const struct probe_options *options)
{
    return options->json ? "application/json" : "text/plain; charset=utf-8";
}
