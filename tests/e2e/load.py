"""Clients as applications have them: each sends campaign after campaign and notes what came of every one.

    load.py --url https://HOST:PORT --ca FILE --target PATH [--fresh N] [--keep-alive N] [--pause S]

`fresh` clients open a connection for each campaign, `keep-alive` ones keep theirs until they are told to close or find it
closed. Nothing is ever sent twice. Ends when its standard input does, and prints JSON."""
import argparse
import asyncio
import collections
import json
import random
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60


class Clients:
    def __init__(self, options):
        self.options = options
        url = urlsplit(options.url)
        self.host, self.port = url.hostname, url.port or 443
        self.context = ssl.create_default_context(cafile=options.ca)
        self.campaign = json.loads((ROOT / "deploy/examples/campaign.json").read_text())
        self.stopping = asyncio.Event()
        self.answers, self.errors, self.reused = {}, [], 0
        self.verdicts = collections.Counter()

    def request(self, name):
        body = json.dumps(dict(self.campaign, name=name)).encode()
        head = [f"POST {self.options.target} HTTP/1.1", f"Host: {self.host}", "auth: secret-of-the-load",
                "Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body

    async def connect(self):
        return await asyncio.open_connection(self.host, self.port, ssl=self.context, ssl_handshake_timeout=PATIENCE)

    async def exchange(self, connection, name):
        """Whether the connection may be used again."""
        reader, writer = connection
        writer.write(self.request(name))
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        status = int(head[0].split()[1])
        self.answers[name] = status
        problem = json.loads(body) if headers["content-type"] == "application/problem+json" else {}
        codes = ",".join(sorted({error["code"] for error in problem.get("errors", [])}))
        self.verdicts[f"{status} {headers.get('x-policy', '').split(' ')[0].rstrip(',;')} {codes}"] += 1
        return headers.get("connection") != "close"

    async def one(self, connection, name):
        """Sends one campaign; the connection to go on with, or None."""
        try:
            if connection and connection[0].at_eof():    # what every pool of connections looks at
                connection[1].close()
                connection = None
            self.reused += connection is not None
            connection = connection or await asyncio.wait_for(self.connect(), PATIENCE)
            if await asyncio.wait_for(self.exchange(connection, name), PATIENCE):
                return connection
        except Exception as problem:
            self.errors.append(f"{name}: {type(problem).__name__} {problem}")
        if connection:
            connection[1].close()
        return None

    async def client(self, number, keeps):
        connection, count = None, 0
        await asyncio.sleep(random.random() * self.options.pause)
        while not self.stopping.is_set():
            count += 1
            connection = await self.one(connection, f"{self.options.prefix}-{number}-{count}")
            if connection and not keeps:
                connection[1].close()
                connection = None
            await asyncio.sleep(random.uniform(0.5, 1.5) * self.options.pause)
        if connection:
            connection[1].close()

    async def wait_for_end(self):
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, sys.stdin.read)
        self.stopping.set()

    async def run(self):
        kinds = [False] * self.options.fresh + [True] * self.options.keep_alive
        await asyncio.gather(self.wait_for_end(), *(self.client(*each) for each in enumerate(kinds)))
        json.dump({"answers": self.answers, "errors": self.errors, "reused": self.reused,
                   "verdicts": self.verdicts}, sys.stdout)


class Load:
    """The clients in a process of their own, perhaps on another host."""

    def __init__(self, url, ca, target, prefix=(), fresh=0, keep_alive=0, pause=0.5, name="load"):
        self.process = subprocess.Popen(
            [*prefix, sys.executable, __file__, "--url", url, "--ca", str(ca), "--target", target, "--prefix", name,
             "--fresh", str(fresh), "--keep-alive", str(keep_alive), "--pause", str(pause)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def stop(self):
        """What became of everything that was sent."""
        out, _ = self.process.communicate(timeout=2 * PATIENCE)
        return json.loads(out)


def main():
    parser = argparse.ArgumentParser()
    for name in ("url", "ca", "target"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--prefix", default="load")
    parser.add_argument("--fresh", type=int, default=0)
    parser.add_argument("--keep-alive", type=int, default=0)
    parser.add_argument("--pause", type=float, default=0.5)

    async def run():
        await Clients(parser.parse_args()).run()
    asyncio.run(run())


if __name__ == "__main__":
    main()
