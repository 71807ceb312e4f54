/*
 * text_fold, phrases_find, links_next, markup_next, segments_count: folding agrees with utf8proc's
 * own and is stable, words cover all word characters, a phrase of the text is found in it, and
 * every view lies within its text, in order.
 */
#include <assert.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "policy/links.h"
#include "policy/markup.h"
#include "policy/segments.h"
#include "policy/text.h"

#define ROOM (64 << 20)

static bool is_inside(struct str part, struct str whole)
{
    return part.data >= whole.data && part.data + part.len <= whole.data + whole.len;
}

/* ---- folding ---- */

/* True when marks follow each other so far that text.c begins anew; utf8proc goes on. */
static bool has_tower(struct str folded)
{
    size_t run = 0;
    uint32_t code;
    for (size_t i = 0; i < folded.len; i += utf8_decode(str_slice(folded, i, folded.len), &code)) {
        utf8_decode(str_slice(folded, i, folded.len), &code);
        utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
        bool letter = category == UTF8PROC_CATEGORY_ZS || code < 0x300;
        run = letter ? 0 : run + 1;
        if (run > 20)
            return true;
    }
    return false;
}

/* What does not show, though utf8proc's IGNORE leaves it. */
static bool is_left_by_utf8proc(uint32_t code)
{
    return code == 0x2065 || (code >= 0xfff0 && code <= 0xfffb) ||
           (code >= 0xe0000 && code <= 0xe0fff);
}

static struct str without_invisible(struct str text, struct arena *arena)
{
    char *kept = arena_alloc(arena, text.len);
    size_t len = 0, length;
    uint32_t code = 0;
    assert(kept);
    for (size_t i = 0; i < text.len; i += length) {
        length = utf8_decode(str_slice(text, i, text.len), &code);
        if (!is_left_by_utf8proc(code))
            memcpy(kept + len, text.data + i, length);
        len += is_left_by_utf8proc(code) ? 0 : length;
    }
    return (struct str){kept, len};
}

static void check_against_utf8proc(struct str text, struct str folded)
{
    utf8proc_uint8_t *expected;
    utf8proc_ssize_t len = utf8proc_map(
        (const utf8proc_uint8_t *)text.data, (utf8proc_ssize_t)text.len, &expected,
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    assert(len >= 0);
    assert(str_equal(folded, (struct str){(const char *)expected, (size_t)len}));
    free(expected);
}

static void check_words(const struct folded *folded)
{
    size_t at = 0;
    for (size_t w = 0; w <= folded->word_count; w++) {
        struct str text = folded->text;
        struct str word =
            w < folded->word_count ? folded->words[w] : str_slice(text, text.len, text.len);
        uint32_t code;
        assert(is_inside(word, text) && (size_t)(word.data - text.data) >= at);
        for (; text.data + at < word.data;
             at += utf8_decode(str_slice(text, at, text.len), &code)) {
            utf8_decode(str_slice(text, at, text.len), &code);
            assert(!text_is_word_character(code));
        }
        for (size_t end = at + word.len; at < end;) {
            at += utf8_decode(str_slice(text, at, text.len), &code);
            assert(text_is_word_character(code));
        }
        assert(word.len > 0 || w == folded->word_count);
    }
    assert(at == folded->text.len);
}

/* ---- phrases ---- */

static size_t plain_find(const struct folded *text, const struct folded *phrase)
{
    for (size_t i = 0; i + phrase->word_count <= text->word_count; i++) {
        size_t k = 0;
        while (k < phrase->word_count && str_equal(text->words[i + k], phrase->words[k]))
            k++;
        if (k == phrase->word_count)
            return i;
    }
    return SIZE_MAX;
}

/* Takes one phrase from the text itself and one from its end, and looks for both the plain way. */
static void check_phrases(const struct folded *folded, struct arena *arena, size_t choice)
{
    struct phrases set;
    size_t first = folded->word_count ? choice % folded->word_count : 0, position = 0;
    size_t last = first + choice % 5 < folded->word_count ? first + choice % 5 : first;
    if (folded->word_count == 0)
        return;
    const char *end = folded->words[last].data + folded->words[last].len;
    struct str text = {folded->words[first].data, (size_t)(end - folded->words[first].data)};
    struct folded phrase;
    assert(phrases_init(&set, arena, 2));
    assert(phrases_add(&set, arena, text) == PHRASES_ADDED);
    assert(phrases_add(&set, arena, text) == PHRASES_PRESENT);
    assert(text_fold(text, arena, &phrase));
    const struct phrase *found = phrases_find(&set, folded, &position);
    assert(found && found->text.data == text.data && found->word_count == phrase.word_count);
    assert(position == plain_find(folded, &phrase));
}

/* ---- links, markup, segments ---- */

static void check_links(struct str folded, struct arena *arena)
{
    struct links links;
    struct link link;
    const char *from = folded.data;
    assert(links_init(&links, folded, arena));
    while (links_next(&links, &link)) {
        assert(is_inside(link.whole, folded) && link.whole.data >= from);
        assert(link.host.len > 0 && link.whole.len >= link.host.len);
        assert(link.scheme.len == 0 || is_inside(link.scheme, link.whole));
        assert(link.is_address || link.host.data[link.host.len - 1] != '.'); /* "[::1.]" */
        assert(link.scheme.len > 0 || !link.has_userinfo);
        (void)link_is_shortener(link.host);
        from = link.whole.data + link.whole.len;
    }
}

static size_t check_markup(struct str text)
{
    struct markup markup;
    struct markup_span span;
    const char *from = text.data;
    size_t placeholders = 0;
    markup_init(&markup, text);
    while (markup_next(&markup, &span)) {
        assert(is_inside(span.whole, text) && span.whole.data >= from && span.whole.len >= 2);
        assert(is_inside(span.name, span.whole) && span.name.len > 0);
        assert(span.whole.data[0] == '<' || span.whole.data[0] == '&');
        placeholders += span.kind == MARKUP_PLACEHOLDER;
        from = span.whole.data + span.whole.len;
    }
    return placeholders;
}

static void check_segments(struct str text, size_t placeholders)
{
    struct segments plain = segments_count(text, 0), filled = segments_count(text, 20);
    char name[CHARACTER_NAME_SIZE];
    assert(plain.count > 0 && plain.count <= plain.units / 66 + 1);
    if (plain.encoding == SEGMENTS_UCS2) {
        assert(plain.units == utf8_utf16_units(text));
        assert(plain.foreign > 0 && plain.foreign_position > 0);
        segments_name_character(plain.foreign, name);
    }
    assert(filled.units >= placeholders * 20);
    if (placeholders == 0)
        assert(filled.units == plain.units && filled.count == plain.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {size ? (const char *)data : "", size};
    struct arena arena;
    struct folded folded, again;
    if (utf8_invalid_at(text) < size || utf8_control_at(text, true) < size)
        return 0;
    arena_init(&arena, ROOM);
    if (!text_fold(text, &arena, &folded)) {
        assert(size > 512); /* unfolds without measure */
        arena_release(&arena);
        return 0;
    }
    assert(utf8_invalid_at(folded.text) == folded.text.len);
    check_words(&folded);
    if (!has_tower(folded.text)) {
        check_against_utf8proc(without_invisible(text, &arena), folded.text);
        assert(text_fold(folded.text, &arena, &again) && str_equal(again.text, folded.text));
        check_phrases(&folded, &arena, size ? data[size / 2] : 0);
    }
    check_links(folded.text, &arena);
    check_segments(text, check_markup(text));
    arena_release(&arena);
    return 0;
}
