/*
 * Folding goes piece by piece, so that its working memory is small and fixed however long the text
 * is:
 *
 *     bytes -> characters -> taken apart and folded -> [ piece: marks put in order ] -> put
 * together
 *
 * A piece is cut between two grapheme clusters, over which nothing ever composes.
 *
 * Phrases are hash tables: one of first words, telling how long the phrases are that begin so, and
 * one of phrases. Most words of a message cost one look into the first.
 */
#include "policy/text.h"

#include <assert.h>
#include <utf8proc.h>

#include "base/utf8.h"

/* ---- characters ---- */

static bool is_ascii(char c)
{
    return (uint8_t)c < 0x80;
}

static bool is_ascii_word(uint32_t code)
{
    return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
           (code >= '0' && code <= '9');
}

bool text_is_word_character(uint32_t code)
{
    if (code < 0x80)
        return is_ascii_word(code);
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

bool text_is_picture(uint32_t code)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return code >= 0x80 && (category == UTF8PROC_CATEGORY_SO || category == UTF8PROC_CATEGORY_SK);
}

bool text_is_visible(uint32_t code)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    bool mark = category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_SO && !mark;
}

/* Blocks of scripts that put no spaces between words; sorted. */
static const struct {
    uint32_t first, last;
} spaceless[] = {
    {0x0e00, 0x0fff},   /* Thai, Lao, Tibetan */
    {0x1000, 0x109f},   /* Myanmar */
    {0x1780, 0x17ff},   /* Khmer */
    {0x1950, 0x19ff},   /* Tai Le, New Tai Lue, Khmer symbols */
    {0x1a20, 0x1aaf},   /* Tai Tham */
    {0x1b00, 0x1b7f},   /* Balinese */
    {0x2e80, 0x312f},   /* radicals, Kana, Bopomofo */
    {0x3190, 0x4dbf},   /* Kanbun to Han, extension A */
    {0x4e00, 0xa4cf},   /* Han, Yi */
    {0xa980, 0xa9ff},   /* Javanese, Myanmar extended B */
    {0xaa60, 0xaadf},   /* Myanmar extended A, Tai Viet */
    {0xf900, 0xfaff},   /* Han, compatibility */
    {0x1aff0, 0x1b16f}, /* Kana, extended */
    {0x20000, 0x3ffff}, /* Han, extensions */
};

static bool is_spaceless(uint32_t code)
{
    if (code < spaceless[0].first)
        return false;
    for (size_t i = 0; i < COUNT_OF(spaceless) && code >= spaceless[i].first; i++) {
        if (code <= spaceless[i].last)
            return true;
    }
    return false;
}

/* ---- folding ---- */

/* Characters of a piece; well above the 30 marks that any language needs (UAX #15). */
#define PIECE 64
/* One character becomes at most 18, which U+FDFA does. */
#define UNFOLDED 32
/*
 * Letters become at most three times as long. Some signs become more, 11 times at most; nobody
 * fills pages with those but to keep us busy.
 */
#define GROWTH 3
#define GROWTH_FREE_BYTES 4096

static const utf8proc_option_t options =
    UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;

struct folding {
    utf8proc_int32_t piece[PIECE + UNFOLDED];
    size_t count;
    char *out;
    size_t len;
    size_t room;
    bool failed; /* there was no room; the output is not to be trusted */
};

/*
 * What utf8proc does not take away: characters that are still to come but do not show already
 * (Default_Ignorable_Code_Point without an assignment), and the marks of annotations.
 */
static bool is_invisible(uint32_t code)
{
    return code == 0x2065 || (code >= 0xfff0 && code <= 0xfffb) ||
           (code >= 0xe0000 && code <= 0xe0fff);
}

/* Writes what the character is made of, folded; returns how many that are, perhaps none. */
static size_t unfold(uint32_t code, utf8proc_int32_t into[UNFOLDED])
{
    int boundary = 0;
    if (is_invisible(code))
        return 0;
    utf8proc_ssize_t count =
        utf8proc_decompose_char((utf8proc_int32_t)code, into, UNFOLDED, options, &boundary);
    assert(count >= 0 && count <= UNFOLDED);
    return (size_t)count;
}

static uint8_t combining_class(utf8proc_int32_t code)
{
    return code < 0x300 ? 0 : (uint8_t)utf8proc_get_property(code)->combining_class;
}

/* Marks on one letter come in the order of their classes; those of one class stay as they are. */
static void order_marks(utf8proc_int32_t *piece, size_t count)
{
    uint8_t classes[PIECE + UNFOLDED];
    for (size_t i = 0; i < count; i++) {
        utf8proc_int32_t mark = piece[i];
        uint8_t class = combining_class(mark);
        size_t k = i;
        for (; class > 0 && k > 0 && classes[k - 1] > class; k--) {
            piece[k] = piece[k - 1];
            classes[k] = classes[k - 1];
        }
        piece[k] = mark;
        classes[k] = class;
    }
}

