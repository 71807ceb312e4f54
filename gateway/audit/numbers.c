/*
 *     number_find: at each place where a word begins
 *         an id?                -> only ten digits in a row are a number
 *         digits?               -> a chain of groups with separators between them, dates left out
 *         base64 of three digits? -> what is coded around them
 */
#include "audit/numbers.h"

#include "base/utf8.h"

#define LEAST_DIGITS 7     /* E.164: fewer are no subscriber's number */
#define MOST_DIGITS 15     /* E.164 */
#define LEAST_DIGITS_ID 10 /* within an id; with a country's code most numbers have as many */
#define MOST_SEPARATORS 3  /* " (", ") ", " - " */

/* ---- characters ---- */

struct character {
    uint32_t code; /* full-width forms of ASCII as ASCII; 0 for what is no UTF-8 */
    size_t length; /* in bytes, at least 1; 0 at the end of the text */
};

static struct character character_at(struct str text, size_t at)
{
    struct character c = {0, 1};
    if (at >= text.len)
        return (struct character){0, 0};
    unsigned char byte = (unsigned char)text.data[at];
    if (byte < 0x80)
        return (struct character){byte, 1};
    size_t length = utf8_decode(str_slice(text, at, text.len), &c.code);
    if (length == 0)
        return (struct character){0, 1};
    c.length = length;
    if (c.code >= 0xff01 && c.code <= 0xff5e)
        c.code -= 0xfee0;
    return c;
}

/* Digits beyond ASCII: Unicode's decimal digits (Nd), and those that are raised, lowered, in
 * circles or parentheses, or with a full stop or comma. */
static const struct digit_range {
    uint32_t first, last;
    int value; /* of the first */
} digit_ranges[] = {
    {0x00b2, 0x00b3, 2},   {0x00b9, 0x00b9, 1},   {0x0660, 0x0669, 0},   {0x06f0, 0x06f9, 0},
    {0x07c0, 0x07c9, 0},   {0x0966, 0x096f, 0},   {0x09e6, 0x09ef, 0},   {0x0a66, 0x0a6f, 0},
    {0x0ae6, 0x0aef, 0},   {0x0b66, 0x0b6f, 0},   {0x0be6, 0x0bef, 0},   {0x0c66, 0x0c6f, 0},
    {0x0ce6, 0x0cef, 0},   {0x0d66, 0x0d6f, 0},   {0x0de6, 0x0def, 0},   {0x0e50, 0x0e59, 0},
    {0x0ed0, 0x0ed9, 0},   {0x0f20, 0x0f29, 0},   {0x1040, 0x1049, 0},   {0x1090, 0x1099, 0},
    {0x17e0, 0x17e9, 0},   {0x1810, 0x1819, 0},   {0x1946, 0x194f, 0},   {0x19d0, 0x19d9, 0},
    {0x1a80, 0x1a89, 0},   {0x1a90, 0x1a99, 0},   {0x1b50, 0x1b59, 0},   {0x1bb0, 0x1bb9, 0},
    {0x1c40, 0x1c49, 0},   {0x1c50, 0x1c59, 0},   {0x2070, 0x2070, 0},   {0x2074, 0x2079, 4},
    {0x2080, 0x2089, 0},   {0x2460, 0x2468, 1},   {0x2474, 0x247c, 1},   {0x2488, 0x2490, 1},
    {0x24ea, 0x24ea, 0},   {0x24f5, 0x24fd, 1},   {0x2776, 0x277e, 1},   {0x2780, 0x2788, 1},
    {0x278a, 0x2792, 1},   {0xa620, 0xa629, 0},   {0xa8d0, 0xa8d9, 0},   {0xa900, 0xa909, 0},
    {0xa9d0, 0xa9d9, 0},   {0xa9f0, 0xa9f9, 0},   {0xaa50, 0xaa59, 0},   {0xabf0, 0xabf9, 0},
    {0xff10, 0xff19, 0},   {0x104a0, 0x104a9, 0}, {0x10d30, 0x10d39, 0}, {0x10d40, 0x10d49, 0},
    {0x11066, 0x1106f, 0}, {0x110f0, 0x110f9, 0}, {0x11136, 0x1113f, 0}, {0x111d0, 0x111d9, 0},
    {0x112f0, 0x112f9, 0}, {0x11450, 0x11459, 0}, {0x114d0, 0x114d9, 0}, {0x11650, 0x11659, 0},
    {0x116c0, 0x116c9, 0}, {0x116d0, 0x116d9, 0}, {0x116da, 0x116e3, 0}, {0x11730, 0x11739, 0},
    {0x118e0, 0x118e9, 0}, {0x11950, 0x11959, 0}, {0x11bf0, 0x11bf9, 0}, {0x11c50, 0x11c59, 0},
    {0x11d50, 0x11d59, 0}, {0x11da0, 0x11da9, 0}, {0x11de0, 0x11de9, 0}, {0x11f50, 0x11f59, 0},
    {0x16a60, 0x16a69, 0}, {0x16ac0, 0x16ac9, 0}, {0x16b50, 0x16b59, 0}, {0x16d70, 0x16d79, 0},
    {0x1ccf0, 0x1ccf9, 0}, {0x1d7ce, 0x1d7d7, 0}, {0x1d7d8, 0x1d7e1, 0}, {0x1d7e2, 0x1d7eb, 0},
    {0x1d7ec, 0x1d7f5, 0}, {0x1d7f6, 0x1d7ff, 0}, {0x1e140, 0x1e149, 0}, {0x1e2f0, 0x1e2f9, 0},
    {0x1e4f0, 0x1e4f9, 0}, {0x1e5f1, 0x1e5fa, 0}, {0x1e950, 0x1e959, 0}, {0x1f100, 0x1f100, 0},
    {0x1f101, 0x1f10a, 0}, {0x1f10b, 0x1f10b, 0}, {0x1f10c, 0x1f10c, 0}, {0x1fbf0, 0x1fbf9, 0},
};

