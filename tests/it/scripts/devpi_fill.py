#!/usr/bin/env python3
"""Make the index `root/dev` of a new devpi server, and upload the wheels of a folder to it.

    python devpi_fill.py http://127.0.0.1:PORT FOLDER
"""

import base64
import hashlib
import json
import sys
import urllib.request
from pathlib import Path

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
BOUNDARY = "wheelsite-boundary"


def call(method: str, url: str, body: bytes, headers: dict[str, str]) -> bytes:
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    with DIRECT.open(request, timeout=60) as answer:
        return answer.read()


def form(fields: dict[str, str], wheel: Path) -> bytes:
    """What twine sends."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    parts = [f'{head}{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    named = f'content"; filename="{wheel.name}"\r\nContent-Type: application/zip\r\n\r\n'
    parts.append(f"{head}{named}".encode() + wheel.read_bytes() + b"\r\n")
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def main() -> None:
    server, folder = sys.argv[1:]
    as_json = {"Content-Type": "application/json"}
    login = json.dumps({"user": "root", "password": ""}).encode()
    token = json.loads(call("POST", f"{server}/+login", login, as_json))["result"]["password"]
    user = {"X-Devpi-Auth": base64.b64encode(f"root:{token}".encode()).decode()}
    call("PUT", f"{server}/root/dev", json.dumps({"bases": []}).encode(), as_json | user)
    for wheel in sorted(Path(folder).glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        fields = {
            ":action": "file_upload",
            "protocol_version": "1",
            "metadata_version": "2.1",
            "name": name,
            "version": version,
            "filetype": "bdist_wheel",
            "pyversion": "py3",
            "sha256_digest": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        }
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        call("POST", f"{server}/root/dev/", form(fields, wheel), kind | user)


if __name__ == "__main__":
    main()
