/*
 * Files are made whole or not at all: written under another name, made durable, then linked to
 * their own, which fails when another gateway was there first; then its key is read.
 */
#include "audit/hash_keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/calendar.h"

#define KEY_HEX ((size_t)2 * HASH_KEY_BYTES)
#define KEY_NAME_SIZE 32 /* "2026-08.destroyed" and more than that */
#define LIMIT_KEYS 12000 /* of a thousand years */

/* ---- HMAC ---- */

#define BLOCK_BYTES 64 /* of SHA-256 */
#define LIMIT_MAC_BYTES 1024

bool hash_key_mac(const struct hash_key *key, struct str text, uint8_t out[DIGEST_BYTES])
{
    uint8_t inner[BLOCK_BYTES + LIMIT_MAC_BYTES], outer[BLOCK_BYTES + DIGEST_BYTES];
    if (text.len > LIMIT_MAC_BYTES)
        return false;
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        uint8_t byte = i < HASH_KEY_BYTES ? key->bytes[i] : 0;
        inner[i] = byte ^ 0x36;
        outer[i] = byte ^ 0x5c;
    }
    if (text.len)
        memcpy(inner + BLOCK_BYTES, text.data, text.len);
    bool fine = digest_bytes((struct str){(const char *)inner, BLOCK_BYTES + text.len},
                             outer + BLOCK_BYTES) &&
                digest_bytes((struct str){(const char *)outer, sizeof(outer)}, out);
    OPENSSL_cleanse(inner, BLOCK_BYTES + text.len);
    OPENSSL_cleanse(outer, sizeof(outer));
    return fine;
}

/* ---- months ---- */

/* Months since the year 0. */
static int month_of(int64_t unix_ms)
{
    int64_t days = unix_ms / 86400000 - (unix_ms % 86400000 < 0);
    struct date date = date_from_days(days);
    return date.year * 12 + date.month - 1;
}

static void month_name(int month, char out[HASH_KEY_MONTH_SIZE])
{
    (void)snprintf(out, HASH_KEY_MONTH_SIZE, "%04u-%02u", (unsigned)(month / 12) % 10000,
                   (unsigned)(month % 12 + 1));
}

static bool parse_month(struct str name, int *ret)
{
    char day[DATE_SIZE];
    struct date date;
    if (name.len != HASH_KEY_MONTH_SIZE - 1)
        return false;
    (void)snprintf(day, sizeof(day), "%.*s-01", STR_ARGS(name));
    if (!date_parse(str_from(day), &date))
        return false;
    *ret = date.year * 12 + date.month - 1;
    return true;
}

/* ---- files ---- */

static bool fail(struct error *err, const char *what, const char *directory, const char *name)
{
    return error_set(err, "cannot %s '%s/%s': %s", what, directory, name, strerrordesc_np(errno));
}

static bool set_id(struct hash_key *key, const char *month)
{
    char hex[DIGEST_HEX_SIZE];
    if (!digest_hex((struct str){(const char *)key->bytes, HASH_KEY_BYTES}, hex))
        return false;
    (void)snprintf(key->id, sizeof(key->id), "%s-%.8s", month, hex);
    return true;
}

/* 64 hex digits, and a line feed or none: what `openssl rand -hex 32` writes. */
static bool parse_key(struct str text, uint8_t ret[HASH_KEY_BYTES])
{
    if (str_ends(text, STR("\n")))
        text.len--;
    return digest_from_hex(text, ret);
}

/* Group may read: that is how Kubernetes hands a Secret to a user who is not root. */
static bool check_file(int fd, const char *directory, const char *name, struct error *err)
{
    struct stat file;
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode))
        return error_set(err, "'%s/%s' is not a file", directory, name);
    if (file.st_mode & (S_IWGRP | S_IRWXO))
        return error_set(err,
                         "the hash key '%s/%s' has mode %04o: whoever can read it can find out "
                         "the numbers of a month; use `chmod 600`, or defaultMode 0440 of a Secret",
                         directory, name, (unsigned)file.st_mode & 07777);
    return true;
}

/* The file's bytes; -1 with `err`. */
static ssize_t read_file(int fd, const char *directory, const char *name, char *text, size_t size,
                         struct error *err)
{
    if (!check_file(fd, directory, name, err))
        return -1;
    ssize_t got = read(fd, text, size);
    if (got < 0)
        (void)fail(err, "read", directory, name);
    return got;
}

enum key_result { KEY_READ, KEY_MISSING, KEY_WRONG };

