/* What probes are answered. */
#include "admin/checks.h"

#include "test.h"

static struct readiness readiness;

static struct str ask(const char *query, const char *accept, bool *passes)
{
    static struct buf out;
    const struct probe_options options = probe_options(str_from(query), str_from(accept));
    buf_release(&out);
    buf_init(&out, 65536);
    *passes = readiness_passes(&readiness, &options);
    readiness_write(&readiness, &options, &out);
    assert_false(out.failed);
    return buf_str(&out);
}

static void expect(const char *query, const char *accept, bool passes, const char *body)
{
    bool passed;
    EXPECT_STR(ask(query, accept, &passed), body);
    assert_int_equal(passed, passes);
}

TEST(ready_and_brief)
{
    readiness = (struct readiness){0};
    expect("", "", true, "ok\n");
    expect("", "*/*", true, "ok\n");
}

TEST(every_check_is_listed)
{
    readiness = (struct readiness){0};
    readiness_find(&readiness, CHECK_CONFIGURATION, CHECK_WARNING, "line %d", 3);
    expect("verbose", "", true,
           "[+]serving ok\n[+]policy ok\n[+]configuration warning: line 3\n[+]journal ok\n"
           "[+]central ok\n[+]certificates ok\n[+]upstream ok\nreadyz check passed\n");
}

TEST(a_failure_is_told_without_being_asked)
{
    readiness = (struct readiness){0};
    readiness_find(&readiness, CHECK_JOURNAL, CHECK_FAILED, "the disk is full");
    expect("", "", false,
           "[+]serving ok\n[+]policy ok\n[+]configuration ok\n[-]journal failed: the disk is full\n"
           "[+]central ok\n[+]certificates ok\n[+]upstream ok\nreadyz check failed\n");
}

TEST(what_is_excluded_does_not_count)
{
    readiness = (struct readiness){0};
    readiness_find(&readiness, CHECK_JOURNAL, CHECK_FAILED, "the disk is full");
    readiness_find(&readiness, CHECK_UPSTREAM, CHECK_FAILED, "no name");
    expect("exclude=journal&exclude=upstream", "", true, "ok\n");
    expect("exclude=journal&exclude=upstream&verbose", "", true,
           "[+]serving ok\n[+]policy ok\n[+]configuration ok\n[+]journal excluded: ok\n"
           "[+]central ok\n[+]certificates ok\n[+]upstream excluded: ok\nreadyz check passed\n");
    bool passes;
    (void)ask("exclude=journal", "", &passes);
    assert_false(passes);
    (void)ask("exclude=journa&exclude=upstream", "", &passes);
    assert_false(passes);
}

TEST(a_name_that_is_no_check_is_warned_of)
{
    bool passes;
    readiness = (struct readiness){0};
    assert_true(str_ends(ask("verbose&exclude=disk", "", &passes),
                         STR("warning: 'exclude' names a check that there is not\n"
                             "readyz check passed\n")));
    assert_true(passes);
}

TEST(json_for_those_who_ask)
{
    const char *body =
        "{\"status\":\"failed\",\"checks\":[{\"name\":\"serving\",\"status\":\"failed\",\"reason\":"
        "\"drains\"},{\"name\":\"policy\",\"status\":\"ok\"},{\"name\":\"configuration\","
        "\"status\":"
        "\"ok\"},{\"name\":\"journal\",\"status\":\"ok\"},{\"name\":\"central\",\"status\":"
        "\"excluded\","
        "\"reason\":\"late\"},{\"name\":\"certificates\",\"status\":\"ok\"},{\"name\":\"upstream\","
        "\"status\":\"warning\",\"reason\":\"\\\"x\\\"\"}]}\n";
    readiness = (struct readiness){0};
    readiness_find(&readiness, CHECK_SERVING, CHECK_FAILED, "drains");
    readiness_find(&readiness, CHECK_CENTRAL, CHECK_FAILED, "late");
    readiness_find(&readiness, CHECK_UPSTREAM, CHECK_WARNING, "\"x\"");
    expect("exclude=central", "application/json", false, body);
    expect("exclude=central&format=json", "", false, body);
    expect("verbose&format=json&exclude=central", "text/html", false, body);
}

TEST(the_worst_finding_stays)
{
    readiness = (struct readiness){0};
    readiness_find(&readiness, CHECK_CERTIFICATES, CHECK_FAILED, "first");
    readiness_find(&readiness, CHECK_CERTIFICATES, CHECK_WARNING, "second");
    readiness_find(&readiness, CHECK_CERTIFICATES, CHECK_OK, "third");
    assert_string_equal(readiness.checks[CHECK_CERTIFICATES].why.text, "first");
}

TESTS(UNIT(ready_and_brief), UNIT(every_check_is_listed),
      UNIT(a_failure_is_told_without_being_asked), UNIT(what_is_excluded_does_not_count),
      UNIT(a_name_that_is_no_check_is_warned_of), UNIT(json_for_those_who_ask),
      UNIT(the_worst_finding_stays))