static int foreign_digit(uint32_t code)
{
    size_t low = 0, high = COUNT_OF(digit_ranges);
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct digit_range *range = &digit_ranges[middle];
        if (code > range->last)
            low = middle + 1;
        else if (code < range->first)
            high = middle;
        else
            return range->value + (int)(code - range->first);
    }
    return -1;
}

/* 0 to 9, or -1. */
static int digit_value(uint32_t code)
{
    if (code < 0x80)
        return code >= '0' && code <= '9' ? (int)code - '0' : -1;
    return foreign_digit(code);
}

static bool is_ascii_letter(uint32_t code)
{
    return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
}

static bool is_ascii_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_ascii_digit(c) || is_ascii_letter((unsigned char)c);
}

/* What people, and those who hide a number, put between its digits. */
static bool is_separator(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } foreign[] = {
        {0x00a0, 0x00a0},   {0x00ad, 0x00ad}, {0x00b7, 0x00b7},   {0x0300, 0x036f},
        {0x061c, 0x061c},   {0x115f, 0x1160}, {0x1680, 0x1680},   {0x17b4, 0x17b5},
        {0x180b, 0x180f},   {0x2000, 0x2015}, {0x2022, 0x2022},   {0x2027, 0x202f},
        {0x205f, 0x206f},   {0x20d0, 0x20f0}, {0x2212, 0x2212},   {0x2215, 0x2215},
        {0x2800, 0x2800},   {0x3000, 0x3000}, {0x30fb, 0x30fb},   {0x3164, 0x3164},
        {0xfe00, 0xfe0f},   {0xfe58, 0xfe58}, {0xfe63, 0xfe63},   {0xfeff, 0xfeff},
        {0xffa0, 0xffa0},   {0xfff9, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
        {0xe0000, 0xe0fff},
    };
    if (code < 0x80)
        return code != 0 && strchr(" -./()\t", (int)code) != NULL;
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        if (code >= foreign[i].first && code <= foreign[i].last)
            return true;
    }
    return false;
}

/* ---- ids ---- */

static size_t hex_run(struct str text, size_t at, bool *has_letter)
{
    size_t length = 0;
    while (at + length < text.len && hex_digit(text.data[at + length]) >= 0) {
        *has_letter = *has_letter || !is_ascii_digit(text.data[at + length]);
        length++;
    }
    return length;
}

static bool word_ends_at(struct str text, size_t at)
{
    return at >= text.len || !is_word(text.data[at]);
}

