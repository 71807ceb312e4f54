#include "cli/print.h"

#include <errno.h>

#include "base/limits.h"
#include "base/utf8.h"

void print_plain(struct buf *out, struct str text)
{
    while (text.len > 0) {
        size_t at = utf8_control_at(text, false);
        buf_append(out, str_slice(text, 0, at));
        if (at == text.len)
            return;
        bool two_bytes = (unsigned char)text.data[at] == 0xc2;
        buf_append_byte(out, '?');
        text = str_slice(text, at + (two_bytes ? 2 : 1), text.len);
    }
}

void print_listed(struct buf *out, struct str word, bool *first)
{
    if (!*first)
        buf_append(out, STR(", "));
    *first = false;
    print_plain(out, word);
}

void print_count(struct buf *out, size_t count, const char *one)
{
    buf_format(out, "%zu %s%s", count, one, count == 1 ? "" : "s");
}

void print_problems(const struct problems *problems)
{
    (void)fprintf(stderr, "%.*s", STR_ARGS(buf_str(&problems->lines)));
    if (problems->count > LIMIT_PROBLEMS)
        (void)fprintf(stderr, "and %zu more problems\n", problems->count - LIMIT_PROBLEMS);
    if (problems->count == 0 || problems->lines.failed)
        (void)fputs("out of memory\n", stderr);
}

bool print_answer(struct buf *out)
{
    bool fine =
        !out->failed && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
    if (!fine)
        (void)fprintf(stderr, "campaign-gateway: cannot write the answer: %s\n",
                      out->failed ? "no memory" : strerrordesc_np(errno));
    buf_release(out);
    return fine;
}
