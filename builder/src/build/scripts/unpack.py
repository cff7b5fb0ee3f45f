"""Unpacks the one archive of a folder, or dates a source that is unpacked already.

Arguments: the folder with the archive, where its source goes, the JSON file that says what it is,
and the sha256 that it must have ("": any).
"""

import hashlib
import json
import os
import shutil
import sys
import tarfile
import zipfile
import calendar

# The first moment that zip archives can hold.
EPOCH = 315532800

download, target, report, expected = sys.argv[1:]

if not os.path.isdir(download):
    # A folder or a repository, which the host has copied.
    if os.path.exists(report):
        sys.exit(0)
    with open(report, "w") as file:
        json.dump({"epoch": EPOCH}, file)
    sys.exit(0)

names = sorted(os.listdir(download))
if len(names) != 1:
    sys.exit("error: expected one archive of the source, found %r" % names)
path = os.path.join(download, names[0])
digest = hashlib.sha256()
with open(path, "rb") as file:
    for chunk in iter(lambda: file.read(1 << 20), b""):
        digest.update(chunk)
found = digest.hexdigest()
if expected and found != expected.lower():
    sys.exit("error: the archive %s has the sha256 %s, expected %s" % (names[0], found, expected))
if names[0].endswith(".whl"):
    sys.exit("error: the index has a wheel, %s, and no source of it" % names[0])

unpacked = target + ".unpacking"
for leftover in (target, unpacked):
    shutil.rmtree(leftover, ignore_errors=True)
os.makedirs(unpacked)
newest = EPOCH
if zipfile.is_zipfile(path):
    with zipfile.ZipFile(path) as archive:
        archive.extractall(unpacked)
        for member in archive.infolist():
            newest = max(newest, calendar.timegm(member.date_time + (0, 0, 0)))
else:
    with tarfile.open(path) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(unpacked, filter="data")
        else:
            archive.extractall(unpacked)
        for member in archive.getmembers():
            newest = max(newest, int(member.mtime))
tops = os.listdir(unpacked)
root = os.path.join(unpacked, tops[0]) if len(tops) == 1 else unpacked
if not os.path.isdir(root):
    root = unpacked
os.rename(root, target)
shutil.rmtree(unpacked, ignore_errors=True)
shutil.rmtree(download)
with open(report, "w") as file:
    json.dump({"archive": names[0], "sha256": found, "epoch": newest}, file)
print("%s (sha256 %s)" % (names[0], found))
