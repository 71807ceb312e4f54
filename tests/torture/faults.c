/*
 * Every call that can fail, failing when told to.
 *
 *     gateway, libevent, libevhtp, OpenSSL, libyaml  ->  this file  ->  libc (or ASan's libc)
 *
 * The program defines malloc, read, epoll_ctl and the like itself, so the dynamic linker hands them
 * to every library, too; what fails in OpenSSL or libevent then fails as it would in earnest, from
 * below, and no line of the gateway knows of it. libc's own system calls stay out of reach.
 *
 * A call is known by its site: what is called, who calls it, and the nearest frames of the gateway
 * that led there, all relative to their modules, so that a site has the same name in every run.
 * What to do is in the environment (tests/torture/torture.py sets it):
 *
 *     TORTURE_LIST=FILE     write down every site that is reached
 *     TORTURE_SITE=SITE, TORTURE_CALLER=OFFSET    fail here; the offset is its nearest frame's
 *     TORTURE_HOW=once|site|dry|short             see tests/torture/run --help
 *     TORTURE_SKIP=N        let N calls go well first
 *     TORTURE_REPORT=FILE   write the site down when it has failed
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

#define DEEPEST 48   /* frames looked at on the way to the gateway's own */
#define OWN_FRAMES 4 /* of the gateway, which tell its paths to one place apart */
#define MODULES 64   /* the program and its libraries */
#define SITES 16384  /* a power of two, several times what a run reaches */
#define LIST_LINE_BYTES 2048

struct module {
    uintptr_t start, end, base;
    char name[64];
    bool own;    /* the gateway */
    bool exempt; /* the sanitizers and the linker: not what is tested */
};

struct frame {
    const struct module *module;
    uintptr_t offset;
};

struct stack {
    uintptr_t caller; /* where the frames of this file end */
    bool begun;
    size_t count;
    struct frame frames[DEEPEST];
    size_t own;
    bool exempt; /* a sanitizer is among them */
};

enum how { HOW_ONCE, HOW_SITE, HOW_DRY, HOW_SHORT };

static struct module modules[MODULES];
static size_t module_count;

static bool armed;
static int list_fd = -1;
static int report_fd = -1;
static bool failing;
static uint64_t wanted;         /* the site that fails */
static uintptr_t wanted_caller; /* its nearest frame: only calls from there are worth unwinding */
static enum how how;            /* … and how */
static atomic_int skip;         /* so many of its calls go well first */
static atomic_bool struck;      /* it has failed */
static int struck_resource;     /* what had run out there */
static pthread_mutex_t sites_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t sites[SITES];

static _Thread_local bool inside;

/* ---- modules ---- */

static int add_module(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size, (void)arg;
    if (module_count == MODULES)
        return 1;
    struct module *module = &modules[module_count];
    const char *slash = strrchr(info->dlpi_name, '/');
    (void)snprintf(module->name, sizeof(module->name), "%s", slash ? slash + 1 : info->dlpi_name);
    module->own = module_count == 0; /* the program itself comes first */
    static const char *const exempt[] = {"libasan", "libubsan", "libgcc", "libstdc++", "ld-linux"};
    for (size_t i = 0; i < sizeof(exempt) / sizeof(exempt[0]); i++)
        module->exempt |= strncmp(module->name, exempt[i], strlen(exempt[i])) == 0;
    module->base = info->dlpi_addr;
    module->start = UINTPTR_MAX;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD)
            continue;
        uintptr_t start = info->dlpi_addr + part->p_vaddr, end = start + part->p_memsz;
        module->start = start < module->start ? start : module->start;
        module->end = end > module->end ? end : module->end;
    }
    module_count++;
    return 0;
}

static const struct module *module_of(uintptr_t address)
{
    for (size_t i = 0; i < module_count; i++) {
        if (address >= modules[i].start && address < modules[i].end)
            return &modules[i];
    }
    return NULL;
}

/* ---- what runs dry ---- */

/* Calls that fail together; one that is in no row fails alone. */
static const char *const resources[] = {
    " malloc calloc realloc strdup strndup epoll_ctl ",
    " pwrite fsync fdatasync ftruncate fallocate unlinkat mkdir mkdirat rename renameat ",
    " open openat fopen fopen64 opendir scandir socket accept4 epoll_create1 eventfd signalfd ",
};

static int resource_of(const char *kind)
{
    int alone = 0;
    char word[32];
    (void)snprintf(word, sizeof(word), " %s ", kind);
    for (int i = 0; i < (int)(sizeof(resources) / sizeof(resources[0])); i++) {
        if (strstr(resources[i], word))
            return i;
    }
    for (const char *c = kind; *c; c++)
        alone = (alone * 31 + *c) % 1000000;
    return 100 + alone;
}