static enum key_result read_key(int directory_fd, const char *directory, const char *month,
                                struct hash_key *ret, struct error *err)
{
    char name[KEY_NAME_SIZE], text[KEY_HEX + 2];
    struct hash_key key;
    (void)snprintf(name, sizeof(name), "%s.key", month);
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return KEY_MISSING;
    if (fd < 0) {
        (void)fail(err, "open", directory, name);
        return KEY_WRONG;
    }
    ssize_t got = read_file(fd, directory, name, text, sizeof(text), err);
    close(fd);
    if (got < 0)
        return KEY_WRONG;
    bool fine = parse_key((struct str){text, (size_t)got}, key.bytes) && set_id(&key, month);
    OPENSSL_cleanse(text, sizeof(text));
    if (fine)
        *ret = key;
    else
        (void)error_set(err,
                        "'%s/%s' holds no key, which is 64 hex digits in lower case; restore it "
                        "from where the keys are kept, since another key would not find what was "
                        "recorded with this one",
                        directory, name);
    OPENSSL_cleanse(&key, sizeof(key));
    return fine ? KEY_READ : KEY_WRONG;
}

static bool write_all(int fd, const char *text, size_t len)
{
    ssize_t done = write(fd, text, len);
    return done == (ssize_t)len && fsync(fd) == 0;
}

static bool is_destroyed(int directory_fd, const char *month)
{
    char name[KEY_NAME_SIZE];
    (void)snprintf(name, sizeof(name), "%s.destroyed", month);
    return faccessat(directory_fd, name, F_OK, 0) == 0;
}

/* A new key in a file of its own; that another gateway made one meanwhile is as good. */
static bool write_new_key(int directory_fd, const char *month)
{
    uint8_t bytes[HASH_KEY_BYTES];
    char name[KEY_NAME_SIZE], making[KEY_NAME_SIZE], text[DIGEST_HEX_SIZE + 1];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    digest_to_hex(bytes, text);
    text[KEY_HEX] = '\n';
    (void)snprintf(name, sizeof(name), "%s.key", month);
    (void)snprintf(making, sizeof(making), "%s.new-%ld", month, (long)getpid());
    (void)unlinkat(directory_fd, making, 0); /* of a process that had our number and was killed */
    int fd = openat(directory_fd, making, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool made = fd >= 0 && write_all(fd, text, KEY_HEX + 1) &&
                (linkat(directory_fd, making, directory_fd, name, 0) == 0 || errno == EEXIST);
    int why = errno;
    if (fd >= 0) {
        close(fd);
        (void)unlinkat(directory_fd, making, 0);
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    OPENSSL_cleanse(text, sizeof(text));
    errno = why;
    return made && fsync(directory_fd) == 0;
}

static bool make_key(int directory_fd, const char *directory, const char *month, struct error *err)
{
    if (write_new_key(directory_fd, month))
        return true;
    return error_set(err,
                     "there is no key for %s in '%s', and none can be made: %s; put one there "
                     "(`openssl rand -hex 32 > %s.key`) or make the directory writable",
                     month, directory, strerrordesc_np(errno), month);
}

/* The month's key, made when it is missing. */
static bool obtain_key(int directory_fd, const char *directory, const char *month,
                       struct hash_key *ret, struct error *err)
{
    if (is_destroyed(directory_fd, month))
        return error_set(err,
                         "the key of %s in '%s' was destroyed, and none is made again for that "
                         "month; is the clock right?",
                         month, directory);
    enum key_result result = read_key(directory_fd, directory, month, ret, err);
    if (result == KEY_MISSING)
        result = make_key(directory_fd, directory, month, err)
                     ? read_key(directory_fd, directory, month, ret, err)
                     : KEY_WRONG;
    return result == KEY_READ;
}

static int open_directory(const char *directory, struct error *err)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        (void)error_set(err, "cannot open the directory of hash keys '%s': %s", directory,
                        strerrordesc_np(errno));
    return fd;
}

/* ---- the running gateway ---- */

/*
 * A month's place is taken again four months later, when nobody can be looking at it. `month` says
 * whose it is, and is written last; 0 while it is nobody's.
 */
#define PLACES 4

struct place {
    atomic_int month;
    struct hash_key key;
};

struct hash_keys {
    char *directory;
    struct place places[PLACES];
};

static struct place *place_of(const struct hash_keys *keys, int month)
{
    return (struct place *)&keys->places[month % PLACES];
}

const struct hash_key *hash_keys_at(const struct hash_keys *keys, int64_t unix_ms)
{
    int month = month_of(unix_ms);
    const struct place *place = place_of(keys, month);
    return atomic_load_explicit(&place->month, memory_order_acquire) == month ? &place->key : NULL;
}

/* Brings one month's key into memory, unless it is there. */
static bool load_month(struct hash_keys *keys, int directory_fd, int month, struct error *err)
{
    char name[HASH_KEY_MONTH_SIZE];
    struct place *place = place_of(keys, month);
    if (atomic_load_explicit(&place->month, memory_order_relaxed) == month)
        return true;
    month_name(month, name);
    atomic_store_explicit(&place->month, 0, memory_order_relaxed);
    if (!obtain_key(directory_fd, keys->directory, name, &place->key, err))
        return false;
    atomic_store_explicit(&place->month, month, memory_order_release);
    return true;
}

/*
 * A key that is over is first nobody's, and an hour later, at the next call, no bytes any more: a
 * worker that had looked it up has long been done with it.
 */
static void forget_past(struct hash_keys *keys, int month)
{
    for (size_t i = 0; i < PLACES; i++) {
        struct place *place = &keys->places[i];
        int whose = atomic_load_explicit(&place->month, memory_order_relaxed);
        if (whose == 0)
            OPENSSL_cleanse(&place->key, sizeof(place->key));
        else if (whose < month)
            atomic_store_explicit(&place->month, 0, memory_order_relaxed);
    }
}

static bool refresh(struct hash_keys *keys, int64_t now_unix_ms, int months, struct error *err)
{
    int month = month_of(now_unix_ms);
    int directory_fd = open_directory(keys->directory, err);
    bool fine = directory_fd >= 0;
    for (int i = 0; fine && i < months; i++)
        fine = load_month(keys, directory_fd, month + i, err);
    if (directory_fd >= 0)
        close(directory_fd);
    return fine;
}

bool hash_keys_refresh(struct hash_keys *keys, int64_t now_unix_ms, struct error *err)
{
    forget_past(keys, month_of(now_unix_ms));
    return refresh(keys, now_unix_ms, 2, err);
}

struct hash_keys *hash_keys_open(const char *directory, int64_t now_unix_ms, struct error *err)
{
    struct hash_keys *keys = calloc(1, sizeof(*keys));
    if (keys)
        keys->directory = strdup(directory);
    if (!keys || !keys->directory) {
        (void)error_set(err, "out of memory");
        goto fail;
    }
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        (void)error_set(err, "cannot make the directory of hash keys '%s': %s", directory,
                        strerrordesc_np(errno));
        goto fail;
    }
    if (refresh(keys, now_unix_ms, 1, err))
        return keys;

fail:
    hash_keys_close(keys);
    return NULL;
}

