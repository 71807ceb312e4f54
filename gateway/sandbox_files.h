/*
 * Which files and ports the running gateway may use: what its configuration names, what names and
 * certificates are looked up in, and nothing else (Landlock).
 *
 *     configuration, policies --sandbox_files_new--> paths with rights, ports
 *                                                     --sandbox_files_restrict--> the kernel
 *
 * A path stands for everything below it, also for what is made or mounted there later. Files are
 * usually replaced by others of their name, so it is their directory that is allowed; where that
 * is one that all programs share, such as /etc, it is the file alone.
 */
#pragma once

#include "snapshot.h"

struct sandbox_path {
    char *path; /* absolute, without links */
    const char *why;
    bool write;        /* and read */
    bool is_directory; /* then it and all that is below it */
    bool is_missing;   /* a directory to be made */
};

#define SANDBOX_PORTS 4

struct sandbox_port {
    uint16_t port;
    const char *why;
};

struct sandbox_files {
    struct sandbox_path *paths;
    size_t count, capacity;
    struct sandbox_port ports[SANDBOX_PORTS]; /* that may be connected to; none may be bound */
    size_t port_count;
    bool
        abstract_sockets; /* local sockets without a file, of other programs: systemd may need it */
    int self_fd;          /* keeps /proc/self what it is while rules are about it; or -1 */
    int failed;           /* why not all paths could be found out: an errno; or 0 */
};

/* NULL with errno when not all could be found out. */
MUST_USE struct sandbox_files *sandbox_files_new(const struct snapshot *snapshot,
                                                 bool abstract_sockets);
void sandbox_files_free(struct sandbox_files *files); /* accepts NULL */

/* The version of Landlock's interface that this kernel has; 0 with why it has none. */
int sandbox_files_version(struct error *why);

/* What this version can restrict, beside files. */
bool sandbox_version_has_ports(int version);
bool sandbox_version_has_scopes(int version);

/*
 * From here on, for the calling thread and all that it starts. Directories to be written to are
 * made. False with `err`: nothing is in force.
 */
MUST_USE bool sandbox_files_restrict(struct sandbox_files *files, struct error *err);

/* Whether this path may be read, now that it is restricted. A path that is nowhere may. */
bool sandbox_files_allow(const struct sandbox_files *files, const char *path);
