/*
 *     DIRECTORY/inbox -- list_waiting --> names -- claim --> ID.taken -- read_file, judge_request
 * --> members -- journal_append_wait --> durable -- unlink
 *
 * The directory belongs to the gateway's user, and so must what is in it; but nothing that lies
 * there is trusted: it may be anything, of any size, made by hand.
 */
#include "audit/inbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/member.h"
#include "audit/reader.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json_read.h"
#include "base/limits.h"

#define LIMIT_TAKEN_AT_ONCE 64 /* then other things get their turn */
#define RECENT_RECORDS 100000  /* where a taken file's record may be: whoever starts ends it */
#define WAIT_STEP_MS 5         /* between two looks at whether a file was taken */
#define ALONE_EVERY_MS 100     /* between two attempts to open the journal oneself */
#define TAKEN_WAIT_MS 60000    /* for a file being taken: longer than a disk may hang */
#define REASON_BYTES 256

typedef char file_name[NAME_MAX + 1];

/* Names of files, without their ending, in order. */
struct name_list {
    file_name names[LIMIT_TAKEN_AT_ONCE];
    size_t count;
    bool more; /* than fit */
};

struct inbox {
    struct journal *journal;
    inbox_told *told;
    void *arg;
    int fd;     /* the directory */
    int events; /* inotify, or -1 */
    struct name_list waiting;
    struct arena arena; /* of one file */
    struct buf text, members;
};

/* ---- names ---- */

static bool is_id(struct str text)
{
    int64_t ignored;
    return id_unix_ms(text, &ignored);
}

/* `id` with another ending. Names of directory entries fit, since the endings of ours are short. */
static void name_with(struct str id, const char *ending, file_name out)
{
    (void)snprintf(out, sizeof(file_name), "%.*s%s", (int)id.len, id.data, ending);
}

/* What stands in front of the ending; false for names that end otherwise. */
static bool without_ending(const char *name, struct str ending, struct str *ret)
{
    struct str text = str_from(name);
    if (text.len <= ending.len || !str_ends(text, ending))
        return false;
    *ret = str_slice(text, 0, text.len - ending.len);
    return true;
}

static bool rename_to(int fd, struct str id, const char *from, const char *to)
{
    file_name old, new;
    name_with(id, from, old);
    name_with(id, to, new);
    return renameat(fd, old, fd, new) == 0;
}

/* ---- the directory ---- */

static bool not_ours(const char *path, uid_t owner, struct error *err)
{
    const struct passwd *user = getpwuid(owner);
    return error_set(err, "'%s' belongs to the user %s (%u): run this as that user", path,
                     user ? user->pw_name : "without a name", (unsigned)owner);
}

/* DIRECTORY/inbox, made when it is missing; for its owner alone. -1 with `err`. */
static int open_directory(const char *directory, struct error *err)
{
    char path[4096];
    struct stat info;
    (void)snprintf(path, sizeof(path), "%s/inbox", directory);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        (void)error_set(err, "cannot make the directory '%s': %s", path, strerrordesc_np(errno));
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        (void)error_set(err, "cannot open the directory '%s': %s", path, strerrordesc_np(errno));
        goto fail;
    }
    if (info.st_uid != geteuid()) {
        (void)not_ours(path, info.st_uid, err);
        goto fail;
    }
    if ((info.st_mode & 077) != 0 && fchmod(fd, 0700) != 0) { /* volumes may come group-writable */
        (void)error_set(err, "'%s' is open to others, and cannot be closed to them: %s", path,
                        strerrordesc_np(errno));
        goto fail;
    }
    return fd;

fail:
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---- what a file says ---- */

static const struct {
    struct str kind;
    bool closes;     /* says what became of a campaign: names it in `id` */
    bool reconciled; /* is no outcome of an exchange, and says so */
} kinds[] = {
    {STR("outcome"), .closes = true, .reconciled = true},
    {STR("closed"), .closes = true},
    {STR("exported"), .closes = false},
    {STR("looked_up"), .closes = false},
    {STR("erased"), .closes = false},
    {STR("reconcile"), .closes = false},
};

