#!/usr/bin/env python3
"""Run a server until standard input closes, so that it never outlives the test process.

    python serve_until_closed.py COMMAND...

In the command, `{data}` is a new folder, and `{port}`, `{port1}`, `{port2}`... are free
ports of 127.0.0.1. Prints one line of JSON: `{"port": N}` once the server answers HTTP on
`{port}`, or `{"error": TEXT}`. A test process that dies closes its end of the pipe
whatever killed it; then the server is killed and the folder removed.
"""

import contextlib
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on; all are held until the last is found."""
    with contextlib.ExitStack() as held:
        ports = []
        for _ in range(count):
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            ports.append(listener.getsockname()[1])
        return ports


def answers(port: int) -> bool:
    try:
        DIRECT.open(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


class Server:
    def __init__(self, command: list[str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wheelsite-store-"))
        names = sorted(set(re.findall(r"\{(port\d*)\}", " ".join(command))))
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        data = self.folder / "data"
        data.mkdir()
        values = {"data": data, **self.ports}
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [part.format(**values) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=data,
                start_new_session=True,
            )

    def is_up(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if answers(self.ports["port"]):
                # Where another process took the port first, ours ends soon.
                time.sleep(0.05)
                return self.process.poll() is None
            time.sleep(0.05)
        return False

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def end(self) -> None:
        # Nothing in the folder is kept, so there is nothing to end gracefully for.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        for port in self.ports.values():
            # SeaweedFS has no setting for where these lie.
            for left in glob.glob(f"/tmp/seaweedfs-*-{port}.sock"):
                with contextlib.suppress(OSError):
                    os.unlink(left)


def main() -> int:
    # Control-C reaches the whole terminal group; the test process decides when this ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    error = ""
    # Somebody may take a port between the search and the start.
    for _ in range(3):
        try:
            server = Server(sys.argv[1:])
        except OSError as problem:
            error = str(problem)
            break
        try:
            if server.is_up(60):
                print(json.dumps({"port": server.ports["port"]}), flush=True)
                sys.stdin.buffer.read()
                return 0
            error = server.log()
        finally:
            server.end()
    print(json.dumps({"error": error or "the server said nothing"}), flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
