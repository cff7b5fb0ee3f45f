#!/usr/bin/env python3
"""Run Garage until standard input closes, so that it never outlives the test process.

    python garage.py PROGRAM

Prints one line of JSON once it answers: `{"s3": PORT, "web": PORT, "key": ID, "secret":
SECRET, "config": FILE}`, or `{"error": TEXT}`. Then each line on standard input names a
bucket that is made, is served as a website, and is named `localhost` as well if that
is the first; the answer is an empty line.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from serve_until_closed import answers, free_ports

CONFIG = """
metadata_dir = "{folder}/meta"
data_dir = "{folder}/data"
db_engine = "sqlite"
metadata_fsync = false
data_fsync = false
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{secret}"
[s3_api]
s3_region = "garage"
api_bind_addr = "127.0.0.1:{s3}"
root_domain = ".s3.localhost"
[s3_web]
bind_addr = "127.0.0.1:{web}"
root_domain = ".web.localhost"
index = "index.html"
"""


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = Path(tempfile.mkdtemp(prefix="wheelsite-garage-"))
    rpc, s3, web = free_ports(3)
    config = folder / "garage.toml"
    config.write_text(
        CONFIG.format(folder=folder, rpc=rpc, s3=s3, web=web, secret=secrets.token_hex(32))
    )
    environment = {**os.environ, "GARAGE_CONFIG_FILE": str(config)}

    def garage(*arguments: str) -> str:
        ended = subprocess.run(
            [sys.argv[1], *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if ended.returncode != 0:
            raise OSError(f"garage {' '.join(arguments)}: {ended.stderr[-500:]}")
        return ended.stdout

    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            [sys.argv[1], "server"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 60
        while not answers(s3):
            if time.monotonic() > end or server.poll() is not None:
                print(json.dumps({"error": (folder / "log").read_text()[-2000:]}), flush=True)
                return 1
            time.sleep(0.05)
        node = garage("node", "id", "-q").split("@")[0]
        garage("layout", "assign", "-z", "dc1", "-c", "1G", node)
        garage("layout", "apply", "--version", "1")
        made = garage("key", "create", "tests")
        key = re.search(r"Key ID:\s*(\S+)", made)[1]
        secret = re.search(r"Secret key:\s*(\S+)", made)[1]
        said = {"s3": s3, "web": web, "key": key, "secret": secret, "config": str(config)}
        print(json.dumps(said), flush=True)
        is_first = True
        for line in sys.stdin:
            bucket = line.strip()
            garage("bucket", "create", bucket)
            garage("bucket", "allow", "--read", "--write", "--owner", bucket, "--key", "tests")
            garage("bucket", "website", "--allow", bucket, "-e", "404.html")
            if is_first:
                garage("bucket", "alias", bucket, "localhost")
                is_first = False
            print(flush=True)
        return 0
    except (OSError, TypeError, subprocess.TimeoutExpired) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
