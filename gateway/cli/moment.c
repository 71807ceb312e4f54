#include "cli/moment.h"

#include "base/calendar.h"
#include "base/clock.h"

#define SECOND_MS 1000
#define DAY_MS (24 * 3600 * (int64_t)SECOND_MS)

/* "24h": so many milliseconds. */
static bool parse_duration(struct str text, int64_t *ret_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'s', SECOND_MS},
                 {'m', 60 * SECOND_MS},
                 {'h', 3600 * SECOND_MS},
                 {'d', DAY_MS},
                 {'w', 7 * DAY_MS}};
    uint64_t count;
    if (text.len < 2 || !str_to_u64(str_slice(text, 0, text.len - 1), &count) || count > 1000000)
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (text.data[text.len - 1] == units[i].letter) {
            *ret_ms = (int64_t)count * units[i].ms;
            return true;
        }
    }
    return false;
}

static bool read_moment(const char *option, const char *value, bool is_end, int64_t now_unix_ms,
                        int64_t *ret, struct error *err)
{
    struct str text = str_from(value);
    struct date date;
    int64_t ago_ms;
    if (!value || clock_parse_utc(text, ret))
        return true;
    if (date_parse(text, &date)) {
        *ret = (date_to_days(date) + is_end) * DAY_MS;
        return true;
    }
    if (parse_duration(text, &ago_ms)) {
        *ret = now_unix_ms - ago_ms;
        return true;
    }
    return error_set(err,
                     "--%s: '%s' is no time: write 2026-11-28T10:00:00Z, a day such as 2026-11-28, "
                     "or how long ago, such as 24h or 7d",
                     option, value);
}

bool moment_read(const char *option, const char *value, int64_t now_unix_ms, int64_t *ret,
                 struct error *err)
{
    return read_moment(option, value, false, now_unix_ms, ret, err);
}

bool moment_read_end(const char *option, const char *value, int64_t now_unix_ms, int64_t *ret,
                     struct error *err)
{
    return read_moment(option, value, true, now_unix_ms, ret, err);
}
