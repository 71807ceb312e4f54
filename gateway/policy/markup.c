/*
 * One look from left to right. At each '<' and '&' the kinds are tried in order; each try looks at
 * a bounded number of bytes or, for the '>' that ends a tag, at what no later try looks at again.
 */
#include "policy/markup.h"

#include "base/utf8.h"
#include "policy/text.h"

/* Elements of the HTML standard, obsolete ones included, and the doors to SVG and MathML; sorted.
 */
static const struct str elements[] = {
    STR("a"),        STR("abbr"),     STR("acronym"),    STR("address"),  STR("applet"),
    STR("area"),     STR("article"),  STR("aside"),      STR("audio"),    STR("b"),
    STR("base"),     STR("basefont"), STR("bdi"),        STR("bdo"),      STR("bgsound"),
    STR("big"),      STR("blink"),    STR("blockquote"), STR("body"),     STR("br"),
    STR("button"),   STR("canvas"),   STR("caption"),    STR("center"),   STR("cite"),
    STR("code"),     STR("col"),      STR("colgroup"),   STR("data"),     STR("datalist"),
    STR("dd"),       STR("del"),      STR("details"),    STR("dfn"),      STR("dialog"),
    STR("dir"),      STR("div"),      STR("dl"),         STR("dt"),       STR("em"),
    STR("embed"),    STR("fieldset"), STR("figcaption"), STR("figure"),   STR("font"),
    STR("footer"),   STR("form"),     STR("frame"),      STR("frameset"), STR("h1"),
    STR("h2"),       STR("h3"),       STR("h4"),         STR("h5"),       STR("h6"),
    STR("head"),     STR("header"),   STR("hgroup"),     STR("hr"),       STR("html"),
    STR("i"),        STR("iframe"),   STR("img"),        STR("input"),    STR("ins"),
    STR("kbd"),      STR("keygen"),   STR("label"),      STR("legend"),   STR("li"),
    STR("link"),     STR("listing"),  STR("main"),       STR("map"),      STR("mark"),
    STR("marquee"),  STR("math"),     STR("menu"),       STR("menuitem"), STR("meta"),
    STR("meter"),    STR("nav"),      STR("nobr"),       STR("noembed"),  STR("noframes"),
    STR("noscript"), STR("object"),   STR("ol"),         STR("optgroup"), STR("option"),
    STR("output"),   STR("p"),        STR("param"),      STR("picture"),  STR("plaintext"),
    STR("portal"),   STR("pre"),      STR("progress"),   STR("q"),        STR("rb"),
    STR("rp"),       STR("rt"),       STR("rtc"),        STR("ruby"),     STR("s"),
    STR("samp"),     STR("script"),   STR("search"),     STR("section"),  STR("select"),
    STR("slot"),     STR("small"),    STR("source"),     STR("span"),     STR("strike"),
    STR("strong"),   STR("style"),    STR("sub"),        STR("summary"),  STR("sup"),
    STR("svg"),      STR("table"),    STR("tbody"),      STR("td"),       STR("template"),
    STR("textarea"), STR("tfoot"),    STR("th"),         STR("thead"),    STR("time"),
    STR("title"),    STR("tr"),       STR("track"),      STR("tt"),       STR("u"),
    STR("ul"),       STR("var"),      STR("video"),      STR("wbr"),      STR("xmp"),
};

