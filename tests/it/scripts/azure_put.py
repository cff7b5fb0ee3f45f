#!/usr/bin/env python3
"""Fill an Azure Blob server with what a plan on standard input says (see store_plan.py).

    STORE_KEY=... STORE_SECRET=... python azure_put.py ENDPOINT

The key is the account, the secret its key; the endpoint ends with the account. A bucket
is a container. `"multipart": true` uploads in blocks, so that Azure keeps no MD5.
"""

import hashlib
import os
import sys

from azure.storage.blob import BlobServiceClient, ContentSettings
from store_plan import work_off

BLOCK = 4 << 20
ACCOUNT = {
    "account_name": os.environ["STORE_KEY"],
    "account_key": os.environ["STORE_SECRET"],
}


def service(single: int) -> BlobServiceClient:
    return BlobServiceClient(
        sys.argv[1],
        credential=ACCOUNT,
        max_single_put_size=single,
        max_block_size=BLOCK,
        use_env_settings=False,
    )


WHOLE, BLOCKS = service(256 << 20), service(1)


def make_bucket(name: str, public: bool) -> None:
    WHOLE.create_container(name, public_access="container" if public else None)


def put(item: dict, body: bytes) -> dict:
    client = BLOCKS if item.get("multipart") else WHOLE
    settings = {}
    if "content_type" in item:
        settings["content_settings"] = ContentSettings(item["content_type"])
    answer = client.get_blob_client(item["bucket"], item["key"]).upload_blob(
        body, overwrite=True, metadata=item.get("metadata", {}), **settings
    )
    return {"key": item["key"], "etag": answer["etag"]}


def delete(item: dict) -> None:
    WHOLE.get_blob_client(item["bucket"], item["key"]).delete_blob()


def objects(bucket: str) -> dict:
    container = WHOLE.get_container_client(bucket)
    found = {}
    for blob in container.list_blobs():
        settings = blob.content_settings
        body = container.download_blob(blob.name).readall()
        found[blob.name] = {
            "type": settings.content_type,
            "cache": settings.cache_control,
            "sha256": hashlib.sha256(body).hexdigest(),
            "trimmed": hashlib.sha256(body.rstrip(b" \t\n")).hexdigest(),
        }
    return found


work_off(make_bucket, put, delete, objects)