/* RFC 9562 4: the bytes of one at the front of a word, or 0. */
static size_t uuid_length(struct str text, size_t at)
{
    static const size_t groups[] = {8, 4, 4, 4, 12};
    bool has_letter = false;
    size_t end = at;
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        if (i > 0 && (end >= text.len || text.data[end++] != '-'))
            return 0;
        if (hex_run(text, end, &has_letter) != groups[i])
            return 0;
        end += groups[i];
    }
    return has_letter && word_ends_at(text, end) ? end - at : 0;
}

/* The bytes of what looks like an id at the front of a word, or 0. */
static size_t id_length(struct str text, size_t at)
{
    bool has_letter = false;
    size_t length = uuid_length(text, at);
    if (length > 0)
        return length;
    length = hex_run(text, at, &has_letter);
    bool fits = length == 8 || length == 12 || length >= 16;
    return fits && has_letter && word_ends_at(text, at + length) ? length : 0;
}

static bool begins_word(struct str text, size_t at)
{
    return is_word(text.data[at]) && (at == 0 || !is_word(text.data[at - 1]));
}

/* ---- dates ---- */

/* Y, M and D are digits of year, month and day; Z of a second year. */
static const char *const date_shapes[] = {
    "YYYY-MM-DD", "YYYY/MM/DD", "YYYY.MM.DD", "DD.MM.YYYY", "DD/MM/YYYY", "DD-MM-YYYY",
    "MM/DD/YYYY", "MM-DD-YYYY", "D.MM.YYYY",  "D/MM/YYYY",  "M/DD/YYYY",  "YYYYMMDD",
    "YYYY-ZZZZ",  "YYYY/ZZZZ",  "YYYY_MM_DD", "DD_MM_YYYY",
};

struct date_parts {
    int year, month, day, other_year;
};

static int *part_of(struct date_parts *parts, char letter)
{
    switch (letter) {
    case 'Y':
        return &parts->year;
    case 'M':
        return &parts->month;
    case 'D':
        return &parts->day;
    case 'Z':
        return &parts->other_year;
    default:
        return NULL;
    }
}

static bool is_year(int year)
{
    return year >= 2000 && year < 2100;
}

static bool is_plausible(const struct date_parts *parts)
{
    if (parts->other_year)
        return is_year(parts->year) && is_year(parts->other_year);
    return is_year(parts->year) && parts->month >= 1 && parts->month <= 12 && parts->day >= 1 &&
           parts->day <= 31;
}

static bool fits_shape(struct str text, size_t at, const char *shape, size_t length)
{
    struct date_parts parts = {0};
    if (at + length > text.len ||
        (at + length < text.len && is_ascii_digit(text.data[at + length])))
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = text.data[at + i];
        int *part = part_of(&parts, shape[i]);
        if (part ? !is_ascii_digit(c) : c != shape[i])
            return false;
        if (part)
            *part = *part * 10 + (c - '0');
    }
    return is_plausible(&parts);
}

/* The bytes of a date at the first digit of a group, or 0. What "12-2026-11-28" holds is none. */
static size_t date_length(struct str text, size_t at)
{
    bool goes_on = at > 1 && strchr("-./_", text.data[at - 1]) && is_ascii_digit(text.data[at - 2]);
    for (size_t i = 0; !goes_on && i < COUNT_OF(date_shapes); i++) {
        size_t length = strlen(date_shapes[i]);
        if (fits_shape(text, at, date_shapes[i], length))
            return length;
    }
    return 0;
}

/* ---- chains of digits ---- */

static void add_digit(struct number *number, int value)
{
    if (number->digit_count < NUMBER_DIGITS)
        number->digits[number->digit_count++] = (char)('0' + value);
}

/* Digits in a row, in any script; the end of them. */
static size_t take_group(struct str text, size_t at, struct number *number, size_t *ret_count)
{
    *ret_count = 0;
    for (;;) {
        struct character c = character_at(text, at);
        int value = c.length ? digit_value(c.code) : -1;
        if (value < 0)
            return at;
        add_digit(number, value);
        *ret_count += 1;
        at += c.length;
    }
}

/* Where the next group begins, behind one to three separators; or 0. What an underscore parts are
 * words of a name, unless the first of them is too short for a number. */
