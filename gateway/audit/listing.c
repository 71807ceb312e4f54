#include "audit/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE_BYTES (256 * 1024)

/* ---- which files ---- */

static bool add(struct listing *listing, size_t *capacity, const char *directory, const char *name,
                uint64_t seq)
{
    if (listing->count == *capacity) {
        size_t wanted = *capacity ? 2 * *capacity : 64;
        struct listing_file *files = realloc(listing->files, wanted * sizeof(*files));
        if (!files)
            return false;
        listing->files = files;
        *capacity = wanted;
    }
    struct listing_file *file = &listing->files[listing->count++];
    file->first_seq = seq;
    (void)snprintf(file->path, sizeof(file->path), "%s/%s", directory, name);
    return true;
}

static bool add_directory(struct listing *listing, size_t *capacity, const char *directory,
                          struct error *err)
{
    DIR *dir = opendir(directory);
    if (!dir)
        return error_set(err, "cannot read the directory '%s': %s", directory,
                         strerrordesc_np(errno));
    bool fine = true;
    for (struct dirent *entry; fine && (entry = readdir(dir));) {
        uint64_t seq;
        if (segment_parse_name(entry->d_name, &seq))
            fine = add(listing, capacity, directory, entry->d_name, seq);
    }
    closedir(dir);
    return fine || error_set(err, "out of memory");
}

static int compare(const void *a, const void *b)
{
    const struct listing_file *left = a, *right = b;
    return (left->first_seq > right->first_seq) - (left->first_seq < right->first_seq);
}

bool listing_read(const char *const *directories, size_t directory_count, struct listing *ret,
                  struct error *err)
{
    struct listing listing = {0};
    size_t capacity = 0;
    for (size_t i = 0; i < directory_count; i++) {
        if (!add_directory(&listing, &capacity, directories[i], err)) {
            listing_release(&listing);
            return false;
        }
    }
    if (listing.count > 0)
        qsort(listing.files, listing.count, sizeof(*listing.files), compare);
    *ret = listing;
    return true;
}

void listing_release(struct listing *listing)
{
    free(listing->files);
    *listing = (struct listing){0};
}

/* ---- what is in them ---- */

static size_t count_of(struct str bytes, struct str text)
{
    size_t count = 0;
    const char *found;
    while ((found = memmem(bytes.data, bytes.len, text.data, text.len))) {
        count++;
        bytes = str_slice(bytes, (size_t)(found - bytes.data) + text.len, bytes.len);
    }
    return count;
}

/* How often each text occurs in a file, also where two pieces meet; each at most 256 bytes. */
static void count_in_file(const char *path, const struct str *texts, size_t text_count,
                          uint64_t *counts)
{
    static char bytes[255 + PIECE_BYTES]; /* the end of the piece before, and the next one */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t kept = 0;
    ssize_t got;
    while (fd >= 0 && (got = read(fd, bytes + kept, PIECE_BYTES)) > 0) {
        struct str all = {bytes, kept + (size_t)got};
        for (size_t i = 0; i < text_count; i++) {
            /* what ends in the kept part was counted before */
            size_t from = kept >= texts[i].len ? kept - texts[i].len + 1 : 0;
            counts[i] += count_of(str_slice(all, from, all.len), texts[i]);
        }
        kept = all.len < 255 ? all.len : 255;
        memmove(bytes, bytes + all.len - kept, kept);
    }
    if (fd >= 0)
        close(fd);
}

struct listing_totals listing_count(const struct listing *listing)
{
    const struct str texts[] = {STR("\n"), STR("\",\"kind\":\"checkpoint\","),
                                STR("\",\"kind\":\"segment\","), STR("\",\"kind\":\"key\",")};
    uint64_t counts[COUNT_OF(texts)] = {0};
    for (size_t i = 0; i < listing->count; i++)
        count_in_file(listing->files[i].path, texts, COUNT_OF(texts), counts);
    return (struct listing_totals){counts[0], counts[1] + counts[2] + counts[3]};
}

const struct listing_file *listing_find(const struct listing *listing, struct str text)
{
    for (size_t i = 0; i < listing->count; i++) {
        uint64_t count = 0;
        count_in_file(listing->files[i].path, &text, 1, &count);
        if (count > 0)
            return &listing->files[i];
    }
    return NULL;
}
