/*
 * One sentence for a person: what is wrong, where, and what to do about it.
 * Filled by the function that fails; the caller prints it. Never holds secrets, nor control
 * characters, whatever it quotes: those become question marks.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "base/str.h"

struct error {
    char text[1024];
};

/* Writes the sentence and returns false, so that `return error_set(err, ...)` reads well. */
bool error_set(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same, with its place in front: "FILE:LINE:COLUMN: sentence". Lines and columns start at 1. */
bool error_at(struct error *err, const char *file, size_t line, size_t column, const char *format,
              ...) PRINTF_LIKE(5, 6);
bool error_vat(struct error *err, const char *file, size_t line, size_t column, const char *format,
               va_list args) PRINTF_LIKE(5, 0);
