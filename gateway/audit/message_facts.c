#include "audit/message_facts.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "policy/links.h"
#include "policy/markup.h"
#include "policy/segments.h"
#include "policy/text.h"

/* ---- length ---- */

static struct str encoding_text(enum segments_encoding encoding)
{
    return encoding == SEGMENTS_GSM ? STR("gsm7") : STR("ucs2");
}

static void put_length(struct json_writer *w, struct str text)
{
    struct segments segments = segments_count(text, 0);
    json_put_int(w, "chars", (int64_t)utf8_utf16_units(text));
    json_put_str(w, "encoding", encoding_text(segments.encoding));
    json_put_int(w, "units", (int64_t)segments.units);
    json_put_int(w, "segments", (int64_t)segments.count);
}

/* The length without placeholders is found by counting each as one character. */
static void put_bare_length(struct json_writer *w, struct str text, size_t placeholders)
{
    struct segments segments = segments_count(text, 1);
    json_put_int(w, "placeholder_count", (int64_t)placeholders);
    json_put_str(w, "bare_encoding", encoding_text(segments.encoding));
    json_put_int(w, "bare_units", (int64_t)(segments.units - placeholders));
}

/* ---- names, each once ---- */

struct names {
    struct str items[LIMIT_RECORDED_NAMES];
    size_t count;
    bool truncated; /* one more could not be kept */
};

/* True: it was not there, and is now. */
static bool add_name(struct names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal(names->items[i], name))
            return false;
    }
    if (names->count == LIMIT_RECORDED_NAMES) {
        names->truncated = true;
        return false;
    }
    names->items[names->count++] = name;
    return true;
}

static void put_masked(struct json_writer *w, const char *key, struct str text,
                       struct privacy *privacy)
{
    struct str masked = privacy_mask(privacy, text);
    if (!masked.data)
        w->out->failed = true;
    json_put_str(w, key, masked);
}

/* ---- what stands between < and > ---- */

/* False: not all is told. With more than LIMIT_MARKUP, the number alone is against a rule. */
static bool put_markup(struct json_writer *w, struct str text, struct privacy *privacy)
{
    struct names names = {.count = 0};
    struct markup markup;
    struct markup_span span;
    size_t spans = 0, tags = 0, placeholders = 0;
    markup_init(&markup, text);
    for (; markup_next(&markup, &span); spans++) {
        bool bare = span.whole.len == span.name.len + 2; /* <Address>, which HTML has, too */
        placeholders += span.kind == MARKUP_PLACEHOLDER;
        tags += span.kind == MARKUP_HTML && !bare;
        if (span.kind == MARKUP_PLACEHOLDER || bare)
            (void)add_name(&names, span.name);
    }
    if (names.count > 0) {
        json_open_array_at(w, "placeholders");
        for (size_t i = 0; i < names.count; i++)
            put_masked(w, NULL, names.items[i], privacy);
        json_close_array(w);
    }
    if (placeholders > 0)
        put_bare_length(w, text, placeholders);
    if (tags > 0)
        json_put_int(w, "tags", (int64_t)tags);
    return !names.truncated && spans <= LIMIT_MARKUP;
}

/* ---- links ---- */

static void put_link(struct json_writer *w, const struct link *link, struct privacy *privacy)
{
    json_open_object(w);
    put_masked(w, "host", str_slice(link->host, 0, LIMIT_RECORDED_HOST), privacy);
    if (link->scheme.len)
        put_masked(w, "scheme", str_slice(link->scheme, 0, LIMIT_RECORDED_HOST), privacy);
    if (link->has_userinfo)
        json_put_bool(w, "userinfo", true);
    if (link->is_address)
        json_put_bool(w, "address", true);
    json_close_object(w);
}

/* What makes two links the same here: from the scheme to the host's end, user included. */
static struct str same_link(const struct link *link)
{
    const char *end = link->host.data + link->host.len;
    bool within = link->host.data >= link->whole.data && end <= link->whole.data + link->whole.len;
    return within ? (struct str){link->whole.data, (size_t)(end - link->whole.data)} : link->whole;
}

/*
 * Whether links.h could find one at all. In ASCII each has a dot with a host's character behind it,
 * or a colon and a slash; most texts have neither, and need not be folded.
 */
static bool may_hold_link(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i], next = i + 1 < text.len ? text.data[i + 1] : ' ';
        bool host = next == '-' || (next >= '0' && next <= '9') ||
                    ((next | 0x20) >= 'a' && (next | 0x20) <= 'z');
        if ((unsigned char)c >= 0x80 || (c == '.' && host) ||
            (c == ':' && (next == '/' || next == '\\')))
            return true;
    }
    return false;
}

/* False: not all is told, or there is no memory to look. With more than LIMIT_LINKS, of whatever
 * host, the number alone is against a rule. */
static bool put_links(struct json_writer *w, struct str text, struct privacy *privacy)
{
    struct names names = {.count = 0};
    size_t count = 0;
    bool whole = true;
    struct folded folded;
    struct links links;
    struct link link;
    bool opened = false;
    if (!may_hold_link(text))
        return true;
    if (!text_fold(text, privacy->arena, &folded) ||
        !links_init(&links, folded.text, privacy->arena))
        return false;
    for (; !names.truncated && count <= LIMIT_LINKS && links_next(&links, &link); count++) {
        whole =
            whole && link.host.len <= LIMIT_RECORDED_HOST && link.scheme.len <= LIMIT_RECORDED_HOST;
        if (!add_name(&names, same_link(&link)))
            continue;
        if (!opened)
            json_open_array_at(w, "links");
        opened = true;
        put_link(w, &link, privacy);
    }
    if (opened)
        json_close_array(w);
    return !names.truncated && whole && count <= LIMIT_LINKS;
}

void message_facts_put(struct json_writer *w, struct str text, struct privacy *privacy)
{
    json_open_object_at(w, "message");
    put_length(w, text);
    bool all_markup = put_markup(w, text, privacy);
    bool all_links = put_links(w, text, privacy);
    if (!all_markup || !all_links)
        json_put_bool(w, "truncated", true);
    json_close_object(w);
}
