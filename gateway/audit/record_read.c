#include "audit/record_read.h"

#include "base/clock.h"

static const struct json_value *member(const struct json_value *value, struct str key)
{
    return value && json_kind(value) == JSON_KIND_OBJECT ? json_member(value, key) : NULL;
}

const struct json_value *record_value(const struct json_value *record, const char *path)
{
    struct str key, rest = str_from(path);
    const struct json_value *value = record;
    while (value && rest.len) {
        (void)str_cut(rest, '.', &key, &rest);
        value = member(value, key);
    }
    return value;
}

struct str record_text(const struct json_value *record, const char *path)
{
    const struct json_value *value = record_value(record, path);
    bool is_text = value && json_kind(value) == JSON_KIND_STRING;
    return is_text ? json_string(value) : (struct str){0};
}

bool record_number(const struct json_value *record, const char *path, int64_t *ret)
{
    const double most = 9007199254740992.0; /* 2^53: beyond, doubles skip whole numbers */
    const struct json_value *value = record_value(record, path);
    if (!value || json_kind(value) != JSON_KIND_NUMBER)
        return false;
    double number = json_number(value);
    if (!(number >= -most && number <= most) || number != (double)(int64_t)number)
        return false;
    *ret = (int64_t)number;
    return true;
}

bool record_time(const struct json_value *record, int64_t *ret_unix_ms)
{
    return clock_parse_utc(record_text(record, "time"), ret_unix_ms);
}

/* What refuses, what is only reported, what an exception lifts. */
static const struct str lists_of_codes[] = {STR("violations"), STR("reported"), STR("waived")};

static const struct str left_out[] = {STR("id"),   STR("prev"),     STR("time"),
                                      STR("note"), STR("frontier"), STR("open")};

static bool is_one_of(struct str key, const struct str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(key, names[i]))
            return true;
    }
    return false;
}

bool record_has_codes(struct str key)
{
    return is_one_of(key, lists_of_codes, COUNT_OF(lists_of_codes));
}

bool record_leaves_out(struct str key)
{
    return is_one_of(key, left_out, COUNT_OF(left_out));
}

void record_each_code(const struct json_value *record, void (*found)(void *arg, struct str code),
                      void *arg)
{
    struct str refusal = record_text(record, "code");
    if (refusal.len)
        found(arg, refusal);
    for (size_t i = 0; i < COUNT_OF(lists_of_codes); i++) {
        const struct json_value *list = member(record, lists_of_codes[i]);
        if (!list || json_kind(list) != JSON_KIND_ARRAY)
            continue;
        for (const struct json_value *each = json_first(list); each; each = json_next(each)) {
            struct str code = record_text(each, "code");
            if (code.len)
                found(arg, code);
        }
    }
}

/* Nests at most as deep as json_read accepts. */
static void each_text(const struct json_value *value, void (*found)(void *arg, struct str text),
                      void *arg)
{
    enum json_kind kind = json_kind(value);
    if (kind == JSON_KIND_STRING)
        found(arg, json_string(value));
    if (kind != JSON_KIND_OBJECT && kind != JSON_KIND_ARRAY)
        return;
    for (const struct json_value *each = json_first(value); each; each = json_next(each))
        each_text(each, found, arg);
}

void record_each_text(const struct json_value *record, void (*found)(void *arg, struct str text),
                      void *arg)
{
    if (!record || json_kind(record) != JSON_KIND_OBJECT)
        return;
    for (const struct json_value *each = json_first(record); each; each = json_next(each)) {
        if (!record_leaves_out(json_key(each)))
            each_text(each, found, arg);
    }
}
