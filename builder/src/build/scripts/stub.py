"""Writes C code of a libcuda.so.1 that has the functions that the wheels of a folder call.

Each says CUDA_ERROR_STUB_LIBRARY, as the stub of the CUDA toolkit does.
"""

import glob
import os
import re
import sys
import zipfile

# Names in string tables: `cuInit`, `cuLaunchKernel`; not `cudaMalloc`, `cublasCreate`.
NAME = re.compile(rb"\0(cu[A-Z][A-Za-z0-9_]{2,80})(?=\0)")

names = set()
for wheel in glob.glob(os.path.join(sys.argv[1], "*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if re.search(r"\.so(\.[0-9.]+)?$", member.filename):
                names.update(name.decode() for name in NAME.findall(archive.read(member)))
names.update(("cuInit", "cuDriverGetVersion", "cuGetErrorString", "cuDeviceGetCount", "cuGetProcAddress"))
for name in sorted(names):
    print("int %s(void) { return 34; }" % name)