/* ---- sites ---- */

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *arg)
{
    struct stack *stack = arg;
    uintptr_t address = _Unwind_GetIP(context);
    stack->begun |= address == stack->caller;
    if (!stack->begun)
        return _URC_NO_REASON;
    const struct module *module = module_of(address);
    stack->frames[stack->count++] = (struct frame){module, module ? address - module->base : 0};
    stack->own += module && module->own;
    stack->exempt |= module && module->exempt;
    return stack->count == DEEPEST || stack->own == OWN_FRAMES ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    for (int i = 0; i < 8; i++, value >>= 8)
        hash = (hash ^ (value & 0xff)) * 0x100000001b3u;
    return hash;
}

/* What is called, by whom, and the nearest frames of the gateway. */
static uint64_t site_of(const char *kind, const struct stack *stack)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *c = kind; *c; c++)
        hash = mix(hash, (unsigned char)*c);
    for (size_t i = 0; i < stack->count; i++) {
        const struct frame *frame = &stack->frames[i];
        if (i == 0 || (frame->module && frame->module->own))
            hash = mix(hash, frame->offset);
    }
    return hash;
}

/* True when the site is new. */
static bool note_site(uint64_t site)
{
    bool new = false;
    pthread_mutex_lock(&sites_lock);
    for (size_t i = site & (SITES - 1), tries = 0; tries < SITES;
         i = (i + 1) & (SITES - 1), tries++) {
        if (sites[i] == site)
            break;
        if (sites[i] == 0) {
            sites[i] = site;
            new = true;
            break;
        }
    }
    pthread_mutex_unlock(&sites_lock);
    return new;
}

/* "SITE KIND module+offset …", in one write of its own. */
static void write_site(int fd, uint64_t site, const char *kind, const struct stack *stack)
{
    char line[LIST_LINE_BYTES];
    int used = snprintf(line, sizeof(line), "%016llx %s", (unsigned long long)site, kind);
    for (size_t i = 0; i < stack->count && used < LIST_LINE_BYTES - 100; i++) {
        const struct frame *frame = &stack->frames[i];
        used += snprintf(line + used, sizeof(line) - (size_t)used, " %s+%llx",
                         !frame->module       ? "?"
                         : frame->module->own ? "."
                                              : frame->module->name,
                         (unsigned long long)frame->offset);
    }
    line[used++] = '\n';
    (void)syscall(SYS_write, fd, line, (size_t)used);
}

/* Whether this call of the wanted site is the one, or one of those, that fail. */
static bool strike(const char *kind, uint64_t site, const struct stack *stack)
{
    if (atomic_fetch_sub(&skip, 1) > 0)
        return false;
    bool first = !atomic_exchange(&struck, true);
    if (first) {
        struck_resource = resource_of(kind);
        write_site(report_fd, site, kind, stack);
    }
    return first || how == HOW_SITE;
}

static bool decide(const char *kind, uintptr_t caller)
{
    struct stack stack = {.caller = caller};
    const struct module *module = module_of(caller);
    bool over = failing && atomic_load(&struck);
    if (!module || module->exempt || (over && (how == HOW_ONCE || how == HOW_SHORT)))
        return false;
    if (failing && !over && caller - module->base != wanted_caller)
        return false;
    _Unwind_Backtrace(add_frame, &stack);
    if (stack.exempt && !stack.own)
        return false; /* the sanitizer prepares a thread and takes success for granted */
    if (over && how == HOW_DRY)
        return resource_of(kind) == struck_resource;
    uint64_t site = site_of(kind, &stack);
    if (list_fd >= 0 && note_site(site))
        write_site(list_fd, site, kind, &stack);
    return failing && site == wanted && strike(kind, site, &stack);
}

static bool fails(const char *kind, const void *caller)
{
    if (!armed || inside)
        return false;
    int before = errno;
    inside = true;
    bool answer = decide(kind, (uintptr_t)caller);
    inside = false;
    errno = before;
    return answer;
}

/* ---- what to do ---- */

