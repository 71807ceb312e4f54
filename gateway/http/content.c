#include "http/content.h"

static bool is_json_type(struct str value)
{
    struct str type, parameters, name, charset;
    bool has_parameters = str_cut(value, ';', &type, &parameters);
    if (!str_equal_nocase(str_trim(type), STR("application/json")))
        return false;
    if (!has_parameters)
        return true;
    (void)str_cut(str_trim(parameters), '=', &name, &charset);
    return str_equal_nocase(name, STR("charset")) &&
           (str_equal_nocase(charset, STR("utf-8")) || str_equal_nocase(charset, STR("\"utf-8\"")));
}

const char *content_refusal(const struct http_request *request)
{
    const struct http_header *headers = request->headers;
    const struct str *type = http_header_find(headers, request->header_count, STR("content-type"));
    if (http_header_find(headers, request->header_count, STR("content-encoding")))
        return "the body must not be compressed: remove Content-Encoding";
    if (http_header_count(headers, request->header_count, STR("content-type")) != 1 ||
        !is_json_type(*type))
        return "the Content-Type must be application/json, given once";
    return NULL;
}
