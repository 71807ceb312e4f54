#include "audit/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"

/* What is read at once. */
#define PIECE_BYTES (256 * 1024)

struct reader {
    struct reader_options options;
    struct chain_head head;
    uint64_t file_seq;      /* the number that the open segment is named after */
    uint64_t next_file_seq; /* of the one behind it; 0: none was seen yet */
    uint64_t durable_seq;   /* as far as may be read */
    uint64_t segments;

    int fd; /* the open segment, or -1 */
    char path[4096];
    uint64_t line_number;
    uint64_t line_offset; /* of what is not handed out yet, in the file */
    struct buf text;      /* read and not handed out: from `used` on */
    size_t used;
};

/* ---- which files ---- */

/* Of one directory: the segment with the highest first record that is at most `most` (0: with the
 * lowest of all). One that another directory has, too, counts instead of that: a failed write left
 * the other one. False with `err` when the directory cannot be read. */
static bool find_in(const char *directory, uint64_t most, uint64_t *ret_seq,
                    const char **ret_directory, struct error *err)
{
    DIR *dir = opendir(directory);
    if (!dir)
        return error_set(err, "cannot read the directory '%s': %s", directory,
                         strerrordesc_np(errno));
    for (struct dirent *entry; (entry = readdir(dir));) {
        uint64_t seq;
        if (!segment_parse_name(entry->d_name, &seq))
            continue;
        bool better = *ret_seq == 0 || (most == 0 ? seq <= *ret_seq : seq >= *ret_seq);
        if ((most == 0 || seq <= most) && better) {
            *ret_seq = seq;
            *ret_directory = directory;
        }
    }
    closedir(dir);
    return true;
}

/* The segment that begins with `seq` exactly, in the last directory that has it; NULL when there
 * is none. */
static const char *directory_of(const struct reader *reader, uint64_t seq)
{
    char name[SEGMENT_NAME_SIZE], path[4096];
    segment_name(seq, name);
    for (size_t i = reader->options.directory_count; i-- > 0;) {
        (void)snprintf(path, sizeof(path), "%s/%s", reader->options.directories[i], name);
        if (access(path, F_OK) == 0)
            return reader->options.directories[i];
    }
    return NULL;
}

/* The lowest segment behind the one with this number. 0: there is none. */
static uint64_t find_behind(const struct reader *reader, uint64_t file_seq)
{
    uint64_t lowest = 0;
    for (size_t i = 0; i < reader->options.directory_count; i++) {
        DIR *dir = opendir(reader->options.directories[i]);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            uint64_t seq;
            if (segment_parse_name(entry->d_name, &seq) && seq > file_seq &&
                (lowest == 0 || seq < lowest))
                lowest = seq;
        }
        if (dir)
            closedir(dir);
    }
    return lowest;
}

static bool open_file(struct reader *reader, const char *directory, uint64_t seq, struct error *err)
{
    char name[SEGMENT_NAME_SIZE];
    segment_name(seq, name);
    (void)snprintf(reader->path, sizeof(reader->path), "%s/%s", directory, name);
    if (reader->fd >= 0)
        close(reader->fd);
    reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would wait */
    if (reader->fd < 0)
        return error_set(err, "cannot open '%s': %s", reader->path, strerrordesc_np(errno));
    reader->file_seq = seq;
    reader->next_file_seq = find_behind(reader, seq);
    reader->line_number = reader->line_offset = 0;
    buf_clear(&reader->text);
    reader->used = 0;
    reader->segments++;
    return true;
}

static bool open_first(struct reader *reader, struct error *err)
{
    const struct reader_options *options = &reader->options;
    const char *directory = NULL;
    uint64_t seq = 0;
    for (int attempt = 0; attempt < 2 && !directory; attempt++) {
        uint64_t most = attempt == 0 ? options->from_seq : 0; /* then the oldest will do */
        for (size_t i = 0; i < options->directory_count; i++) {
            if (!find_in(options->directories[i], most, &seq, &directory, err))
                return false;
        }
    }
    return !directory || open_file(reader, directory, seq, err);
}