static void put(struct folding *folding, const void *bytes, size_t length)
{
    if (folding->room - folding->len < length) {
        folding->failed = true;
        return;
    }
    memcpy(folding->out + folding->len, bytes, length);
    folding->len += length;
}

/* Writes the first `count` characters of the piece. */
static void put_out(struct folding *folding, size_t count)
{
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t composed =
        utf8proc_normalize_utf32(folding->piece, (utf8proc_ssize_t)count, options);
    assert(composed >= 0);
    for (utf8proc_ssize_t i = 0; i < composed; i++)
        put(folding, bytes, (size_t)utf8proc_encode_char(folding->piece[i], bytes));
    folding->count -= count;
    memmove(folding->piece, folding->piece + count, folding->count * sizeof(folding->piece[0]));
}

static void finish_piece(struct folding *folding)
{
    if (folding->count == 0)
        return;
    order_marks(folding->piece, folding->count);
    put_out(folding, folding->count);
}

/* Writes as much of a full piece as what follows cannot change. */
static void relieve_piece(struct folding *folding)
{
    size_t cut = folding->count - 1;
    order_marks(folding->piece, folding->count);
    while (cut > 0 && !utf8proc_grapheme_break(folding->piece[cut - 1], folding->piece[cut]))
        cut--;
    put_out(folding, cut > 0 ? cut : folding->count);
}

static char ascii_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static void fold_bytes(struct folding *folding, struct str text)
{
    uint32_t code;
    for (size_t i = 0; i < text.len && !folding->failed;) {
        bool alone = i + 1 == text.len || is_ascii(text.data[i + 1]); /* no mark goes on it */
        if (is_ascii(text.data[i]) && alone) {
            char lower = ascii_lower(text.data[i++]);
            finish_piece(folding);
            put(folding, &lower, 1);
            continue;
        }
        i += utf8_decode(str_slice(text, i, text.len), &code);
        folding->count += unfold(code, folding->piece + folding->count);
        if (folding->count >= PIECE)
            relieve_piece(folding);
    }
    finish_piece(folding);
}

/* The bytes that the folded text may have. */
static size_t room_for(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_ascii(text.data[i]))
            return text.len * GROWTH + GROWTH_FREE_BYTES;
    }
    return text.len;
}

/* The folded text alone; NULL data when there is no room for it. Short texts take what they need.
 */
static struct str fold_text(struct str text, struct arena *arena)
{
    char small[2 * GROWTH_FREE_BYTES];
    struct folding folding = {.count = 0, .out = small, .room = room_for(text)};
    if (folding.room > sizeof(small))
        folding.out = arena_alloc(arena, folding.room);
    if (!folding.out)
        return (struct str){0};
    fold_bytes(&folding, text);
    if (folding.failed)
        return (struct str){0};
    struct str folded = {folding.out, folding.len};
    return folding.out == small ? arena_copy(arena, folded) : folded;
}

/* ---- words ---- */

/* The word at or behind *at, which is then its end; false when there is none. */
static bool next_word(struct str text, size_t *at, struct str *ret)
{
    size_t start = *at, length = 0;
    uint32_t code = 0;
    for (; start < text.len; start += length) {
        length = utf8_decode(str_slice(text, start, text.len), &code);
        if (text_is_word_character(code))
            break;
    }
    *at = start;
    if (start >= text.len)
        return false;
    *at += length;
    while (!is_spaceless(code) && *at < text.len) {
        length = utf8_decode(str_slice(text, *at, text.len), &code);
        if (!text_is_word_character(code) || is_spaceless(code))
            break;
        *at += length;
    }
    *ret = str_slice(text, start, *at);
    return true;
}

static size_t count_words(struct str text)
{
    size_t count = 0, at = 0;
    struct str word;
    while (next_word(text, &at, &word))
        count++;
    return count;
}

bool text_fold(struct str text, struct arena *arena, struct folded *ret)
{
    struct folded folded = {.text = fold_text(text, arena)};
    if (!folded.text.data)
        return false;
    folded.words = arena_zalloc(arena, count_words(folded.text), sizeof(*folded.words));
    if (!folded.words)
        return false;
    for (size_t at = 0; next_word(folded.text, &at, &folded.words[folded.word_count]);)
        folded.word_count++;
    *ret = folded;
    return true;
}

/* ---- phrases ---- */

struct phrase_slot {
    uint64_t hash;
    const struct phrase *phrase; /* NULL: free */
};

/* A look here spares one for each length. Words with the same hash may share an opening. */
struct phrase_opening {
    uint64_t hash;
    uint32_t lengths; /* bit n - 1: some phrase of n words begins so; 0: free */
};

_Static_assert(PHRASE_WORDS <= 32, "lengths is a set of 32 bits");

/* FNV-1a with a final mix. An attacker does not choose the phrases, so not what collides. */
static uint64_t hash_of(struct str word)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < word.len; i++)
        hash = (hash ^ (uint8_t)word.data[i]) * 0x100000001b3u;
    return hash ^ (hash >> 32);
}

