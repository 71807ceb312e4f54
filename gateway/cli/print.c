#include "cli/print.h"

#include <errno.h>

#include "base/limits.h"
#include "policy/page.h"

void print_listed(struct buf *out, struct str word, bool *first)
{
    if (!*first)
        buf_append(out, STR(", "));
    *first = false;
    page_show(word, out);
}

void print_count(struct buf *out, size_t count, const char *one)
{
    buf_format(out, "%zu %s%s", count, one, count == 1 ? "" : "s");
}

void print_number(struct buf *out, uint64_t number)
{
    if (number >= 1000) {
        print_number(out, number / 1000);
        buf_format(out, ",%03u", (unsigned)(number % 1000));
    } else {
        buf_format(out, "%u", (unsigned)number);
    }
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
    bool empty = out->len == 0;
    bool fine = !out->failed && (empty || fwrite(out->data, 1, out->len, stdout) == out->len) &&
                fflush(stdout) == 0;
    if (!fine)
        (void)fprintf(stderr, "campaign-gateway: cannot write the answer: %s\n",
                      out->failed ? "no memory" : strerrordesc_np(errno));
    buf_release(out);
    return fine;
}

bool print_json_answer(struct buf *out)
{
    struct buf safe;
    buf_init(&safe, LIMIT_REPORT_BYTES);
    page_show_json(buf_str(out), &safe);
    safe.failed |= out->failed;
    buf_release(out);
    return print_answer(&safe);
}
