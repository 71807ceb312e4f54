#include "http/route.h"

static const struct {
    const char *method;
    struct str before_stream, after_stream; /* the path around {streamId} */
    enum route_kind kind;
} routes[] = {
    {"POST", STR("/campaign/api/v2/public/"), STR("/campaign"), ROUTE_CAMPAIGN},
};

static bool match_path(struct str path, size_t row, struct str *stream_id)
{
    struct str before = routes[row].before_stream, after = routes[row].after_stream;
    if (path.len <= before.len + after.len || !str_starts(path, before) || !str_ends(path, after))
        return false;
    *stream_id = str_slice(path, before.len, path.len - after.len);
    return str_is_identifier(*stream_id);
}

void route_find(const struct http_request *request, struct route *ret)
{
    *ret = (struct route){.kind = ROUTE_NOT_FOUND};
    (void)str_cut(request->target, '?', &ret->path, &ret->query);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (!match_path(ret->path, i, &ret->stream_id))
            continue;
        if (str_equal(request->method, str_from(routes[i].method))) {
            ret->kind = routes[i].kind;
            return;
        }
        ret->kind = ROUTE_METHOD_NOT_ALLOWED;
        ret->allow = routes[i].method;
    }
}

/* The parameters of the create call; both at most once. */
enum { CAMPAIGN_TYPE, ACCOUNT_ID, PARAMETERS };

static const struct str parameters[] = {
    [CAMPAIGN_TYPE] = STR("campaignType"),
    [ACCOUNT_ID] = STR("accountId"),
};

static void check_campaign_type(struct str value, struct violations *violations)
{
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

/* Case does not count here: a server that folds it would see the parameter twice. */
static size_t find_parameter(struct str key)
{
    size_t i = 0;
    while (i < PARAMETERS && !str_equal_nocase(key, parameters[i]))
        i++;
    return i;
}

static void check_parameter(struct route *route, struct str piece, bool seen[PARAMETERS],
                            struct violations *violations)
{
    struct str key, value;
    (void)str_cut(piece, '=', &key, &value);
    size_t which = find_parameter(key);
    if (which == PARAMETERS || !str_equal(key, parameters[which])) {
        violations_add(violations, VIOLATION_QUERY_UNKNOWN, STR(""),
                       "the query holds a parameter other than campaignType and accountId, "
                       "or one written differently");
        return;
    }
    if (seen[which]) {
        violations_add(violations, VIOLATION_QUERY_DUPLICATE, STR(""),
                       "the query's %.*s is given twice", STR_ARGS(parameters[which]));
        return;
    }
    seen[which] = true;
    if (which == CAMPAIGN_TYPE)
        check_campaign_type(value, violations);
    else
        check_account_id(route, value, violations);
}

void route_check_query(struct route *route, struct violations *violations)
{
    bool seen[PARAMETERS] = {false};
    struct str piece, rest = route->query;
    bool more = rest.len > 0;
    while (more) {
        more = str_cut(rest, '&', &piece, &rest);
        check_parameter(route, piece, seen, violations);
    }
    if (!seen[CAMPAIGN_TYPE])
        violations_add(violations, VIOLATION_QUERY_MISSING, STR(""),
                       "the query must say campaignType=sms");
}