struct request {
    struct str kind, closes;
};

static struct str text_member(const struct json_value *object, struct str key)
{
    const struct json_value *value = json_member(object, key);
    return value && json_kind(value) == JSON_KIND_STRING ? json_string(value) : (struct str){0};
}

/* A record is one line, written in one way. */
static bool is_one_line(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] < 0x20)
            return false;
    }
    return str_starts(text, STR("{\"kind\":\"")) && str_ends(text, STR("}"));
}

static const char *check_kind(const struct json_value *root, struct request *ret)
{
    ret->kind = text_member(root, STR("kind"));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!str_equal(ret->kind, kinds[i].kind))
            continue;
        const struct json_value *reconciled = json_member(root, STR("reconciled"));
        if (kinds[i].reconciled &&
            !(reconciled && json_kind(reconciled) == JSON_KIND_BOOL && json_bool(reconciled)))
            return "an outcome from outside must be \"reconciled\": true";
        if (kinds[i].closes && !is_id(ret->closes = text_member(root, STR("id"))))
            return "it does not name a decision in \"id\"";
        return NULL;
    }
    return "records of this kind are not made from outside";
}

/* As json_write.h writes it. */
static bool has_no_spaces(struct str json)
{
    bool in_text = false;
    for (size_t i = 0; i < json.len; i++) {
        if (in_text && json.data[i] == '\\')
            i++;
        else if (json.data[i] == '"')
            in_text = !in_text;
        else if (!in_text && json.data[i] == ' ')
            return false;
    }
    return true;
}

/* What member.h finds must be what was judged: it knows no escapes, and journals are read with it.
 */
static bool reads_alike(struct str json, const struct json_value *root)
{
    static const struct str looked_up[] = {STR("kind"), STR("id"), STR("created"),
                                           STR("reconciled")};
    struct str raw, text;
    for (size_t i = 0; i < COUNT_OF(looked_up); i++) {
        const struct json_value *value = json_member(root, looked_up[i]);
        bool is_text = value && json_kind(value) == JSON_KIND_STRING;
        if (value && (!member_raw(json, looked_up[i], &raw) ||
                      (is_text && (!member_text(json, looked_up[i], &text) ||
                                   !str_equal(text, json_string(value))))))
            return false;
    }
    return has_no_spaces(json);
}

/* NULL, or why what the file says is no record that may come from outside. */
static const char *judge_request(struct str text, struct arena *arena, struct request *ret)
{
    static const struct str own[] = {STR("seq"), STR("prev"), STR("time"), STR("request")};
    static const struct str of_others[] = {STR("capture"), STR("note")};
    struct json_fault fault;
    *ret = (struct request){0};
    if (!is_one_line(text))
        return "it is not one JSON object on one line that begins with \"kind\"";
    const struct json_value *root = json_read(text, arena, &fault);
    if (!root)
        return json_fault_sentence(fault.kind);
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        if (json_member(root, own[i]))
            return "it has a member that the journal's writer adds: seq, prev, time or request";
    }
    const char *wrong = check_kind(root, ret);
    for (size_t i = 0; !wrong && i < COUNT_OF(of_others); i++) {
        if (json_member(root, of_others[i]))
            wrong = "it has a member of the gateway's own records: capture or note";
    }
    if (!wrong && !reads_alike(text, root))
        wrong = "it is not written as records are: no spaces between members, and no escapes in "
                "their names, kinds and ids";
    return wrong;
}