/* Behind the record where another reader stood. */
static bool open_after(struct reader *reader, const struct reader_position *after,
                       struct error *err)
{
    const char *directory = directory_of(reader, after->segment_seq);
    if (!directory)
        return error_set(err, "the segment with record %llu is no longer there",
                         (unsigned long long)after->head.seq);
    if (!open_file(reader, directory, after->segment_seq, err))
        return false;
    reader->head = after->head;
    reader->line_number = after->line_number;
    reader->line_offset = after->offset;
    return true;
}

/* ---- how far ---- */

/* DIRECTORY/durable, which the gateway keeps; see journal.h. The furthest counts; without one there
 * is no bound. */
static uint64_t read_durable(const struct reader_options *options)
{
    uint64_t durable = 0;
    bool any = false;
    for (size_t i = 0; i < options->directory_count; i++) {
        char path[4096], text[64];
        uint64_t seq;
        (void)snprintf(path, sizeof(path), "%s/durable", options->directories[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        any = true;
        ssize_t got = pread(fd, text, sizeof(text), 0);
        close(fd);
        if (got >= 21 && str_to_u64((struct str){text, 20}, &seq) && seq > durable)
            durable = seq; /* otherwise it is being written for the first time */
    }
    return any ? durable : UINT64_MAX;
}

/* ---- lines ---- */

/* Reads on. False with `err`; *ret_more tells whether anything came. */
static bool read_more(struct reader *reader, bool *ret_more, struct error *err)
{
    struct buf *text = &reader->text;
    if (reader->used > 0) { /* what was handed out makes room */
        memmove(text->data, text->data + reader->used, text->len - reader->used);
        text->len -= reader->used;
        reader->used = 0;
    }
    if (!buf_reserve(text, PIECE_BYTES))
        return error_set(err, "%s:%llu: the line is longer than any record, or memory is out",
                         reader->path, (unsigned long long)reader->line_number + 1);
    ssize_t got = pread(reader->fd, text->data + text->len, PIECE_BYTES,
                        (off_t)(reader->line_offset + text->len));
    if (got < 0 && errno != EINTR)
        return error_set(err, "cannot read '%s': %s", reader->path, strerrordesc_np(errno));
    text->len += got > 0 ? (size_t)got : 0;
    *ret_more = got != 0; /* interrupted: ask again */
    return true;
}

/* The next whole line, without its LF; *ret_found false at the file's end. */
static bool next_line(struct reader *reader, struct str *ret, bool *ret_found, struct error *err)
{
    size_t searched = 0;
    for (bool more = true; more;) {
        struct str rest = str_slice(buf_str(&reader->text), reader->used, reader->text.len);
        const char *end =
            rest.len > searched ? memchr(rest.data + searched, '\n', rest.len - searched) : NULL;
        if (end) {
            *ret = str_slice(rest, 0, (size_t)(end - rest.data));
            *ret_found = true;
            return true;
        }
        searched = rest.len;
        if (!read_more(reader, &more, err))
            return false;
    }
    *ret_found = false;
    return true;
}

static enum reader_result broken(const struct reader *reader, const char *why, struct error *err)
{
    (void)error_set(err, "%s:%llu: %s", reader->path, (unsigned long long)reader->line_number + 1,
                    why);
    return READER_BROKEN;
}

static bool is_at_next_segment(const struct reader *reader)
{
    return reader->line_number > 0 && reader->next_file_seq == reader->head.seq + 1;
}

/*
 * The segment that goes on with the next record. What stands behind the last record of this one
 * was never durable: a write failed there, and could not be cut off.
 */
static enum reader_result next_segment(struct reader *reader, struct error *err)
{
    const char *directory = directory_of(reader, reader->next_file_seq);
    if (!directory) {
        (void)error_set(err, "the segment with record %llu was just removed",
                        (unsigned long long)reader->next_file_seq);
        return READER_FAILED;
    }
    return open_file(reader, directory, reader->next_file_seq, err) ? READER_RECORD : READER_FAILED;
}

/* At the end of a file: is there another one by now? READER_RECORD: look again. */
static enum reader_result at_end(struct reader *reader, struct error *err)
{
    uint64_t before = reader->next_file_seq;
    reader->next_file_seq = find_behind(reader, reader->file_seq);
    if (is_at_next_segment(reader))
        return READER_RECORD;
    if (reader->next_file_seq == 0 || before == 0) /* the latter: this file may have grown, too */
        return reader->next_file_seq == 0 ? READER_END : READER_RECORD;
    if (reader->text.len > reader->used)
        return broken(reader, "the line is cut off, though another segment follows", err);
    (void)error_set(err, "the records %llu to %llu are missing: no segment begins with the first",
                    (unsigned long long)reader->head.seq + 1,
                    (unsigned long long)reader->next_file_seq - 1);
    return READER_BROKEN;
}

static enum reader_result take_line(struct reader *reader, struct str line,
                                    struct reader_record *ret, struct error *err)
{
    const char *wrong = chain_check(&reader->head, line, &ret->json);
    if (wrong)
        return broken(reader, wrong, err);
    if (reader->line_number == 0 && reader->head.seq != reader->file_seq)
        return broken(reader, "the file is named after another record than its first", err);
    ret->line = line;
    ret->head = reader->head;
    ret->file = reader->path;
    ret->line_number = ++reader->line_number;
    ret->offset = reader->line_offset;
    reader->line_offset += line.len + 1;
    reader->used += line.len + 1;
    return READER_RECORD;
}

static bool may_go_on(struct reader *reader)
{
    if (!reader->options.durable_only || reader->head.seq < reader->durable_seq)
        return true;
    reader->durable_seq = read_durable(&reader->options);
    reader->text.len = reader->used; /* read before it was durable: it may have been replaced */
    return reader->head.seq < reader->durable_seq;
}

/* READER_RECORD without *ret_found: go on. */
static enum reader_result step(struct reader *reader, struct reader_record *ret, bool *ret_found,
                               struct error *err)
{
    struct str line;
    *ret_found = false;
    if (is_at_next_segment(reader))
        return next_segment(reader, err);
    if (!next_line(reader, &line, ret_found, err))
        return READER_FAILED;
    return *ret_found ? take_line(reader, line, ret, err) : at_end(reader, err);
}

enum reader_result reader_next(struct reader *reader, struct reader_record *ret, struct error *err)
{
    if (reader->fd < 0 && !open_first(reader, err))
        return READER_FAILED;
    if (reader->fd < 0)
        return READER_END;
    for (;;) {
        bool found;
        if (!may_go_on(reader))
            return READER_END;
        enum reader_result result = step(reader, ret, &found, err);
        if (result != READER_RECORD || (found && reader->head.seq >= reader->options.from_seq))
            return result;
    }
}

uint64_t reader_torn_bytes(const struct reader *reader)
{
    return reader->text.len - reader->used;
}

void reader_position(const struct reader *reader, struct reader_position *ret)
{
    *ret = (struct reader_position){.segment_seq = reader->file_seq,
                                    .line_number = reader->line_number,
                                    .offset = reader->line_offset,
                                    .head = reader->head};
}

uint64_t reader_segments(const struct reader *reader)
{
    return reader->segments;
}

struct reader *reader_open(const struct reader_options *options, struct error *err)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    if (!reader) {
        (void)error_set(err, "out of memory");
        return NULL;
    }
    reader->options = *options;
    reader->fd = -1;
    buf_init(&reader->text, SEGMENT_LINE_BYTES + 2UL * PIECE_BYTES);
    bool fine = options->after ? open_after(reader, options->after, err) : open_first(reader, err);
    reader->options.after = NULL;
    if (!fine) {
        reader_close(reader);
        return NULL;
    }
    return reader;
}

void reader_close(struct reader *reader)
{
    if (!reader)
        return;
    if (reader->fd >= 0)
        close(reader->fd);
    buf_release(&reader->text);
    free(reader);
}
