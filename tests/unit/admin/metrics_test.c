/* Whatever is counted, the page has a largest size, and no row is told twice. */
#include "admin/metrics.h"

#include "test.h"

static struct metrics_facts facts;
static struct request_metrics requests;
static struct journal_histograms histograms;
static struct breakdown admin;
static struct team_labels teams;
static struct metrics_expiry expiries[LIMIT_CERTIFICATES + 5];

static void begin(void)
{
    static const char *const results[] = {"2xx", "reset"};
    requests = (struct request_metrics){0};
    teams = (struct team_labels){0};
    facts = (struct metrics_facts){.requests = &requests,
                                   .histograms = &histograms,
                                   .admin = &admin,
                                   .config_digest = "d",
                                   .policy = {STR("1"), "d"},
                                   .upstream_results = results,
                                   .upstream_result_count = COUNT_OF(results),
                                   .api_key_until_unix_ms = INT64_MAX,
                                   .version = "v",
                                   .build = "b",
                                   .openssl = "o",
                                   .libevent = "l",
                                   .tzdata = "t"};
}

static struct str write(bool openmetrics)
{
    static struct buf out;
    buf_release(&out);
    buf_init(&out, LIMIT_ADMIN_BYTES);
    metrics_write(&facts, openmetrics, &out);
    assert_false(out.failed);
    return buf_str(&out);
}

static size_t occurrences(struct str text, const char *what)
{
    size_t count = 0;
    for (const char *at = text.data;
         (at = memmem(at, (size_t)(text.data + text.len - at), what, strlen(what))); at++)
        count++;
    return count;
}

/* Every name a team can have, each with quotes that are to be escaped, in every way to be refused.
 */
static void count_all_there_can_be(void)
{
    static char codes[100][64];
    char name[LIMIT_TEAM_LABEL_BYTES + 1];
    for (int team = 0; team < 2 * LIMIT_TEAM_LABELS; team++) {
        (void)snprintf(name, sizeof(name), "%064d", team);
        memset(name, '"', 56);
        team_labels_add(&teams, str_from(name));
        for (size_t code = 0; code < COUNT_OF(codes); code++) {
            (void)snprintf(codes[code], sizeof(codes[code]), "a-code-of-an-ordinary-length-%zu",
                           code);
            const struct request_summary summary = {.route = "method-not-allowed",
                                                    .team = str_from(name),
                                                    .verdict = "shadow-deny",
                                                    .type = "policy",
                                                    .code = codes[code],
                                                    .upstream_why = codes[code]};
            request_metrics_count(&requests, &teams, &summary);
        }
    }
}

TEST(all_there_can_be_fits)
{
    static char path[4096];
    begin();
    count_all_there_can_be();
    memset(path, 'p', sizeof(path) - 1);
    for (size_t i = 0; i < COUNT_OF(expiries); i++)
        expiries[i] = (struct metrics_expiry){"admin-client-ca", str_from(path), 1};
    facts.expiries = expiries;
    facts.expiry_count = COUNT_OF(expiries);
    for (size_t i = 0; i < JOURNAL_DIRECTORIES; i++)
        facts.journal.space[i].directory = path;
    struct str text = write(true);
    assert_true(text.len > 300000);
    assert_true(str_ends(text, STR("\n# EOF\n")));
    assert_int_equal(occurrences(text, "code=\"other\",team=\"other\""), 1);
}

TEST(results_of_the_upstream_are_told_before_there_are_any_and_once)
{
    begin();
    assert_int_equal(
        occurrences(write(false), "\ncampaign_gateway_upstream_requests_total{result=\"2xx\"} 0\n"),
        1);
    const struct request_summary summary = {.upstream_status = 200};
    request_metrics_count(&requests, &teams, &summary);
    struct str text = write(false);
    assert_int_equal(occurrences(text, "{result=\"2xx\"}"), 1);
    assert_int_equal(
        occurrences(text, "\ncampaign_gateway_upstream_requests_total{result=\"2xx\"} 1\n"), 1);
}

TEST(what_does_not_apply_is_not_told)
{
    begin();
    struct str text = write(true);
    assert_int_equal(occurrences(text, "unshipped"), 0);
    assert_int_equal(occurrences(text, "api_key"), 0);
    assert_int_equal(occurrences(text, "candidate\""), 0);
    facts.journal.ships = true;
    facts.journal.last_seq = 5;
    facts.journal.receipt_seq = 7; /* another journal's */
    facts.api_key_until_unix_ms = 1500;
    text = write(true);
    assert_int_equal(occurrences(text, "\ncampaign_gateway_audit_unshipped_records 0\n"), 1);
    assert_int_equal(
        occurrences(text, "\ncampaign_gateway_api_key_expiry_timestamp_seconds 1.500000\n"), 1);
}

TESTS(UNIT(all_there_can_be_fits),
      UNIT(results_of_the_upstream_are_told_before_there_are_any_and_once),
      UNIT(what_does_not_apply_is_not_told))
