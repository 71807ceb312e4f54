#include "test.h"

#include "base/compiler.h"
#include "cli/arguments.h"

/* A verb with one option of each kind. */
struct read {
    const char *config;
    struct argument_list policies, files;
    bool coverage;
    size_t format;
    enum arguments_result result;
    struct error err;
};

#define READ(...)                                                                                  \
    read_all((char *[]){"judge", ##__VA_ARGS__}, COUNT_OF(((char *[]){"judge", ##__VA_ARGS__})))

static struct read read_all(char **argv, size_t argc)
{
    static struct read r; /* large, and one at a time */
    r = (struct read){.err.text = ""};
    const struct argument_option options[] = {
        {.name = "config", .letter = 'c', .value = "FILE", .text = &r.config},
        {.name = "policy", .value = "PATH", .list = &r.policies},
        {.name = "as-of-policy", .value = "PATH", .list = &r.policies},
        {.name = "coverage", .flag = &r.coverage},
        {.name = "format", .value = "text|json|xml", .choice = &r.format},
    };
    const struct arguments spec = {.help = "help",
                                   .options = options,
                                   .option_count = COUNT_OF(options),
                                   .rest = &r.files,
                                   .rest_name = "CAMPAIGN.json",
                                   .least = 1,
                                   .most = 2};
    r.result = arguments_parse(&spec, (int)argc, argv, &r.err);
    return r;
}

#define EXPECT_WRONG(r, sentence)                                                                  \
    do {                                                                                           \
        struct read outcome = (r);                                                                 \
        assert_int_equal(outcome.result, ARGUMENTS_WRONG);                                         \
        assert_string_equal(outcome.err.text, sentence);                                           \
    } while (0)

TEST(options_and_arguments_may_be_mixed)
{
    struct read r = READ("one", "--config", "gateway.yaml", "--coverage", "two", "--format=json");
    assert_int_equal(r.result, ARGUMENTS_READ);
    assert_string_equal(r.config, "gateway.yaml");
    assert_true(r.coverage);
    assert_int_equal(r.format, 1);
    assert_int_equal(r.files.count, 2);
    assert_string_equal(r.files.items[0], "one");
    assert_string_equal(r.files.items[1], "two");
}

TEST(a_letter_stands_for_its_option)
{
    struct read r = READ("-c", "gateway.yaml", "-");
    assert_int_equal(r.result, ARGUMENTS_READ);
    assert_string_equal(r.config, "gateway.yaml");
    assert_string_equal(r.files.items[0], "-");
}

TEST(a_list_takes_every_value_in_order)
{
    struct read r = READ("--policy", "a", "--as-of-policy=b", "--policy=c=d", "one");
    assert_int_equal(r.result, ARGUMENTS_READ);
    assert_int_equal(r.policies.count, 3);
    assert_string_equal(r.policies.items[1], "b");
    assert_string_equal(r.policies.items[2], "c=d");
}

TEST(two_dashes_end_the_options)
{
    struct read r = READ("--", "--coverage", "--");
    assert_int_equal(r.result, ARGUMENTS_READ);
    assert_false(r.coverage);
    assert_int_equal(r.files.count, 2);
    assert_string_equal(r.files.items[0], "--coverage");
}

TEST(help_is_asked_for_anywhere)
{
    assert_int_equal(READ("--help").result, ARGUMENTS_HELP);
    assert_int_equal(READ("one", "-h").result, ARGUMENTS_HELP);
    assert_int_equal(READ("one", "--", "-h").result, ARGUMENTS_READ);
}

TEST(what_is_wrong_is_one_sentence)
{
    EXPECT_WRONG(READ("--tam", "x"), "unknown option '--tam'; try --help");
    EXPECT_WRONG(READ("--tam=x"), "unknown option '--tam'; try --help");
    EXPECT_WRONG(READ("-x"), "unknown option '-x'; try --help");
    EXPECT_WRONG(READ("-cx"), "unknown option '-cx'; try --help");
    EXPECT_WRONG(READ("--=x"), "unknown option '--'; try --help");
    EXPECT_WRONG(READ("--c", "x"), "unknown option '--c'; try --help");
    EXPECT_WRONG(READ("one", "--config"), "FILE must follow '--config'; try --help");
    EXPECT_WRONG(READ("one", "--config="), "FILE must follow '--config'; try --help");
    EXPECT_WRONG(READ("one", "-c", "a", "--config=b"), "given twice: '--config'; try --help");
    EXPECT_WRONG(READ("--coverage=yes"), "no value belongs to '--coverage'; try --help");
    EXPECT_WRONG(READ("--format", "csv"),
                 "--format takes text, json or xml, not 'csv'; try --help");
    EXPECT_WRONG(READ("--coverage"), "CAMPAIGN.json is missing; try --help");
    EXPECT_WRONG(READ("one", "two", "three"), "unexpected argument 'three'; try --help");
}

TEST(controls_do_not_reach_the_terminal)
{
    EXPECT_WRONG(READ("--\x1b[2J"), "unknown option '--?[2J'; try --help");
}

TEST(a_required_option_is_required)
{
    const char *path = NULL;
    struct error err;
    char *argv[] = {"run"};
    const struct argument_option options[] = {
        {.name = "config", .letter = 'c', .value = "FILE", .required = true, .text = &path}};
    const struct arguments spec = {.help = "", .options = options, .option_count = 1};
    assert_int_equal(arguments_parse(&spec, 1, argv, &err), ARGUMENTS_WRONG);
    assert_string_equal(err.text, "--config FILE is missing; try --help");
}

TESTS(UNIT(options_and_arguments_may_be_mixed), UNIT(a_letter_stands_for_its_option),
      UNIT(a_list_takes_every_value_in_order), UNIT(two_dashes_end_the_options),
      UNIT(help_is_asked_for_anywhere), UNIT(what_is_wrong_is_one_sentence),
      UNIT(controls_do_not_reach_the_terminal), UNIT(a_required_option_is_required))
