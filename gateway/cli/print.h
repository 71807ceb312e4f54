/*
 * Putting on a terminal what others wrote.
 */
#pragma once

#include <stdio.h>

#include "base/problems.h"

#define LIMIT_REPORT_BYTES (512UL << 20) /* of one verb's answer: nobody reads a tenth of it */

/* Appends "word,word" … with ", " between; `first` is true before the first one. */
void print_listed(struct buf *out, struct str word, bool *first);

/* "1 test", "2 tests". */
void print_count(struct buf *out, size_t count, const char *one);

/* "15,012". */
void print_number(struct buf *out, uint64_t number);

/* Every sentence, on stderr. */
void print_problems(const struct problems *problems);

/* Writes the answer to stdout and releases it; false, with a sentence, when that failed. */
bool print_answer(struct buf *out);

/* The same for JSON that holds what others wrote: safe on a terminal, and of the same meaning. */
bool print_json_answer(struct buf *out);
