#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/calendar.h"

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

void clock_mono_cond_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

struct timespec clock_mono_from_now(int64_t wait_ms)
{
    int64_t then_us = clock_mono_us() + wait_ms * 1000;
    return (struct timespec){.tv_sec = then_us / 1000000, .tv_nsec = then_us % 1000000 * 1000};
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

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void clock_format_http(int64_t unix_ms, char out[CLOCK_HTTP_SIZE])
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    unsigned ms;
    struct tm parts = split(unix_ms, &ms);
    (void)snprintf(out, CLOCK_HTTP_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
                   days[parts.tm_wday], (unsigned)parts.tm_mday % 100u, months[parts.tm_mon],
                   (unsigned)(parts.tm_year + 1900) % 10000u, (unsigned)parts.tm_hour % 100u,
                   (unsigned)parts.tm_min % 100u, (unsigned)parts.tm_sec % 100u);
}

#define MINUTE_MS 60000LL
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

bool clock_parse_day_end(struct str text, int64_t *ret_unix_ms)
{
    struct date date;
    if (!date_parse(text, &date))
        return false;
    *ret_unix_ms = (date_to_days(date) + 1) * DAY_MS;
    return true;
}

/* ---- RFC 3339 5.6, from the left: each takes its part off `rest` ---- */

/* Two digits up to `most`, in units of `unit_ms`. */
static bool take_two_digits(struct str *rest, uint64_t most, int64_t unit_ms, int64_t *ms)
{
    uint64_t value;
    struct str digits = str_slice(*rest, 0, 2);
    if (digits.len != 2 || !str_to_u64(digits, &value) || value > most)
        return false;
    *rest = str_slice(*rest, 2, rest->len);
    *ms += (int64_t)value * unit_ms;
    return true;
}

static bool take_byte(struct str *rest, char byte)
{
    if (rest->len == 0 || rest->data[0] != byte)
        return false;
    *rest = str_slice(*rest, 1, rest->len);
    return true;
}

static bool take_hour_and_minute(struct str *rest, int64_t *ms)
{
    return take_two_digits(rest, 23, HOUR_MS, ms) && take_byte(rest, ':') &&
           take_two_digits(rest, 59, MINUTE_MS, ms);
}

/* No leap seconds: Unix time has no number of its own for them. */
static bool take_time(struct str *rest, int64_t *ms)
{
    return take_hour_and_minute(rest, ms) && take_byte(rest, ':') &&
           take_two_digits(rest, 59, 1000, ms);
}

/* Nothing, or a point and digits. */
static bool take_fraction(struct str *rest, int64_t *ms)
{
    size_t digits = 0;
    if (!take_byte(rest, '.'))
        return true;
    int64_t nanoseconds = 0, unit = 100000000;
    while (digits < rest->len && rest->data[digits] >= '0' && rest->data[digits] <= '9') {
        nanoseconds += (rest->data[digits++] - '0') * unit;
        unit /= 10;
    }
    *rest = str_slice(*rest, digits, rest->len);
    *ms += nanoseconds / 1000000;
    return digits >= 1 && digits <= 9;
}

/* Z, or how far ahead of UTC or behind it the time is. */
static bool take_offset(struct str *rest, int64_t *ms)
{
    if (take_byte(rest, 'Z'))
        return true;
    bool ahead = take_byte(rest, '+');
    int64_t offset_ms = 0;
    if (!(ahead || take_byte(rest, '-')) || !take_hour_and_minute(rest, &offset_ms))
        return false;
    *ms -= ahead ? offset_ms : -offset_ms;
    return true;
}

bool clock_parse_utc(struct str text, int64_t *ret_unix_ms)
{
    struct date date;
    struct str rest = str_slice(text, DATE_SIZE - 1, text.len);
    if (!date_parse(str_slice(text, 0, DATE_SIZE - 1), &date) || !take_byte(&rest, 'T'))
        return false;
    int64_t ms = date_to_days(date) * DAY_MS;
    if (!take_time(&rest, &ms) || !take_fraction(&rest, &ms) || !take_offset(&rest, &ms) ||
        rest.len > 0)
        return false;
    *ret_unix_ms = ms;
    return true;
}

bool clock_parse_http(struct str text, int64_t *ret_unix_ms)
{
    char utc[CLOCK_UTC_SIZE], again[CLOCK_HTTP_SIZE];
    int64_t unix_ms;
    size_t month = 0;
    if (text.len != CLOCK_HTTP_SIZE - 1)
        return false;
    while (month < COUNT_OF(months) && !str_equal(str_slice(text, 8, 11), str_from(months[month])))
        month++;
    (void)snprintf(utc, sizeof(utc), "%.4s-%02zu-%.2sT%.8sZ", text.data + 12, month + 1,
                   text.data + 5, text.data + 17);
    if (!clock_parse_utc(str_from(utc), &unix_ms))
        return false;
    clock_format_http(unix_ms, again); /* the rest is right when it would be written so again */
    if (!str_equal(text, str_from(again)))
        return false;
    *ret_unix_ms = unix_ms;
    return true;
}
