"""Runs a program as systemd does: hand_over.py NAME=FD ... -- PROGRAM ARGUMENT ...

The descriptors become 3, 4, … of the program, and LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES tell it so."""
import fcntl
import os
import sys


def main():
    split = sys.argv.index("--")
    handed, command = [word.split("=") for word in sys.argv[1:split]], sys.argv[split + 1:]
    copies = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 3 + len(handed)) for _, fd in handed]
    for place, copy in enumerate(copies, start=3):
        os.dup2(copy, place)
        os.close(copy)
    names = ":".join(name for name, _ in handed)
    environment = dict(os.environ, LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(handed)))
    if names.strip(":"):
        environment["LISTEN_FDNAMES"] = names
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    main()
