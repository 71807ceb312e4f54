#include "sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "sandbox_calls.h"
#include "watch.h"

static bool failed(struct error *err, const char *what)
{
    return error_set(err, "cannot %s: %s", what, strerrordesc_np(errno));
}

/* ---- what will be ---- */

static bool plan_files(struct sandbox *sandbox, const struct snapshot *snapshot,
                       bool abstract_sockets, struct error *err)
{
    if (!snapshot->config->sandbox_landlock)
        return true;
    sandbox->landlock_version = sandbox_files_version(&sandbox->landlock.why);
    sandbox->landlock.state = sandbox->landlock_version ? SANDBOX_ON : SANDBOX_UNAVAILABLE;
    sandbox->files = sandbox_files_new(snapshot, abstract_sockets);
    return sandbox->files || failed(err, "find out which files are needed");
}

static void plan_calls(struct sandbox *sandbox, const struct snapshot *snapshot)
{
    if (!snapshot->config->sandbox_seccomp)
        return;
    bool supported = sandbox_calls_supported(&sandbox->seccomp.why);
    sandbox->seccomp.state = supported ? SANDBOX_ON : SANDBOX_UNAVAILABLE;
}

struct sandbox *sandbox_new(const struct snapshot *snapshot, bool abstract_sockets,
                            struct error *err)
{
    struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
    if (!sandbox) {
        error_set(err, "out of memory");
        return NULL;
    }
    plan_calls(sandbox, snapshot);
    if (plan_files(sandbox, snapshot, abstract_sockets, err))
        return sandbox;
    sandbox_free(sandbox);
    return NULL;
}

void sandbox_free(struct sandbox *sandbox)
{
    if (!sandbox)
        return;
    sandbox_files_free(sandbox->files);
    free(sandbox);
}

/* ---- in force ---- */

/*
 * Keys and tokens are in its memory: nothing of it is written to disk when it dies, and a process
 * of the same user can neither trace it nor read it.
 */
static bool forbid_dumps(struct error *err)
{
    const struct rlimit none = {0, 0};
    return (prctl(PR_SET_DUMPABLE, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0) ||
           failed(err, "forbid core dumps");
}

/* Those that a program it starts could have; taking them away needs a privilege, too. */
static void drop_bounding(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++) {
        if (capability != CAP_DAC_OVERRIDE)
            (void)prctl(PR_CAPBSET_DROP, capability);
    }
}

/*
 * Sockets are bound by now. Root keeps the right to open what belongs to others, because that is
 * how it read keys at start, and a reload must be able to read them again.
 */
static bool drop_capabilities(struct error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3] = {{0}};
    struct __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capget, &header, had) != 0)
        return failed(err, "ask for capabilities");
    if (geteuid() == 0)
        kept[0].permitted = had[0].permitted & 1U << CAP_DAC_OVERRIDE;
    kept[0].effective = kept[0].permitted;
    drop_bounding();
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    /* Whoever saw to it already, as a unit of systemd does, may refuse the very call. */
    if (memcmp(had, kept, sizeof(had)) == 0)
        return true;
    return syscall(SYS_capset, &header, kept) == 0 || failed(err, "give up capabilities");
}

bool sandbox_restrict_process(struct sandbox *sandbox, struct error *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return failed(err, "give up new privileges");
    if (sandbox->landlock.state == SANDBOX_ON && !sandbox_files_restrict(sandbox->files, err))
        return false;
    sandbox->restricted = true;
    return drop_capabilities(err) && forbid_dumps(err);
}

bool sandbox_restrict_calls(struct sandbox *sandbox, struct error *err)
{
    return sandbox->seccomp.state != SANDBOX_ON || sandbox_calls_restrict(err);
}

/* ---- telling ---- */

const char *sandbox_state_name(enum sandbox_state state)
{
    static const char *const names[] = {
        [SANDBOX_OFF] = "off", [SANDBOX_UNAVAILABLE] = "unavailable", [SANDBOX_ON] = "on"};
    return names[state];
}

static void warn_if_unavailable(const struct sandbox_part *part, const char *what)
{
    if (part->state == SANDBOX_UNAVAILABLE)
        LOG(LOG_WARN, "sandbox-degraded", LOG_TEXT("what", what), LOG_TEXT("why", part->why.text));
}

void sandbox_log(const struct sandbox *sandbox)
{
    LOG(LOG_INFO, "sandbox", LOG_TEXT("landlock", sandbox_state_name(sandbox->landlock.state)),
        LOG_INT("landlock_version", sandbox->landlock_version),
        LOG_TEXT("seccomp", sandbox_state_name(sandbox->seccomp.state)));
    warn_if_unavailable(&sandbox->landlock, "landlock");
    warn_if_unavailable(&sandbox->seccomp, "seccomp");
    if (geteuid() == 0)
        LOG(LOG_WARN, "runs-as-root",
            LOG_TEXT("remedy", "run it as a user of its own, who can read its files and owns "
                               "audit.directory; nothing it does needs root"));
}

struct outside {
    const struct sandbox_files *files;
    const char *path; /* the first that may not be read */
};

static void find_outside(void *arg, const char *path)
{
    struct outside *outside = arg;
    if (!outside->path && !sandbox_files_allow(outside->files, path))
        outside->path = path;
}

static void add_sentence(struct error *err, const char *path)
{
    const struct error before = *err;
    if (path)
        error_set(err,
                  "%.700s; the sandbox lets it read only what was named when it started: restart "
                  "it to use '%.200s'",
                  before.text, path);
    else
        error_set(err,
                  "%.700s; if its rights allow it, it is the sandbox, which lets it read only "
                  "what was named when it started: restart it",
                  before.text);
}

void sandbox_explain(const struct sandbox *sandbox, const char *config_path, struct error *err)
{
    struct problems problems;
    if (!sandbox || !sandbox->restricted || sandbox->landlock.state != SANDBOX_ON)
        return;
    problems_init(&problems);
    struct config *config = config_load(config_path, &problems);
    struct outside outside = {.files = sandbox->files};
    if (config)
        watch_each_path(config, find_outside, &outside);
    if (outside.path || strstr(err->text, strerrordesc_np(EACCES)))
        add_sentence(err, outside.path);
    config_free(config);
    problems_release(&problems);
}
