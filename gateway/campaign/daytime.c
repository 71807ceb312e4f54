#include "campaign/daytime.h"

#include <stdio.h>

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : -1;
}

bool daytime_parse(struct str text, int *ret_min)
{
    size_t colon = str_find(text, ':');
    if (colon < 1 || colon > 2 || text.len != colon + 6)
        return false;
    int hour = 0;
    for (size_t i = 0; i < colon; i++) {
        if (digit(text.data[i]) < 0)
            return false;
        hour = hour * 10 + digit(text.data[i]);
    }
    int tens = digit(text.data[colon + 1]), ones = digit(text.data[colon + 2]);
    struct str half = str_slice(text, colon + 3, text.len);
    bool morning = str_equal(half, STR(" AM"));
    if (hour < 1 || hour > 12 || tens < 0 || tens > 5 || ones < 0 ||
        (!morning && !str_equal(half, STR(" PM"))))
        return false;
    *ret_min = (hour % 12 + (morning ? 0 : 12)) * 60 + tens * 10 + ones;
    return true;
}

void daytime_format(int minutes, char out[DAYTIME_SIZE])
{
    if (minutes >= 24 * 60) {
        (void)snprintf(out, DAYTIME_SIZE, "24:00");
        return;
    }
    int hour = minutes / 60 % 12;
    (void)snprintf(out, DAYTIME_SIZE, "%d:%02d %s", hour ? hour : 12, minutes % 60,
                   minutes < 12 * 60 ? "AM" : "PM");
}
