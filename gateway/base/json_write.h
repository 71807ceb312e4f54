/*
 * Writes JSON text (RFC 8259) straight into a buf; commas take care of themselves.
 *
 *     struct json_writer w = json_writer(&buf);
 *     json_open_object(&w);
 *     json_put_str(&w, "name", name);
 *     json_close_object(&w);
 *
 * `key` is NULL inside arrays and behind json_put_key. Keys are our own and need no escaping.
 * Values are escaped; bytes that are not UTF-8 (RFC 3629) become U+FFFD, so that the output is JSON
 * whatever comes in. Failure is the buf's: look at buf.failed at the end. Deterministic: no locale,
 * no spaces.
 */
#pragma once

#include "base/buf.h"

struct json_writer {
    struct buf *out;
    bool needs_comma;
};

struct json_writer json_writer(struct buf *out);

void json_open_object(struct json_writer *w);
void json_open_object_at(struct json_writer *w, const char *key);
void json_close_object(struct json_writer *w);
void json_open_array_at(struct json_writer *w, const char *key);
void json_close_array(struct json_writer *w);

void json_put_str(struct json_writer *w, const char *key, struct str value);
void json_put_str_if_any(struct json_writer *w, const char *key, struct str value);
void json_put_int(struct json_writer *w, const char *key, int64_t value);
void json_put_bool(struct json_writer *w, const char *key, bool value);
void json_put_null(struct json_writer *w, const char *key);

/* A key that is not our own, escaped as values are; its value is put next, with NULL for a key. */
void json_put_key(struct json_writer *w, struct str key);

/* A number that is JSON already, as written. */
void json_put_number(struct json_writer *w, const char *key, struct str number);
