#include "sandbox_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "watch.h"

/* ---- the kernel's interface, which is newer than Debian 12's headers ---- */

#define ACCESS_REFER (1ULL << 13)     /* since 2 */
#define ACCESS_TRUNCATE (1ULL << 14)  /* since 3 */
#define ACCESS_IOCTL_DEV (1ULL << 15) /* since 5 */
#define NET_BIND_TCP (1ULL << 0)      /* since 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_SOCKETS (1ULL << 0) /* since 6 */
#define SCOPE_SIGNALS (1ULL << 1)
#define RULE_NET_PORT 2

struct ruleset_attr {
    uint64_t fs, net, scoped;
};

struct net_port_attr {
    uint64_t access, port;
};

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define READ_DIRECTORY (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_DIRECTORY                                                                            \
    (READ_DIRECTORY | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | ACCESS_TRUNCATE)

/* Everything that this version can refuse. */
static uint64_t known_rights(int version)
{
    static const uint64_t first = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    return first | (version >= 2 ? ACCESS_REFER : 0) | (version >= 3 ? ACCESS_TRUNCATE : 0) |
           (version >= 5 ? ACCESS_IOCTL_DEV : 0);
}

bool sandbox_version_has_ports(int version)
{
    return version >= 4;
}

bool sandbox_version_has_scopes(int version)
{
    return version >= 6;
}

int sandbox_files_version(struct error *why)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version > 0)
        return (int)version;
    error_set(why, "the kernel has no Landlock, or it is not in use (lsm=landlock,…): %s",
              strerrordesc_np(errno));
    return 0;
}

/* ---- collecting paths ---- */

/* Directories of many programs: what lies in them is allowed one by one. */
static const char *const shared_directories[] = {
    "/",        "/boot",    "/dev",     "/etc/ssl",   "/etc",           "/home",
    "/media",   "/mnt",     "/opt",     "/proc",      "/root",          "/run",
    "/srv",     "/sys",     "/tmp",     "/usr",       "/var",           "/var/lib",
    "/var/log", "/var/run", "/var/tmp", "/usr/local", "/usr/local/etc", "/usr/share"};

static bool is_shared(const char *directory)
{
    for (size_t i = 0; i < COUNT_OF(shared_directories); i++) {
        if (strcmp(shared_directories[i], directory) == 0)
            return true;
    }
    return false;
}

/* Whether `path` is `above` or below it. */
static bool is_below(const char *path, const char *above)
{
    size_t length = strlen(above);
    return strncmp(path, above, length) == 0 &&
           (path[length] == '\0' || path[length] == '/' || above[length - 1] == '/');
}

/* Takes `path`, which may be NULL. */
static void add(struct sandbox_files *files, char *path, const char *why, bool write, bool missing)
{
    struct stat info;
    if (!path)
        return;
    bool is_directory = missing || (stat(path, &info) == 0 && S_ISDIR(info.st_mode));
    for (size_t i = 0; i < files->count; i++) {
        const struct sandbox_path *other = &files->paths[i];
        if (is_below(path, other->path) && other->write >= write) {
            free(path);
            return;
        }
    }
    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? files->capacity * 2 : 32;
        struct sandbox_path *more = reallocarray(files->paths, capacity, sizeof(*more));
        if (!more) {
            files->failed = true;
            free(path);
            return;
        }
        files->paths = more;
        files->capacity = capacity;
    }
    files->paths[files->count++] = (struct sandbox_path){path, why, write, is_directory, missing};
}

/* Allows what is there; what is not there is left out. */
static void add_existing(struct sandbox_files *files, const char *path, const char *why)
{
    add(files, realpath(path, NULL), why, false, false);
}

/* The directory of a path as it is written, which need not be absolute. */
static bool directory_of(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int length = slash == path ? 1 : slash ? (int)(slash - path) : 0;
    return snprintf(out, PATH_MAX, "%.*s", length, path) < PATH_MAX &&
           (slash || snprintf(out, PATH_MAX, ".") > 0);
}

/* The directory of a path, or the path itself where the directory is everybody's. */
static void add_around(struct sandbox_files *files, const char *path, const char *why)
{
    char directory[PATH_MAX], *real;
    if (!directory_of(path, directory) || !(real = realpath(directory, NULL)))
        return;
    bool shared = is_shared(real);
    if (!shared)
        add(files, real, why, false, false);
    else
        free(real);
    if (shared)
        add_existing(files, path, why);
}

/*
 * What is read again must be found again when it was replaced: beside where it is named, and beside
 * where links lead from there.
 */
