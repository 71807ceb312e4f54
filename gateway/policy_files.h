/*
 * Policies on disk: which files a policy is made of, read and compiled.
 *
 *     files and directories --policy_files_add--> sources --policy_files_compile--> policy_set
 *                                 the files they include are read on the way -^
 *
 * Everything lives in the arena. Not thread-safe; reading happens on the main thread.
 */
#pragma once

#include "config.h"
#include "policy/policy.h"

#define LIMIT_POLICY_FILES 256
#define LIMIT_POLICY_ARENA_BYTES (1024UL * 1024 * 1024) /* 10,000 teams take about 100 MB */

struct policy_files {
    struct arena *arena;
    struct policy_source items[LIMIT_POLICY_FILES]; /* the policy's own first, then the included */
    size_t count;
    uint64_t stamp;   /* of the included ones, taken before they were read; see watch.h */
    size_t own_count; /* how many of `items` were added rather than included */
};

/* No files yet; NULL when the arena is full. */
struct policy_files *policy_files_new(struct arena *arena);

/*
 * Adds a file, or all *.yaml and *.yml of a directory in the order of their names, so that a
 * policy is the same wherever it is read. Names that end in .test.yaml or .test.yml are left out:
 * they test the policy. False with a sentence that names the path.
 */
MUST_USE bool policy_files_add(struct policy_files *files, const char *path, struct error *err);

/* Adds a text that is no file of its own. What it includes is found from `name`; both must live on.
 */
MUST_USE bool policy_files_add_text(struct policy_files *files, const char *name, struct str text,
                                    struct error *err);

/* True for the name of a policy's tests: hours.test.yaml. */
bool policy_files_is_test(struct str name);

/*
 * `path` as written in the file `from`, without "." and "..", so that one file has one name. A NULL
 * view when the arena is full.
 */
struct str policy_files_path(struct str from, struct str path, struct arena *arena);

/*
 * The policy that the files make, its digest filled in (SHA-256 over every file's SHA-256 in hex
 * and a newline, in the order of `items`). NULL with the problems.
 */
MUST_USE struct policy_set *policy_files_compile(struct policy_files *files,
                                                 struct problems *problems);

/* ---- all in one ---- */

/*
 * The policy that files and directories make, all of it in the arena; NULL with the problems, which
 * tell where a path was written. *ret_files, what it was read from; may be NULL.
 */
MUST_USE const struct policy_set *policy_load(const struct config_text *paths, size_t count,
                                              struct arena *arena, struct policy_files **ret_files,
                                              struct problems *problems);
