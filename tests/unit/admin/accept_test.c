/* Who gets which format: scrapers say what they read. */
#include "admin/accept.h"

#include "test.h"

static bool openmetrics(const char *accept)
{
    return accept_prefers(str_from(accept), STR("application/openmetrics-text"), STR("1.0.0"),
                          STR("text/plain"));
}

TEST(scrapers_that_prefer_it_get_it)
{
    const char *const accepts[] = {
        /* Prometheus 2.42, and 3 */
        "application/openmetrics-text;version=1.0.0,application/"
        "openmetrics-text;version=0.0.1;q=0.75,"
        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
         "text/plain;version=0.0.4;q=0.5,*/*;q=0.2"),
        "application/openmetrics-text",
        "Application/OpenMetrics-Text; Version=\"1.0.0\" ; Q=0.3",
        "text/plain , application/openmetrics-text",
    };
    for (size_t i = 0; i < COUNT_OF(accepts); i++)
        assert_true(openmetrics(accepts[i]));
}

TEST(everybody_else_gets_the_older_format)
{
    const char *const accepts[] = {
        "",
        "*/*",
        "text/plain",
        "application/*",
        "text/html,application/xhtml+xml,*/*;q=0.8",
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.000, text/plain;q=0",
        "application/openmetrics-text;version=1.0.0;q=0.4,text/plain;q=0.5",
        "application/openmetrics-text;q=0.4,text/*;q=0.5",
        "application/openmetrics-text;q=0.4,*/*",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
        ",;,=;q=,;;",
    };
    for (size_t i = 0; i < COUNT_OF(accepts); i++)
        assert_false(openmetrics(accepts[i]));
}

TESTS(UNIT(scrapers_that_prefer_it_get_it), UNIT(everybody_else_gets_the_older_format))
