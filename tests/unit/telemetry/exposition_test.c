/* Metrics as text, in both formats. */
#include "telemetry/exposition.h"

#include "test.h"

static struct buf out;

static struct exposition begin(bool openmetrics)
{
    buf_release(&out);
    buf_init(&out, 65536);
    return (struct exposition){.out = &out, .openmetrics = openmetrics};
}

static const struct metric_label team[] = {{"team", STR("a\"b\\c\nd")},
                                           {"x", STR("\xff"
                                                     "é")}};

TEST(a_counter_in_openmetrics)
{
    struct exposition e = begin(true);
    exposition_begin(&e, METRIC_COUNTER, "cpu_seconds", "seconds", "Time.");
    exposition_put_us(&e, NULL, 0, 1500000);
    exposition_end(&e);
    EXPECT_STR(buf_str(&out), "# TYPE campaign_gateway_cpu_seconds counter\n"
                              "# UNIT campaign_gateway_cpu_seconds seconds\n"
                              "# HELP campaign_gateway_cpu_seconds Time.\n"
                              "campaign_gateway_cpu_seconds_total 1.500000\n"
                              "# EOF\n");
}

TEST(a_counter_in_the_older_format)
{
    struct exposition e = begin(false);
    exposition_begin(&e, METRIC_COUNTER, "cpu_seconds", "seconds", "Time.");
    exposition_put(&e, NULL, 0, 18446744073709551615u);
    exposition_end(&e);
    EXPECT_STR(buf_str(&out), "# TYPE campaign_gateway_cpu_seconds_total counter\n"
                              "# HELP campaign_gateway_cpu_seconds_total Time.\n"
                              "campaign_gateway_cpu_seconds_total 18446744073709551615\n");
}

TEST(an_info_is_a_gauge_where_there_are_none)
{
    struct exposition e = begin(false);
    exposition_begin(&e, METRIC_INFO, "build", NULL, "What.");
    exposition_put(&e, team, 1, 1);
    EXPECT_STR(buf_str(&out), "# TYPE campaign_gateway_build_info gauge\n"
                              "# HELP campaign_gateway_build_info What.\n"
                              "campaign_gateway_build_info{team=\"a\\\"b\\\\c\\nd\"} 1\n");
}

TEST(values_of_labels_are_escaped_and_utf8)
{
    struct exposition e = begin(true);
    exposition_begin(&e, METRIC_GAUGE, "g", NULL, "G.");
    exposition_put(&e, team, COUNT_OF(team), 2);
    EXPECT_STR(buf_str(&out),
               "# TYPE campaign_gateway_g gauge\n# HELP campaign_gateway_g G.\n"
               "campaign_gateway_g{team=\"a\\\"b\\\\c\\nd\",x=\"\xef\xbf\xbdé\"} 2\n");
}

TEST(what_lies_before_the_epoch_is_negative)
{
    struct exposition e = begin(true);
    exposition_begin(&e, METRIC_GAUGE, "g", NULL, "G.");
    exposition_put_us(&e, NULL, 0, -1500);
    assert_true(str_ends(buf_str(&out), STR("campaign_gateway_g -0.001500\n")));
}

TEST(a_histogram_is_cumulative)
{
    struct histogram histogram = {0};
    struct exposition e = begin(true);
    histogram_observe(&histogram, &histogram_durations, 60);
    histogram_observe(&histogram, &histogram_durations, 60);
    histogram_observe(&histogram, &histogram_durations, 90000000);
    exposition_begin(&e, METRIC_HISTOGRAM, "h_seconds", "seconds", "H.");
    exposition_put_histogram(&e, team, 0, &histogram_durations, &histogram);
    const char *const lines[] = {"_bucket{le=\"5e-05\"} 0\n",
                                 "_bucket{le=\"0.0001\"} 2\n",
                                 "_bucket{le=\"60.0\"} 2\n",
                                 "_bucket{le=\"+Inf\"} 3\n",
                                 "_count 3\n",
                                 "_sum 90.000120\n"};
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_non_null(memmem(out.data, out.len, lines[i], strlen(lines[i])));
    buf_release(&out);
}

TESTS(UNIT(a_counter_in_openmetrics), UNIT(a_counter_in_the_older_format),
      UNIT(an_info_is_a_gauge_where_there_are_none), UNIT(values_of_labels_are_escaped_and_utf8),
      UNIT(what_lies_before_the_epoch_is_negative), UNIT(a_histogram_is_cumulative))
