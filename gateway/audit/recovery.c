#include "audit/recovery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/reader.h"
#include "audit/record.h"
#include "base/clock.h"
#include "base/json_read.h"
#include "base/limits.h"

/* ---- which segment is the last ---- */

struct last_segment {
    bool found;
    size_t directory;
    uint64_t first_seq;
};

/* The one with the highest first record; of two with one name, the last directory's. */
static bool find_last_in(const struct writer *writer, size_t directory, struct last_segment *last,
                         struct error *err)
{
    const char *path = writer->directories[directory].path;
    struct dirent *entry;
    DIR *dir = opendir(path);
    errno = dir ? 0 : errno;
    while (dir && (entry = readdir(dir))) {
        uint64_t seq;
        if (segment_parse_name(entry->d_name, &seq) && (!last->found || seq >= last->first_seq))
            *last = (struct last_segment){true, directory, seq};
    }
    bool fine = errno == 0 ||
                error_set(err, "cannot read the directory '%s': %s", path, strerrordesc_np(errno));
    if (dir)
        closedir(dir);
    return fine;
}

static bool find_last(const struct writer *writer, struct last_segment *ret, struct error *err)
{
    *ret = (struct last_segment){0};
    for (size_t i = 0; i < writer->directory_count; i++) {
        if (!find_last_in(writer, i, ret, err))
            return false;
    }
    return true;
}

/* ---- what its records say ---- */

static struct str text_member(const struct json_value *object, const char *key)
{
    const struct json_value *value = json_member(object, str_from(key));
    return value && json_kind(value) == JSON_KIND_STRING ? json_string(value) : (struct str){0};
}

static bool take_open(const struct json_value *ids, struct open_set *open)
{
    if (!ids || json_kind(ids) != JSON_KIND_ARRAY || !open_set_reserve(open, json_count(ids)))
        return false;
    for (const struct json_value *id = json_first(ids); id; id = json_next(id)) {
        if (json_kind(id) == JSON_KIND_STRING)
            open_set_add(open, json_string(id), true);
    }
    return true;
}

/* The segment's first record. */
static bool take_segment(const struct json_value *record, uint64_t seq, struct recovered *ret)
{
    struct str origin = text_member(record, "source");
    if (!str_equal(text_member(record, "kind"), STR("segment")) || origin.len == 0 ||
        origin.len > LIMIT_ORIGIN_BYTES || !digest_from_hex(text_member(record, "key"), ret->key) ||
        !clock_parse_utc(text_member(record, "time"), &ret->segment_unix_ms))
        return false;
    memcpy(ret->origin, origin.data, origin.len);
    ret->origin[origin.len] = '\0';
    return record_read_frontier(json_member(record, STR("frontier")), seq - 1, &ret->tree) &&
           take_open(json_member(record, STR("open")), &ret->open);
}

/* A decision that allowed opens; an outcome that is known, and a person's word, close. */
static bool take_other(const struct json_value *record, struct recovered *ret)
{
    struct str kind = text_member(record, "kind"), id = text_member(record, "id");
    if (str_equal(kind, STR("decision")) &&
        str_equal(text_member(record, "verdict"), STR("allow"))) {
        if (!open_set_reserve(&ret->open, 1))
            return false;
        open_set_add(&ret->open, id, true);
    } else if (str_equal(kind, STR("closed")) ||
               (str_equal(kind, STR("outcome")) &&
                !str_equal(text_member(record, "created"), STR("unknown")))) {
        open_set_remove(&ret->open, id);
    } else if (str_equal(kind, STR("key"))) {
        return digest_from_hex(text_member(record, "key"), ret->key);
    }
    return true;
}

/* Only of the journal's own records: others may come from outside (inbox.h). */
static void take_note(const struct json_value *record, struct recovered *ret)
{
    struct str kind = text_member(record, "kind");
    struct checkpoint checkpoint;
    bool is_own = str_equal(kind, STR("segment")) || str_equal(kind, STR("checkpoint")) ||
                  str_equal(kind, STR("key"));
    if (is_own && checkpoint_parse(text_member(record, "note"), &checkpoint))
        ret->note_unix_ms = checkpoint.time_unix_ms;
}