void hash_keys_close(struct hash_keys *keys)
{
    if (!keys)
        return;
    free(keys->directory);
    OPENSSL_cleanse(keys, sizeof(*keys));
    free(keys);
}

/* ---- verbs ---- */

/* Calls `each` for every name in the directory; false, with `err`, when it cannot be read. */
static bool each_name(const char *directory, void (*each)(void *arg, const char *name), void *arg,
                      struct error *err)
{
    DIR *dir = opendir(directory);
    if (!dir)
        return error_set(err, "cannot read the directory of hash keys '%s': %s", directory,
                         strerrordesc_np(errno));
    for (struct dirent *entry; (entry = readdir(dir));)
        each(arg, entry->d_name);
    closedir(dir);
    return true;
}

struct months {
    char names[LIMIT_KEYS][HASH_KEY_MONTH_SIZE];
    size_t count;
};

static void add_month(void *arg, const char *file)
{
    struct months *months = arg;
    struct str name = str_from(file);
    int month;
    if (months->count < LIMIT_KEYS && str_ends(name, STR(".key")) &&
        parse_month(str_slice(name, 0, name.len - 4), &month))
        month_name(month, months->names[months->count++]);
}

static int compare_months(const void *a, const void *b)
{
    return memcmp(a, b, HASH_KEY_MONTH_SIZE);
}

