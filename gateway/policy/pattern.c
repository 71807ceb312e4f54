/*
 * The only home of PCRE2. Its memory comes from the arenas, so nothing is freed here.
 */
#include "policy/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"
#include "base/limits.h"

struct pattern {
    const pcre2_code *code;
};

static void *allocate(size_t size, void *arena)
{
    return arena_alloc(arena, size);
}

static void keep(void *memory, void *arena)
{
    (void)memory, (void)arena;
}

static bool out_of_memory(struct error *err)
{
    return error_set(err, "the policy needs more memory than the gateway gives it");
}

/* PCRE2's own words, such as "missing closing parenthesis". */
static void explain(int code, struct error *err)
{
    PCRE2_UCHAR text[200];
    if (pcre2_get_error_message(code, text, sizeof(text)) < 0)
        error_set(err, "it is not a regular expression");
    else
        error_set(err, "%s", (const char *)text);
}

/* What the breadth-first matcher cannot do is refused here rather than at the first campaign. */
static bool is_supported(const pcre2_code *code, struct error *err)
{
    uint32_t back_references = 0;
    (void)pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &back_references);
    return back_references == 0 || error_set(err, "back references are not supported");
}

const struct pattern *pattern_compile(struct str source, struct arena *arena, struct error *ret_why,
                                      size_t *ret_offset)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    struct pattern *pattern = arena_zalloc(arena, 1, sizeof(*pattern));
    pcre2_general_context *memory = pcre2_general_context_create(allocate, keep, arena);
    pcre2_compile_context *context = memory ? pcre2_compile_context_create(memory) : NULL;
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
    *ret_offset = 0;
    if (!pattern || !context) {
        (void)out_of_memory(ret_why);
        return NULL;
    }
    (void)pcre2_set_max_pattern_length(context, LIMIT_PATTERN_BYTES);
    (void)pcre2_set_parens_nest_limit(context, LIMIT_PATTERN_DEPTH);
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)(source.data ? source.data : ""), source.len,
                                         options, &code, &offset, context);
    if (!compiled) {
        *ret_offset = offset;
        explain(code, ret_why);
        return NULL;
    }
    pattern->code = compiled;
    return is_supported(compiled, ret_why) ? pattern : NULL;
}

/* ---- texts with slots ---- */

static const struct pattern_slot *find_slot(struct str name, const struct pattern_slot *slots,
                                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(slots[i].name, name))
            return &slots[i];
    }
    return NULL;
}

/* Letters, digits and bytes of UTF-8 stand for themselves; a backslash makes the rest do so. */
static void put_literal(struct buf *out, char byte)
{
    bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                 (byte >= 'A' && byte <= 'Z') || (unsigned char)byte >= 0x80 || byte == ' ';
    if ((unsigned char)byte < ' ') {
        buf_format(out, "\\x%02x", (unsigned char)byte);
        return;
    }
    if (!plain)
        buf_append_byte(out, '\\');
    buf_append_byte(out, byte);
}

/* A slot that begins at text.data[at]: its expression in `out`; the index behind it, or 0. */
static size_t put_slot(struct str text, size_t at, const struct pattern_slot *slots, size_t count,
                       struct buf *out, struct error *why)
{
    struct str name, rest;
    if (!str_cut(str_slice(text, at + 1, text.len), '}', &name, &rest)) {
        error_set(why, "the slot that begins here has no closing brace; {{ stands for a brace");
        return 0;
    }
    const struct pattern_slot *slot = find_slot(name, slots, count);
    if (!slot) {
        error_set(why,
                  "'%.*s' is not one of the slots; name it under 'slots' ({{ stands for a "
                  "brace)",
                  SHOW_ARGS(name));
        return 0;
    }
    buf_format(out, "%s{1,%d}", slot->digits ? "[0-9]" : "[^\\r\\n<>]", slot->most);
    return text.len - rest.len;
}

static bool write_expression(struct str text, const struct pattern_slot *slots, size_t count,
                             struct buf *out, struct error *why, size_t *ret_offset)
{
    size_t i = 0;
    buf_append(out, STR("\\A"));
    while (i < text.len) {
        bool brace = text.data[i] == '{';
        bool doubled = brace && i + 1 < text.len && text.data[i + 1] == '{';
        *ret_offset = i;
        if (brace && !doubled) {
            i = put_slot(text, i, slots, count, out, why);
            if (i == 0)
                return false;
            continue;
        }
        put_literal(out, text.data[i]);
        i += doubled ? 2 : 1;
    }
    buf_append(out, STR("\\z"));
    return !out->failed || error_set(why, "the text is too long");
}

const struct pattern *pattern_of_text(struct str text, const struct pattern_slot *slots,
                                      size_t slot_count, struct arena *arena, struct error *ret_why,
                                      size_t *ret_offset)
{
    struct buf expression;
    buf_init(&expression, LIMIT_PATTERN_BYTES);
    const struct pattern *pattern =
        write_expression(text, slots, slot_count, &expression, ret_why, ret_offset)
            ? pattern_compile(buf_str(&expression), arena, ret_why, ret_offset)
            : NULL;
    buf_release(&expression);
    return pattern;
}

/* ---- matching ---- */

enum pattern_answer pattern_match(const struct pattern *pattern, struct str text,
                                  struct arena *scratch)
{
    enum { WORKSPACE = 4096 };
    pcre2_general_context *memory = pcre2_general_context_create(allocate, keep, scratch);
    pcre2_match_context *context = memory ? pcre2_match_context_create(memory) : NULL;
    pcre2_match_data *data = memory ? pcre2_match_data_create(1, memory) : NULL;
    int *workspace = arena_alloc(scratch, WORKSPACE * sizeof(*workspace)); /* it clears its own */
    if (!context || !data || !workspace)
        return PATTERN_UNDECIDED;
    (void)pcre2_set_match_limit(context, LIMIT_PATTERN_STEPS);
    (void)pcre2_set_heap_limit(context, LIMIT_PATTERN_HEAP_KB);
    int found = pcre2_dfa_match(pattern->code, (PCRE2_SPTR)(text.data ? text.data : ""), text.len,
                                0, PCRE2_DFA_SHORTEST, data, context, workspace, WORKSPACE);
    if (found >= 0)
        return PATTERN_FITS;
    return found == PCRE2_ERROR_NOMATCH ? PATTERN_DIFFERS : PATTERN_UNDECIDED;
}
