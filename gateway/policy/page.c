#include "policy/page.h"

#include "base/utf8.h"

#define LINE_WIDTH 90

/* ---- what may be shown ---- */

/*
 * Controls, line ends, what turns the direction of writing, and what has no width and joins
 * nothing (joiners belong to Hindi and to emoji).
 */
static bool is_deceptive(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0xad ||
           character == 0x61c || character == 0x180e || character == 0x200b ||
           character == 0x200e || character == 0x200f ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2060 && character <= 0x206f) || character == 0xfeff;
}

void page_show(struct str text, struct buf *out)
{
    size_t plain = 0; /* where what is to be copied as it is begins */
    for (size_t i = 0; i < text.len;) {
        uint32_t character = (unsigned char)text.data[i];
        size_t length = utf8_decode(str_slice(text, i, text.len), &character);
        if (length > 0 && !is_deceptive(character)) {
            i += length;
            continue;
        }
        buf_append(out, str_slice(text, plain, i));
        buf_format(out, "\\u{%x}", (unsigned)character);
        i += length ? length : 1;
        plain = i;
    }
    buf_append(out, str_slice(text, plain, text.len));
}

/* Below U+0020 there is only white space, and only between values. */
void page_show_json(struct str json, struct buf *out)
{
    size_t plain = 0;
    for (size_t i = 0; i < json.len;) {
        uint32_t character = (unsigned char)json.data[i];
        size_t length = utf8_decode(str_slice(json, i, json.len), &character);
        if (character == '\n' || !is_deceptive(character)) {
            i += length ? length : 1;
            continue;
        }
        buf_append(out, str_slice(json, plain, i));
        if (character >= 0x20)
            buf_format(out, "\\u%04x", (unsigned)character);
        i += length ? length : 1;
        plain = i;
    }
    buf_append(out, str_slice(json, plain, json.len));
}

/* ---- wrapping ---- */

static size_t width_of(struct str text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++)
        width += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return width;
}

/* Breaks lines at spaces, also within quotes. The writing stands at the column `indent`. */
static void wrap(struct str text, size_t indent, struct buf *out)
{
    size_t column = indent;
    struct str word, rest = text;
    bool more = true;
    for (size_t words = 0; more; words++) {
        more = str_cut(rest, ' ', &word, &rest);
        size_t width = width_of(word);
        if (words > 0 && column + 1 + width > LINE_WIDTH) {
            buf_format(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (words > 0) {
            buf_append_byte(out, ' ');
            column++;
        }
        buf_append(out, word);
        column += width;
    }
}

/* `end` is put behind the text and not parted from its last word. */
static void wrap_shown(struct str text, const char *end, size_t indent, struct buf *out)
{
    struct buf shown;
    buf_init(&shown, out->max);
    page_show(text, &shown);
    buf_append(&shown, str_from(end));
    out->failed = out->failed || shown.failed;
    wrap(buf_str(&shown), indent, out);
    buf_append_byte(out, '\n');
    buf_release(&shown);
}

static const char *stop_for(struct str sentence)
{
    return str_ends(sentence, STR(":")) || str_ends(sentence, STR(".")) ? "" : ".";
}

/* ---- pages ---- */

struct page page_begin(struct buf *out, enum page_format format)
{
    struct page page = {.out = out, .json = json_writer(out), .format = format, .at = PAGE_HEAD};
    if (format == PAGE_JSON) {
        json_open_object(&page.json);
        json_open_array_at(&page.json, "sections");
    }
    return page;
}

static void close_item(struct page *page)
{
    if (page->item_is_open && page->format == PAGE_JSON) {
        json_close_array(&page->json);
        json_close_object(&page->json);
    }
    page->item_is_open = false;
}

static void begin_items(struct page *page)
{
    if (page->at != PAGE_NOTES)
        return;
    page->at = PAGE_ITEMS;
    if (page->format == PAGE_JSON) {
        json_close_array(&page->json);
        json_open_array_at(&page->json, "items");
    }
}

static void close_section(struct page *page)
{
    if (page->at == PAGE_HEAD)
        return;
    begin_items(page);
    close_item(page);
    if (page->format == PAGE_JSON) {
        json_close_array(&page->json);
        json_close_object(&page->json);
    }
}

void page_end(struct page *page)
{
    close_section(page);
    if (page->format == PAGE_JSON) {
        json_close_array(&page->json);
        json_close_object(&page->json);
        buf_append_byte(page->out, '\n');
    }
}

static void underline(struct buf *out, size_t width)
{
    for (size_t i = 0; i < width; i++)
        buf_append_byte(out, '-');
    buf_append_byte(out, '\n');
}

static void write_title(struct page *page, struct str title)
{
    size_t begun = page->out->len;
    page_show(title, page->out);
    size_t width = page->out->failed
                       ? 0
                       : width_of((struct str){page->out->data + begun, page->out->len - begun});
    buf_append_byte(page->out, '\n');
    underline(page->out, width < LINE_WIDTH ? width : LINE_WIDTH);
}

void page_section(struct page *page, const char *kind, struct str title)
{
    close_section(page);
    if (page->format == PAGE_JSON) {
        json_open_object(&page->json);
        json_put_str(&page->json, "kind", str_from(kind));
        json_put_str(&page->json, "title", title);
        json_open_array_at(&page->json, "notes");
    } else {
        if (page->at != PAGE_HEAD)
            buf_append_byte(page->out, '\n');
        write_title(page, title);
    }
    page->at = PAGE_NOTES;
}

void page_note(struct page *page, struct str sentence)
{
    if (page->format == PAGE_JSON) {
        json_put_str(&page->json, NULL, sentence);
        return;
    }
    wrap_shown(sentence, stop_for(sentence), 0, page->out);
}

void page_item(struct page *page, struct str name, struct str remark)
{
    begin_items(page);
    close_item(page);
    page->item_is_open = true;
    if (page->format == PAGE_JSON) {
        json_open_object(&page->json);
        json_put_str(&page->json, "name", name);
        json_put_str(&page->json, "remark", remark);
        json_open_array_at(&page->json, "says");
        return;
    }
    buf_append(page->out, STR("\n* "));
    page_show(name, page->out);
    if (remark.len) {
        buf_append(page->out, STR(" ("));
        page_show(remark, page->out);
        buf_append_byte(page->out, ')');
    }
    buf_append_byte(page->out, '\n');
}

void page_say(struct page *page, struct str sentence)
{
    if (page->format == PAGE_JSON) {
        json_put_str(&page->json, NULL, sentence);
        return;
    }
    buf_append(page->out, STR("  "));
    wrap_shown(sentence, stop_for(sentence), 2, page->out);
}

void page_list_line(struct page *page, struct str line)
{
    if (page->format == PAGE_JSON) {
        json_put_str(&page->json, NULL, line);
        return;
    }
    buf_append(page->out, STR("  - "));
    wrap_shown(line, "", 4, page->out);
}
