#include "audit/words.h"

#include "policy/text.h"

/* Longer ASCII texts are folded as all others are. */
#define SHORT_BYTES 1024

/* The lower-case letter or the digit that it is; NUL for all else, also beyond ASCII. */
static char folded(char c)
{
    return c >= 'A' && c <= 'Z'                               ? (char)(c + ('a' - 'A'))
           : (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c
                                                              : '\0';
}

/* False when it is not all ASCII, or long; then nothing was found yet. */
static bool fold_short(struct str text, char out[SHORT_BYTES])
{
    if (text.len > SHORT_BYTES)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.data[i] >= 0x80)
            return false;
        out[i] = folded(text.data[i]);
    }
    return true;
}

void words_each(struct str text, struct arena *scratch, void (*found)(void *arg, struct str word),
                void *arg)
{
    char short_text[SHORT_BYTES];
    if (fold_short(text, short_text)) {
        for (size_t start = 0, i = 0; i <= text.len; i++) {
            if (i < text.len && short_text[i])
                continue;
            if (i > start)
                found(arg, (struct str){short_text + start, i - start});
            start = i + 1;
        }
        return;
    }
    struct folded folded_text;
    if (!text_fold(text, scratch, &folded_text))
        return;
    for (size_t i = 0; i < folded_text.word_count; i++)
        found(arg, folded_text.words[i]);
}
