#include "cli/export_format.h"

static void put_line(const struct export_record *record, struct buf *out)
{
    buf_append(out, record->json);
    buf_append_byte(out, '\n');
}

const struct export_format export_formats[] = {
    {.name = "jsonl", .kind = "", .put = put_line},
    {.name = "csv",
     .kind = "decision",
     .joins = true,
     .begin = export_csv_begin,
     .put = export_csv_put},
    {.name = "ocsf", .kind = "decision", .only_kind = true, .joins = true, .put = export_ocsf_put},
    {.name = "cloudevents", .kind = "", .put = export_cloudevent_put},
};

/* ---- codes ---- */

struct codes {
    struct buf *out;
    const char *separator;
    struct str seen[32];
    size_t count;
};

static void put_code(void *arg, struct str code)
{
    struct codes *codes = arg;
    for (size_t i = 0; i < codes->count && i < COUNT_OF(codes->seen); i++) {
        if (str_equal(codes->seen[i], code))
            return;
    }
    buf_append(codes->out, str_from(codes->count ? codes->separator : ""));
    buf_append(codes->out, code);
    if (codes->count < COUNT_OF(codes->seen))
        codes->seen[codes->count] = code;
    codes->count++;
}

void export_put_codes(const struct json_value *record, const char *separator, struct buf *out)
{
    struct codes codes = {.out = out, .separator = separator};
    record_each_code(record, put_code, &codes);
}

struct str export_created(const struct export_record *record)
{
    struct str closed = record_text(record->closed, "created");
    return closed.len ? closed : record_text(record->outcome, "created");
}
