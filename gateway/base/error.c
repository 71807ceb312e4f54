#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

bool error_set(struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return false;
}

bool error_vat(struct error *err, const char *file, size_t line, size_t column, const char *format,
               va_list args)
{
    int used = snprintf(err->text, sizeof(err->text), "%s:%zu:%zu: ", file, line, column);
    if (used < 0 || (size_t)used >= sizeof(err->text))
        return false;
    (void)vsnprintf(err->text + used, sizeof(err->text) - (size_t)used, format, args);
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