static void add_replaceable(struct sandbox_files *files, const char *path, const char *why)
{
    struct stat info;
    char *real = realpath(path, NULL);
    add_around(files, path, why);
    if (real)
        add_around(files, real, why);
    if (real && stat(real, &info) == 0 && S_ISDIR(info.st_mode))
        add_existing(files, real, why);
    free(real);
}

static void add_written(struct sandbox_files *files, const struct config_text *directory,
                        const char *why)
{
    char parent[PATH_MAX], *real, *whole = NULL;
    if (!directory->value.len)
        return;
    const char *path = directory->value.data;
    if ((real = realpath(path, NULL))) {
        add(files, real, why, true, false);
        return;
    }
    const char *slash = strrchr(path, '/');
    if (!directory_of(path, parent) || !(real = realpath(parent, NULL)))
        return; /* whoever opens it will say so */
    if (asprintf(&whole, "%s/%s", strcmp(real, "/") == 0 ? "" : real, slash ? slash + 1 : path) < 0)
        files->failed = true;
    else
        add(files, whole, why, true, true);
    free(real);
}

/*
 * A log that was moved away is made again in its directory, which is that of the file where the
 * setting names a link, such as /dev/stdout. A device or a pipe is opened again itself.
 */
static void add_log(struct sandbox_files *files, const struct config_text *file)
{
    static const char why[] = "a log, opened again on USR1";
    char directory[PATH_MAX];
    struct stat info;
    if (!file->value.len || str_equal(file->value, STR("-")))
        return;
    char *real = realpath(file->value.data, NULL);
    bool is_made_again = !real || (stat(real, &info) == 0 && S_ISREG(info.st_mode));
    if (!is_made_again) {
        add(files, real, why, true, false);
        return;
    }
    if (directory_of(real ? real : file->value.data, directory))
        add(files, realpath(directory, NULL), why, true, false);
    free(real);
}

static void add_configured(void *arg, const char *path)
{
    add_replaceable(arg, path, "named in the configuration");
}

static void add_included(struct sandbox_files *files, const struct policy_files *policy)
{
    for (size_t i = 0; policy && i < policy->count; i++)
        add_replaceable(files, policy->items[i].name, "a policy");
}

static void add_config(struct sandbox_files *files, const struct snapshot *snapshot)
{
    const struct config_audit *audit = &snapshot->config->audit;
    const struct config_text *read_at_start[] = {&audit->signing_key, &audit->reconcile_auth};
    add_written(files, &audit->directory, "the journal");
    add_written(files, &audit->second_directory, "the journal's second directory");
    add_written(files, &audit->hash_keys, "the keys that hide numbers");
    add_log(files, &snapshot->config->log_file);
    add_log(files, &snapshot->config->access_log_file);
    watch_each_path(snapshot->config, add_configured, files);
    add_included(files, snapshot->policy_files);
    add_included(files, snapshot->candidate_files);
    for (size_t i = 0; i < COUNT_OF(read_at_start); i++) {
        if (read_at_start[i]->value.len)
            add_replaceable(files, read_at_start[i]->value.data, "named in the configuration");
    }
}

/*
 * A name service's files are replaced by others while the gateway runs (a DHCP client renames a new
 * resolv.conf over the old), and a rule about a file ends with it. So all of /etc may be read that
 * this user can read; root could read everybody's keys there, and has to do with single files.
 */
static void add_names(struct sandbox_files *files)
{
    static const char *const singles[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
                                          "/etc/gai.conf", "/etc/host.conf"};
    static const char why[] = "looking up names";
    if (geteuid() != 0)
        add_existing(files, "/etc", why);
    for (size_t i = 0; i < COUNT_OF(singles); i++)
        add_replaceable(files, singles[i], why);
}

static void add_system(struct sandbox_files *files)
{
    static const struct {
        const char *path, *why;
    } fixed[] = {{"/lib", "libraries that look up names"},
                 {"/lib64", "libraries that look up names"},
                 {"/usr/lib", "libraries that look up names"},
                 {"/usr/local/lib", "libraries that look up names"},
                 {"/etc/ld.so.cache", "libraries that look up names"},
                 {"/etc/ssl/certs", "certificates of authorities"},
                 {"/etc/ssl/openssl.cnf", "OpenSSL's settings"},
                 {"/usr/share/ca-certificates", "certificates of authorities"},
                 {"/usr/local/share/ca-certificates", "certificates of authorities"},
                 {"/dev/urandom", "random numbers"},
                 {"/proc/sys/vm/overcommit_memory", "how libc gives memory back"},
                 {"/sys/devices/system/cpu", "how many processors there are"}};
    static const char *const variables[] = {"SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF"};
    for (size_t i = 0; i < COUNT_OF(fixed); i++)
        add_existing(files, fixed[i].path, fixed[i].why);
    add(files, strdup("/proc/self"), "what it is told about itself", false, false);
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        const char *path = getenv(variables[i]);
        if (path)
            add_replaceable(files, path, "named in the environment");
    }
