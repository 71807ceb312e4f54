"""Disks for tests: small ones, ones that fail, ones whose power is cut. Those that are mounted need
root; where that is not possible, the test is skipped and says so."""
import contextlib
import fcntl
import os
import struct
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878    # linux/fs.h
# ext4: the file system is gone at once; 0: between two of its own steps. With 2 it may be within one, and then
# says of a sync under way that it is done though it is not, which no device does.
EXT4_SHUTDOWN = 0x8004587D


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    return done if done.returncode else None


def mount_or_skip(*arguments):
    failed = run("mount", *arguments)
    if failed:
        pytest.skip(f"nothing can be mounted here: {failed.stderr.strip()}")


class Disk:
    """Something mounted at `path`."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.mkdir()
        self.ballast = self.path / "ballast"

    def control(self, request, argument=0):
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, request, struct.pack("i", argument))
        finally:
            os.close(fd)

    def fill(self, leave):
        """Takes all room but so many bytes."""
        with open(self.ballast, "wb", buffering=0) as file:
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(4096))
        os.truncate(self.ballast, max(0, self.ballast.stat().st_size - leave))

    def drain(self):
        self.ballast.unlink()

    @contextlib.contextmanager
    def frozen(self):
        """Nobody can write meanwhile: who tries waits."""
        self.control(FIFREEZE)
        try:
            yield
        finally:
            self.control(FITHAW)

    def umount(self):
        if run("umount", self.path):
            run("umount", "-l", self.path)    # a file is still open: the test has failed already


class Tmpfs(Disk):
    def __init__(self, path, size):
        super().__init__(path)
        mount_or_skip("-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.path)


class Image(Disk):
    """An ext4 file system in a file."""

    def __init__(self, path, file, mebibytes=16, options=()):
        super().__init__(path)
        self.file = Path(file)
        if not self.file.exists():
            with open(self.file, "wb") as sparse:
                sparse.truncate(mebibytes << 20)
            failed = run("mkfs.ext4", "-q", "-m", "0", "-J", "size=4", *options, self.file)
            if failed:
                pytest.skip(f"no ext4 file system can be made here: {failed.stderr.strip()}")
        self.mount()

    def mount(self):
        mount_or_skip("-o", "loop", self.file, self.path)


class Disks:
    """Mounts, and unmounts all in the end, the last one first."""

    def __init__(self, directory):
        self.directory, self.mounted = directory, []

    def add(self, disk):
        self.mounted.append(disk)
        return disk

    def tmpfs(self, name, size):
        return self.add(Tmpfs(self.directory / name, size))

    def image(self, name, file=None, **options):
        return self.add(Image(self.directory / name, file or self.directory / f"{name}.img", **options))

    def umount(self):
        while self.mounted:
            self.mounted.pop().umount()


class Faults:
    """The preloaded disk (faulty_disk.c), and what it is to do."""

    def __init__(self, directory, library):
        self.file, self.longest = directory / "faults", 0
        self.file.touch()
        sanitizer = "verify_asan_link_order=0"    # the library comes before AddressSanitizer's
        options = os.environ.get("ASAN_OPTIONS")
        self.environment = {"LD_PRELOAD": str(library), "FAULTY_DISK": str(self.file),
                            "ASAN_OPTIONS": f"{options}:{sanitizer}" if options else sanitizer}

    def set(self, *lines):
        """Lines as faulty_disk.c has them; None of them: all is well."""
        text = "".join(line + "\n" for line in lines)
        self.longest = max(self.longest, len(text))
        with open(self.file, "r+b", buffering=0) as file:    # the gateway has it open; one write, nothing between
            file.write(text.ljust(self.longest, "\n").encode())

    def clear(self):
        self.set()


def build_faults(directory):
    library = directory / "faulty_disk.so"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", library,
                    HERE / "faulty_disk.c"], check=True)
    return library
