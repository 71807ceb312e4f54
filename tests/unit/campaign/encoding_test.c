/* The message's wrapping: what is undone, what is refused, and where the trouble lies. */
#include "campaign/encoding.h"

#include "base/limits.h"
#include "test.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

TEST(undoes_both_wrappings)
{
    static const struct {
        const char *text, *decoded;
    } cases[] = {
        {"YQ==", "a"},                               /* RFC 4648 section 10, its padding */
        {"YWI=", "ab"},                              /* … */
        {"YWJj", "abc"},                             /* … */
        {"YQ%3D%3D", "a"},                           /* as encodeURIComponent leaves it */
        {"YQ%3d%3d", "a"},                           /* hex digits of either case */
        {"%59%51%3D%3D", "a"},                       /* escaped more than necessary */
        {"PD8+", "<?>"},                             /* plus is plus, not a space */
        {"PD8%2B", "<?>"},                           /* … also when escaped */
        {"8J+YgA==", "\U0001f600"},                  /* beyond the basic plane */
        {"YQkKDWI=", "a\t\n\rb"},                    /* the controls of a text */
        {"SGkgPEZpcnN0IE5hbWU+", "Hi <First Name>"}, /* a placeholder is no markup to us */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str text = {0};
        size_t offset;
        assert_int_equal(message_decode(str_from(cases[i].text), &arena, &text, &offset),
                         MESSAGE_OK);
        EXPECT_STR(text, cases[i].decoded);
    }
}

TEST(refuses_and_says_where)
{
    static const struct {
        const char *text;
        enum message_fault fault;
        size_t offset;
    } cases[] = {
        {"", MESSAGE_EMPTY, 0},
        {"YQ%", MESSAGE_PERCENT, 2},
        {"YQ%3", MESSAGE_PERCENT, 2},
        {"YQ%3g", MESSAGE_PERCENT, 2},
        {"YQ%xxxxx", MESSAGE_PERCENT, 2},    /* the seed's own masked sample ends like this */
        {"YQ%253D%253D", MESSAGE_BASE64, 2}, /* escaped twice, undone once */
        {"YQ", MESSAGE_BASE64, 1},           /* no padding */
        {"YQ=", MESSAGE_BASE64, 2},          /* not enough */
        {"YWJj=", MESSAGE_BASE64, 4},        /* none needed */
        {"YQ===", MESSAGE_BASE64, 2},        /* too much */
        {"====", MESSAGE_BASE64, 0},         /* nothing but */
        {"=", MESSAGE_BASE64, 0},
        {"YQ==YQ==", MESSAGE_BASE64, 2}, /* two texts in a row */
        {"YR==", MESSAGE_BASE64, 1},     /* RFC 4648 3.5: unused bits are not zero */
        {"YWJ=", MESSAGE_BASE64, 2},     /* … of the shorter padding */
        {"Y", MESSAGE_BASE64, 0},
        {"PD8-", MESSAGE_BASE64, 3}, /* the URL-safe alphabet */
        {"PD8_", MESSAGE_BASE64, 3},
        {"PD8 ", MESSAGE_BASE64, 3},       /* a plus that a form decoder has eaten */
        {"YWJj\nYWJj", MESSAGE_BASE64, 4}, /* MIME's line breaks */
        {"YWJj\xc3\xa4", MESSAGE_BASE64, 4},
        {"%41%41%41%41!AAA", MESSAGE_BASE64, 12}, /* counted in the text as it was sent */
        {"YcM=", MESSAGE_UTF8, 1},                /* a, then half of an umlaut */
        {"YcCv", MESSAGE_UTF8, 1},                /* an overlong slash */
        {"Ye2ggA==", MESSAGE_UTF8, 1},            /* a surrogate */
        {"YQA=", MESSAGE_CONTROL, 1},             /* NUL */
        {"YRs=", MESSAGE_CONTROL, 1},             /* escape */
        {"YX8=", MESSAGE_CONTROL, 1},             /* delete */
        {"YcKF", MESSAGE_CONTROL, 1},             /* U+0085, a C1 control */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str text = STR("untouched");
        size_t offset = 99;
        enum message_fault fault = message_decode(str_from(cases[i].text), &arena, &text, &offset);
        if (fault != cases[i].fault || offset != cases[i].offset)
            fail_msg("%s: fault %d at %zu", cases[i].text, fault, offset);
        EXPECT_STR(text, "untouched");
    }
}

TEST(memory_that_runs_out_is_a_fault)
{
    struct arena small;
    struct str text = STR("untouched");
    size_t offset;
    arena_init(&small, 4);
    assert_int_equal(message_decode(STR("YWJjYWJj"), &small, &text, &offset), MESSAGE_MEMORY);
    EXPECT_STR(text, "untouched");
    arena_release(&small);
}

TEST(every_fault_has_a_text)
{
    for (enum message_fault fault = MESSAGE_OK; fault <= MESSAGE_MEMORY; fault++)
        assert_true(strlen(message_fault_text(fault)) > 0);
}

TEST(what_is_encoded_is_decoded_again)
{
    static const char *const texts[][2] = {
        {"a", "YQ%3D%3D"}, {"ab", "YWI%3D"},
        {"abc", "YWJj"},   {"?>~", "Pz5%2B"},
        {"???", "Pz8%2F"}, {"\xe0\xa4\xa8\xf0\x9f\x99\x82", "4KSo8J%2BZgg%3D%3D"}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct str encoded = message_encode(str_from(texts[i][0]), &arena), decoded;
        size_t offset;
        EXPECT_STR(encoded, texts[i][1]);
        assert_int_equal(message_decode(encoded, &arena, &decoded, &offset), MESSAGE_OK);
        EXPECT_STR(decoded, texts[i][0]);
    }
    EXPECT_STR(message_encode(STR(""), &arena), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(undoes_both_wrappings),
        UNIT(refuses_and_says_where),
        UNIT(memory_that_runs_out_is_a_fault),
        UNIT(every_fault_has_a_text),
        UNIT(what_is_encoded_is_decoded_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
