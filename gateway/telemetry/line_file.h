/*
 * A file of lines, written by a thread of its own: whoever writes a line never waits for the disk,
 * or for who reads the pipe. Lossy by design: what does not fit into the queue, or could not be
 * written, is counted, and told of in the file once it can be written again.
 *
 *     threads -> line_queue -> [the file's thread] -> the file, O_APPEND
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

struct line_file;

enum line_file_news {
    LINE_FILE_FAILING,      /* lines cannot be written any more; `why` says why */
    LINE_FILE_WORKS,        /* … they can again */
    LINE_FILE_REOPENED,     /* as asked for */
    LINE_FILE_NOT_REOPENED, /* the one that was open is kept; `why` says why */
};

struct line_file_options {
    const char *path; /* NULL: stdout, which is never reopened */
    size_t max_bytes; /* that wait to be written */
    /* The line, with its end, that tells of `count` lost ones. On the file's thread. */
    void (*put_lost)(uint64_t count, struct buf *line);
    /* On the file's thread. */
    void (*told)(void *arg, enum line_file_news news, const char *why);
    void *arg;
};

/* Opens the file, which is made (0640) when it is not there, and starts the thread. NULL with
 * `err`. */
MUST_USE struct line_file *line_file_open(const struct line_file_options *options,
                                          struct error *err);

/* One line with its end, of at most PIPE_BUF bytes. Any thread. */
void line_file_put(struct line_file *file, struct str line);

/* Counts a line for which there was no memory. */
void line_file_lose(struct line_file *file);

/* Opens the path again, soon: another file may be there now. No line is lost by it. */
void line_file_reopen(struct line_file *file);

/* Lines lost so far. Any thread. */
uint64_t line_file_lost(const struct line_file *file);

/*
 * Writes what waits and ends the thread; after `wait_ms` without success both are left behind. No
 * other call may be under way. Accepts NULL.
 */
void line_file_close(struct line_file *file, int64_t wait_ms);
