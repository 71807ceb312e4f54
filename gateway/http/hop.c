#include "http/hop.h"

#include "http/field.h"

/* Beside these, everything that starts with "proxy-". */
static const struct str always[] = {
    STR("connection"), STR("keep-alive"),        STR("te"),
    STR("trailer"),    STR("transfer-encoding"), STR("upgrade"),
};

bool hop_by_hop(const struct http_header *headers, size_t count, struct str name)
{
    if (str_equal_nocase(str_slice(name, 0, 6), STR("proxy-")))
        return true;
    for (size_t i = 0; i < COUNT_OF(always); i++) {
        if (str_equal_nocase(name, always[i]))
            return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (str_equal_nocase(headers[i].name, STR("connection")) &&
            list_has_token(headers[i].value, name))
            return true;
    }
    return false;
}
