#!/usr/bin/env python3
"""Fill a Google Cloud Storage emulator with what a plan on standard input says.

    python gcs_put.py ENDPOINT

See store_plan.py for the plan. Objects go in through the JSON API, which the emulator has
whole; the program reads them through the XML API. Everything in the emulator is public.
"""

import hashlib
import json
import sys
import urllib.request
import uuid
from urllib.parse import quote

from store_plan import work_off

ENDPOINT = sys.argv[1]
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method: str, path: str, body: bytes | None, content_type: str) -> dict:
    request = urllib.request.Request(
        ENDPOINT + path,
        data=body,
        method=method,
        headers={"Content-Type": content_type},
    )
    with DIRECT.open(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def make_bucket(name: str, public: bool) -> None:
    del public
    named = json.dumps({"name": name}).encode()
    call("POST", "/storage/v1/b?project=tests", named, "application/json")


def put(item: dict, body: bytes) -> dict:
    content_type = item.get("content_type", "application/octet-stream")
    resource = {
        "name": item["key"],
        "contentType": content_type,
        "metadata": item.get("metadata", {}),
    }
    between = uuid.uuid4().hex
    parts = (
        f"--{between}\r\nContent-Type: application/json\r\n\r\n".encode(),
        json.dumps(resource).encode(),
        f"\r\n--{between}\r\nContent-Type: {content_type}\r\n\r\n".encode(),
        body,
        f"\r\n--{between}--\r\n".encode(),
    )
    answer = call(
        "POST",
        f"/upload/storage/v1/b/{item['bucket']}/o?uploadType=multipart",
        b"".join(parts),
        f'multipart/related; boundary="{between}"',
    )
    return {
        "key": item["key"],
        "etag": answer["etag"],
        "generation": answer["generation"],
        "md5": answer["md5Hash"],
    }


def delete(item: dict) -> None:
    key = quote(item["key"], safe="")
    call("DELETE", f"/storage/v1/b/{item['bucket']}/o/{key}", b"", "text/plain")


def objects(bucket: str) -> dict:
    found = {}
    listing = call("GET", f"/storage/v1/b/{bucket}/o?maxResults=5000", None, "text/plain")
    for item in listing.get("items", []):
        key = quote(item["name"], safe="")
        url = f"{ENDPOINT}/storage/v1/b/{bucket}/o/{key}?alt=media"
        with DIRECT.open(url, timeout=60) as answer:
            body = answer.read()
        found[item["name"]] = {
            "type": item.get("contentType"),
            "cache": item.get("cacheControl"),
            "sha256": hashlib.sha256(body).hexdigest(),
            "trimmed": hashlib.sha256(body.rstrip(b" \t\n")).hexdigest(),
        }
    return found


work_off(make_bucket, put, delete, objects)