static bool take_record(const struct reader_record *record, struct arena *arena,
                        struct recovered *ret, struct error *err)
{
    struct json_fault fault;
    const struct json_value *json = json_read(record->json, arena, &fault);
    bool understood = json && json_kind(json) == JSON_KIND_OBJECT &&
                      (record->line_number == 1 ? take_segment(json, record->head.seq, ret)
                                                : take_other(json, ret)) &&
                      merkle_add(&ret->tree, record->head.hash);
    if (understood)
        take_note(json, ret);
    arena_reset(arena);
    if (!understood)
        return error_set(err,
                         "%s:%llu: this record is none of this version's, or memory is out; move "
                         "the directory away to begin a new journal",
                         record->file, (unsigned long long)record->line_number);
    return true;
}

/* Reads the segment as far as it is good. */
static bool read_segment(const struct writer *writer, size_t directory, uint64_t first_seq,
                         struct recovered *ret, uint64_t *ret_good_bytes, uint64_t *ret_records,
                         struct error *err)
{
    const struct reader_options options = {.directories = &writer->directories[directory].path,
                                           .directory_count = 1,
                                           .from_seq = first_seq};
    struct reader *reader = reader_open(&options, err);
    struct reader_record record;
    struct arena arena;
    struct error wrong;
    enum reader_result result = READER_FAILED;
    bool fine = reader != NULL;
    *ret_good_bytes = *ret_records = 0;
    arena_init(&arena, LIMIT_ARENA_BYTES);
    while (fine && (result = reader_next(reader, &record, &wrong)) == READER_RECORD) {
        fine = take_record(&record, &arena, ret, err);
        ret->head = record.head;
        *ret_good_bytes = record.offset + record.line.len + 1;
        *ret_records += 1;
    }
    if (fine && result == READER_FAILED)
        fine = error_set(err, "%s", wrong.text);
    arena_release(&arena);
    reader_close(reader);
    return fine;
}

/* ---- the tail ---- */

static bool copy_bytes(int from_fd, uint64_t from, int to_fd)
{
    char piece[65536];
    ssize_t got;
    while ((got = pread(from_fd, piece, sizeof(piece), (off_t)from)) > 0) {
        ssize_t put = write(to_fd, piece, (size_t)got);
        if (put < 0)
            return false;
        from += (uint64_t)put; /* what was not written is read once more */
    }
    return got == 0 && fsync(to_fd) == 0;
}

