"""What the scripts that fill object stores share: the plan.

The plan is a JSON list on standard input. `{"bucket": B}` alone makes a bucket, with
`"public": true` one that everybody may read. With `"key"` it makes an object of
`"text"`, of the contents of `"file"`, or of `"size"` bytes. `"count": N` makes N of them: the
`{n}` in key and text becomes 00000, 00001, ... `"metadata": {...}` and `"content_type"` are kept
with the object; `"checksum"` and `"multipart"` are for the store to understand.
`"delete": true` deletes the key instead. `"list": true` with a bucket
alone says of all objects in it their `type`, `cache` and `sha256`, and as `trimmed` that
of all but the white space at the end. `"race": N` lets eight
write the same key at once, N times on the condition that it is not there and N times on
that it is as it was, and says how often one of them won. Items are worked off in order, one after the
other; those of a count at the same time.
"""

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def body(item: dict) -> bytes:
    """The contents of an object."""
    if "file" in item:
        return Path(item["file"]).read_bytes()
    if "size" in item:
        pattern = bytes(range(251))
        return (pattern * (item["size"] // len(pattern) + 1))[: item["size"]]
    return item["text"].encode()


def numbered(item: dict) -> list[dict]:
    """The items that a count stands for."""
    items = []
    for number in range(item["count"]):
        one = dict(item)
        for field in ("key", "text"):
            if field in one:
                one[field] = one[field].replace("{n}", f"{number:05}")
        items.append(one)
    return items


def work_off(
    make_bucket: Callable[[str, bool], None],
    put: Callable[[dict, bytes], dict],
    delete: Callable[[dict], None],
    objects: Callable[[str], dict],
    race: Callable[[str, int], list[dict]] | None = None,
) -> None:
    """Does what the plan says; prints what the store said of each object, as a JSON list.

    Objects of a count are left out of it.
    """

    def one(item: dict) -> dict:
        if item.get("delete"):
            delete(item)
            return {}
        return put(item, body(item))

    said = []
    with ThreadPoolExecutor(8) as threads:
        for item in json.load(sys.stdin):
            if race and "race" in item:
                said.extend(race(item["bucket"], item["race"]))
            elif item.get("list"):
                said.append(objects(item["bucket"]))
            elif "key" not in item:
                make_bucket(item["bucket"], item.get("public", False))
            elif "count" in item:
                list(threads.map(one, numbered(item)))
            else:
                said.append(one(item))
    print(json.dumps(said))
