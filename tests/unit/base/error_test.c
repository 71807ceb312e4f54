/* Sentences: they say where, they are cut rather than overflow, and a terminal may show them. */
#include "base/error.h"

#include "test.h"

static struct error err;

TEST(a_sentence_is_kept_and_the_answer_is_false)
{
    assert_false(error_set(&err, "cannot open '%s'", "a.yaml"));
    EXPECT_STR(str_from(err.text), "cannot open 'a.yaml'");
    assert_false(error_at(&err, "a.yaml", 3, 14, "%d is too much", 7));
    EXPECT_STR(str_from(err.text), "a.yaml:3:14: 7 is too much");
}

TEST(control_characters_of_what_is_quoted_do_not_reach_a_terminal)
{
    (void)error_set(&err, "'%s'", "a\033[2J\a\x7f\n\xc2\x9b\xc2\xa0\xc3\xa4");
    EXPECT_STR(str_from(err.text), "'a?[2J???"
                                   "??\xc2\xa0\xc3\xa4'");
    (void)error_at(&err, "a\033.yaml", 1, 1, "'%s'", "\033]0;x\a");
    EXPECT_STR(str_from(err.text), "a?.yaml:1:1: '?]0;x?'");
}

TEST(half_a_character_at_the_end_is_left_alone)
{
    (void)error_set(&err, "a\xc2");
    EXPECT_STR(str_from(err.text), "a\xc2");
}

TEST(too_long_a_sentence_is_cut)
{
    static char endless[2 * sizeof(err.text)];
    memset(endless, 'a', sizeof(endless) - 1);
    (void)error_set(&err, "'%s'", endless);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    (void)error_at(&err, "f", 1, 1, "%s", endless);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_true(str_starts(str_from(err.text), STR("f:1:1: aaa")));
}

TEST(too_long_a_place_is_cut_as_well)
{
    static char endless[2 * sizeof(err.text)];
    memset(endless, 'a', sizeof(endless) - 1);
    assert_false(error_at(&err, endless, 1, 1, "never seen"));
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

TESTS(UNIT(a_sentence_is_kept_and_the_answer_is_false),
      UNIT(control_characters_of_what_is_quoted_do_not_reach_a_terminal),
      UNIT(half_a_character_at_the_end_is_left_alone), UNIT(too_long_a_sentence_is_cut),
      UNIT(too_long_a_place_is_cut_as_well))
