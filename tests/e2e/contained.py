"""Starts a program as a container runtime or systemd would: another root, read-only, as a user without
rights, and behind what a unit's directives deny. Run by `contain`, in a mount namespace of its own."""
import ctypes
import errno
import json
import os
import resource
import subprocess
import sys

import seccomp

PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24
PROT_WRITE, PROT_EXEC = 2, 4
MOST_FAMILIES = 64
MS_REMOUNT, MS_BIND, MS_RDONLY, MS_NOSUID, MS_NOEXEC = 32, 4096, 1, 2, 8


def contain(root, command, user, mounts=(), writable=(), executable=None, files=None, **limits):
    """The command line that starts `command` in `root` as `user`. `mounts` are (source, place) pairs;
    everything is read-only but the places `writable`. When `executable` lists places, nothing else can be
    executed. `files`: how many may be open; `limits`: see restrict()."""
    plan = {"root": str(root), "command": [str(word) for word in command], "user": user,
            "mounts": [[str(source), place] for source, place in mounts], "writable": list(writable),
            "executable": executable, "files": files, "limits": limits}
    return ["unshare", "--mount", "--propagation", "private", "--", sys.executable, __file__, json.dumps(plan)]


def why_not():
    """Why nothing can be contained here, or None."""
    if os.getuid() != 0:
        return "another root and another user take root"
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True)
    return f"no mount namespace can be had here: {done.stderr.strip()}" if done.returncode != 0 else None


def checked(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def bind(source, target, flags=0):
    """Mounts source over target with exactly these flags."""
    libc = ctypes.CDLL(None, use_errno=True)
    checked(libc.mount(source.encode(), target.encode(), None, MS_BIND, None), f"mount {source}")
    checked(libc.mount(None, target.encode(), None, MS_BIND | MS_REMOUNT | MS_NOSUID | flags, None), f"remount {target}")


def build(plan):
    """Mounts everything: the root first, then what lies in it."""
    noexec = 0 if plan["executable"] is None else MS_NOEXEC
    places = [(plan["root"], "")] + plan["mounts"]
    for source, place in places:
        bind(source, plan["root"] + place, noexec | (0 if place in plan["writable"] else MS_RDONLY))
    for place in plan["executable"] or []:
        bind(plan["root"] + place, plan["root"] + place, MS_RDONLY)


def limit_files(files):
    """LimitNOFILE; as many as may be where that takes rights that root does not have here."""
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    except (ValueError, PermissionError):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def restrict(umask=0o022, no_new_exec=False, calls=None, families=None, refuse="errno"):
    """What systemd does last: UMask, MemoryDenyWriteExecute, SystemCallFilter (the names allowed; None: all),
    RestrictAddressFamilies (the numbers allowed; None: all). `refuse`: "errno", or "kill" to find out."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.umask(umask)
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    denied = seccomp.KILL_PROCESS if refuse == "kill" else seccomp.ERRNO(errno.EPERM)
    rules = seccomp.SyscallFilter(seccomp.ALLOW if calls is None else denied)
    conditions = {}  # call -> (argument, mask, values allowed, values denied, how)
    if no_new_exec:
        conditions["mmap"] = (2, PROT_WRITE | PROT_EXEC, [0, PROT_WRITE, PROT_EXEC], [PROT_WRITE | PROT_EXEC], denied)
        conditions["mprotect"] = conditions["pkey_mprotect"] = (2, PROT_EXEC, [0], [PROT_EXEC], denied)
    if families is not None:
        others = set(range(MOST_FAMILIES)) - set(families)
        conditions["socket"] = (0, 0xFFFFFFFF, families, others, seccomp.ERRNO(errno.EAFNOSUPPORT))
    for name in set(conditions) | set(calls or []):
        add_rules(rules, name, conditions.get(name), allow=calls is not None, default=denied)
    rules.load()


def add_rules(rules, name, condition, allow, default):
    """What holds for one call, as far as it is not the filter's default."""
    try:
        if condition is None:
            return rules.add_rule(seccomp.ALLOW, name)
        argument, mask, good, bad, how = condition
        for value in good if allow else []:
            rules.add_rule(seccomp.ALLOW, name, seccomp.Arg(argument, seccomp.MASKED_EQ, mask, value))
        for value in bad if not allow or how != default else []:
            rules.add_rule(how, name, seccomp.Arg(argument, seccomp.MASKED_EQ, mask, value))
    except (RuntimeError, ValueError):
        pass  # a call that this machine does not have


def main():
    plan = json.loads(sys.argv[1])
    build(plan)
    os.chroot(plan["root"])
    os.chdir("/")
    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if plan["files"]:
        limit_files(plan["files"])
    capability = 0
    while libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    os.setgroups([])
    os.setresgid(plan["user"], plan["user"], plan["user"])
    os.setresuid(plan["user"], plan["user"], plan["user"])
    restrict(**plan["limits"])
    os.execv(plan["command"][0], plan["command"])


if __name__ == "__main__":
    main()
