#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_unix_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#define YEAR_0000_MS (-62167219200000LL)
#define YEAR_9999_MS 253402300799999LL

/* The calendar in UTC, and the milliseconds within the second. */
static struct tm split(int64_t unix_ms, unsigned *ret_ms)
{
    if (unix_ms < YEAR_0000_MS)
        unix_ms = YEAR_0000_MS;
    if (unix_ms > YEAR_9999_MS)
        unix_ms = YEAR_9999_MS;
    int64_t ms = unix_ms % 1000;
    time_t seconds = (time_t)(unix_ms / 1000);
    if (ms < 0) {
        ms += 1000;
        seconds -= 1;
    }
    struct tm parts;
    (void)gmtime_r(&seconds, &parts);
    *ret_ms = (unsigned)ms;
    return parts;
}

void clock_format_utc(int64_t unix_ms, char out[CLOCK_UTC_SIZE])
{
    unsigned ms;
    struct tm parts = split(unix_ms, &ms);
    (void)snprintf(out, CLOCK_UTC_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                   (unsigned)(parts.tm_year + 1900) % 10000u, (unsigned)(parts.tm_mon + 1) % 100u,
                   (unsigned)parts.tm_mday % 100u, (unsigned)parts.tm_hour % 100u,
                   (unsigned)parts.tm_min % 100u, (unsigned)parts.tm_sec % 100u, ms % 1000u);
}

void clock_format_http(int64_t unix_ms, char out[CLOCK_HTTP_SIZE])
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    unsigned ms;
    struct tm parts = split(unix_ms, &ms);
    (void)snprintf(out, CLOCK_HTTP_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
                   days[parts.tm_wday], (unsigned)parts.tm_mday % 100u, months[parts.tm_mon],
                   (unsigned)(parts.tm_year + 1900) % 10000u, (unsigned)parts.tm_hour % 100u,
                   (unsigned)parts.tm_min % 100u, (unsigned)parts.tm_sec % 100u);
}

bool clock_parse_day_end(struct str text, int64_t *ret_unix_ms)
{
    uint64_t year, month, day;
    if (text.len != 10 || text.data[4] != '-' || text.data[7] != '-' ||
        !str_to_u64(str_slice(text, 0, 4), &year) || !str_to_u64(str_slice(text, 5, 7), &month) ||
        !str_to_u64(str_slice(text, 8, 10), &day) || day == 0 || month == 0)
        return false;
    struct tm parts = {.tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day};
    time_t start = timegm(&parts); /* also normalises: a 31st of April becomes the 1st of May */
    if (parts.tm_mon != (int)month - 1 || parts.tm_mday != (int)day)
        return false;
    *ret_unix_ms = ((int64_t)start + 24 * 3600) * 1000;
    return true;
}
