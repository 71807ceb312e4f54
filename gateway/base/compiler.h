/* The few compiler attributes the code relies on, under names that read well. */
#pragma once

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_arg, first_arg) __attribute__((format(printf, format_arg, first_arg)))
#define RARELY __attribute__((noinline, cold)) /* kept out of the way of what usually runs */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