#define ELEMENT_BYTES 16 /* longer names are nobody's */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_element(struct str name)
{
    char lower[ELEMENT_BYTES];
    size_t low = 0, high = COUNT_OF(elements);
    if (name.len > sizeof(lower))
        return false;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = (char)(is_letter(name.data[i]) ? name.data[i] | 0x20 : name.data[i]);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare((struct str){lower, name.len}, elements[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

void markup_init(struct markup *markup, struct str text)
{
    *markup = (struct markup){.text = text};
}

/* The byte at `at`, or NUL behind the end; validated text has no NUL. */
static char byte_at(struct str text, size_t at)
{
    return at < text.len ? text.data[at] : '\0';
}

/* Index of the next '>' from `from` on, or the text's length. */
static size_t next_close(struct markup *markup, size_t from)
{
    if (markup->closes < from)
        markup->closes = from + str_find(str_slice(markup->text, from, markup->text.len), '>');
    return markup->closes;
}

static bool give(struct markup *markup, enum markup_kind kind, struct str name, size_t end,
                 struct markup_span *ret)
{
    *ret = (struct markup_span){kind, str_slice(markup->text, markup->at, end), name};
    markup->at += ret->whole.len;
    return true;
}

/* ---- what begins with '<' ---- */

/* HTML 13.2.5.43 ff.: everything from <!-- is comment, to the end of the text if need be. */
static bool comment(struct markup *markup, struct markup_span *ret)
{
    struct str text = markup->text;
    if (!str_starts(str_slice(text, markup->at, text.len), STR("<!--")))
        return false;
    size_t end = markup->at + 2; /* <!--> is one, too */
    while (end < text.len && !str_starts(str_slice(text, end, text.len), STR("-->")))
        end++;
    return give(markup, MARKUP_HTML, str_slice(text, markup->at + 1, markup->at + 4), end + 3, ret);
}

/* <!doctype html>, <![CDATA[, <?xml: HTML takes them for comments up to the next '>'. */
static bool declaration(struct markup *markup, struct markup_span *ret)
{
    struct str text = markup->text;
    size_t name = markup->at + 1, end = name + 1;
    if (byte_at(text, name) != '?' && byte_at(text, name) != '!')
        return false;
    while (byte_at(text, name) == '!' && is_letter(byte_at(text, end)) &&
           end - name < ELEMENT_BYTES)
        end++;
    return give(markup, MARKUP_HTML, str_slice(text, name, end), next_close(markup, end) + 1, ret);
}

/* The end of an element's name that begins at `at`; `at` when none does. Looks no further than
 * needed. */
static size_t name_end(struct str text, size_t at)
{
    size_t end = at;
    if (!is_letter(byte_at(text, at)))
        return at;
    while (end - at <= ELEMENT_BYTES && (is_letter(byte_at(text, end)) ||
                                         is_digit(byte_at(text, end)) || byte_at(text, end) == '-'))
        end++;
    return end;
}

/* </anything>, and <element ...> of an element that HTML has. */
static bool known_tag(struct markup *markup, struct markup_span *ret)
{
    struct str text = markup->text;
    bool closing = byte_at(text, markup->at + 1) == '/';
    size_t start = markup->at + 1 + closing, end = name_end(text, start);
    struct str name = str_slice(text, start, end);
    char next = byte_at(text, end);
    if (name.len == 0)
        return false;
    if (!closing && !(is_element(name) && (is_space(next) || next == '/' || next == '>')))
        return false;
    size_t close = next_close(markup, end);
    return close < text.len && give(markup, MARKUP_HTML, name, close + 1, ret);
}

/* The bytes of the letter at `at`, or 0. */
static size_t letter_at(struct str text, size_t at)
{
    uint32_t code;
    size_t length = utf8_decode(str_slice(text, at, text.len), &code);
    bool letter =
        length == 1 ? is_letter(text.data[at]) : length > 1 && text_is_word_character(code);
    return letter ? length : 0;
}

/* The bytes of a placeholder's character at `at`, or 0. */
static size_t placeholder_character(struct str text, size_t at)
{
    char c = byte_at(text, at);
    if (is_digit(c) || c == ' ' || c == '_' || c == '-' || c == '.')
        return 1;
    return letter_at(text, at);
}

static bool placeholder(struct markup *markup, struct markup_span *ret)
{
    struct str text = markup->text;
    size_t start = markup->at + 1, end = start, length;
    if (letter_at(text, start) == 0)
        return false;
    for (int i = 0; i < MARKUP_PLACEHOLDER_CHARACTERS; i++) {
        if ((length = placeholder_character(text, end)) == 0)
            break;
        end += length;
    }
    return byte_at(text, end) == '>' &&
           give(markup, MARKUP_PLACEHOLDER, str_trim(str_slice(text, start, end)), end + 1, ret);
}

/* <x/> and <x y="...">: elements that HTML does not have are not shown either. */
static bool unknown_tag(struct markup *markup, struct markup_span *ret)
{
    struct str text = markup->text;
    struct str near = str_slice(text, markup->at + 1, markup->at + 1 + 64);
    size_t i = 0, start = markup->at + 1;
    if (!is_letter(byte_at(text, start)))
        return false;
    while (i < near.len && near.data[i] != '<' && near.data[i] != '>' && near.data[i] != '=' &&
           !(near.data[i] == '/' && byte_at(near, i + 1) == '>'))
        i++;
    if (i == near.len || near.data[i] == '<' || near.data[i] == '>')
        return false;
    size_t close = next_close(markup, start + i);
    struct str name = str_slice(text, start, name_end(text, start));
    return close < text.len && give(markup, MARKUP_HTML, name, close + 1, ret);
}

/* ---- what begins with '&' ---- */

#define REFERENCE_BYTES 34 /* "&CounterClockwiseContourIntegral;" is the longest of HTML's */

/* HTML reads numbers without a semicolon as well, so that "&#104ttp" is "http". */
static size_t number_end(struct str text, size_t at)
{
    bool hex = (byte_at(text, at + 2) | 0x20) == 'x';
    size_t start = at + 2 + hex, end = start;
    while (end < text.len && (hex ? hex_digit(text.data[end]) >= 0 : is_digit(text.data[end])))
        end++;
    if (end == start)
        return at;
    return end + (byte_at(text, end) == ';');
}

/* The end of the reference that begins at `at`; `at` when none does. */
static size_t reference_end(struct str text, size_t at)
{
    size_t end = at + 1;
    if (byte_at(text, end) == '#')
        return number_end(text, at);
    if (!is_letter(byte_at(text, end)))
        return at;
    while (end - at < REFERENCE_BYTES &&
           (is_letter(byte_at(text, end)) || is_digit(byte_at(text, end))))
        end++;
    return byte_at(text, end) == ';' ? end + 1 : at;
}

static bool reference(struct markup *markup, struct markup_span *ret)
{
    size_t end = reference_end(markup->text, markup->at);
    return end > markup->at &&
           give(markup, MARKUP_HTML, str_slice(markup->text, markup->at, end), end, ret);
}

/* ---- left to right ---- */

bool markup_next(struct markup *markup, struct markup_span *ret)
{
    for (; markup->at < markup->text.len; markup->at++) {
        char c = markup->text.data[markup->at];
        if (c == '&' && reference(markup, ret))
            return true;
        if (c == '<' &&
            (comment(markup, ret) || declaration(markup, ret) || known_tag(markup, ret) ||
             placeholder(markup, ret) || unknown_tag(markup, ret)))
            return true;
    }
    return false;
}