/* NULL, or why the file is none that may be read. */
static const char *read_file(int directory_fd, const char *name, struct buf *out)
{
    struct stat info;
    const char *why = NULL;
    /* O_NONBLOCK: opening a named pipe must not wait for its writer */
    int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno == ELOOP ? "it is a symbolic link" : "it cannot be opened";
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        why = "it is not an ordinary file";
    else if (info.st_uid != geteuid()) /* as the directory does */
        why = "it belongs to another user";
    else if (info.st_size > LIMIT_INBOX_BYTES)
        why = "it is larger than any record";
    else if (!buf_reserve(out, LIMIT_INBOX_BYTES + 1))
        why = "memory is out";
    while (!why) {
        ssize_t got = read(fd, out->data + out->len, LIMIT_INBOX_BYTES + 1 - out->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            why = got < 0 ? "it cannot be read" : NULL;
            break;
        }
        out->len += (size_t)got;
        if (out->len > LIMIT_INBOX_BYTES) /* it grew meanwhile */
            why = "it is larger than any record";
    }
    close(fd);
    return why;
}

/* ---- taking ---- */

/* Best effort: the reason is told, too. */
static void write_reason(const struct inbox *inbox, struct str id, const char *reason)
{
    file_name name;
    name_with(id, ".reason", name);
    int fd = openat(inbox->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    (void)!write(fd, reason, strlen(reason));
    close(fd);
}

static void refuse(struct inbox *inbox, struct str id, const char *ending, struct str kind,
                   const char *reason)
{
    file_name name;
    write_reason(inbox, id, reason);
    if (!rename_to(inbox->fd, id, ending, ".refused")) {
        name_with(id, ending, name);
        (void)unlinkat(inbox->fd, name, 0);
    }
    name_with(id, "", name);
    inbox->told(inbox->arg, name, kind, reason);
}

static bool append(struct inbox *inbox, struct str id, struct str closes)
{
    char time[CLOCK_UTC_SIZE];
    struct str text = buf_str(&inbox->text);
    clock_format_utc(clock_unix_ms(), time);
    buf_clear(&inbox->members);
    buf_append(&inbox->members, str_slice(text, 1, text.len - 1)); /* without its braces */
    buf_format(&inbox->members, ",\"time\":\"%s\",\"request\":\"%.*s\"", time, STR_ARGS(id));
    return !inbox->members.failed &&
           journal_append_wait(inbox->journal, buf_str(&inbox->members), closes);
}

/* Appends what ID.taken says, and removes it. */
static void record_taken(struct inbox *inbox, struct str id)
{
    struct request request = {0};
    file_name name;
    name_with(id, ".taken", name);
    arena_reset(&inbox->arena);
    buf_clear(&inbox->text);
    const char *why = read_file(inbox->fd, name, &inbox->text);
    if (!why)
        why = judge_request(buf_str(&inbox->text), &inbox->arena, &request);
    /* what became of a campaign is told once: by a person, or by the upstream's list */
    if (!why && request.closes.len && !journal_is_open(inbox->journal, request.closes))
        why = "the campaign is not, or no longer, open";
    if (!why && !append(inbox, id, request.closes))
        why = "the journal cannot be written";
    if (why) {
        refuse(inbox, id, ".taken", request.kind, why);
        return;
    }
    (void)unlinkat(inbox->fd, name, 0);
    name_with(id, "", name);
    inbox->told(inbox->arg, name, request.kind, NULL);
}

/* ---- what waits ---- */

static void insert(struct name_list *list, struct str id)
{
    size_t at = list->count;
    while (at > 0 && str_compare(id, str_from(list->names[at - 1])) < 0)
        at--;
    if (list->count == LIMIT_TAKEN_AT_ONCE) {
        list->more = true; /* the last one has to wait */
        if (at == LIMIT_TAKEN_AT_ONCE)
            return;
        list->count--;
    }
    memmove(list->names[at + 1], list->names[at], (list->count - at) * sizeof(file_name));
    name_with(id, "", list->names[at]);
    list->count++;
}

/* The first files that end so. */
static void list_names(struct inbox *inbox, struct str ending)
{
    struct name_list *list = &inbox->waiting;
    list->count = 0;
    list->more = false;
    int fd = openat(inbox->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0)
        close(fd);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct str id;
        if (without_ending(entry->d_name, ending, &id))
            insert(list, id);
    }
    if (dir)
        closedir(dir);
}

