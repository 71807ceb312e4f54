#include "base/problems.h"

#include "base/limits.h"

void problems_init(struct problems *problems)
{
    *problems = (struct problems){0};
    buf_init(&problems->lines, LIMIT_PROBLEMS * (sizeof(struct error) + 1));
}

void problems_release(struct problems *problems)
{
    buf_release(&problems->lines);
}

bool problems_add(struct problems *problems, struct error *err)
{
    if (err->text[0] == '\0')
        return false;
    if (problems->count++ < LIMIT_PROBLEMS)
        buf_format(&problems->lines, "%s\n", err->text);
    err->text[0] = '\0';
    return false;
}

void problems_summary(const struct problems *problems, struct error *ret)
{
    struct str first, rest;
    (void)str_cut(buf_str(&problems->lines), '\n', &first, &rest);
    if (problems->lines.failed || first.len == 0)
        error_set(ret, "out of memory while listing what is wrong");
    else if (problems->count == 1)
        error_set(ret, "%.*s", STR_ARGS(first));
    else
        error_set(ret, "%.*s (and %zu more; `campaign-gateway check` lists them)", STR_ARGS(first),
                  problems->count - 1);
}
