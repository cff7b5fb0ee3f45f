"""Runs a command and writes to a file what it took: seconds, processor seconds, peak memory in KiB."""

import json
import resource
import subprocess
import sys
import time

report, *command = sys.argv[1:]
begin = time.monotonic()
code = subprocess.run(command).returncode
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(report, "w") as file:
    took = {
        "wall": round(time.monotonic() - begin, 3),
        "cpu": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_kib": usage.ru_maxrss,
    }
    json.dump(took, file)
sys.exit(code)
