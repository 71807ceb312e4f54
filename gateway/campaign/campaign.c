#include "campaign/campaign.h"

static const char *const weekdays[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};

const char *weekday_code(enum weekday day)
{
    return weekdays[day];
}

bool weekday_parse(struct str code, enum weekday *ret)
{
    for (size_t i = 0; i < COUNT_OF(weekdays); i++) {
        if (str_equal(code, str_from(weekdays[i]))) {
            *ret = (enum weekday)i;
            return true;
        }
    }
    return false;
}

const char *frequency_text(enum frequency frequency)
{
    static const char *const texts[] = {"", "WEEKLY", "DAILY", "CUSTOM"};
    return texts[frequency];
}
