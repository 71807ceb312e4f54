#include <stdlib.h>

#include "audit/journal_inside.h"

void entries_push(struct entry_list *list, struct journal_entry *entry)
{
    entry->next = NULL;
    if (list->last)
        list->last->next = entry;
    else
        list->first = entry;
    list->last = entry;
    list->count++;
}

struct journal_entry *entries_pop(struct entry_list *list)
{
    struct journal_entry *entry = list->first;
    list->first = entry->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    return entry;
}

struct entry_list entries_take(struct entry_list *list)
{
    struct entry_list taken = *list;
    *list = (struct entry_list){0};
    return taken;
}

void entries_put_back(struct entry_list *list, struct entry_list entries)
{
    if (!entries.first)
        return;
    entries.last->next = list->first;
    if (list->last)
        entries.last = list->last;
    entries.count += list->count;
    *list = entries;
}

void own_push(struct own_list *list, struct own_record *record)
{
    record->next = NULL;
    if (list->last)
        list->last->next = record;
    else
        list->first = record;
    list->last = record;
}

void own_drop(struct own_list *list)
{
    struct own_record *record = list->first;
    list->first = record->next;
    if (!list->first)
        list->last = NULL;
    free(record);
}

struct change_ids entry_ids(const struct journal_entry *entry)
{
    return (struct change_ids){{entry->opens, entry->closes, entry->orphans}};
}

struct own_record *own_make(struct str members, struct change_ids ids)
{
    struct own_record *record = calloc(1, sizeof(*record) + members.len);
    if (!record)
        return NULL;
    record->len = members.len;
    memcpy(record->members, members.data, members.len);
    for (size_t kind = 0; kind < CHANGES; kind++) {
        struct str id = str_slice(ids.of[kind], 0, ID_SIZE - 1);
        if (id.len)
            memcpy(record->ids[kind], id.data, id.len);
    }
    return record;
}

void entries_announce(struct entry_list entries)
{
    for (struct journal_entry *each = entries.first, *next; each; each = next) {
        next = each->next; /* `each` belongs to its owner again once it was told */
        each->done(each->arg);
    }
}
