/*
 * What stands in a text without being for its reader: HTML and placeholders of personalisation.
 *
 * Works on the text as written. Pure, no memory, linear time.
 */
#pragma once

#include "base/str.h"

enum markup_kind {
    /*
     * What a reader of HTML would not show as it is written:
     *   - tags of HTML's elements, open or closed, with attributes or without: <b> </b> <br/>
     *   - tags of other elements that cannot be placeholders: </x> <x/> <x y=...>
     *   - <!--comments-->, <!doctype ...>, <? ... >; without an end they reach to the text's own
     *   - character references: &nbsp; &#104; &#x68; (numbers also without the semicolon)
     */
    MARKUP_HTML,
    /*
     * <First Name>: a letter, then letters, digits, spaces, "_", "-" and ".", together at most
     * MARKUP_PLACEHOLDER_CHARACTERS, and not the name of an HTML element. <Address> and <Time> are
     * such names; whoever uses them as placeholders has to look at `whole`.
     */
    MARKUP_PLACEHOLDER
};

#define MARKUP_PLACEHOLDER_CHARACTERS 40

/* Views into the text. */
struct markup_span {
    enum markup_kind kind;
    struct str whole; /* "<First Name >", "</B>", "&nbsp;" */
    struct str name;  /* "First Name", "B", "&nbsp;"; "!--", "!doctype" and "?" for the others */
};

struct markup {
    struct str text;
    size_t at;
    size_t closes; /* a '>' that is known to be the next, when not before `at` */
};

void markup_init(struct markup *markup, struct str text);

/* The next span, in text order; spans do not overlap. False at the end. */
MUST_USE bool markup_next(struct markup *markup, struct markup_span *ret);
