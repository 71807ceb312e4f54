"""Starts a program as a container runtime or systemd would: another root, read-only, as a user without
rights, and behind what a unit's directives deny. Run by `contain`, in a mount namespace of its own."""
import ctypes
import errno
import json
import os
import resource
import sys

import seccomp

PR_SET_NO_NEW_PRIVS, PR_SET_MDWE, PR_CAPBSET_DROP = 38, 65, 24
MDWE_REFUSE_EXEC_GAIN = 1
MS_REMOUNT, MS_BIND, MS_RDONLY, MS_NOSUID, MS_NOEXEC = 32, 4096, 1, 2, 8


def contain(root, command, user, mounts=(), writable=(), executable=None, **limits):
    """The command line that starts `command` in `root` as `user`. `mounts` are (source, place) pairs;
    everything is read-only but the places `writable`. When `executable` lists places, nothing else can be
    executed. `limits`: see restrict()."""
    plan = {"root": str(root), "command": [str(word) for word in command], "user": user,
            "mounts": [[str(source), place] for source, place in mounts], "writable": list(writable),
            "executable": executable, "limits": limits}
    return ["unshare", "--mount", "--propagation", "private", "--", sys.executable, __file__, json.dumps(plan)]


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


def restrict(files=None, umask=0o022, no_new_exec=False, calls=None, families=None, refuse="errno"):
    """What systemd does last: LimitNOFILE, UMask, MemoryDenyWriteExecute, SystemCallFilter (the names
    allowed), RestrictAddressFamilies (the numbers allowed). `refuse`: "errno", or "kill" to find out."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.umask(umask)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    if no_new_exec:
        checked(libc.prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0), "memory, writable or executable")
    if calls:
        filter_calls(calls, families, refuse)


def filter_calls(calls, families, refuse):
    rules = seccomp.SyscallFilter(seccomp.KILL_PROCESS if refuse == "kill" else seccomp.ERRNO(errno.EPERM))
    for name in calls:
        try:
            if name == "socket" and families is not None:
                for family in families:
                    rules.add_rule(seccomp.ALLOW, name, seccomp.Arg(0, seccomp.EQ, family))
            else:
                rules.add_rule(seccomp.ALLOW, name)
        except (RuntimeError, ValueError):
            pass  # a call that this machine does not have
    rules.load()


def main():
    plan = json.loads(sys.argv[1])
    build(plan)
    os.chroot(plan["root"])
    os.chdir("/")
    libc = ctypes.CDLL(None, use_errno=True)
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
