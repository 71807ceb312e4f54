#include "audit/manifest.h"

#include "audit/record_read.h"
#include "base/clock.h"
#include "base/json_write.h"

#define FORMAT "campaign-gateway/export/1"

/* ---- writing ---- */

static void put_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    char text[CLOCK_UTC_SIZE];
    clock_format_utc(unix_ms, text);
    json_put_str(w, key, str_from(text));
}

static void put_file(struct json_writer *w, const struct manifest *manifest)
{
    json_put_str(w, "file", manifest->file);
    json_put_str(w, "file_format", manifest->file_format);
    json_put_int(w, "bytes", (int64_t)manifest->bytes);
    json_put_str(w, "sha256", str_from(manifest->sha256));
}

static void put_sources(struct json_writer *w, const struct manifest *manifest)
{
    json_open_array_at(w, "sources");
    for (size_t i = 0; i < manifest->source_count; i++) {
        const struct manifest_source *source = &manifest->sources[i];
        json_open_object(w);
        json_put_str(w, "source", source->source);
        json_put_int(w, "rows", (int64_t)source->rows);
        json_put_int(w, "first_seq", (int64_t)source->first_seq);
        json_put_int(w, "last_seq", (int64_t)source->last_seq);
        json_put_str_if_any(w, "checkpoint", source->checkpoint);
        json_close_object(w);
    }
    json_close_array(w);
}

bool manifest_write(const struct manifest *manifest, const struct signing_key *key, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_open_object(&w);
    json_put_str(&w, "format", STR(FORMAT));
    put_time(&w, "time", manifest->time_unix_ms);
    json_put_str(&w, "by", manifest->by);
    json_put_str(&w, "version", manifest->version);
    json_put_str_if_any(&w, "signer", manifest->signer);
    put_file(&w, manifest);
    json_put_number(&w, "filter", manifest->filter);
    json_put_int(&w, "rows", (int64_t)manifest->rows);
    if (manifest->first_unix_ms <= manifest->last_unix_ms) {
        put_time(&w, "first_time", manifest->first_unix_ms);
        put_time(&w, "last_time", manifest->last_unix_ms);
    }
    put_sources(&w, manifest);
    json_close_object(&w);
    buf_append_byte(out, '\n');
    return !out->failed && (!key || note_sign(manifest->signer, key, out));
}

/* ---- reading ---- */

/* The line of JSON, with its LF, and the lines of signatures behind the empty one. */
static bool split(struct str note, struct str *ret_text, struct str *ret_signatures)
{
    size_t end = str_find(note, '\n');
    if (end == note.len)
        return false;
    *ret_text = str_slice(note, 0, end + 1);
    *ret_signatures = str_slice(note, end + 2, note.len);
    return note.len == end + 1 ||
           (note.data[end + 1] == '\n' && note_signatures_are_well_formed(*ret_signatures));
}

static bool read_number(const struct json_value *json, const char *path, uint64_t *ret)
{
    int64_t number;
    if (!record_number(json, path, &number) || number < 0)
        return false;
    *ret = (uint64_t)number;
    return true;
}

static bool read_digest(const struct json_value *json, struct manifest *manifest)
{
    uint8_t digest[DIGEST_BYTES];
    if (!digest_from_hex(record_text(json, "sha256"), digest))
        return false;
    digest_to_hex(digest, manifest->sha256);
    return true;
}

bool manifest_read(struct str note, struct arena *arena, struct manifest *ret, struct error *err)
{
    struct str text, signatures;
    struct json_fault fault;
    const struct json_value *json =
        split(note, &text, &signatures) ? json_read(text, arena, &fault) : NULL;
    if (!json || !str_equal(record_text(json, "format"), STR(FORMAT)))
        return error_set(err, "it is no manifest of an export");
    *ret = (struct manifest){.signer = record_text(json, "signer"),
                             .file = record_text(json, "file"),
                             .file_format = record_text(json, "file_format")};
    if (!read_number(json, "bytes", &ret->bytes) || !read_number(json, "rows", &ret->rows) ||
        !read_digest(json, ret) || !record_time(json, &ret->time_unix_ms) || ret->file.len == 0)
        return error_set(err, "the manifest does not say what the file was");
    return true;
}

bool manifest_is_signed(struct str note, const struct manifest *manifest,
                        const struct pinned_keys *keys, struct error *err)
{
    struct str text, signatures;
    if (!split(note, &text, &signatures) || signatures.len == 0)
        return error_set(err, "the manifest is not signed");
    for (size_t i = 0; i < keys->count; i++) {
        const uint8_t *key = keys->items[i].public_key;
        if (note_is_signed_by(manifest->signer, key, text, signatures))
            return pinned_keys_permit(keys, key, manifest->time_unix_ms, 0) ||
                   error_set(err, "the manifest is signed by a key that might not sign then");
    }
    return error_set(err, "the manifest is not signed by any of the given keys, or was altered");
}
