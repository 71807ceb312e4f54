#include "audit/ledger.h"

#include <stdio.h>

#include "audit/member.h"
#include "base/limits.h"

static void find(struct ledger *ledger, const char *format, ...) PRINTF_LIKE(2, 3);

static void find(struct ledger *ledger, const char *format, ...)
{
    struct error sentence;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence.text, sizeof(sentence.text), format, args);
    va_end(args);
    ledger->finding(ledger->arg, sentence.text);
}

static bool add(struct open_set *set, struct str id, struct error *err)
{
    if (!open_set_reserve(set, 1))
        return error_set(err, "out of memory");
    open_set_add(set, id, false);
    return true;
}

/* ---- records ---- */

static bool take_decision(struct ledger *ledger, struct str members, struct str id,
                          struct error *err)
{
    struct str verdict;
    if (!member_text(members, STR("verdict"), &verdict))
        return error_set(err, "the decision has no verdict");
    if (!str_equal(verdict, STR("allow"))) {
        ledger->denied++;
        return true;
    }
    ledger->allowed++;
    if (open_set_has(&ledger->open, id) || open_set_has(&ledger->unknown, id))
        find(ledger, "%.*s was decided before, and has no outcome yet", SHOW_ARGS(id));
    return add(&ledger->open, id, err);
}

static bool is_reconciled(struct str members)
{
    struct str value;
    return member_raw(members, STR("reconciled"), &value) && str_equal(value, STR("true"));
}

/* What is not known may be found out later, and said then. */
static bool take_outcome(struct ledger *ledger, struct str members, struct str id,
                         struct error *err)
{
    bool was_open = open_set_has(&ledger->open, id);
    bool was_unknown = !was_open && open_set_has(&ledger->unknown, id);
    bool is_unknown = member_is(members, STR("created"), STR("unknown"));
    bool reconciled = !was_open && is_reconciled(members);
    ledger->outcomes++;
    if (!was_open && !was_unknown && !(ledger->is_inherited && reconciled))
        find(ledger,
             "the outcome of %.*s belongs to no open decision: it was not allowed, or has an "
             "outcome already",
             SHOW_ARGS(id));
    else if (!was_open && !reconciled)
        find(ledger, "%.*s has a second outcome", SHOW_ARGS(id));
    if (was_open)
        open_set_remove(&ledger->open, id);
    if (was_unknown && !is_unknown)
        open_set_remove(&ledger->unknown, id);
    return !is_unknown || was_unknown || add(&ledger->unknown, id, err);
}

static bool take_closed(struct ledger *ledger, struct str id)
{
    if (!open_set_has(&ledger->open, id) && !open_set_has(&ledger->unknown, id) &&
        !ledger->is_inherited)
        find(ledger, "%.*s was closed, and was not open", SHOW_ARGS(id));
    open_set_remove(&ledger->open, id);
    open_set_remove(&ledger->unknown, id);
    return true;
}

bool ledger_wants(struct str kind)
{
    return str_equal(kind, STR("decision")) || str_equal(kind, STR("outcome")) ||
           str_equal(kind, STR("closed"));
}

bool ledger_take(struct ledger *ledger, struct str kind, struct str members, struct error *err)
{
    struct str id;
    if (!member_text(members, STR("id"), &id) || id.len == 0 || id.len >= ID_SIZE)
        return error_set(err, "the record does not say to which decision it belongs");
    if (str_equal(kind, STR("decision")))
        return take_decision(ledger, members, id, err);
    if (str_equal(kind, STR("outcome")))
        return take_outcome(ledger, members, id, err);
    return take_closed(ledger, id);
}

/* ---- the lists of segments ---- */

static bool is_list(const struct json_value *ids, struct error *err)
{
    return (ids && json_kind(ids) == JSON_KIND_ARRAY) ||
           error_set(err, "the segment does not say which decisions are open");
}

static struct str id_of(const struct json_value *value)
{
    return json_kind(value) == JSON_KIND_STRING ? json_string(value) : (struct str){0};
}

bool ledger_begin(struct ledger *ledger, const struct json_value *ids, bool is_inherited,
                  struct error *err)
{
    ledger->is_inherited = is_inherited;
    if (!is_list(ids, err))
        return false;
    for (const struct json_value *id = json_first(ids); id; id = json_next(id)) {
        if (!add(&ledger->open, id_of(id), err))
            return false;
    }
    if (!is_inherited && ledger->open.count > 0)
        find(ledger, "the journal begins with decisions that are open already");
    return true;
}

bool ledger_compare(struct ledger *ledger, const struct json_value *ids, struct error *err)
{
    size_t listed = 0;
    if (!is_list(ids, err))
        return false;
    for (const struct json_value *each = json_first(ids); each; each = json_next(each)) {
        struct str id = id_of(each);
        if (open_set_has(&ledger->open, id))
            listed++;
        else if (!open_set_has(&ledger->unknown, id))
            find(ledger, "the segment lists %.*s as open, and it is not", SHOW_ARGS(id));
    }
    if (listed != ledger->open.count)
        find(ledger, "the segment lists %zu of the %zu decisions that are open", listed,
             ledger->open.count);
    return true;
}

void ledger_release(struct ledger *ledger)
{
    open_set_release(&ledger->open);
    open_set_release(&ledger->unknown);
}
