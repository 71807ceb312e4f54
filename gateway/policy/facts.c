#include "policy/facts.h"

#include "base/buf.h"

/* ---- the scribe ---- */

void *scribe_zalloc(struct scribe *scribe, size_t count, size_t size)
{
    void *memory = arena_zalloc(scribe->arena, count, size);
    scribe->failed = scribe->failed || !memory;
    return memory;
}

struct str scribe_format(struct scribe *scribe, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vformat(scribe->arena, format, args);
    va_end(args);
    scribe->failed = scribe->failed || !text.data;
    return text;
}

struct str scribe_take(struct scribe *scribe, struct buf *buf)
{
    struct str text = buf->failed ? (struct str){0} : arena_copy(scribe->arena, buf_str(buf));
    scribe->failed = scribe->failed || !text.data;
    buf_release(buf);
    return text;
}

/* ---- facts ---- */

enum change change_reversed(enum change change)
{
    return change == CHANGE_MORE ? CHANGE_LESS : change == CHANGE_LESS ? CHANGE_MORE : change;
}

void facts_init(struct facts *facts, struct scribe *scribe, const struct zone *calendar)
{
    facts->scribe = scribe;
    facts->calendar = calendar;
    facts->count = 0;
    facts->asks_nothing = false;
}

struct fact_list *facts_open(struct facts *facts, const struct fact_kind *kind, size_t room)
{
    if (facts->count == FACT_LISTS) {
        facts->scribe->failed = true; /* never: a describe function knows how many it opens */
        facts->count--;
    }
    struct fact_list *list = &facts->lists[facts->count++];
    *list = (struct fact_list){.kind = kind};
    list->items = scribe_zalloc(facts->scribe, room, sizeof(*list->items));
    list->room = list->items ? room : 0;
    return list;
}

void facts_add(struct facts *facts, struct str name, struct str detail, const void *thing)
{
    struct fact_list *list = &facts->lists[facts->count - 1];
    if (list->count < list->room)
        list->items[list->count++] = (struct fact){name, detail, thing};
    else
        facts->scribe->failed = true;
}

void facts_state(struct facts *facts, const struct fact_kind *kind, struct str detail,
                 const void *thing)
{
    facts_open(facts, kind, 1);
    facts_add(facts, STR(""), detail, thing);
}

void facts_names(struct facts *facts, const struct fact_kind *kind, const struct str *names,
                 size_t count, const void *whole)
{
    facts_open(facts, kind, count)->whole = whole;
    for (size_t i = 0; i < count; i++)
        facts_add(facts, names[i], STR(""), whole);
}

/* ---- sentences ---- */

void fact_name_write(const struct fact_kind *kind, struct str name, struct buf *out)
{
    if (kind->quoted)
        buf_append_byte(out, '"');
    buf_append(out, name);
    if (kind->quoted)
        buf_append_byte(out, '"');
}

static void write_lists(const struct facts *facts, size_t most, struct buf *out)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (i > 0)
            buf_append(out, STR("; "));
        fact_list_write(facts, &facts->lists[i], most, out);
    }
}

/* What is said about a fact: its detail, then the facts within. */
static void write_about(const struct facts *of, const struct fact_kind *kind,
                        const struct fact *fact, size_t most, struct buf *out)
{
    struct facts within;
    facts_init(&within, of->scribe, of->calendar);
    buf_append(out, fact->detail);
    if (kind->describe)
        kind->describe(&within, fact->thing);
    if (fact->detail.len && within.count)
        buf_append(out, STR("; "));
    write_lists(&within, most, out);
}

void fact_write(const struct facts *of, const struct fact_kind *kind, const struct fact *fact,
                size_t most, struct buf *out)
{
    if (fact->name.len == 0) {
        write_about(of, kind, fact, most, out);
        return;
    }
    fact_name_write(kind, fact->name, out);
    size_t before = out->len;
    buf_append(out, kind->by_line ? STR(": ") : STR(" ("));
    size_t begun = out->len;
    write_about(of, kind, fact, most, out);
    if (out->len == begun)
        out->len = before; /* there is nothing to say about it */
    else if (!kind->by_line)
        buf_append_byte(out, ')');
}

void fact_list_write(const struct facts *of, const struct fact_list *list, size_t most,
                     struct buf *out)
{
    size_t count = list->count > most ? most : list->count;
    const char *between = list->kind->by_line ? "; " : ", ";
    buf_append(out, str_from(list->kind->lead));
    for (size_t i = 0; i < count; i++) {
        size_t before = out->len;
        buf_append(out, i ? str_from(between) : STR(" "));
        size_t begun = out->len;
        fact_write(of, list->kind, &list->items[i], most, out);
        if (out->len == begun)
            out->len = before; /* the lead says it all */
    }
    if (list->count > count)
        buf_format(out, " and %zu more", list->count - count);
}

struct str facts_summary(const struct facts *facts, size_t most)
{
    struct buf text;
    buf_init(&text, SCRIBE_BYTES);
    write_lists(facts, most, &text);
    return scribe_take(facts->scribe, &text);
}