bool inbox_take(struct inbox *inbox)
{
    char events[4096];
    bool progress = false;
    while (inbox->events >= 0 && read(inbox->events, events, sizeof(events)) > 0)
        ; /* an event only says: look */
    list_names(inbox, STR(".json"));
    for (size_t i = 0; i < inbox->waiting.count; i++) {
        struct str id = str_from(inbox->waiting.names[i]);
        if (!is_id(id)) {
            refuse(inbox, id, ".json", (struct str){0}, "its name is not that of a request");
        } else if (rename_to(inbox->fd, id, ".json", ".taken")) { /* it can't be withdrawn now */
            record_taken(inbox, id);
            progress = true;
        }
    }
    return inbox->waiting.more && progress;
}

/* ---- what a former run began ---- */

/* Takes those off the list that the record is of. */
static void strike_out(struct name_list *list, struct str json)
{
    for (size_t i = 0; i < list->count; i++) {
        char end[sizeof(file_name) + 16];
        (void)snprintf(end, sizeof(end), "\"request\":\"%s\"}", list->names[i]);
        if (str_ends(json, str_from(end)))
            list->names[i][0] = '\0';
    }
}

/* Whoever cannot read the journal appends a second time; both then name the same request. */
static void strike_out_recorded(struct inbox *inbox, const struct journal_options *options,
                                uint64_t last_seq)
{
    const char *directories[] = {options->directory, options->second_directory};
    struct reader_record record;
    struct error ignored;
    const struct reader_options reading = {
        .directories = directories,
        .directory_count = options->second_directory ? 2 : 1,
        .from_seq = last_seq > RECENT_RECORDS ? last_seq - RECENT_RECORDS : 0};
    struct reader *reader = reader_open(&reading, &ignored);
    while (reader && reader_next(reader, &record, &ignored) == READER_RECORD)
        strike_out(&inbox->waiting, record.json);
    reader_close(reader);
}

static void finish_taken(struct inbox *inbox, const struct journal_options *options,
                         uint64_t last_seq)
{
    file_name taken[LIMIT_TAKEN_AT_ONCE];
    list_names(inbox, STR(".taken"));
    if (inbox->waiting.count == 0)
        return;
    memcpy(taken, inbox->waiting.names, sizeof(taken));
    strike_out_recorded(inbox, options, last_seq);
    for (size_t i = 0; i < inbox->waiting.count; i++) {
        file_name name;
        name_with(str_from(taken[i]), ".taken", name);
        if (!is_id(str_from(taken[i])))
            refuse(inbox, str_from(taken[i]), ".taken", (struct str){0},
                   "its name is not that of a request");
        else if (inbox->waiting.names[i][0] == '\0')
            (void)unlinkat(inbox->fd, name, 0);
        else
            record_taken(inbox, str_from(taken[i]));
    }
}

/* ---- life ---- */

/* Without a descriptor of the kernel's, -1: one has to look now and then. */
static int watch(const char *directory)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/inbox", directory);
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd >= 0 && inotify_add_watch(fd, path, IN_MOVED_TO | IN_ONLYDIR) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

struct inbox *inbox_open(struct journal *journal, const struct journal_options *options,
                         uint64_t last_seq, inbox_told *told, void *arg, struct error *err)
{
    int fd = open_directory(options->directory, err);
    if (fd < 0)
        return NULL;
    struct inbox *inbox = calloc(1, sizeof(*inbox));
    if (!inbox) {
        close(fd);
        (void)error_set(err, "out of memory");
        return NULL;
    }
    inbox->journal = journal;
    inbox->told = told;
    inbox->arg = arg;
    inbox->fd = fd;
    inbox->events = watch(options->directory);
    arena_init(&inbox->arena, LIMIT_ARENA_BYTES);
    buf_init(&inbox->text, LIMIT_RECORD_BYTES);
    buf_init(&inbox->members, LIMIT_RECORD_BYTES);
    finish_taken(inbox, options, last_seq);
    return inbox;
}

