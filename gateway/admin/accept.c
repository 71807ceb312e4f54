#include "admin/accept.h"

/* "0.75" as 750; 1000 for anything that is not such a number. */
static unsigned read_weight(struct str text)
{
    unsigned weight = 0, unit = 1000;
    for (size_t i = 0; i < text.len && i < 5; i++) {
        if (i == 1 && text.data[i] == '.')
            continue;
        if (text.data[i] < '0' || text.data[i] > '9')
            return 1000;
        weight += (unsigned)(text.data[i] - '0') * unit;
        unit /= 10;
    }
    return text.len && weight < 1000 ? weight : 1000;
}

struct range {
    struct str type;
    struct str version; /* empty: none is given */
    unsigned weight;
};

/* "type; version=1.0.0; q=0.5" */
static struct range read_range(struct str text)
{
    struct range range = {.weight = 1000};
    struct str part, rest, key, value;
    (void)str_cut(text, ';', &part, &rest);
    range.type = str_trim(part);
    while (rest.len) {
        (void)str_cut(rest, ';', &part, &rest);
        (void)str_cut(part, '=', &key, &value);
        key = str_trim(key);
        value = str_trim(value);
        if (value.len >= 2 && value.data[0] == '"' && str_ends(value, STR("\"")))
            value = str_slice(value, 1, value.len - 1);
        if (str_equal_nocase(key, STR("q")))
            range.weight = read_weight(value);
        else if (str_equal_nocase(key, STR("version")))
            range.version = value;
    }
    return range;
}

static bool covers(struct str range, struct str type)
{
    struct str major, minor;
    (void)str_cut(type, '/', &major, &minor);
    return str_equal_nocase(range, type) || str_equal(range, STR("*/*")) ||
           (str_ends(range, STR("/*")) &&
            str_equal_nocase(str_slice(range, 0, range.len - 2), major));
}

bool accept_prefers(struct str accept, struct str wanted, struct str version, struct str otherwise)
{
    unsigned best = 0, other = 0;
    for (struct str one, rest = accept; rest.len;) {
        (void)str_cut(rest, ',', &one, &rest);
        struct range range = read_range(one);
        bool readable = !version.len || !range.version.len || str_equal(range.version, version);
        if (str_equal_nocase(range.type, wanted) && readable && range.weight > best)
            best = range.weight;
        if (covers(range.type, otherwise) && range.weight > other)
            other = range.weight;
    }
    return best > 0 && best >= other;
}
