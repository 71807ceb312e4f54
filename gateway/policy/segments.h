/*
 * How many SMS a text takes (3GPP TS 23.038 and TS 23.040): pure, no memory, linear time.
 *
 * A text in the GSM default alphabet and its extension table has 160 septets, or 153 in each part
 * of several; any other text is UCS-2 with 70 or 67 units. National language shift tables are not
 * used: hardly any network does.
 */
#pragma once

#include "base/str.h"

enum segments_encoding { SEGMENTS_GSM, SEGMENTS_UCS2 };

struct segments {
    enum segments_encoding encoding;
    size_t count; /* parts; 1 for the empty text */
    size_t units; /* septets or UTF-16 units of the text, without what parts leave empty */

    /* The first character that is not in the GSM alphabet; only with SEGMENTS_UCS2. */
    uint32_t foreign;
    size_t foreign_position; /* 1 for the first character, as written */
};

/*
 * Each placeholder (markup.h) counts as `placeholder_characters` GSM characters, and what its name
 * is written in does not matter; with 0 placeholders count as written. Neither an escape with its
 * character nor a surrogate pair is torn between parts.
 */
struct segments segments_count(struct str text, size_t placeholder_characters);

/* What a record knows of a text's size: whatever its placeholders count for, it says how many SMS.
 */
struct message_size {
    struct segments written; /* placeholders count as they are written */
    size_t placeholders;     /* without any, `bare` is not filled */
    struct segments bare;    /* without placeholders: encoding and units, no count */
};

/*
 * The least and the most that segments_count may say of the text: encoding, units and count. They
 * differ only where it depends on where in a text of several parts the placeholders stand, and then
 * by little.
 */
void segments_range(const struct message_size *size, size_t placeholder_characters,
                    struct segments *ret_least, struct segments *ret_most);

#define CHARACTER_NAME_SIZE 24

/* "U+2019 (’)", or "U+200B" when the character alone would not show; NUL-terminated. */
void segments_name_character(uint32_t code, char ret[CHARACTER_NAME_SIZE]);
