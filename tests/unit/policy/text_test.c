/* Folding in many scripts, words, and finding phrases as whole words. */
#include "policy/text.h"

#include "test.h"

#define MANY (64 * 1024 * 1024)

static struct arena arena;

static int fresh_arena(void **state)
{
    (void)state;
    arena_init(&arena, MANY);
    return 0;
}

static int no_arena(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct folded fold(const char *text)
{
    struct folded folded;
    assert_true(text_fold(str_from(text), &arena, &folded));
    return folded;
}

#define FOLDS(from, to) EXPECT_STR(fold(from).text, to)

/* The words with a bar between them. */
static struct str words(const char *text)
{
    struct folded folded = fold(text);
    struct str all = STR("");
    for (size_t i = 0; i < folded.word_count; i++)
        all = arena_format(&arena, "%.*s%s%.*s", STR_ARGS(all), i ? "|" : "",
                           STR_ARGS(folded.words[i]));
    return all;
}

/* ---- folding ---- */

TEST(case_does_not_count)
{
    FOLDS("Free MONEY", "free money");
    FOLDS("STRASSE", "strasse");
    FOLDS("Straße", "strasse");
    FOLDS("ΌΔΟΣ", "όδοσ");
    FOLDS("όδος", "όδοσ");
    FOLDS("БЕСПЛАТНО", "бесплатно");
}

TEST(turkish_letters_keep_their_dots_apart)
{
    FOLDS("ISIK", "isik");
    FOLDS("ıŞıK", "ışık");
    FOLDS("İ", "i̇");
}

TEST(compatible_characters_are_the_same)
{
    FOLDS("ＦＲＥＥ１", "free1");
    FOLDS("𝐅𝓻𝕖𝖾", "free");
    FOLDS("ⓕⓡⓔⓔ", "free");
    FOLDS("ﬁnance ﬀ", "finance ff");
    FOLDS("x²", "x2");
    FOLDS("a\u00a0b\u3000c", "a b c");
    FOLDS("ｶﾞ", "ガ");
    FOLDS("\ufdfa", "صلى الله عليه وسلم");
}

TEST(composed_and_combining_are_the_same)
{
    FOLDS("cafe\u0301", "café");
    FOLDS("CAFE\u0301", "café");
    FOLDS("q\u0307\u0323", "q\u0323\u0307");
    FOLDS("\u1100\u1161\u11a8", "각");
    FOLDS("か\u3099", "が");
    FOLDS("e\u0301", "\u00e9");
}

TEST(what_does_not_show_is_removed)
{
    FOLDS("f\u200br\u200ce\u200de\u00ad", "free");
    FOLDS("\ufefffr\u2060ee\ufe0f", "free");
    FOLDS("e\u200d\u0301", "é");
    FOLDS("\u202efree\u202c", "free");
    FOLDS("\u200b", "");
}

TEST(lines_and_marks_stay)
{
    FOLDS("a\tb\r\nc!", "a\tb\r\nc!");
    FOLDS("", "");
    FOLDS("\u0958", "\u0915\u093c"); /* excluded from composition */
}

TEST(a_text_of_any_length_folds_as_its_parts)
{
    struct buf {
        char text[6000];
        size_t len;
    } text = {.len = 0};
    for (int i = 0; i < 1000; i++, text.len += 5)
        memcpy(text.text + text.len, "\xc3\x84\x65\xcc\x81", 5); /* Ä, e and an acute */
    struct folded folded;
    assert_true(text_fold((struct str){text.text, text.len}, &arena, &folded));
    assert_int_equal(folded.text.len, 4000);
    for (size_t i = 0; i < 4000; i += 4)
        assert_memory_equal(folded.text.data + i, "\xc3\xa4\xc3\xa9", 4);
    assert_int_equal(folded.word_count, 1);
}

TEST(a_tower_of_marks_takes_no_time)
{
    enum { MARKS = 100000 };
    char *text = malloc(MARKS * 2);
    struct folded folded;
    for (size_t i = 0; i < MARKS; i++)
        memcpy(text + i * 2, i % 2 ? "\xcc\xa3" : "\xcc\x87", 2);
    assert_true(text_fold((struct str){text, MARKS * 2}, &arena, &folded));
    assert_int_equal(folded.text.len, MARKS * 2);
    assert_int_equal(folded.word_count, 1);
    free(text);
}

TEST(a_full_arena_is_told_and_touches_nothing)
{
    struct folded folded = {.word_count = 7};
    for (size_t room = 0; room < 80; room += 16) {
        struct arena small;
        arena_init(&small, room);
        assert_false(text_fold(STR("one two three four"), &small, &folded));
        assert_int_equal(folded.word_count, 7);
        arena_release(&small);
    }
}

TEST(a_text_that_unfolds_without_measure_is_refused)
{
    enum { COUNT = 1000 };
    char *text = malloc(COUNT * 3);
    struct folded folded;
    for (size_t i = 0; i < COUNT; i++)
        memcpy(text + i * 3, "\xef\xb7\xba", 3);
    assert_true(text_fold((struct str){text, 100 * 3}, &arena, &folded));
    assert_int_equal(folded.word_count, 301); /* four words each, the last and first touch */
    assert_false(text_fold((struct str){text, COUNT * 3}, &arena, &folded));
    free(text);
}

/* ---- words ---- */

TEST(words_are_letters_marks_and_digits)
{
    EXPECT_STR(words("Don't stop: 24x7, e-mail!"), "don|t|stop|24x7|e|mail");
    EXPECT_STR(words("_free_ 100%"), "free|100");
    EXPECT_STR(words("नमस्ते दुनिया।"), "नमस्ते|दुनिया");
    EXPECT_STR(words("عرض مجاني،الآن"), "عرض|مجاني|الآن");
    EXPECT_STR(words("🎁free🎁"), "free");
    EXPECT_STR(words(" \r\n .,"), "");
    EXPECT_STR(words(""), "");
}

TEST(without_spaces_each_character_is_a_word)
{
    EXPECT_STR(words("免费WiFi"), "免|费|wifi");
    EXPECT_STR(words("無料です"), "無|料|で|す");
    EXPECT_STR(words("ฟรี"), "ฟ|ร|ี");
    EXPECT_STR(words("무료 체험"), "무료|체험");
}

/* ---- phrases ---- */

static struct phrases set_of(const char *const *texts, size_t count)
{
    struct phrases set;
    assert_true(phrases_init(&set, &arena, count));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(phrases_add(&set, &arena, str_from(texts[i])), PHRASES_ADDED);
    return set;
}

static const char *const bad[] = {
    "free",  "Free Money", "free money now please", "Act NOW!", "Straße", "免费", "เงินกู้", "मुफ़्त",
    "مجاني", "50%",        "no-win no-fee",
};

/* The phrase that is found in the text, or "". */
static struct str found_in(const char *text)
{
    struct phrases set = set_of(bad, COUNT_OF(bad));
    struct folded folded = fold(text);
    size_t position = SIZE_MAX;
    const struct phrase *phrase = phrases_find(&set, &folded, &position);
    assert_true(phrase ? position + phrase->word_count <= folded.word_count : position == SIZE_MAX);
    return phrase ? phrase->text : STR("");
}

TEST(finds_whole_words_in_any_dress)
{
    EXPECT_STR(found_in("It is FREE!"), "free");
    EXPECT_STR(found_in("ｆｒｅｅ"), "free");
    EXPECT_STR(found_in("f\u200bree"), "free");
    EXPECT_STR(found_in("act\n  now"), "Act NOW!");
    EXPECT_STR(found_in("ACT-NOW"), "Act NOW!");
    EXPECT_STR(found_in("In der STRASSE"), "Straße");
    EXPECT_STR(found_in("save 50 today"), "50%");
    EXPECT_STR(found_in("No win, no fee."), "no-win no-fee");
    EXPECT_STR(found_in("यह मुफ़्त है"), "मुफ़्त");
    EXPECT_STR(found_in("عرض مجاني!"), "مجاني");
}

TEST(does_not_find_parts_of_words)
{
    EXPECT_STR(found_in("freedom carefree freemoney"), "");
    EXPECT_STR(found_in("act right now"), "");
    EXPECT_STR(found_in("now act"), "");
    EXPECT_STR(found_in("500"), "");
    EXPECT_STR(found_in("no win no"), "");
    EXPECT_STR(found_in(""), "");
}

TEST(scripts_without_spaces_are_searched_everywhere)
{
    EXPECT_STR(found_in("现在免费领取"), "免费");
    EXPECT_STR(found_in("บริการเงินกู้ด่วน"), "เงินกู้");
    EXPECT_STR(found_in("免 不 费"), "");
}

TEST(the_first_and_there_the_longest_is_given)
{
    struct phrases set = set_of(bad, COUNT_OF(bad));
    struct folded folded = fold("get free money now: act now");
    size_t position = 0;
    EXPECT_STR(phrases_find(&set, &folded, &position)->text, "Free Money");
    assert_int_equal(position, 1);
    EXPECT_STR(found_in("free money now please"), "free money now please");
    EXPECT_STR(found_in("act now, free"), "Act NOW!");
}

TEST(a_phrase_is_added_once)
{
    struct phrases set;
    assert_true(phrases_init(&set, &arena, 3));
    assert_int_equal(phrases_add(&set, &arena, STR("Free money")), PHRASES_ADDED);
    assert_int_equal(phrases_add(&set, &arena, STR("FREE, money!")), PHRASES_PRESENT);
    assert_int_equal(phrases_add(&set, &arena, STR("free")), PHRASES_ADDED);
    assert_int_equal(set.count, 2);
}

TEST(a_phrase_without_words_is_refused)
{
    struct phrases set;
    assert_true(phrases_init(&set, &arena, 3));
    assert_int_equal(phrases_add(&set, &arena, STR("")), PHRASES_EMPTY);
    assert_int_equal(phrases_add(&set, &arena, STR(" !!! \u200b")), PHRASES_EMPTY);
}

TEST(a_phrase_has_at_most_32_words)
{
    struct phrases set;
    char text[2 * 33 + 1] = "";
    assert_true(phrases_init(&set, &arena, 3));
    for (size_t i = 0; i < 33; i++)
        memcpy(text + i * 2, "a ", 2);
    assert_int_equal(phrases_add(&set, &arena, str_from(text)), PHRASES_TOO_LONG);
    text[64] = '\0';
    assert_int_equal(phrases_add(&set, &arena, str_from(text)), PHRASES_ADDED);
    struct folded folded = fold(text), shorter = fold(text + 2);
    size_t position = 9;
    assert_ptr_equal(phrases_find(&set, &shorter, &position), NULL);
    assert_ptr_not_equal(phrases_find(&set, &folded, &position), NULL);
    assert_int_equal(position, 0);
}

TEST(more_phrases_than_expected_are_refused)
{
    struct phrases set;
    assert_true(phrases_init(&set, &arena, 0));
    assert_int_equal(phrases_add(&set, &arena, STR("a")), PHRASES_FULL);
    struct folded folded = fold("a");
    size_t position;
    assert_ptr_equal(phrases_find(&set, &folded, &position), NULL);
}

TEST(a_full_arena_is_told_when_building)
{
    struct phrases set;
    struct arena small;
    arena_init(&small, 64);
    assert_false(phrases_init(&set, &small, 100));
    assert_int_equal(set.capacity, 0);
    arena_release(&small);
    arena_init(&small, 8 * 16 * 2 + 16);
    assert_true(phrases_init(&set, &small, 4));
    assert_int_equal(phrases_add(&set, &small, STR("a phrase")), PHRASES_NO_MEMORY);
    assert_int_equal(phrases_add(&set, &small, STR("a much longer phrase")), PHRASES_NO_MEMORY);
    assert_int_equal(set.count, 0);
    arena_release(&small);
}

TEST(many_phrases_are_each_found)
{
    enum { COUNT = 20000 };
    struct phrases set;
    size_t position;
    assert_true(phrases_init(&set, &arena, COUNT));
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(
            phrases_add(&set, &arena, arena_format(&arena, "word%d and %d", i % 100, i)),
            PHRASES_ADDED);
    for (int i = 0; i < COUNT; i += 37) {
        struct folded folded;
        assert_true(text_fold(arena_format(&arena, "so word%d and WORD%d, and %d", i, i % 100, i),
                              &arena, &folded));
        const struct phrase *phrase = phrases_find(&set, &folded, &position);
        assert_ptr_not_equal(phrase, NULL);
        assert_int_equal(position, 3);
    }
}

#define WITH_ARENA(name) cmocka_unit_test_setup_teardown(name, fresh_arena, no_arena)

TESTS(WITH_ARENA(case_does_not_count), WITH_ARENA(turkish_letters_keep_their_dots_apart),
      WITH_ARENA(compatible_characters_are_the_same),
      WITH_ARENA(composed_and_combining_are_the_same), WITH_ARENA(what_does_not_show_is_removed),
      WITH_ARENA(lines_and_marks_stay), WITH_ARENA(a_text_of_any_length_folds_as_its_parts),
      WITH_ARENA(a_tower_of_marks_takes_no_time),
      WITH_ARENA(a_full_arena_is_told_and_touches_nothing),
      WITH_ARENA(a_text_that_unfolds_without_measure_is_refused),
      WITH_ARENA(words_are_letters_marks_and_digits),
      WITH_ARENA(without_spaces_each_character_is_a_word),
      WITH_ARENA(finds_whole_words_in_any_dress), WITH_ARENA(does_not_find_parts_of_words),
      WITH_ARENA(scripts_without_spaces_are_searched_everywhere),
      WITH_ARENA(the_first_and_there_the_longest_is_given), WITH_ARENA(a_phrase_is_added_once),
      WITH_ARENA(a_phrase_without_words_is_refused), WITH_ARENA(a_phrase_has_at_most_32_words),
      WITH_ARENA(more_phrases_than_expected_are_refused),
      WITH_ARENA(a_full_arena_is_told_when_building), WITH_ARENA(many_phrases_are_each_found))
