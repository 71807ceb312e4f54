#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

/* "\e[2J" in a file must not reach the terminal of whoever reads the sentence. */
static void hide_controls(struct error *err)
{
    struct str text = str_from(err->text);
    for (size_t at; (at = utf8_control_at(text, false)) < text.len;) {
        bool two_bytes = (unsigned char)err->text[at] == 0xc2;
        err->text[at] = '?';
        if (two_bytes)
            err->text[at + 1] = '?';
    }
}

bool error_set(struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    hide_controls(err);
    return false;
}

bool error_vat(struct error *err, const char *file, size_t line, size_t column, const char *format,
               va_list args)
{
    int used = snprintf(err->text, sizeof(err->text), "%s:%zu:%zu: ", file, line, column);
    if (used > 0 && (size_t)used < sizeof(err->text))
        (void)vsnprintf(err->text + used, sizeof(err->text) - (size_t)used, format, args);
    hide_controls(err);
    return false;
}

bool error_at(struct error *err, const char *file, size_t line, size_t column, const char *format,
              ...)
{
    va_list args;
    va_start(args, format);
    (void)error_vat(err, file, line, column, format, args);
    va_end(args);
    return false;
}
