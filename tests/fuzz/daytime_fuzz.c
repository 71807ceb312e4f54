/* daytime_parse, daytime_format, zone_canonical: what is read is written the same way. */
#include <assert.h>

#include "base/zones.h"
#include "campaign/daytime.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, zone, again;
    char written[DAYTIME_SIZE];
    int minutes = -1, reread = -1;
    if (daytime_parse(text, &minutes)) {
        assert(minutes >= 0 && minutes < 1440);
        daytime_format(minutes, written);
        assert(daytime_parse(str_from(written), &reread) && reread == minutes);
        assert(str_ends(text, str_from(written))); /* all but a leading zero */
    } else {
        assert(minutes == -1);
    }
    if (zone_canonical(text, &zone))
        assert(zone_canonical(zone, &again) && str_equal(zone, again));
    return 0;
}
