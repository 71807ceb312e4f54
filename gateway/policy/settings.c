#include "policy/settings.h"

#include "base/calendar.h"
#include "base/glob.h"

static const char *const class_names[] = {[CLASS_PROMOTIONAL] = "promotional",
                                          [CLASS_SERVICE] = "service",
                                          [CLASS_TRANSACTIONAL] = "transactional"};

const char *message_class_text(enum message_class class)
{
    return class_names[class];
}

bool message_class_parse(struct str text, enum message_class *ret)
{
    for (size_t i = 0; i < COUNT_OF(class_names); i++) {
        if (str_equal(text, str_from(class_names[i]))) {
            *ret = (enum message_class)i;
            return true;
        }
    }
    return false;
}

bool name_list_has(const struct name_list *list, struct str name)
{
    if (strset_has(&list->exact, name))
        return true;
    for (size_t i = 0; i < list->glob_count; i++) {
        if (glob_match(list->globs[i], name))
            return true;
    }
    return false;
}

const struct week_windows *hours_for_zone(const struct hours_table *table, struct str zone)
{
    const struct week_windows *week = strset_get(&table->zones, zone);
    return week ? week : table->fallback;
}

static int64_t nth_weekday(const struct closed_date *date, int year)
{
    int64_t day = 0;
    if (date->nth < 0 || !date_nth_weekday(year, date->month, date->nth, (int)date->weekday, &day))
        return date_last_weekday(year, date->month, (int)date->weekday);
    return day;
}

void closed_date_in_year(const struct closed_date *date, int year, int64_t *ret_first_day,
                         int64_t *ret_last_day)
{
    int64_t day = date->first_day;
    if (date->kind == CLOSED_YEARLY)
        day = date_to_days((struct date){year, date->month, date->day});
    else if (date->kind == CLOSED_EASTER)
        day = date_easter(year) + date->offset_days;
    else if (date->kind == CLOSED_NTH)
        day = nth_weekday(date, year);
    *ret_first_day = day;
    *ret_last_day = date->kind == CLOSED_RANGE ? date->last_day : day;
}