static int open_output(const char *variable)
{
    const char *path = getenv(variable);
    return path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

__attribute__((constructor)) static void arm(void)
{
    static const char *const hows[] = {"once", "site", "dry", "short"};
    const char *site = getenv("TORTURE_SITE");
    const char *chosen = getenv("TORTURE_HOW");
    const char *calls = getenv("TORTURE_SKIP");
    const char *from = getenv("TORTURE_CALLER");
    dl_iterate_phdr(add_module, NULL);
    list_fd = open_output("TORTURE_LIST");
    report_fd = open_output("TORTURE_REPORT");
    failing = site != NULL;
    wanted = site ? strtoull(site, NULL, 16) : 0;
    wanted_caller = from ? strtoull(from, NULL, 16) : 0;
    atomic_store(&skip, calls ? (int)strtol(calls, NULL, 10) : 0);
    for (size_t i = 0; chosen && i < sizeof(hows) / sizeof(hows[0]); i++) {
        if (strcmp(chosen, hows[i]) == 0)
            how = (enum how)i;
    }
    armed = failing || list_fd >= 0;
    if (armed)
        (void)prctl(PR_SET_PDEATHSIG,
                    SIGKILL); /* a driver that is interrupted leaves nobody behind */
}

/* ---- memory ---- */

/* dlsym would allocate, so these are called by their other names. */
#define ALLOCATOR(type, name, parameters, arguments)                                               \
    extern type __libc_##name parameters;                                                          \
    extern type __interceptor_##name parameters __attribute__((weak));                             \
    type name parameters                                                                           \
    {                                                                                              \
        if (fails(#name, __builtin_return_address(0))) {                                           \
            errno = ENOMEM;                                                                        \
            return NULL;                                                                           \
        }                                                                                          \
        return __interceptor_##name ? __interceptor_##name arguments : __libc_##name arguments;    \
    }

ALLOCATOR(void *, malloc, (size_t size), (size))
ALLOCATOR(void *, calloc, (size_t count, size_t size), (count, size))
ALLOCATOR(void *, realloc, (void *old, size_t size), (old, size))

/* ---- the rest ---- */

/* The next definition behind ours; found once. */
#define REAL(name)                                                                                 \
    static __typeof__(&name) real;                                                                 \
    if (!real)                                                                                     \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

/* A call that answers `bad` and sets errno to `code` when it fails. */
#define CALL(type, name, parameters, arguments, bad, code)                                         \
    type name parameters                                                                           \
    {                                                                                              \
        REAL(name);                                                                                \
        if (fails(#name, __builtin_return_address(0))) {                                           \
            errno = (code);                                                                        \
            return bad;                                                                            \
        }                                                                                          \
        return real arguments;                                                                     \
    }

static bool is_socket(int fd)
{
    int type;
    socklen_t size = sizeof(type);
    return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

/* An eventfd or a signalfd is neither: with them, reading and writing fail only when idle. */
static bool is_file(int fd)
{
    struct stat info;
    return syscall(SYS_newfstatat, fd, "", &info, AT_EMPTY_PATH) == 0 && S_ISREG(info.st_mode);
}

CALL(char *, strdup, (const char *text), (text), NULL, ENOMEM)
CALL(char *, strndup, (const char *text, size_t size), (text, size), NULL, ENOMEM)

CALL(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL, EMFILE)
CALL(FILE *, fopen64, (const char *path, const char *mode), (path, mode), NULL, EMFILE)
CALL(DIR *, opendir, (const char *path), (path), NULL, EMFILE)
CALL(int, scandir,
     (const char *path, struct dirent ***list, int (*filter)(const struct dirent *),
      int (*compare)(const struct dirent **, const struct dirent **)),
     (path, list, filter, compare), -1, EMFILE)
CALL(int, stat, (const char *path, struct stat *info), (path, info), -1, EACCES)
CALL(int, fstat, (int fd, struct stat *info), (fd, info), -1, EIO)
CALL(int, access, (const char *path, int mode), (path, mode), -1, EACCES)
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, ENOSPC)
CALL(int, flock, (int fd, int what), (fd, what), -1, ENOLCK)
CALL(int, ftruncate, (int fd, off_t length), (fd, length), -1, EIO)
CALL(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags), -1, EIO)
CALL(int, fsync, (int fd), (fd), -1, EIO)
CALL(int, fdatasync, (int fd), (fd), -1, EIO)
CALL(int, fallocate, (int fd, int mode, off_t at, off_t length), (fd, mode, at, length), -1, ENOSPC)
CALL(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, EIO)
CALL(int, fstatat, (int fd, const char *path, struct stat *info, int flags),
     (fd, path, info, flags), -1, EIO)
CALL(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode), -1, ENOSPC)
CALL(int, rename, (const char *from, const char *to), (from, to), -1, EIO)
CALL(int, renameat, (int from_fd, const char *from, int to_fd, const char *to),
     (from_fd, from, to_fd, to), -1, EIO)
CALL(int, inotify_init1, (int flags), (flags), -1, EMFILE)
CALL(int, inotify_add_watch, (int fd, const char *path, uint32_t what), (fd, path, what), -1,
     ENOSPC)
CALL(ssize_t, pread, (int fd, void *into, size_t size, off_t at), (fd, into, size, at), -1, EIO)
CALL(ssize_t, recv, (int fd, void *into, size_t size, int flags), (fd, into, size, flags), -1,
     ECONNRESET)
CALL(ssize_t, getrandom, (void *into, size_t size, unsigned flags), (into, size, flags), -1, EINTR)

CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)
CALL(int, listen, (int fd, int backlog), (fd, backlog), -1, EADDRINUSE)
CALL(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),
     (fd, level, name, value, size), -1, ENOBUFS)