static size_t skip_separators(struct str text, size_t at, bool underscores)
{
    for (size_t i = 0; i <= MOST_SEPARATORS; i++) {
        struct character c = character_at(text, at);
        if (c.length && digit_value(c.code) >= 0)
            return i > 0 ? at : 0;
        if (!is_separator(c.code) && !(underscores && c.code == '_'))
            return 0;
        at += c.length;
    }
    return 0;
}

/* The + of a number belongs to it, unless it belongs to what is before. */
static size_t find_plus(struct str text, size_t at, size_t floor)
{
    if (at >= floor + 1 && text.data[at - 1] == '+')
        return at - 1;
    if (at >= floor + 3 && memcmp(text.data + at - 3, "\xef\xbc\x8b", 3) == 0) /* U+FF0B */
        return at - 3;
    return at;
}

static bool starts_00(const struct number *number)
{
    return number->digit_count >= 2 && memcmp(number->digits, "00", 2) == 0;
}

/* The trunk prefix that some write in the middle, +49 (0) 151, is not dialled. */
static bool is_trunk_prefix(struct str text, size_t at)
{
    return at > 0 && at + 1 < text.len && memcmp(text.data + at - 1, "(0)", 3) == 0;
}

static void drop_00(struct number *number)
{
    if (!starts_00(number) || number->digit_count == 2)
        return;
    number->digit_count -= 2;
    memmove(number->digits, number->digits + 2, number->digit_count);
}

/*
 * The chain whose first group is at `first`; the end of what was looked at. It is a number when it
 * has digits enough: then *ret_count is not below LEAST_DIGITS.
 */
static size_t take_chain(struct str text, size_t first, struct number *ret, size_t *ret_count)
{
    size_t count, next, at = take_group(text, first, ret, ret_count);
    bool attached = first > 0 && is_ascii_letter((unsigned char)text.data[first - 1]);
    bool has_plus = ret->start < first, is_short = *ret_count < LEAST_DIGITS, trunk = false;
    while (!attached && (next = skip_separators(text, at, is_short)) > 0) {
        struct number longer = *ret;
        bool has_00 = starts_00(ret), international = has_plus || has_00;
        size_t most = has_00 ? MOST_DIGITS + 2 : MOST_DIGITS;
        if (!international && date_length(text, next) > 0)
            break;
        size_t end = take_group(text, next, &longer, &count);
        if (*ret_count + count > most || id_length(text, next) > 0)
            break;
        trunk = international && is_trunk_prefix(text, next);
        if (!trunk)
            *ret = longer;
        *ret_count += count;
        at = end;
    }
    ret->end = at + trunk; /* its parenthesis, where nothing follows */
    return ret->end;
}

/* ---- base64 ---- */

static int base64_value(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+' || c == '-' ? 62
           : c == '/' || c == '_' ? 63
                                  : -1;
}

/* Three digits are four characters that look like this; there is one such group in any seven. */
static bool is_coded_triple(struct str text, size_t at)
{
    if (at + 4 > text.len || text.data[at] < 'M' || text.data[at] > 'O')
        return false;
    char last = text.data[at + 3];
    return str_has(STR("DTjz"), text.data[at + 1]) &&
           str_has(STR("AEIMQUYcgk"), text.data[at + 2]) &&
           ((last >= 'w' && last <= 'z') || (last >= '0' && last <= '5'));
}

/* Byte `index`, counted from the triple at `anchor`, of what is coded in the text; or -1. */
static int coded_byte(struct str text, size_t anchor, ptrdiff_t index)
{
    ptrdiff_t group = index >= 0 ? index / 3 : -((2 - index) / 3), rest = index - group * 3;
    ptrdiff_t at = (ptrdiff_t)anchor + group * 4 + rest;
    if (at < 0 || (size_t)at + 1 >= text.len)
        return -1;
    int high = base64_value(text.data[at]), low = base64_value(text.data[at + 1]);
    if (high < 0 || low < 0)
        return -1;
    return (high << (2 * rest + 2) | low >> (4 - 2 * rest)) & 0xff;
}

static bool is_coded_part(int byte)
{
    return byte == '+' || (byte > 0 && byte < 0x80 &&
                           (digit_value((uint32_t)byte) >= 0 || is_separator((uint32_t)byte)));
}

