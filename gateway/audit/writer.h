/*
 * The files of a journal as its thread writes them: segments in one directory or two, one of them
 * open at a time. Knows bytes and names, not records. Every call but writer_mark may hang with the
 * disk; one thread at a time.
 */
#pragma once

#include "audit/segment.h"
#include "base/error.h"

#define WRITER_DIRECTORIES 2

struct writer_directory {
    const char *path;
    int fd;
    int durable_fd;                  /* DIRECTORY/durable, or -1 */
    char remains[SEGMENT_NAME_SIZE]; /* a file that holds nothing durable and could not be removed;
                                        empty: there is none */
};

struct writer {
    struct writer_directory directories[WRITER_DIRECTORIES];
    size_t directory_count;
    uint64_t segment_bytes;

    int fd;           /* the open segment, or -1 */
    size_t directory; /* where it is */
    char name[SEGMENT_NAME_SIZE];
    uint64_t bytes;      /* durable, from the file's beginning */
    uint64_t reserved;   /* bytes that have room on the disk already */
    bool space_is_low;   /* no room could be reserved the last time */
    bool cannot_reserve; /* the file system does not know how */

    struct error why; /* of the last call that answered false */
};

/*
 * Begins a new segment; its name is durable. False when that is not possible there.
 *
 * What a failed write left in one directory does not keep the next one from taking over: of two
 * segments with one name, the last directory's counts (reader.c).
 */
MUST_USE bool writer_begin(struct writer *writer, size_t directory, uint64_t first_seq);

/*
 * Appends to the open segment; true once it is durable. False: it is not, or the file is not where
 * it was (deleted, replaced): writer_abandon is next.
 */
MUST_USE bool writer_append(struct writer *writer, struct str bytes);

/* Cuts what is not durable from the open segment, and leaves it: after a failed fdatasync the
 * kernel may have dropped pages and report success the next time. */
void writer_abandon(struct writer *writer);

/* The open segment is complete: gives back room, makes it read-only, leaves it. */
void writer_finish(struct writer *writer);

/* Says in each DIRECTORY/durable how far records are durable. */
void writer_mark(struct writer *writer, uint64_t seq);

/* Writes a file of its own into a directory, below a subdirectory that is made: name is
 * "captures/2026-11-28/ID.cms". Durable when true; when false it is not there. */
MUST_USE bool writer_attach(struct writer *writer, size_t directory, const char *name,
                            struct str bytes);

void writer_detach(const struct writer *writer, size_t directory, const char *name);
