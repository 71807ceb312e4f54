/*
 * Looks one member up in a record's JSON without building a tree: where a million records are read,
 * only a few bytes of each are of interest. Pure.
 *
 * The text is an object as json_write.h makes it: no spaces, no line ends. Of another text the
 * answer may be wrong, but nothing outside it is touched.
 */
#pragma once

#include "base/str.h"

/* The value of the object's own member, not of one further down, as it stands there; an object or
 * a text with its braces or quotes. False when there is none. */
MUST_USE bool member_raw(struct str json, struct str key, struct str *ret);

/* The content of a text. False when it is none, or has escapes: ids, kinds and times have none. */
MUST_USE bool member_text(struct str json, struct str key, struct str *ret);

/* Whether the member is a text, and this one. */
bool member_is(struct str json, struct str key, struct str text);