int inbox_fd(const struct inbox *inbox)
{
    return inbox->events;
}

void inbox_close(struct inbox *inbox)
{
    if (!inbox)
        return;
    close(inbox->fd);
    if (inbox->events >= 0)
        close(inbox->events);
    arena_release(&inbox->arena);
    buf_release(&inbox->text);
    buf_release(&inbox->members);
    free(inbox);
}

/* ---- the other side ---- */

static bool draw_id(char out[ID_SIZE], struct error *err)
{
    uint8_t random[ID_RANDOM_BYTES];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return error_set(err, "no random bytes can be had: %s", strerrordesc_np(errno));
    id_format(clock_unix_ms(), random, out);
    return true;
}

static bool compose(struct str members, struct buf *out, struct error *err)
{
    struct arena arena;
    struct request request;
    buf_append_byte(out, '{');
    buf_append(out, members);
    buf_append_byte(out, '}');
    if (out->failed)
        return error_set(err, "the record is larger than any record may be, or memory is out");
    arena_init(&arena, LIMIT_ARENA_BYTES);
    const char *why = judge_request(buf_str(out), &arena, &request);
    arena_release(&arena);
    return !why || error_set(err, "the record cannot be made: %s", why);
}

static bool write_all(int fd, struct str text)
{
    for (size_t done = 0; done < text.len;) {
        ssize_t wrote = write(fd, text.data + done, text.len - done);
        if (wrote < 0 && errno != EINTR)
            return false;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return fsync(fd) == 0;
}

/* ID.json appears whole and durable, or not at all. */
static bool put_file(int directory_fd, struct str id, struct str text, struct error *err)
{
    file_name temporary;
    name_with(id, ".tmp", temporary);
    int fd = openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write_all(fd, text) && rename_to(directory_fd, id, ".tmp", ".json");
    done = done && fsync(directory_fd) == 0;
    if (!done)
        (void)error_set(err, "cannot write into the journal's inbox: %s", strerrordesc_np(errno));
    if (fd >= 0)
        close(fd);
    if (!done)
        (void)unlinkat(directory_fd, temporary, 0);
    return done;
}

enum request_state { REQUEST_WAITS, REQUEST_TAKEN, REQUEST_REFUSED, REQUEST_RECORDED };

/* It only ever moves on from one to the next, so they are looked for in that order. */
static enum request_state look(int directory_fd, struct str id)
{
    static const char *const endings[] = {".json", ".taken", ".refused"};
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        file_name name;
        name_with(id, endings[i], name);
        if (faccessat(directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            return (enum request_state)i;
    }
    return REQUEST_RECORDED;
}

/* Says why, and leaves nothing behind. */
static bool report_refusal(int directory_fd, struct str id, struct error *err)
{
    file_name name;
    struct buf reason;
    buf_init(&reason, LIMIT_RECORD_BYTES);
    name_with(id, ".reason", name);
    const char *why = read_file(directory_fd, name, &reason);
    if (why || reason.len == 0 || reason.len > REASON_BYTES)
        (void)error_set(err, "the gateway did not record it; its log says why");
    else
        (void)error_set(err, "the gateway did not record it: %.*s", STR_ARGS(buf_str(&reason)));
    (void)unlinkat(directory_fd, name, 0);
    name_with(id, ".refused", name);
    (void)unlinkat(directory_fd, name, 0);
    buf_release(&reason);
    return false;
}

bool inbox_is_served(const char *directory)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/lock", directory);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return locked;
}

static void ignore_told(void *arg, const char *name, struct str kind, const char *reason)
{
    (void)arg; /* whoever waits for it finds out from the file */
    (void)name;
    (void)kind;
    (void)reason;
}

/* Is the gateway for a moment, when there is none. False with `err` when there could be none. */
static bool take_alone(const struct journal_options *options, struct error *err)
{
    struct journal_recovery recovery;
    if (inbox_is_served(options->directory))
        return true; /* its holder will take it */
    struct journal *journal = journal_open(options, &recovery, err);
    if (!journal)
        return inbox_is_served(options->directory); /* it came in between */
    struct inbox *inbox = inbox_open(journal, options, recovery.last_seq, ignore_told, NULL, err);
    bool opened = inbox != NULL;
    while (inbox && inbox_take(inbox))
        ;
    inbox_close(inbox);
    journal_close(journal);
    return opened;
}

static int64_t now_ms(void)
{
    return clock_mono_us() / 1000;
}

/* Time is over, or the journal cannot be opened; `err` says so already. */
static bool withdraw(int directory_fd, struct str id, struct error *err)
{
    file_name name;
    int64_t until_ms = now_ms() + TAKEN_WAIT_MS;
    enum request_state state;
    name_with(id, ".json", name);
    if (unlinkat(directory_fd, name, 0) == 0)
        return false;
    while ((state = look(directory_fd, id)) == REQUEST_TAKEN && now_ms() < until_ms)
        (void)poll(NULL, 0, WAIT_STEP_MS);
    if (state == REQUEST_RECORDED)
        return true;
    if (state == REQUEST_REFUSED)
        return report_refusal(directory_fd, id, err);
    return error_set(err,
                     "the gateway has taken the request %.*s but does not finish it: nobody knows "
                     "whether it is recorded; look for it in the journal",
                     STR_ARGS(id));
}

bool inbox_check(const char *directory, struct error *err)
{
    char path[4096];
    struct stat info;
    (void)snprintf(path, sizeof(path), "%s/lock", directory);
    if (stat(path, &info) != 0)
        return error_set(err, "there is no journal in '%s': %s", directory, strerrordesc_np(errno));
    return info.st_uid == geteuid() || not_ours(path, info.st_uid, err);
}

static bool wait_for(int directory_fd, const struct journal_options *options, struct str id,
                     int64_t timeout_ms, struct error *err)
{
    int64_t until_ms = now_ms() + timeout_ms, alone_ms = 0;
    enum request_state state;
    while ((state = look(directory_fd, id)) < REQUEST_REFUSED) {
        int64_t at_ms = now_ms();
        if (at_ms >= until_ms) {
            (void)error_set(err, "the gateway did not record it within %lld ms; it was withdrawn",
                            (long long)timeout_ms);
            return withdraw(directory_fd, id, err);
        }
        if (at_ms >= alone_ms) {
            alone_ms = at_ms + ALONE_EVERY_MS;
            if (!take_alone(options, err))
                return withdraw(directory_fd, id, err);
        } else {
            (void)poll(NULL, 0, WAIT_STEP_MS);
        }
    }
    return state == REQUEST_RECORDED || report_refusal(directory_fd, id, err);
}

bool inbox_submit(const struct journal_options *options, struct str members, int64_t timeout_ms,
                  struct error *err)
{
    char id[ID_SIZE];
    struct buf text;
    buf_init(&text, LIMIT_INBOX_BYTES);
    bool possible =
        draw_id(id, err) && compose(members, &text, err) && inbox_check(options->directory, err);
    int fd = possible ? open_directory(options->directory, err) : -1;
    bool recorded = fd >= 0 && put_file(fd, str_from(id), buf_str(&text), err) &&
                    wait_for(fd, options, str_from(id), timeout_ms, err);
    if (fd >= 0)
        close(fd);
    buf_release(&text);
    return recorded;
}