/* What is coded around the triple at `anchor`, but not before `floor`. */
static bool take_coded(struct str text, size_t anchor, size_t floor, struct number *ret)
{
    ptrdiff_t first = 0, last = 3; /* [first, last) */
    while (first > -3 * (ptrdiff_t)((anchor - floor) / 4) &&
           is_coded_part(coded_byte(text, anchor, first - 1)))
        first--;
    while (is_coded_part(coded_byte(text, anchor, last)))
        last++;
    size_t count = 0;
    ret->digit_count = 0;
    for (ptrdiff_t i = first; i < last; i++) {
        int value = digit_value((uint32_t)coded_byte(text, anchor, i));
        if (value >= 0)
            add_digit(ret, value);
        count += value >= 0;
    }
    ptrdiff_t group = first / 3 - (first % 3 < 0);
    ret->start = (size_t)((ptrdiff_t)anchor + group * 4 + (first - group * 3));
    ret->end = anchor + (size_t)((last - 1) / 3 * 4 + (last - 1) % 3) + 2;
    return count >= LEAST_DIGITS;
}

/* ---- finding ---- */

/* Ten digits in a row within an id. */
static bool find_in_id(struct str text, size_t at, size_t end, struct number *ret)
{
    size_t count;
    while (at < end) {
        ret->digit_count = 0;
        ret->start = at;
        ret->end = take_group(text, at, ret, &count);
        if (count >= LEAST_DIGITS_ID)
            return true;
        at = ret->end + 1;
    }
    return false;
}

/*
 * What is at `at`; *next is where to go on when it is no number, *floor what nothing that is found
 * later may reach back to.
 */
static bool number_at(struct str text, size_t at, size_t *floor, struct number *ret, size_t *next)
{
    struct character c = character_at(text, at);
    size_t count, id = begins_word(text, at) ? id_length(text, at) : 0;
    *next = at + c.length;
    if (id > 0) {
        *floor = *next = at + id;
        return find_in_id(text, at, at + id, ret);
    }
    if (digit_value(c.code) < 0)
        return is_coded_triple(text, at) && take_coded(text, at, *floor, ret);
    ret->start = find_plus(text, at, *floor);
    ret->digit_count = 0;
    size_t date = ret->start == at ? date_length(text, at) : 0;
    if (date > 0) {
        *floor = *next = at + date;
        return false;
    }
    *next = take_chain(text, at, ret, &count);
    return count >= LEAST_DIGITS;
}

bool number_find(struct str text, size_t from, struct number *ret)
{
    struct number found;
    size_t floor = from;
    for (size_t at = from, next; at < text.len; at = next) {
        if (!number_at(text, at, &floor, &found, &next))
            continue;
        drop_00(&found);
        *ret = found;
        return true;
    }
    return false;
}

bool number_read(struct str text, struct number *ret)
{
    struct number number = {.end = text.len};
    bool has_plus = false;
    for (size_t at = 0; at < text.len;) {
        struct character c = character_at(text, at);
        int value = digit_value(c.code);
        has_plus = has_plus || c.code == '+';
        if (value >= 0 && !((has_plus || starts_00(&number)) && is_trunk_prefix(text, at)))
            add_digit(&number, value);
        at += c.length;
    }
    drop_00(&number);
    if (number.digit_count == 0)
        return false;
    *ret = number;
    return true;
}

/* ITU-T E.164: codes of two digits begin with these; 1 and 7 have one, all others three. */
static bool is_code_of_two(struct str two)
{
    static const char codes[] = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 "
                                "55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98";
    for (size_t i = 0; i + 2 < sizeof(codes); i += 3) {
        if (str_equal((struct str){codes + i, 2}, two))
            return true;
    }
    return false;
}

struct str number_calling_code(struct str number)
{
    if (number.len < 1 + LEAST_DIGITS || number.len > 1 + MOST_DIGITS || number.data[0] != '+')
        return (struct str){0};
    for (size_t i = 1; i < number.len; i++) {
        if (!is_ascii_digit(number.data[i]))
            return (struct str){0};
    }
    size_t length = number.data[1] == '1' || number.data[1] == '7' ? 1
                    : is_code_of_two(str_slice(number, 1, 3))      ? 2
                                                                   : 3;
    return str_slice(number, 1, 1 + length);
}
