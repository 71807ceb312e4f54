/*
 * Time. Pure code takes times as arguments; only the top asks the clock.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "base/str.h"

/* Milliseconds since 1970-01-01T00:00:00Z, from the system's clock. */
int64_t clock_unix_ms(void);

/* Microseconds of a clock that never goes back; for durations and deadlines only. */
int64_t clock_mono_us(void);

/* A condition that waits by that clock, and a moment for pthread_cond_timedwait on it. */
void clock_mono_cond_init(pthread_cond_t *condition);
struct timespec clock_mono_from_now(int64_t wait_ms);

/* Length of "2026-11-23T09:30:00.123Z" and its NUL. */
#define CLOCK_UTC_SIZE 25

/* RFC 3339 in UTC with milliseconds. Years outside 0000..9999 are clamped. */
void clock_format_utc(int64_t unix_ms, char out[CLOCK_UTC_SIZE]);

/* Length of "Sun, 06 Nov 1994 08:49:37 GMT" and its NUL. */
#define CLOCK_HTTP_SIZE 30

/* An HTTP-date (RFC 9110 5.6.7). Years are clamped as above. */
void clock_format_http(int64_t unix_ms, char out[CLOCK_HTTP_SIZE]);

/* The other way, for a date as RFC 9110 wants it to be written. False for anything else. */
MUST_USE bool clock_parse_http(struct str text, int64_t *ret_unix_ms);

/*
 * The end of a day written as "2027-03-31", in UTC: the first millisecond after it. False for
 * anything that is not a day of the calendar (date_parse says which); *ret is then untouched.
 */
MUST_USE bool clock_parse_day_end(struct str text, int64_t *ret_unix_ms);

/*
 * An instant in RFC 3339, such as "2026-11-24T10:00:00Z", "2026-11-24T15:30:00.25+05:30": all of
 * the text, T and Z in capitals, of a fraction up to nine digits (what is less than a millisecond
 * is dropped). False for anything else, a leap second included; *ret is then untouched.
 */
MUST_USE bool clock_parse_utc(struct str text, int64_t *ret_unix_ms);