/* All that can be read; false, with what is wrong with the first that cannot. */
static bool tell_keys(const struct months *months, int directory_fd, const char *directory,
                      void (*found)(void *arg, const struct hash_key *key), void *arg,
                      struct error *err)
{
    bool fine = true;
    struct error why;
    struct hash_key key;
    for (size_t i = 0; i < months->count; i++) {
        enum key_result result = read_key(directory_fd, directory, months->names[i], &key, &why);
        if (result == KEY_WRONG && fine)
            fine = error_set(err, "%s", why.text);
        if (result == KEY_READ && !is_destroyed(directory_fd, months->names[i]))
            found(arg, &key);
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return fine;
}

bool hash_keys_each(const char *directory, void (*found)(void *arg, const struct hash_key *key),
                    void *arg, struct error *err)
{
    struct months *months = calloc(1, sizeof(*months));
    int directory_fd = months ? open_directory(directory, err) : -1;
    bool fine = months ? directory_fd >= 0 && each_name(directory, add_month, months, err)
                       : error_set(err, "out of memory");
    if (months && fine) {
        qsort(months->names, months->count, sizeof(months->names[0]), compare_months);
        fine = tell_keys(months, directory_fd, directory, found, arg, err);
    }
    if (directory_fd >= 0)
        close(directory_fd);
    free(months);
    return fine;
}

bool hash_key_find(const char *directory, struct str id, struct hash_key *ret)
{
    char name[HASH_KEY_MONTH_SIZE];
    struct hash_key key;
    struct error ignored;
    int month, directory_fd = open_directory(directory, &ignored);
    if (directory_fd < 0)
        return false;
    bool found = parse_month(str_slice(id, 0, HASH_KEY_MONTH_SIZE - 1), &month);
    if (found) {
        month_name(month, name);
        found = read_key(directory_fd, directory, name, &key, &ignored) == KEY_READ &&
                !is_destroyed(directory_fd, name) && str_equal(str_from(key.id), id);
    }
    close(directory_fd);
    if (found)
        *ret = key;
    return found;
}

/* ---- destroying ---- */

/* It stays, so that no gateway whose clock is wrong makes a key for that month. */
static bool leave_mark(int directory_fd, const char *directory, const char *month,
                       struct error *err)
{
    char name[KEY_NAME_SIZE];
    (void)snprintf(name, sizeof(name), "%s.destroyed", month);
    int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0400);
    bool fine = (fd >= 0 || errno == EACCES) && fsync(directory_fd) == 0;
    if (fd >= 0)
        close(fd);
    return (fine && is_destroyed(directory_fd, month)) || fail(err, "write", directory, name);
}

static bool overwrite(int fd)
{
    static const char zeros[KEY_HEX + 1];
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && write_all(fd, zeros, sizeof(zeros));
}

struct destruction {
    int directory_fd;
    const char *directory, *month;
    bool failed;
    struct error *err;
};

/* The key, and what a gateway that was killed while making it left. */
static void destroy_file(void *arg, const char *name)
{
    struct destruction *d = arg;
    struct str rest = str_from(name);
    if (d->failed || !str_starts(rest, str_from(d->month)))
        return;
    rest = str_slice(rest, HASH_KEY_MONTH_SIZE - 1, rest.len);
    if (!str_equal(rest, STR(".key")) && !str_starts(rest, STR(".new-")))
        return;
    int fd = openat(d->directory_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    d->failed = fd < 0 || !overwrite(fd) || unlinkat(d->directory_fd, name, 0) != 0;
    if (d->failed)
        (void)fail(d->err, "destroy", d->directory, name);
    if (fd >= 0)
        close(fd);
}

/* The month's name, if it is one that is over. */
static bool check_month(struct str month, int64_t now_unix_ms, char ret[HASH_KEY_MONTH_SIZE],
                        struct error *err)
{
    int number;
    if (!parse_month(month, &number))
        return error_set(err, "'%.*s' is no month, such as 2026-08", STR_ARGS(month));
    if (number >= month_of(now_unix_ms))
        return error_set(err,
                         "%.*s is not over: its key hides what is recorded until then; destroy it "
                         "when the next month has begun",
                         STR_ARGS(month));
    month_name(number, ret);
    return true;
}

/* Whether there is anything to destroy, or was; a key that is kept elsewhere cannot be. */
static bool check_key(int directory_fd, const char *directory, const char *month, struct error *err)
{
    char name[KEY_NAME_SIZE];
    struct stat info;
    (void)snprintf(name, sizeof(name), "%s.key", month);
    if (fstatat(directory_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return is_destroyed(directory_fd, month) || fail(err, "destroy", directory, name);
    if (!S_ISREG(info.st_mode))
        return error_set(err, "'%s/%s' is no file of its own: destroy the key where it is kept",
                         directory, name);
    return true;
}

bool hash_key_can_be_destroyed(const char *directory, struct str month, int64_t now_unix_ms,
                               struct error *err)
{
    char name[HASH_KEY_MONTH_SIZE];
    if (!check_month(month, now_unix_ms, name, err))
        return false;
    int directory_fd = open_directory(directory, err);
    if (directory_fd < 0)
        return false;
    bool fine = check_key(directory_fd, directory, name, err);
    close(directory_fd);
    return fine;
}

bool hash_key_destroy(const char *directory, struct str month, int64_t now_unix_ms,
                      struct error *err)
{
    char name[HASH_KEY_MONTH_SIZE];
    if (!check_month(month, now_unix_ms, name, err))
        return false;
    struct destruction d = {open_directory(directory, err), directory, name, false, err};
    if (d.directory_fd < 0)
        return false;
    bool fine = check_key(d.directory_fd, directory, name, err) &&
                leave_mark(d.directory_fd, directory, name, err) &&
                each_name(directory, destroy_file, &d, err) && !d.failed;
    if (fine && fsync(d.directory_fd) != 0)
        fine = fail(err, "make durable", directory, name);
    close(d.directory_fd);
    return fine;
}
