#include "http/refusal.h"

#include <string.h>

#include "base/limits.h"

static const struct refusal rows[] = {
    [REFUSAL_NONE] = {0, "", "", ""},
#define REFUSAL(name, status, type, code, detail) [REFUSAL_##name] = {status, type, code, detail},
#include "http/refusals.def"
#undef REFUSAL
};

struct refusal refusal_of(enum refusal_kind kind)
{
    return rows[kind];
}

struct refusal refusal_because(enum refusal_kind kind, const char *code, const char *detail)
{
    struct refusal refusal = rows[kind];
    refusal.code = code;
    refusal.detail = detail;
    return refusal;
}

enum refusal_kind refusal_of_violations(const struct violations *violations)
{
    if (violations_clean(violations))
        return REFUSAL_NONE;
    if (violations->truncated && violations->count < LIMIT_VIOLATIONS)
        return REFUSAL_NO_MEMORY;
    return violations_break_contract(violations) ? REFUSAL_CONTRACT : REFUSAL_POLICY;
}

static const struct {
    const char *type, *title;
} titles[] = {
    {"json", "The body is not JSON"},
    {"identity", "The caller is not known"},
    {"policy", "The campaign breaks the organisation's policy"},
    {"route", "No such route"},
    {"content-type", "The content type is not accepted"},
    {"contract", "The campaign breaks the API's contract"},
    {"upstream", "The upstream did not answer"},
    {"unavailable", "The gateway cannot take this request now"},
};

const char *refusal_title(const struct refusal *refusal)
{
    for (size_t i = 0; i < COUNT_OF(titles); i++) {
        if (strcmp(refusal->type, titles[i].type) == 0)
            return titles[i].title;
    }
    return "The request is not accepted"; /* every type that begins with http- */
}

bool refusal_is_failure(const struct refusal *refusal)
{
    return refusal->status == 502 || refusal->status == 503 || refusal->status == 504;
}
