"""Hosts for tests: network namespaces around one switch, each with an /etc/hosts and a resolv.conf of its own.

Nothing has a name outside. A namespace lives as long as the process that holds it and those that run there, and they die
with the tests, however these end; with it go its links, rules and mounts."""
import contextlib
import ctypes
import os
import socket
import struct
import subprocess
import threading

from harness import wait_for

CLONE_NEWNET = 0x40000000
NETWORK = "10.77.0"


def enter(path):
    """This thread alone goes there; sockets that it makes belong there for ever."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path, "rb") as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class Host:
    """One host: what runs with its `prefix`, or while `inside`, is there."""

    def __init__(self, directory, name, number):
        self.directory, self.name, self.address = directory, name, f"{NETWORK}.{number}"
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--propagation", "private",
             "sh", "-c", "echo made; exec sleep infinity"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "made\n":
            raise AssertionError("this test needs network namespaces, so root with CAP_SYS_ADMIN and CAP_NET_ADMIN: "
                                 + self.holder.communicate()[1])
        proc = f"/proc/{self.holder.pid}"
        self.network = f"{proc}/ns/net"
        self.prefix = ["setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={self.network}", f"--mount={proc}/ns/mnt",
                       f"--root={proc}/root", f"--wd={proc}/root", "--"]    # the tests themselves may run in a chroot
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command, text=None):
        done = subprocess.run([*self.prefix, *map(str, command)], input=text, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def nft(self, rules):
        self.run("nft", "-f", "-", text=rules)

    def etc(self, file, text):
        """Its own version of a file in /etc; may be changed later."""
        own = self.directory / f"{self.name}-{file}"
        fresh = not own.exists()
        own.write_text(text)
        if fresh:
            self.run("mount", "--bind", own, f"/etc/{file}")

    @contextlib.contextmanager
    def inside(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        enter(self.network)
        try:
            yield self
        finally:
            enter(f"/proc/self/fd/{home}")
            os.close(home)

    def reaches(self, address, port, patience=0.4):
        with self.inside():
            try:
                socket.create_connection((address, port), timeout=patience).close()
                return True
            except OSError:
                return False

    def stop(self):
        self.holder.kill()
        self.holder.communicate()


class Network:
    """A switch, which is .1 on the network, and hosts around it."""

    def __init__(self, directory):
        self.directory, self.hosts = directory, []
        self.switch = self.add("switch", 1)
        self.switch.run("ip", "-batch", "-", text=f"link add br0 type bridge\naddr add {self.switch.address}/24 dev br0\n"
                                                  "link set br0 up\n")
        self.switch.nft("add table bridge cluster\n"
                        "add chain bridge cluster forward { type filter hook forward priority 0; }\n")

    def add(self, name, number):
        self.hosts.append(Host(self.directory, name, number))
        return self.hosts[-1]

    def host(self, name, number):
        host = self.add(name, number)
        self.switch.run("ip", "-batch", "-", text=f"link add v{number} type veth peer name eth0 netns {host.holder.pid}\n"
                                                  f"link set v{number} master br0 up\n")
        host.run("ip", "-batch", "-", text=f"addr add {host.address}/24 dev eth0\nlink set eth0 up\n"
                                           f"route add default via {self.switch.address}\n")
        return host

    def rule(self, rule):
        """A rule of the switch, until `mend`."""
        self.switch.nft(f"add rule bridge cluster forward {rule}\n")

    def cut(self, host):
        """Whatever goes to or from it is lost."""
        self.rule(f"ip daddr {host.address} drop")
        self.rule(f"ip saddr {host.address} drop")

    def mend(self):
        self.switch.nft("flush chain bridge cluster forward\n")

    def stop(self):
        while self.hosts:
            self.hosts.pop().stop()


class NameServer:
    """Answers A and AAAA from `names`: a name -> addresses, or the name that it is an alias of. Longer answers than
    `limit` are cut over UDP and whole over TCP; a name that is in `broken` is answered with that code."""

    def __init__(self, host, address=None):
        self.names, self.broken, self.asked, self.ttl, self.limit, self.silent = {}, {}, [], 1, 512, False
        self.follows = True    # aliases to their end, within one answer
        with host.inside():
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind((address or host.address, 53))
            self.tcp = socket.create_server((address or host.address, 53))
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self.serve_udp, self.serve_tcp)]
        for thread in self.threads:
            thread.start()

    def serve_udp(self):
        with contextlib.suppress(OSError):
            while True:
                query, peer = self.udp.recvfrom(4096)
                answer = self.answer(query, "udp") if len(query) > 12 else None    # the end of it all
                if answer:
                    self.udp.sendto(answer if len(answer) <= self.limit else self.cut(answer), peer)

    def serve_tcp(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.tcp.accept()
                with sock:
                    length, = struct.unpack("!H", sock.recv(2, socket.MSG_WAITALL))
                    answer = self.answer(sock.recv(length, socket.MSG_WAITALL), "tcp")
                    sock.sendall(struct.pack("!H", len(answer)) + answer)

    @staticmethod
    def cut(answer):
        """The header and the question, and that there is more."""
        end = answer.index(b"\0", 12) + 5
        flags, = struct.unpack("!H", answer[2:4])
        return answer[:2] + struct.pack("!HHHHH", flags | 0x0200, 1, 0, 0, 0) + answer[12:end]

    @staticmethod
    def wire(name):
        return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"

    def record(self, name, kind, data):
        return self.wire(name) + struct.pack("!HHIH", kind, 1, self.ttl, len(data)) + data

    def records(self, name, kind):
        """The chain of aliases, and the addresses at its end."""
        found = []
        for _ in range(20):
            target = self.names.get(name, [])
            if not isinstance(target, str):
                family, length = (socket.AF_INET6, 28) if kind == 28 else (socket.AF_INET, 1)
                return found + [self.record(name, length, socket.inet_pton(family, address)) for address in target
                                if (":" in address) == (kind == 28)]
            found.append(self.record(name, 5, self.wire(target)))
            if not self.follows:
                return found
            name = target
        return found

    def answer(self, query, by):
        if self.silent:
            return None
        end = query.index(b"\0", 12)
        labels, at = [], 12
        while at < end:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, kind = ".".join(labels), struct.unpack("!H", query[end + 1:end + 3])[0]
        self.asked.append((name, kind, by))
        code = self.broken.get(name, 0 if name in self.names else 3)
        found = [] if code else self.records(name, kind)
        return query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(found), 0, 0) + query[12:end + 5] + b"".join(found)

    def wait_until_asked(self, name):
        count = len(self.asked)
        wait_for(lambda: any(each[0] == name for each in self.asked[count:]), f"somebody to ask for {name}")

    def stop(self):
        for sock in (self.udp, self.tcp):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self.threads:
            thread.join()
