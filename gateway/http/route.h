/*
 * Method, path and query -> what kind of request this is. Default: deny.
 *
 * A path is a route only when it is written exactly as the API documents it. One that some other
 * server might read as a route although we do not (encoded letters, dot segments, doubled or
 * trailing slashes, other case, matrix parameters) is a lookalike: refused, never forwarded.
 */
#pragma once

#include "campaign/violation.h"
#include "http/message.h"

enum route_kind {
    ROUTE_CAMPAIGN,           /* create an SMS campaign: judge it */
    ROUTE_NOT_FOUND,          /* no such route: 404 */
    ROUTE_LOOKALIKE,          /* only in its worst reading (path.h): 404, with another word */
    ROUTE_METHOD_NOT_ALLOWED, /* the path exists, with another method: 405 and Allow */
};

struct route {
    enum route_kind kind;
    const char *allow;     /* for 405: "POST" */
    struct str path;       /* before the '?' */
    struct str query;      /* behind it, or empty */
    struct str stream_id;  /* of ROUTE_CAMPAIGN */
    struct str account_id; /* the query's accountId, as sent; empty when absent */
    bool has_account_id;
};

/* The arena lends memory for the worst reading; when it is full, the route is a lookalike. */
void route_find(const struct http_request *request, struct arena *arena, struct route *ret);

/*
 * The query's contract for ROUTE_CAMPAIGN: `campaignType` exactly once and "sms", `accountId` at
 * most once, nothing else, nothing percent-encoded. Fills route->account_id.
 */
void route_check_query(struct route *route, struct violations *violations);
