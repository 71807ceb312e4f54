#include "http/route.h"

#include "http/path.h"

static const struct {
    const char *method;
    struct str before_stream, after_stream; /* the path around {streamId} */
    enum route_kind kind;
} routes[] = {
    {"POST", STR("/campaign/api/v2/public/"), STR("/campaign"), ROUTE_CAMPAIGN},
};

/* What stands between the two fixed parts of the route, if `path` has both. */
static bool match_path(struct str path, size_t row, struct str *between)
{
    struct str before = routes[row].before_stream, after = routes[row].after_stream;
    if (path.len <= before.len + after.len || !str_starts(path, before) || !str_ends(path, after))
        return false;
    *between = str_slice(path, before.len, path.len - after.len);
    return true;
}

/* Our own route table is in lower case, so it can be compared with a worst reading. */
static bool looks_like_route(struct str path, struct arena *arena)
{
    struct str worst = path_worst_reading(path, arena), between;
    if (!worst.data)
        return true;
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (match_path(worst, i, &between))
            return true;
    }
    return false;
}

void route_find(const struct http_request *request, struct arena *arena, struct route *ret)
{
    *ret = (struct route){.kind = ROUTE_NOT_FOUND};
    (void)str_cut(request->target, '?', &ret->path, &ret->query);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        struct str between;
        if (!match_path(ret->path, i, &between) || !str_is_identifier(between))
            continue;
        ret->stream_id = between;
        if (str_equal(request->method, str_from(routes[i].method))) {
            ret->kind = routes[i].kind;
            return;
        }
        ret->kind = ROUTE_METHOD_NOT_ALLOWED;
        ret->allow = routes[i].method;
    }
    if (ret->kind == ROUTE_NOT_FOUND && looks_like_route(ret->path, arena))
        ret->kind = ROUTE_LOOKALIKE;
}

static void check_campaign_type(struct route *route, struct str value,
                                struct violations *violations)
{
    (void)route;
    if (!str_equal(value, STR("sms")))
        violations_add(violations, VIOLATION_QUERY_VALUE, STR(""),
                       "the query's campaignType must be exactly 'sms'");
}

static void check_account_id(struct route *route, struct str value, struct violations *violations)
{
    route->account_id = value;
    route->has_account_id = true;
    if (!str_is_identifier(value))
        violations_add(violations, VIOLATION_QUERY_VALUE, STR(""),
                       "the query's accountId must consist of letters, digits, - and _, "
                       "without percent-encoding");
}

/* The parameters of the create call; each at most once. */
enum { CAMPAIGN_TYPE, ACCOUNT_ID, PARAMETERS };

static const struct {
    struct str name;
    void (*check)(struct route *route, struct str value, struct violations *violations);
} parameters[] = {
    [CAMPAIGN_TYPE] = {STR("campaignType"), check_campaign_type},
    [ACCOUNT_ID] = {STR("accountId"), check_account_id},
};

/* Takes the character at the front, a percent-encoded one in its plain form. */
static char take_character(struct str *s)
{
    char c = s->data[0];
    size_t length = 1;
    if (c == '%' && s->len >= 3 && hex_digit(s->data[1]) >= 0 && hex_digit(s->data[2]) >= 0) {
        c = (char)(hex_digit(s->data[1]) << 4 | hex_digit(s->data[2]));
        length = 3;
    }
    *s = str_slice(*s, length, s->len);
    return c;
}

/* Would a server that decodes keys and folds their case take this one for the parameter? */
static bool stands_for(struct str key, struct str parameter)
{
    for (size_t i = 0; i < parameter.len; i++) {
        if (key.len == 0)
            return false;
        char c = take_character(&key);
        if (!str_equal_nocase((struct str){&c, 1}, str_slice(parameter, i, i + 1)))
            return false;
    }
    return key.len == 0;
}

static size_t find_parameter(struct str key)
{
    size_t i = 0;
    while (i < PARAMETERS && !stands_for(key, parameters[i].name))
        i++;
    return i;
}

struct seen {
    bool at_all; /* also in a spelling that only another server would understand */
    bool as_written;
};

static void check_parameter(struct route *route, struct str piece, struct seen seen[PARAMETERS],
                            struct violations *violations)
{
    struct str key, value;
    (void)str_cut(piece, '=', &key, &value);
    size_t which = find_parameter(key);
    bool as_written = which < PARAMETERS && str_equal(key, parameters[which].name);
    if (!as_written)
        violations_add(violations, VIOLATION_QUERY_UNKNOWN, STR(""),
                       "the query holds a parameter other than campaignType and accountId, "
                       "or one written differently");
    if (which == PARAMETERS)
        return;
    if (seen[which].at_all)
        violations_add(violations, VIOLATION_QUERY_DUPLICATE, STR(""),
                       "the query's %.*s is given twice", STR_ARGS(parameters[which].name));
    if (as_written && !seen[which].as_written)
        parameters[which].check(route, value, violations);
    seen[which].at_all = true;
    seen[which].as_written |= as_written;
}

void route_check_query(struct route *route, struct violations *violations)
{
    struct seen seen[PARAMETERS] = {{false, false}};
    struct str piece, rest = route->query;
    bool more = rest.len > 0;
    while (more) {
        more = str_cut(rest, '&', &piece, &rest);
        check_parameter(route, piece, seen, violations);
    }
    if (!seen[CAMPAIGN_TYPE].as_written)
        violations_add(violations, VIOLATION_QUERY_MISSING, STR(""),
                       "the query must say campaignType=sms");
}