CALL(int, epoll_create1, (int flags), (flags), -1, EMFILE)
CALL(int, epoll_ctl, (int epoll_fd, int what, int fd, struct epoll_event *event),
     (epoll_fd, what, fd, event), -1, ENOMEM)
CALL(int, epoll_wait, (int fd, struct epoll_event *events, int max, int timeout),
     (fd, events, max, timeout), -1, EINTR)
CALL(int, poll, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout), -1, EINTR)
CALL(int, eventfd, (unsigned count, int flags), (count, flags), -1, EMFILE)
CALL(int, signalfd, (int fd, const sigset_t *signals, int flags), (fd, signals, flags), -1, EMFILE)

/* The type of an address is a transparent union, which C gives to these three only. */
CALL(int, bind, (int fd, __CONST_SOCKADDR_ARG address, socklen_t size), (fd, address, size), -1,
     EADDRINUSE)
CALL(int, connect, (int fd, __CONST_SOCKADDR_ARG address, socklen_t size), (fd, address, size), -1,
     ENETUNREACH)
CALL(int, accept4, (int fd, __SOCKADDR_ARG address, socklen_t *size, int flags),
     (fd, address, size, flags), -1, EMFILE)
CALL(int, getsockname, (int fd, __SOCKADDR_ARG address, socklen_t *size), (fd, address, size), -1,
     ENOBUFS)

/* They answer the error itself. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **found)
{
    REAL(getaddrinfo);
    return fails("getaddrinfo", __builtin_return_address(0)) ? EAI_AGAIN
                                                             : real(host, port, hints, found);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *arg)
{
    REAL(pthread_create);
    return fails("pthread_create", __builtin_return_address(0))
               ? EAGAIN
               : real(thread, attributes, run, arg);
}

/* ---- input, and output, which can also come short ---- */

static size_t half(size_t size)
{
    return size > 1 ? size / 2 : size;
}

#define OUTPUT(name, parameters, whole, some, code)                                                \
    ssize_t name parameters                                                                        \
    {                                                                                              \
        REAL(name);                                                                                \
        if (!fails(#name, __builtin_return_address(0)))                                            \
            return real whole;                                                                     \
        if (how == HOW_SHORT)                                                                      \
            return real some;                                                                      \
        errno = (code);                                                                            \
        return -1;                                                                                 \
    }

OUTPUT(pwrite, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at),
       (fd, from, half(size), at), ENOSPC)
OUTPUT(send, (int fd, const void *from, size_t size, int flags), (fd, from, size, flags),
       (fd, from, half(size), flags), EPIPE)

ssize_t write(int fd, const void *from, size_t size)
{
    REAL(write);
    bool to_file = is_file(fd);
    if ((!to_file && !is_socket(fd)) || !fails("write", __builtin_return_address(0)))
        return real(fd, from, size);
    if (how == HOW_SHORT)
        return real(fd, from, half(size));
    errno = to_file ? ENOSPC : EPIPE;
    return -1;
}

ssize_t read(int fd, void *into, size_t size)
{
    REAL(read);
    bool from_file = is_file(fd);
    if ((!from_file && !is_socket(fd)) || !fails("read", __builtin_return_address(0)))
        return real(fd, into, size);
    errno = from_file ? EIO : ECONNRESET;
    return -1;
}

/* ---- those with an optional last argument ---- */

#define MODE_BEHIND(last)                                                                          \
    va_list rest;                                                                                  \
    va_start(rest, last);                                                                          \
    mode_t mode = va_arg(rest, mode_t);                                                            \
    va_end(rest)

int open(const char *path, int flags, ...)
{
    REAL(open);
    MODE_BEHIND(flags);
    if (!fails("open", __builtin_return_address(0)))
        return real(path, flags, mode);
    errno = EMFILE;
    return -1;
}

int openat(int directory, const char *path, int flags, ...)
{
    REAL(openat);
    MODE_BEHIND(flags);
    if (!fails("openat", __builtin_return_address(0)))
        return real(directory, path, flags, mode);
    errno = ENOSPC;
    return -1;
}

int fcntl(int fd, int command, ...)
{
    REAL(fcntl);
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (!fails("fcntl", __builtin_return_address(0)))
        return real(fd, command, argument);
    errno = EMFILE;
    return -1;
}
