/* clock_parse_utc, date_parse, local_day_starts_ms: what is read is written alike, days begin. */
#include <assert.h>

#include "base/calendar.h"
#include "base/clock.h"
#include "base/zones.h"
#include "fuzz.h"

static void check_day(const struct zone *zone, int64_t unix_ms)
{
    int64_t days = local_day(zone, unix_ms), start = local_day_starts_ms(zone, days);
    assert(start <= unix_ms && unix_ms - start <= 25 * 3600000LL);
    assert(local_day(zone, start) == days && local_day(zone, start - 1) < days);
}

static void check_instant(struct str text)
{
    int64_t unix_ms = 42, again;
    if (!clock_parse_utc(text, &unix_ms)) {
        assert(unix_ms == 42);
        return;
    }
    char written[CLOCK_UTC_SIZE];
    clock_format_utc(unix_ms, written);
    /* an offset may lead out of the years that can be read */
    if (str_compare(str_from(written), STR("1970")) > 0 && unix_ms <= 253402300799999)
        assert(clock_parse_utc(str_from(written), &again) && again == unix_ms);
    if (unix_ms <= 253402200000000) /* a day less: local days of the year 9999 */
        check_day(zone_find(zone_name((uint64_t)unix_ms % zone_count())), unix_ms);
}

static void check_date(struct str text)
{
    struct date date = {0};
    if (!date_parse(text, &date)) {
        assert(date.month == 0);
        return;
    }
    char written[DATE_SIZE];
    date_format(date_to_days(date), written);
    assert(str_equal(str_from(written), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    check_instant(text);
    check_date(text);
    return 0;
}
