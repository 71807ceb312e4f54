/*
 * daytime_parse, daytime_format, zone_canonical: exactly the 1440 minutes have a text, with or
 * without a leading zero, and what is read is written the same way.
 */
#include <assert.h>

#include "base/zones.h"
#include "campaign/daytime.h"
#include "fuzz.h"

/* The minute that `text` names by looking through all that there are, or -1. */
static int looked_up(struct str text)
{
    static char written[1440][DAYTIME_SIZE];
    if (!written[0][0]) {
        for (int i = 0; i < 1440; i++)
            daytime_format(i, written[i]);
    }
    if (text.len == 8 && text.data[0] == '0')
        text = str_slice(text, 1, 8);
    for (int i = 0; i < 1440; i++) {
        if (str_equal(text, str_from(written[i])))
            return i;
    }
    return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, zone, again;
    char written[DAYTIME_SIZE];
    int minutes = -1;
    bool parsed = daytime_parse(text, &minutes);
    assert(minutes == looked_up(text) && parsed == (minutes >= 0));
    if (parsed) {
        daytime_format(minutes, written);
        assert(str_ends(text, str_from(written))); /* all but a leading zero */
    }
    if (zone_canonical(text, &zone))
        assert(zone_canonical(zone, &again) && str_equal(zone, again));
    return 0;
}
