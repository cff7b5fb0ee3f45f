#!/usr/bin/env python3
"""Build ghr-pypi's site from a package list instead of from the GitHub API.

usage: ghr_driver.py LIST.jsonl OUT

ghr-pypi reads its releases over the network, which no benchmark should measure. So this hands the
same list to the two functions that its `build` command calls next, as the API would have: one
release per project, and a digest on every asset, so that nothing is downloaded.
"""

import itertools
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

from ghr_pypi.index import collect_projects, write_site

URL = "https://x.example/files"


def no_download(url: str) -> str:
    raise AssertionError(f"{url}: every asset has a digest, so nothing is to be hashed")


def asset(number: int, entry: dict) -> dict:
    uploaded = datetime.fromtimestamp(entry["upload_timestamp"], timezone.utc)
    return {
        "url": f"https://x.example/assets/{number}",
        "name": entry["filename"],
        # The list knows no sizes; the API always gives one, and ghr-pypi always prints it.
        "size": 20_000_000,
        "digest": entry["hash"].replace("=", ":", 1),
        "created_at": uploaded.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "browser_download_url": f"{URL}/{entry['filename'].replace('+', '%2B')}",
    }


def main() -> None:
    source, out = sys.argv[1:]
    with open(source) as lines:
        assets = [asset(number, json.loads(line)) for number, line in enumerate(lines)]
    by_project = itertools.groupby(assets, key=lambda asset: asset["name"].split("-")[0])
    releases = [{"tag_name": project, "draft": False, "assets": list(group)} for project, group in by_project]
    projects = collect_projects(releases, hash_url=no_download)
    write_site(projects, Path(out), title="Package index", index_url="https://x.example/simple/")


if __name__ == "__main__":
    main()