/* The hash of some words and one more. */
static uint64_t hash_with(uint64_t hash, uint64_t word)
{
    hash = ((hash << 5 | hash >> 59) ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 32);
}

bool phrases_init(struct phrases *set, struct arena *arena, size_t expected)
{
    struct phrases empty = {0};
    size_t capacity = 8;
    *set = empty;
    if (expected == 0)
        return true;
    while (capacity / 2 < expected)
        capacity *= 2;
    empty.slots = arena_zalloc(arena, capacity, sizeof(*empty.slots));
    empty.openings = arena_zalloc(arena, capacity, sizeof(*empty.openings));
    if (!empty.slots || !empty.openings)
        return false;
    empty.capacity = capacity;
    *set = empty;
    return true;
}

/* The opening of that word, or the free one where it belongs. */
static struct phrase_opening *opening_for(const struct phrases *set, uint64_t hash)
{
    size_t i = (size_t)hash & (set->capacity - 1);
    while (set->openings[i].lengths && set->openings[i].hash != hash)
        i = (i + 1) & (set->capacity - 1);
    return &set->openings[i];
}

static bool has_words(const struct phrase *phrase, const struct str *words, size_t count)
{
    struct str word;
    size_t at = 0;
    if (phrase->word_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!next_word(phrase->folded, &at, &word) || !str_equal(word, words[i]))
            return false;
    }
    return true;
}

/* The slot of the phrase with these words, or the free one where it belongs. */
static struct phrase_slot *slot_for(const struct phrases *set, uint64_t hash,
                                    const struct str *words, size_t count)
{
    size_t i = (size_t)hash & (set->capacity - 1);
    for (;; i = (i + 1) & (set->capacity - 1)) {
        struct phrase_slot *slot = &set->slots[i];
        if (!slot->phrase || (slot->hash == hash && has_words(slot->phrase, words, count)))
            return slot;
    }
}

static enum phrases_added add_words(struct phrases *set, struct arena *arena,
                                    const struct phrase *added, const struct str *words)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < added->word_count; i++)
        hash = hash_with(hash, hash_of(words[i]));
    struct phrase_slot *slot = slot_for(set, hash, words, added->word_count);
    if (slot->phrase)
        return PHRASES_PRESENT;
    struct phrase *kept = arena_alloc(arena, sizeof(*kept));
    if (!kept)
        return PHRASES_NO_MEMORY;
    *kept = *added;
    *slot = (struct phrase_slot){hash, kept};
    struct phrase_opening *opening = opening_for(set, hash_of(words[0]));
    opening->hash = hash_of(words[0]);
    opening->lengths |= UINT32_C(1) << (added->word_count - 1);
    set->count++;
    return PHRASES_ADDED;
}

enum phrases_added phrases_add(struct phrases *set, struct arena *arena, struct str text)
{
    struct phrase added = {.text = text, .folded = fold_text(text, arena)};
    struct str words[PHRASE_WORDS];
    if (!added.folded.data)
        return PHRASES_NO_MEMORY;
    added.word_count = count_words(added.folded);
    if (added.word_count == 0)
        return PHRASES_EMPTY;
    if (added.word_count > PHRASE_WORDS)
        return PHRASES_TOO_LONG;
    if (set->count * 2 >= set->capacity)
        return PHRASES_FULL;
    for (size_t i = 0, at = 0; i < added.word_count; i++)
        (void)next_word(added.folded, &at, &words[i]);
    return add_words(set, arena, &added, words);
}

/* Hashes of the words from somewhere in a text up to PHRASE_WORDS on, each made once. */
struct hashes {
    const struct folded *text;
    uint64_t of[PHRASE_WORDS];
    size_t known; /* words before this one have been hashed */
};

static uint64_t hash_at(struct hashes *hashes, size_t index)
{
    for (; hashes->known <= index; hashes->known++)
        hashes->of[hashes->known % PHRASE_WORDS] = hash_of(hashes->text->words[hashes->known]);
    return hashes->of[index % PHRASE_WORDS];
}

/* The longest phrase that begins with the word at `first`, or NULL. */
static const struct phrase *find_at(const struct phrases *set, struct hashes *hashes, size_t first)
{
    const struct phrase *longest = NULL;
    uint64_t hash = 0;
    uint32_t lengths = opening_for(set, hash_at(hashes, first))->lengths;
    for (size_t n = 1; lengths && first + n <= hashes->text->word_count; n++, lengths >>= 1) {
        hash = hash_with(hash, hash_at(hashes, first + n - 1));
        if (!(lengths & 1))
            continue;
        const struct phrase *found = slot_for(set, hash, hashes->text->words + first, n)->phrase;
        if (found)
            longest = found;
    }
    return longest;
}

const struct phrase *phrases_find(const struct phrases *set, const struct folded *text,
                                  size_t *position)
{
    struct hashes hashes = {.text = text};
    for (size_t i = 0; set->count > 0 && i < text->word_count; i++) {
        const struct phrase *found = find_at(set, &hashes, i);
        if (!found)
            continue;
        *position = i;
        return found;
    }
    return NULL;
}
