/* zone_canonical, nearest_word: search and table agree, and a suggestion is a name that exists. */
#include <assert.h>

#include "base/zones.h"
#include "fuzz.h"
#include "policy/nearest.h"

static bool listed(struct str name)
{
    for (size_t i = 0; i < zone_count(); i++) {
        if (str_equal(zone_name(i), name))
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, zone = STR("untouched"), again;
    bool known = zone_canonical(text, &zone);
    assert(known == listed(text));
    if (known)
        assert(zone_canonical(zone, &again) && str_equal(zone, again));
    else
        assert(str_equal(zone, STR("untouched")));
    struct str near = nearest_word(text, zone_name, zone_count());
    assert(near.len == 0 || zone_canonical(near, &again));
    assert(!known || near.len > 0);
    return 0;
}
