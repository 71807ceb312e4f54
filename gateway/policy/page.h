/*
 * Writes sections of rules and sentences, as text wrapped for a reader or as JSON.
 *
 *     page_begin, then page_section { page_note } { page_item { page_say | page_list_line } },
 * page_end
 *
 * What authors write is shown so that it cannot deceive the eye: control characters, line ends and
 * characters that turn the direction of writing appear as \u{202e}. Failure is the buf's.
 */
#pragma once

#include "base/json_write.h"

enum page_format { PAGE_TEXT, PAGE_JSON };

struct page {
    struct buf *out;
    struct json_writer json;
    enum page_format format;
    enum { PAGE_HEAD, PAGE_NOTES, PAGE_ITEMS } at; /* where within a section */
    bool item_is_open;
};

struct page page_begin(struct buf *out, enum page_format format);
void page_end(struct page *page);

/* "Organisation", "Team billing"; `kind` is for programs. */
void page_section(struct page *page, const char *kind, struct str title);

/* A sentence about the section; they come before its items. A full stop is added. */
void page_note(struct page *page, struct str sentence);

/* A rule or exception. `remark`: "only reported"; may be empty. */
void page_item(struct page *page, struct str name, struct str remark);

/* A sentence of the item. A full stop is added unless it ends in one or in a colon. */
void page_say(struct page *page, struct str sentence);

/* A line of the list that the last sentence began. */
void page_list_line(struct page *page, struct str line);

/* The text as it may stand on a terminal. */
void page_show(struct str text, struct buf *out);

/* JSON of our own making, or that json_read accepts, as it may stand on a terminal: the same
 * characters are escaped in its texts, and it means the same. Line ends between values stay. */
void page_show_json(struct str json, struct buf *out);
