#include "policy_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "audit/digest.h"
#include "base/limits.h"
#include "watch.h"

struct policy_files *policy_files_new(struct arena *arena)
{
    struct policy_files *files = arena_zalloc(arena, 1, sizeof(*files));
    if (files)
        files->arena = arena;
    return files;
}

bool policy_files_add_text(struct policy_files *files, const char *name, struct str text,
                           struct error *err)
{
    if (files->count == LIMIT_POLICY_FILES)
        return error_set(err, "there are more than %d policy files", LIMIT_POLICY_FILES);
    files->items[files->count++] = (struct policy_source){name, text};
    return true;
}

/* ---- names ---- */

static struct str parent_of(struct str path)
{
    size_t end = path.len;
    while (end > 0 && path.data[end - 1] != '/')
        end--;
    return str_slice(path, 0, end);
}

/* "a/b/../c" is "a/c": one name for one file, by its text alone, so that links stay links. */
static struct str tidy(struct str path, struct arena *arena)
{
    struct str part, rest = path, tidied = str_starts(path, STR("/")) ? STR("/") : STR("");
    bool more = true;
    while (more && tidied.data) {
        more = str_cut(rest, '/', &part, &rest);
        struct str parent = str_slice(tidied, 0, tidied.len ? tidied.len - 1 : 0);
        bool can_go_up =
            parent.len > 0 && !str_equal(tidied, STR("../")) && !str_ends(tidied, STR("/../"));
        if (part.len == 0 || str_equal(part, STR(".")))
            continue;
        if (str_equal(part, STR("..")) && can_go_up)
            tidied = parent_of(parent);
        else
            tidied = arena_format(arena, "%.*s%.*s%s", STR_ARGS(tidied), STR_ARGS(part),
                                  more ? "/" : "");
    }
    return tidied;
}

struct str policy_files_path(struct str from, struct str path, struct arena *arena)
{
    struct str folder = str_starts(path, STR("/")) ? STR("") : parent_of(from);
    struct str joined = arena_format(arena, "%.*s%.*s", STR_ARGS(folder), STR_ARGS(path));
    struct str tidied = tidy(joined, arena);
    if (!joined.data || !tidied.data)
        return (struct str){0};
    if (tidied.len > 1 && str_ends(tidied, STR("/")))
        tidied = arena_copy(arena, str_slice(tidied, 0, tidied.len - 1));
    return tidied.len ? tidied : STR(".");
}

/* ---- a policy's own files ---- */

static bool add_file(struct policy_files *files, struct str path, struct error *err)
{
    struct str text, file = arena_copy(files->arena, path);
    struct str name = policy_files_path(STR(""), path, files->arena);
    if (!file.data || !name.data)
        return error_set(err, "out of memory while reading the policy");
    return config_read_file(file.data, LIMIT_YAML_BYTES, files->arena, &text, err) &&
           policy_files_add_text(files, name.data, text, err);
}

bool policy_files_is_test(struct str name)
{
    return str_ends(name, STR(".test.yaml")) || str_ends(name, STR(".test.yml"));
}

static int is_policy_file(const struct dirent *entry)
{
    struct str name = str_from(entry->d_name);
    return name.data[0] != '.' && !policy_files_is_test(name) &&
           (str_ends(name, STR(".yaml")) || str_ends(name, STR(".yml")));
}

static bool add_directory(struct policy_files *files, const char *path, struct error *err)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_policy_file, alphasort);
    if (count < 0)
        return error_set(err, "cannot read the directory '%s': %s", path, strerrordesc_np(errno));
    bool fine = true;
    for (int i = 0; i < count; i++) {
        struct str file = arena_format(files->arena, "%s/%s", path, entries[i]->d_name);
        fine = fine && add_file(files, file, err);
        free(entries[i]);
    }
    free(entries);
    if (fine && count == 0)
        return error_set(err, "the directory '%s' holds no .yaml file, so there is no policy",
                         path);
    return fine;
}

bool policy_files_add(struct policy_files *files, const char *path, struct error *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return error_set(err, "cannot find '%s': %s", path, strerrordesc_np(errno));
    return S_ISDIR(info.st_mode) ? add_directory(files, path, err)
                                 : add_file(files, str_from(path), err);
}

/* ---- includes ---- */

static bool read_included(void *context, const char *from, struct str path,
                          struct policy_source *ret, struct error *err)
{
    struct policy_files *files = context;
    struct str joined = policy_files_path(str_from(from), path, files->arena);
    for (size_t i = 0; i < files->count; i++) {
        if (!str_equal(joined, str_from(files->items[i].name)))
            continue;
        *ret = files->items[i];
        return true;
    }
    files->stamp = watch_stamp_add(files->stamp, joined.data ? joined.data : "");
    if (!add_file(files, joined, err))
        return false;
    *ret = files->items[files->count - 1];
    return true;
}

/* ---- compiling ---- */

static bool digest_files(const struct policy_files *files, char out[DIGEST_HEX_SIZE])
{
    struct buf all;
    buf_init(&all, LIMIT_POLICY_FILES * (DIGEST_HEX_SIZE + 1));
    bool fine = true;
    for (size_t i = 0; i < files->count; i++) {
        char one[DIGEST_HEX_SIZE];
        fine = fine && digest_hex(files->items[i].text, one);
        buf_format(&all, "%s\n", one);
    }
    fine = fine && !all.failed && digest_hex(buf_str(&all), out);
    buf_release(&all);
    return fine;
}

struct policy_set *policy_files_compile(struct policy_files *files, struct problems *problems)
{
    struct error err;
    const struct policy_includer includer = {files, read_included};
    files->own_count = files->count;
    /* a copy: the list grows while its beginning is being compiled */
    struct policy_source *own = arena_zalloc(files->arena, files->count, sizeof(*own));
    if (own)
        memcpy(own, files->items, files->count * sizeof(*own));
    struct policy_set *set =
        own ? policy_compile(own, files->count, &includer, files->arena, problems) : NULL;
    if (set && digest_files(files, set->digest))
        return set;
    if (problems->count == 0) {
        error_set(&err, "the policy's digest could not be worked out: no memory");
        (void)problems_add(problems, &err);
    }
    return NULL;
}

/* ---- all in one ---- */

/* With the place where the path was written, when that was in a file. */
static bool cannot_add(const struct config_text *path, const struct error *why,
                       struct problems *problems)
{
    struct error err = *why;
    if (path->place.file)
        (void)config_error(&path->place, &err, "%s", why->text);
    return problems_add(problems, &err);
}

const struct policy_set *policy_load(const struct config_text *paths, size_t count,
                                     struct arena *arena, struct policy_files **ret_files,
                                     struct problems *problems)
{
    struct error why = {.text = "out of memory while reading the policy"};
    struct policy_files *files = policy_files_new(arena);
    bool fine = files || problems_add(problems, &why);
    for (size_t i = 0; files && i < count; i++) {
        if (!policy_files_add(files, paths[i].value.data, &why))
            fine = cannot_add(&paths[i], &why, problems);
    }
    if (ret_files)
        *ret_files = files;
    return fine ? policy_files_compile(files, problems) : NULL;
}