/* Keeps what is cut: it may be evidence, and destroying it is not ours to decide. */
static bool save_torn(const struct writer *writer, size_t directory, const char *name, int fd,
                      uint64_t from, struct journal_recovery *recovery, struct error *err)
{
    char torn_name[64];
    int torn_fd = -1;
    for (int n = 1; n < 1000 && torn_fd < 0; n++) {
        (void)snprintf(torn_name, sizeof(torn_name), "%s.torn-%d", name, n);
        torn_fd = openat(writer->directories[directory].fd, torn_name,
                         O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
        if (torn_fd < 0 && errno != EEXIST)
            break;
    }
    bool saved = torn_fd >= 0 && copy_bytes(fd, from, torn_fd);
    if (!saved)
        (void)error_set(err, "cannot save the torn end of '%s/%s': %s",
                        writer->directories[directory].path, name, strerrordesc_np(errno));
    if (torn_fd >= 0)
        close(torn_fd);
    (void)snprintf(recovery->torn_path, sizeof(recovery->torn_path), "%s/%s",
                   writer->directories[directory].path, torn_name);
    return saved;
}

/* Cuts what follows the good records of the segment, after saving it. */
static bool cut_tail(const struct writer *writer, size_t directory, const char *name, int fd,
                     uint64_t good_bytes, struct journal_recovery *recovery, struct error *err)
{
    struct stat info;
    const char *path = writer->directories[directory].path;
    if (fstat(fd, &info) != 0)
        return error_set(err, "cannot read '%s/%s': %s", path, name, strerrordesc_np(errno));
    if ((uint64_t)info.st_size == good_bytes)
        return true;
    recovery->torn_bytes += (uint64_t)info.st_size - good_bytes;
    if (!save_torn(writer, directory, name, fd, good_bytes, recovery, err))
        return false;
    if (ftruncate(fd, (off_t)good_bytes) != 0 || fsync(fd) != 0)
        return error_set(err, "cannot cut the torn end of '%s/%s': %s", path, name,
                         strerrordesc_np(errno));
    return true;
}

/* ---- all of it ---- */

/* What DIRECTORY/durable says, the furthest of both; 0 when it says nothing. */
static uint64_t promised_seq(const struct writer *writer)
{
    uint64_t promised = 0;
    for (size_t i = 0; i < writer->directory_count; i++) {
        char text[20];
        uint64_t seq;
        if (pread(writer->directories[i].durable_fd, text, sizeof(text), 0) == sizeof(text) &&
            str_to_u64((struct str){text, sizeof(text)}, &seq) && seq > promised)
            promised = seq;
    }
    return promised;
}

/* What was durable and is not there any more is no torn tail: nothing may be cut or go on. */
static bool check_promise(const struct writer *writer, uint64_t reached, struct error *err)
{
    uint64_t promised = promised_seq(writer);
    if (reached >= promised)
        return true;
    return error_set(
        err,
        "the journal in '%s' is damaged: records up to %llu were durable, but only %llu "
        "can be read; keep it as it is, ask `campaign-gateway audit verify`, and give "
        "the gateway another directory",
        writer->directories[0].path, (unsigned long long)promised, (unsigned long long)reached);
}

/* A segment that was finished ends where it ended: what is wrong in it is no torn tail. */
static bool check_whole(const struct writer *writer, size_t directory, int fd, uint64_t good_bytes,
                        struct error *err)
{
    struct stat info;
    const char *path = writer->directories[directory].path;
    if (fstat(fd, &info) != 0)
        return error_set(err, "cannot read '%s/%s': %s", path, writer->name,
                         strerrordesc_np(errno));
    return (uint64_t)info.st_size == good_bytes ||
           error_set(err,
                     "the journal's last segment, '%s/%s', is damaged: it was complete, but can be "
                     "read for %llu of its %llu bytes; keep it as it is, ask `campaign-gateway "
                     "audit verify`, and give the gateway another directory",
                     path, writer->name, (unsigned long long)good_bytes,
                     (unsigned long long)info.st_size);
}

/* A segment whose very first record was torn holds nothing: the chain ends in the one before. */
static bool drop(const struct writer *writer, size_t directory, const char *name, struct error *err)
{
    if (unlinkat(writer->directories[directory].fd, name, 0) == 0)
        return true;
    return error_set(err, "cannot remove the empty '%s/%s': %s",
                     writer->directories[directory].path, name, strerrordesc_np(errno));
}

/* One that was finished is read-only, and a new one is begun behind it. */
static int open_last(const struct writer *writer, size_t directory, const char *name,
                     bool *ret_finished)
{
    struct stat info;
    int directory_fd = writer->directories[directory].fd;
    *ret_finished =
        fstatat(directory_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && !(info.st_mode & S_IWUSR);
    return openat(directory_fd, name, (*ret_finished ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC);
}

static bool recover_last(struct writer *writer, const struct last_segment *last,
                         struct journal_recovery *recovery, struct recovered *ret,
                         struct error *err)
{
    const size_t directory = last->directory;
    uint64_t good_bytes;
    bool finished;
    segment_name(last->first_seq, writer->name);
    int fd = open_last(writer, directory, writer->name, &finished);
    if (fd < 0)
        return error_set(err, "cannot open '%s/%s': %s", writer->directories[directory].path,
                         writer->name, strerrordesc_np(errno));
    bool fine =
        read_segment(writer, directory, last->first_seq, ret, &good_bytes, &recovery->records,
                     err) &&
        check_promise(writer, good_bytes > 0 ? ret->head.seq : last->first_seq - 1, err) &&
        (finished ? check_whole(writer, directory, fd, good_bytes, err)
                  : cut_tail(writer, directory, writer->name, fd, good_bytes, recovery, err));
    if (fine && good_bytes > 0 && !finished) {
        writer->fd = fd;
        writer->directory = directory;
        writer->bytes = good_bytes;
        ret->found = true;
        return true;
    }
    close(fd);
    ret->found = fine && good_bytes > 0;
    return fine && (ret->found || drop(writer, directory, writer->name, err));
}

/* ---- two directories ---- */

/* Renames a file of the first directory; it stays as evidence. */
static bool set_aside(const struct writer_directory *place, const char *name,
                      struct journal_recovery *recovery, struct error *err)
{
    struct stat info = {0};
    char aside[64];
    int n = 1;
    do
        (void)snprintf(aside, sizeof(aside), "%.26s.torn-%d", name, n++);
    while (faccessat(place->fd, aside, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    if (fstatat(place->fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        renameat(place->fd, name, place->fd, aside) != 0)
        return error_set(err, "cannot rename '%s/%s', which a failed write left: %s", place->path,
                         name, strerrordesc_np(errno));
    recovery->torn_bytes += (uint64_t)info.st_size;
    (void)snprintf(recovery->torn_path, sizeof(recovery->torn_path), "%s/%s", place->path, aside);
    return true;
}

/* The last record of the second directory's segment; the one before the segment when it has none.
 */
static bool read_reach(const struct writer *writer, uint64_t first_seq, uint64_t *ret_seq,
                       struct error *err)
{
    const struct reader_options options = {
        .directories = &writer->directories[1].path, .directory_count = 1, .from_seq = first_seq};
    struct reader_record record;
    struct error ignored; /* where it is broken it ends */
    struct reader *reader = reader_open(&options, err);
    *ret_seq = first_seq - 1;
    while (reader && reader_next(reader, &record, &ignored) == READER_RECORD &&
           (record.line_number > 1 || record.head.seq == first_seq))
        *ret_seq = record.head.seq;
    reader_close(reader);
    return reader != NULL;
}

/* The last record that a segment must have: the one before the next segment, which is in either
 * directory, or what was promised. */
static uint64_t wanted_reach(const struct writer *writer, uint64_t first_seq)
{
    uint64_t next = 0;
    for (size_t i = 0; i < writer->directory_count; i++) {
        DIR *dir = opendir(writer->directories[i].path);
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            uint64_t seq;
            if (segment_parse_name(entry->d_name, &seq) && seq > first_seq &&
                (next == 0 || seq < next))
                next = seq;
        }
        if (dir)
            closedir(dir);
    }
    return next ? next - 1 : promised_seq(writer);
}

/* An old copy, or what a disk kept that was away for long, must not push out what is durable. */
static bool supersedes(const struct writer *writer, const char *name, uint64_t first_seq,
                       struct error *err)
{
    uint64_t reach, wanted = wanted_reach(writer, first_seq);
    if (!read_reach(writer, first_seq, &reach, err))
        return false;
    return reach >= wanted ||
           error_set(err,
                     "'%s/%s' has the name of a segment in '%s', and ends with record %llu instead "
                     "of %llu: it is an old copy, or what a failed write left; move it away",
                     writer->directories[1].path, name, writer->directories[0].path,
                     (unsigned long long)reach, (unsigned long long)wanted);
}

/* Of two segments with one name the second directory's counts: a write had failed in the first, and
 * could not be undone (writer.h). */
static bool set_aside_remains(const struct writer *writer, struct journal_recovery *recovery,
                              struct error *err)
{
    const struct writer_directory *first = &writer->directories[0];
    DIR *dir = writer->directory_count > 1 ? opendir(first->path) : NULL;
    bool fine = true;
    for (struct dirent *entry; dir && fine && (entry = readdir(dir));) {
        uint64_t seq;
        if (segment_parse_name(entry->d_name, &seq) &&
            faccessat(writer->directories[1].fd, entry->d_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            fine = supersedes(writer, entry->d_name, seq, err) &&
                   set_aside(first, entry->d_name, recovery, err);
    }
    if (dir)
        closedir(dir);
    return fine;
}

bool recovery_run(struct writer *writer, struct journal_recovery *ret_recovery,
                  struct recovered *ret, struct error *err)
{
    struct last_segment last = {0};
    if (!set_aside_remains(writer, ret_recovery, err))
        return false;
    do {
        open_set_release(&ret->open);
        *ret = (struct recovered){0};
        if (!find_last(writer, &last, err) ||
            (last.found && !recover_last(writer, &last, ret_recovery, ret, err)))
            return false;
    } while (last.found && !ret->found);
    ret_recovery->last_seq = ret->head.seq;
    ret_recovery->open_intents = ret->open.former_count;
    return check_promise(writer, ret->head.seq, err);
}
