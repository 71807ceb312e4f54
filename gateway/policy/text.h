/*
 * What a text says, whatever it looks like: folding, and finding whole words and phrases.
 *
 * Two texts that a reader takes for the same fold to the same bytes: "FREE", "ＦＲＥＥ" and
 * "fr\u00ADee" become "free". Letters of different scripts that only look alike stay different. All
 * texts must be valid UTF-8. Time is linear in the text, and searching does not depend on how many
 * phrases are sought. Only text.c knows utf8proc.
 */
#pragma once

#include "base/arena.h"

/* ---- folding ---- */

/*
 * `text` is NFKC with full case folding and without characters that do not show (Unicode's
 * Default_Ignorable_Code_Point: soft hyphen, zero-width characters, variation selectors; and the
 * marks of interlinear annotations).
 *
 * `words` are views into `text`: the longest runs of letters, marks and digits. Where a script is
 * written without spaces (Han, Kana, Thai, Khmer and their like) each character is a word, so that
 * a phrase is found anywhere.
 */
struct folded {
    struct str text;
    struct str *words;
    size_t word_count;
};

/*
 * Takes 16 bytes of the arena for each word and, for the text, about its own length, or three times
 * that when it is long and not ASCII. False when the arena is full or the text unfolds to more than
 * three times its length and 4 KiB, which no honest text comes near; then *ret is untouched.
 *
 * After 64 marks on one letter the next begin anew (compare UAX #15, Stream-Safe Text Format):
 * putting any number of marks in order would not be linear.
 */
MUST_USE bool text_fold(struct str text, struct arena *arena, struct folded *ret);

/* True for letters, marks and digits of any script (Unicode's L*, M*, N*): what words are of. */
bool text_is_word_character(uint32_t code);

/* True for emoji and their like (Unicode's So, and the Sk that colour them), ASCII excepted. */
bool text_is_picture(uint32_t code);

/* True for what shows by itself: letters, digits, punctuation, symbols; no blanks, no marks. */
bool text_is_visible(uint32_t code);

/* ---- phrases ---- */

/* Longer phrases are refused; in scripts without spaces this counts characters. */
#define PHRASE_WORDS 32

struct phrase {
    struct str text; /* as its author wrote it */
    struct str folded;
    size_t word_count;
};

struct phrase_slot;
struct phrase_opening;

/* Built once from trusted lists, then only read; safe on any thread after building. */
struct phrases {
    struct phrase_slot *slots;       /* phrases by all their words */
    struct phrase_opening *openings; /* the lengths that phrases have, by their first word */
    size_t capacity;                 /* of both: a power of two, or 0 for the empty set */
    size_t count;
};

/* An empty set with room for `expected` phrases. False when the arena is full. */
MUST_USE bool phrases_init(struct phrases *set, struct arena *arena, size_t expected);

enum phrases_added {
    PHRASES_ADDED,
    PHRASES_PRESENT,  /* one with the same words is there already */
    PHRASES_EMPTY,    /* no word in it */
    PHRASES_TOO_LONG, /* more than PHRASE_WORDS */
    PHRASES_FULL,     /* more phrases than were expected */
    PHRASES_NO_MEMORY
};

/* Adds a phrase. Its text is not copied and must live as long as the set. */
MUST_USE enum phrases_added phrases_add(struct phrases *set, struct arena *arena, struct str text);

/*
 * The first phrase whose words follow each other in the text, whatever stands between them; where
 * several begin at the same word, the longest. *position is the index of its first word. NULL when
 * there is none; then *position is untouched.
 */
const struct phrase *phrases_find(const struct phrases *set, const struct folded *text,
                                  size_t *position);
