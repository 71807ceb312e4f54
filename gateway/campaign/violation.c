#include "campaign/violation.h"

#include "base/limits.h"

static const struct {
    const char *code, *meaning;
    enum violation_class class;
} codes[] = {
#define VIOLATION(name, code, klass, meaning)                                                      \
    [VIOLATION_##name] = {code, meaning, VIOLATION_CLASS_##klass},
#include "campaign/violations.def"
#undef VIOLATION
};

const char *violation_code_text(enum violation_code code)
{
    return codes[code].code;
}

bool violation_code_parse(struct str text, enum violation_code *ret)
{
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        if (str_equal(text, str_from(codes[i].code))) {
            *ret = (enum violation_code)i;
            return true;
        }
    }
    return false;
}

enum violation_class violation_code_class(enum violation_code code)
{
    return codes[code].class;
}

const char *violation_code_meaning(enum violation_code code)
{
    return codes[code].meaning;
}

void violations_init(struct violations *list, struct arena *arena)
{
    *list = (struct violations){.arena = arena};
}

static bool make_room(struct violations *list)
{
    if (list->count < list->capacity)
        return true;
    if (list->count == LIMIT_VIOLATIONS)
        return false;
    size_t capacity = list->capacity ? list->capacity * 2 : 8;
    if (capacity > LIMIT_VIOLATIONS)
        capacity = LIMIT_VIOLATIONS;
    struct violation *items = arena_zalloc(list->arena, capacity, sizeof(*items));
    if (!items)
        return false;
    if (list->count)
        memcpy(items, list->items, list->count * sizeof(*items));
    list->items = items;
    list->capacity = capacity;
    return true;
}

static void add(struct violations *list, struct violation violation, const char *format,
                va_list args)
{
    violation.message =
        make_room(list) ? arena_vformat(list->arena, format, args) : (struct str){0};
    if (violation.message.data)
        list->items[list->count++] = violation;
    else
        list->truncated = true;
}

void violations_add(struct violations *list, enum violation_code code, struct str pointer,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(list, (struct violation){.code = code, .pointer = pointer}, format, args);
    va_end(args);
}

void violations_add_rule(struct violations *list, enum violation_code code, struct str pointer,
                         const struct violation_source *source, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(list, (struct violation){.code = code, .pointer = pointer, .source = *source}, format,
        args);
    va_end(args);
}

void violations_take(struct violations *list, const struct violation *violation)
{
    if (make_room(list))
        list->items[list->count++] = *violation;
    else
        list->truncated = true;
}

void violations_lose(struct violations *list)
{
    list->truncated = true;
}

bool violations_clean(const struct violations *list)
{
    return list->count == 0 && !list->truncated;
}

bool violations_break_contract(const struct violations *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (violation_code_class(list->items[i].code) == VIOLATION_CLASS_CONTRACT)
            return true;
    }
    return false;
}

void violation_put_members(struct json_writer *w, const struct violation *violation,
                           bool with_message)
{
    json_put_str(w, "code", str_from(violation_code_text(violation->code)));
    json_put_str(w, "pointer", violation->pointer);
    if (with_message)
        json_put_str(w, "msg", violation->message);
    json_put_str_if_any(w, "rule", violation->source.rule);
    json_put_str_if_any(w, "team", violation->source.team);
    json_put_str_if_any(w, "layer", violation->source.layer);
    json_put_str_if_any(w, "exception", violation->exception);
}
