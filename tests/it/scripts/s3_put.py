#!/usr/bin/env python3
"""Fill an S3 server with what a plan on standard input says (see store_plan.py).

    AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... python s3_put.py ENDPOINT

`"checksum": true` lets S3 keep a SHA-256, `"checksum": "CRC32"` (what boto3 sends by
itself) another; without it there is none. `"multipart": true` uploads in parts of 5 MiB,
so that both the ETag and a checksum are of the composite kind, with `-N` at the end.
"""

import hashlib
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from store_plan import work_off

PART = 5 << 20
ENDPOINT = sys.argv[1]
S3 = boto3.client(
    "s3",
    endpoint_url=ENDPOINT,
    region_name=os.environ.get("AWS_REGION", "us-east-1"),
    config=Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        max_pool_connections=16,
        proxies={},
        retries={"mode": "standard", "max_attempts": 8},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    ),
)


def make_bucket(name: str, public: bool) -> None:
    S3.create_bucket(Bucket=name)
    if not public:
        return
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    S3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    # The server takes a policy into account a moment after it has accepted it.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for attempt in range(100):
        try:
            direct.open(f"{ENDPOINT}/{name}?list-type=2", timeout=30).close()
            return
        except urllib.error.HTTPError:
            if attempt == 99:
                raise
            time.sleep(0.1)


def put(item: dict, body: bytes) -> dict:
    place = {"Bucket": item["bucket"], "Key": item["key"]}
    kept = {"Metadata": item.get("metadata", {})}
    if "content_type" in item:
        kept["ContentType"] = item["content_type"]
    checksum = item.get("checksum")
    algorithm = "SHA256" if checksum is True else checksum
    summed = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    if item.get("multipart"):
        answer = put_parts(place, kept, summed, body)
    else:
        answer = S3.put_object(**place, **kept, **summed, Body=body)
    said = {"key": item["key"], "etag": answer["ETag"]}
    if algorithm and f"Checksum{algorithm}" in answer:
        said["checksum"] = answer[f"Checksum{algorithm}"]
    return said


def put_parts(place: dict, kept: dict, summed: dict, body: bytes) -> dict:
    upload = S3.create_multipart_upload(**place, **kept, **summed)["UploadId"]
    parts = []
    for number, start in enumerate(range(0, max(len(body), 1), PART), 1):
        answer = S3.upload_part(
            **place,
            **summed,
            UploadId=upload,
            PartNumber=number,
            Body=body[start : start + PART],
        )
        part = {"PartNumber": number, "ETag": answer["ETag"]}
        part |= {name: answer[name] for name in answer if name.startswith("Checksum")}
        part.pop("ChecksumType", None)
        parts.append(part)
    return S3.complete_multipart_upload(
        **place, UploadId=upload, MultipartUpload={"Parts": parts}
    )


def delete(item: dict) -> None:
    S3.delete_object(Bucket=item["bucket"], Key=item["key"])


def objects(bucket: str) -> dict:
    found = {}
    for page in S3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for item in page.get("Contents", []):
            answer = S3.get_object(Bucket=bucket, Key=item["Key"])
            body = answer["Body"].read()
            found[item["Key"]] = {
                "type": answer.get("ContentType"),
                "cache": answer.get("CacheControl"),
                "sha256": hashlib.sha256(body).hexdigest(),
                "trimmed": hashlib.sha256(body.rstrip(b" \t\n")).hexdigest(),
            }
    return found


def race(bucket: str, rounds: int) -> list[dict]:
    def winners(key: str, number: int, condition: dict) -> int:
        start = threading.Barrier(8)

        def write(writer: int) -> int:
            start.wait()
            body = f"{number} {writer}".encode()
            try:
                S3.put_object(Bucket=bucket, Key=key, Body=body, **condition)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412):
                    return 0
                raise
            return 1

        with ThreadPoolExecutor(8) as threads:
            return sum(threads.map(write, range(8)))

    said = []
    new = [winners(f"new-{n}", n, {"IfNoneMatch": "*"}) for n in range(rounds)]
    said.append({"what": "If-None-Match", "rounds": len(new), "one_winner": new.count(1)})
    old = []
    S3.put_object(Bucket=bucket, Key="old", Body=b"first")
    for n in range(rounds):
        etag = S3.head_object(Bucket=bucket, Key="old")["ETag"]
        old.append(winners("old", n, {"IfMatch": etag}))
    said.append({"what": "If-Match", "rounds": len(old), "one_winner": old.count(1)})
    return said


work_off(make_bucket, put, delete, objects, race)
