/*
 * Times of day as the API writes them (policy.md D3): "9:00 AM", "12:30 PM".
 */
#pragma once

#include "base/str.h"

/*
 * Minutes after midnight: H:MM or HH:MM, hour 1-12, minute 00-59, one space, AM or PM in capitals.
 * 12:00 AM is 0, 12:00 PM is 720. False for anything else; *ret is then untouched.
 */
MUST_USE bool daytime_parse(struct str text, int *ret_min);

#define DAYTIME_SIZE 16

/* The canonical form of 0..1440; 1440 is written "24:00". */
void daytime_format(int minutes, char out[DAYTIME_SIZE]);
