/*
 * A campaign as the contract defines it: the seed's "Body Parameters" table, decoded and typed.
 *
 * Views live in the request's arena. A field that broke the contract is absent: empty text, zero
 * count, or false in its `has_` flag, so that policy rules skip what cannot be judged.
 */
#pragma once

#include "base/str.h"

enum weekday { MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY, WEEKDAYS };

enum frequency { FREQUENCY_ABSENT, FREQUENCY_WEEKLY, FREQUENCY_DAILY, FREQUENCY_CUSTOM };

#define MINUTES_PER_DAY 1440

/* One entry of callingHours.days whose day and times are understood. [start, end) in minutes. */
struct calling_block {
    enum weekday day;
    int start_min;
    int end_min;
    size_t index; /* its place in days[], for pointers; two may share it, see MIDNIGHT_SPLIT */
    struct str start_text, end_text; /* as the client wrote them */
};

struct campaign {
    struct str name;
    struct str description;
    struct str *contact_lists;
    size_t contact_list_count;
    struct str dnc_list;
    struct str campaign_type;
    int priority; /* 1..5; 0 when absent */
    struct str format;
    struct str template_name;
    struct str message; /* decoded text, UTF-8; never logged or recorded */
    struct str caller_id;
    enum frequency frequency;
    struct str timezone; /* as the client wrote it; a known IANA name or link */
    struct calling_block *blocks;
    size_t block_count;
    bool has_schedule;
    bool scheduling_enabled;
};

/* "MO" … "SU". */
const char *weekday_code(enum weekday day);

/* The day for a code, exactly as written; false for anything else. */
MUST_USE bool weekday_parse(struct str code, enum weekday *ret);

/* "WEEKLY" …; "" when absent. */
const char *frequency_text(enum frequency frequency);