#ifdef GATEWAY_COUNTERS_DIRECTORY
    add(files, realpath(GATEWAY_COUNTERS_DIRECTORY, NULL), "counting which lines ran", true, false);
#endif
}

static void add_port(struct sandbox_files *files, uint16_t port, const char *why)
{
    if (files->port_count < SANDBOX_PORTS)
        files->ports[files->port_count++] = (struct sandbox_port){port, why};
}

struct sandbox_files *sandbox_files_new(const struct snapshot *snapshot, bool abstract_sockets)
{
    struct sandbox_files *files = calloc(1, sizeof(*files));
    if (!files)
        return NULL;
    files->self_fd = -1;
    add_config(files, snapshot);
    add_names(files);
    add_system(files);
    add_port(files, snapshot->config->upstream_port, "the upstream");
    add_port(files, 53, "name servers");
    if (snapshot->config->trace_endpoint.url.value.len)
        add_port(files, snapshot->config->trace_endpoint.port, "the collector of traces");
    files->abstract_sockets = abstract_sockets;
    if (!files->failed)
        return files;
    sandbox_files_free(files);
    return NULL;
}

void sandbox_files_free(struct sandbox_files *files)
{
    if (!files)
        return;
    for (size_t i = 0; i < files->count; i++)
        free(files->paths[i].path);
    free(files->paths);
    if (files->self_fd >= 0)
        close(files->self_fd);
    free(files);
}

/* ---- in force ---- */

static uint64_t rights_of(const struct sandbox_path *path)
{
    uint64_t rights = path->write ? WRITE_DIRECTORY : READ_DIRECTORY;
    const uint64_t of_files = READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE;
    return path->is_directory ? rights : rights & of_files;
}

/* A path that is gone since, or that cannot be opened, is not allowed, and whoever needs it says
 * so. */
static bool allow_path(int ruleset_fd, int version, const struct sandbox_path *path)
{
    if (path->is_missing && mkdir(path->path, 0700) != 0 && errno != EEXIST)
        return true;
    int fd = open(path->path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return true;
    const struct landlock_path_beneath_attr rule = {
        .allowed_access = rights_of(path) & known_rights(version), .parent_fd = fd};
    bool fine =
        syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    int why = errno;
    close(fd);
    errno = why;
    return fine;
}

static bool allow_port(int ruleset_fd, const struct sandbox_port *port)
{
    const struct net_port_attr rule = {.access = NET_CONNECT_TCP, .port = port->port};
    return syscall(SYS_landlock_add_rule, ruleset_fd, RULE_NET_PORT, &rule, 0) == 0;
}

static int make_ruleset(const struct sandbox_files *files, int version)
{
    struct ruleset_attr attr = {.fs = known_rights(version)};
    size_t size = sizeof(attr.fs); /* an older kernel refuses what it does not know */
    if (sandbox_version_has_ports(version)) {
        attr.net = NET_BIND_TCP | NET_CONNECT_TCP;
        size = offsetof(struct ruleset_attr, scoped);
    }
    if (sandbox_version_has_scopes(version)) {
        attr.scoped = SCOPE_SIGNALS | (files->abstract_sockets ? 0 : SCOPE_ABSTRACT_SOCKETS);
        size = sizeof(attr);
    }
    return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
}

static bool restrict_with(int ruleset_fd, int version, const struct sandbox_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        if (!allow_path(ruleset_fd, version, &files->paths[i]))
            return false;
    }
    for (size_t i = 0; sandbox_version_has_ports(version) && i < files->port_count; i++) {
        if (!allow_port(ruleset_fd, &files->ports[i]))
            return false;
    }
    return syscall(SYS_landlock_restrict_self, ruleset_fd, 0) == 0;
}

bool sandbox_files_restrict(struct sandbox_files *files, struct error *err)
{
    int version = sandbox_files_version(err);
    if (!version)
        return false;
    /* a directory of /proc is another one each time it is looked up, unless somebody holds it */
    files->self_fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = make_ruleset(files, version);
    bool fine = fd >= 0 && restrict_with(fd, version, files);
    int why = errno;
    if (fd >= 0)
        close(fd);
    return fine || error_set(err, "Landlock could not be set up: %s", strerrordesc_np(why));
}

bool sandbox_files_allow(const struct sandbox_files *files, const char *path)
{
    char *real = realpath(path, NULL);
    bool allowed = !real;
    for (size_t i = 0; !allowed && i < files->count; i++)
        allowed = is_below(real, files->paths[i].path);
    free(real);
    return allowed;
}
