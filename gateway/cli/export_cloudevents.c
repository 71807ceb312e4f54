/*
 * CloudEvents 1.0.2, JSON format. `source` and `id` together are unique, and stay the same however
 * often the record is exported: whoever reads may drop what comes twice.
 */
#include "cli/export_format.h"

#include "base/json_write.h"
#include "base/limits.h"

/* A URI-reference (RFC 3986 4.1): other bytes than those of a path, and a colon, which would make
 * what is in front a scheme, are percent-encoded. */
static void put_source(struct json_writer *w, struct str source)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~/!$&'()*+,;=@";
    struct buf reference;
    buf_init(&reference, LIMIT_RECORD_BYTES);
    for (size_t i = 0; i < source.len; i++) {
        if (source.data[i] && strchr(plain, source.data[i]))
            buf_append_byte(&reference, source.data[i]);
        else
            buf_format(&reference, "%%%02X", (unsigned char)source.data[i]);
    }
    json_put_str(w, "source", reference.len ? buf_str(&reference) : STR("campaign-gateway"));
    w->out->failed |= reference.failed;
    buf_release(&reference);
}

static void put_id(struct json_writer *w, const struct export_record *record)
{
    struct buf id;
    buf_init(&id, 128);
    buf_format(&id, "%llu-%.*s", (unsigned long long)record->seq, STR_ARGS(record->hash));
    json_put_str(w, "id", buf_str(&id));
    buf_release(&id);
}

static void put_type(struct json_writer *w, struct str kind)
{
    struct buf type;
    buf_init(&type, LIMIT_RECORD_BYTES);
    buf_append(&type, STR("com.campaign-gateway.audit."));
    buf_append(&type, str_is_identifier(kind) ? kind : STR("unknown"));
    json_put_str(w, "type", buf_str(&type));
    buf_release(&type);
}

void export_cloudevent_put(const struct export_record *record, struct buf *out)
{
    struct json_writer w = json_writer(out);
    int64_t time;
    json_open_object(&w);
    json_put_str(&w, "specversion", STR("1.0"));
    put_id(&w, record);
    put_source(&w, record->source);
    put_type(&w, record_text(record->value, "kind"));
    json_put_str_if_any(&w, "subject", record_text(record->value, "id"));
    if (record_time(record->value, &time))
        json_put_str(&w, "time", record_text(record->value, "time"));
    json_put_str(&w, "datacontenttype",
                 record->value ? STR("application/json") : STR("text/plain"));
    if (record->value)
        json_put_number(&w, "data", record->json);
    else
        json_put_str(&w, "data", record->json);
    json_close_object(&w);
    buf_append_byte(out, '\n');
}
