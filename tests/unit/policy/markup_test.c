/* HTML and placeholders: what is one, what only looks like it, and where it ends. */
#include "policy/markup.h"

#include "policy/text.h"
#include "test.h"

static struct arena arena;

/* "H:name P:name ..." of all spans. */
static struct str spans(struct str text)
{
    struct markup markup;
    struct markup_span span;
    struct str all = STR("");
    arena_reset(&arena);
    markup_init(&markup, text);
    while (markup_next(&markup, &span))
        all = arena_format(&arena, "%.*s%s%c:%.*s", STR_ARGS(all), all.len ? " " : "",
                           span.kind == MARKUP_HTML ? 'H' : 'P', STR_ARGS(span.name));
    return all;
}

#define SPANS(text, expected) EXPECT_STR(spans(STR(text)), expected)

/* What the first span covers. */
static struct str whole(struct str text)
{
    struct markup markup;
    struct markup_span span = {0};
    markup_init(&markup, text);
    assert_true(markup_next(&markup, &span));
    return span.whole;
}

TEST(tags_of_html_are_found)
{
    SPANS("<b>now</b>", "H:b H:b");
    SPANS("<BR/><br /><Br>", "H:BR H:br H:Br");
    SPANS("<a href=\"http://x\">here</a>", "H:a H:a");
    SPANS("<img\nsrc=x>", "H:img");
    SPANS("<h1>", "H:h1");
    SPANS("<blockquote cite=x>", "H:blockquote");
    SPANS("<script>", "H:script");
    SPANS("<xmp><abbr><video><figcaption><time>", "H:xmp H:abbr H:video H:figcaption H:time");
    EXPECT_STR(whole(STR("see <a href='y'>this</a>")), "<a href='y'>");
}

TEST(tags_that_html_does_not_know_are_not_shown_either)
{
    SPANS("fr</x>ee", "H:x");
    SPANS("fr<x/>ee", "H:x");
    SPANS("fr<x y=''>ee", "H:x");
    SPANS("<my-tag onclick=1>", "H:my-tag");
}

TEST(comments_and_declarations_are_found)
{
    SPANS("fr<!-- > -->ee <b>", "H:!-- H:b");
    SPANS("<!-->x", "H:!--");
    SPANS("<!DOCTYPE html><?xml ?><![CDATA[x]]>", "H:!DOCTYPE H:? H:!");
    EXPECT_STR(whole(STR("a<!--b-->c")), "<!--b-->");
    EXPECT_STR(whole(STR("a<!-- no end <b>")), "<!-- no end <b>");
    EXPECT_STR(whole(STR("a<?no end")), "<?no end");
}

TEST(character_references_are_found)
{
    SPANS("a&nbsp;b &#104;&#x68;&#X68; &lt;", "H:&nbsp; H:&#104; H:&#x68; H:&#X68; H:&lt;");
    SPANS("&#104ttp", "H:&#104");
    SPANS("&CounterClockwiseContourIntegral;", "H:&CounterClockwiseContourIntegral;");
}

TEST(an_ampersand_is_nothing)
{
    SPANS("Tom & Jerry, AT&T, ?a=1&b=2; R&D", "");
    SPANS("&; &#; &#x; &#xg; &1a; &nbsp &", "");
    SPANS("&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;", "");
}

TEST(placeholders_are_found)
{
    SPANS("Dear <First Name>, <order-id> <a1>", "P:First Name P:order-id P:a1");
    SPANS("<First Name >", "P:First Name");
    SPANS("<user.first_name>", "P:user.first_name");
    SPANS("<नाम> <Prénom>", "P:नाम P:Prénom");
    SPANS("<<Name>>", "P:Name");
    EXPECT_STR(whole(STR("Dear <First Name >!")), "<First Name >");
}

TEST(a_placeholder_has_at_most_40_characters)
{
    SPANS("<a234567890123456789012345678901234567890>",
          "P:a234567890123456789012345678901234567890");
    SPANS("<a2345678901234567890123456789012345678901>", "");
    SPANS("<äääääääääääääääääääääääääääääääääääääääö>",
          "P:äääääääääääääääääääääääääääääääääääääääö");
}

TEST(a_lone_bracket_is_nothing)
{
    SPANS("a < b and c > d", "");
    SPANS("I <3 you </3", "");
    SPANS("<>", "");
    SPANS("< b>", "");
    SPANS("<1st>", "");
    SPANS("<First, Last>", "");
    SPANS("<Sir/Madam>", "");
    SPANS("<b", "");
    SPANS("<a href=x", "");
    SPANS("</", "");
    SPANS("<", "");
    SPANS("&", "");
    SPANS("＜b＞", "");
}

TEST(names_that_begin_like_an_element_are_placeholders)
{
    SPANS("<bold> <broker> <Amount> <a-b>", "P:bold P:broker P:Amount P:a-b");
    SPANS("<b name>", "H:b");
    SPANS("<Address>", "H:Address");
}

TEST(brackets_without_end_take_no_time)
{
    static const char *const pieces[] = {"<",  "<a ", "</a",    "<a1,", "<x y=", "&",
                                         "&#", "&a",  "<Name ", "<!--", "<a<"};
    enum { SIZE = 256 * 1024 };
    char *text = malloc(SIZE);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        struct markup markup;
        struct markup_span span;
        size_t len = strlen(pieces[i]), filled = 0;
        for (; filled + len <= SIZE; filled += len)
            memcpy(text + filled, pieces[i], len);
        markup_init(&markup, (struct str){text, filled});
        assert_int_equal(markup_next(&markup, &span), strcmp(pieces[i], "<!--") == 0);
    }
    free(text);
}

static int make_arena(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int drop_arena(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(tags_of_html_are_found),
        UNIT(tags_that_html_does_not_know_are_not_shown_either),
        UNIT(comments_and_declarations_are_found),
        UNIT(character_references_are_found),
        UNIT(an_ampersand_is_nothing),
        UNIT(placeholders_are_found),
        UNIT(a_placeholder_has_at_most_40_characters),
        UNIT(a_lone_bracket_is_nothing),
        UNIT(names_that_begin_like_an_element_are_placeholders),
        UNIT(brackets_without_end_take_no_time),
    };
    return cmocka_run_group_tests(tests, make_arena, drop_arena);
}
