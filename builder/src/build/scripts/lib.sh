# What build.sh and smoke.sh share: stages, and a Python of the wanted version.
# Values come from the environment, and from files of one value a line: never as text of a script.

set -eu
# One stream, so that what belongs together comes together.
exec 2>&1

ROW=/wheelsite/row
INPUT=$ROW/input
SCRIPTS=/wheelsite/scripts
CACHE=/wheelsite/cache
STAGE=start

export DEBIAN_FRONTEND=noninteractive
export PIP_CACHE_DIR=$CACHE/pip PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
export PIP_PROGRESS_BAR=off
export UV_CACHE_DIR=$CACHE/uv/cache UV_PYTHON_INSTALL_DIR=$CACHE/uv/python UV_PYTHON_PREFERENCE=only-managed
mkdir -p "$CACHE/pip" "$CACHE/uv"

stage() {
    STAGE=$1
    printf '== stage: %s\n' "$1"
}

code_of_stage() {
    case $STAGE in
        apt) echo 20 ;;
        python) echo 21 ;;
        venv) echo 22 ;;
        dependencies | install) echo 23 ;;
        source) echo 24 ;;
        compile) echo 25 ;;
        auditwheel) echo 26 ;;
        report) echo 27 ;;
        import) echo 30 ;;
        version) echo 31 ;;
        command) echo 32 ;;
        *) echo 19 ;;
    esac
}

on_exit() {
    code=$?
    if [ "$code" -ne 0 ]; then
        # A compiler that the kernel has ended seldom says so.
        for events in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
            if grep -q '^oom_kill [1-9]' "$events" 2>/dev/null; then
                echo '== oom'
            fi
        done
        printf '== failed: %s %s\n' "$STAGE" "$code"
        exit "$(code_of_stage)"
    fi
}
trap on_exit EXIT

has() {
    command -v "$1" >/dev/null 2>&1
}

apt_is_fresh=no
apt_install() {
    if ! has apt-get; then
        echo "error: the image has no apt-get, so it cannot install: $*"
        return 1
    fi
    if [ "$apt_is_fresh" = no ]; then
        apt-get -o Acquire::Retries=3 update -q || return 1
        apt_is_fresh=yes
    fi
    apt-get -o Acquire::Retries=3 install -q -y --no-install-recommends -- "$@"
}

# Whether a program is the wanted Python.
is_wanted() {
    "$1" -c '
import sys, sysconfig
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
found = "%d.%d%s" % (sys.version_info[0], sys.version_info[1], free)
sys.exit(sys.implementation.name != "cpython" or found != sys.argv[1])
' "$PYTHON_WANTED" >/dev/null 2>&1
}

# Whether it can make virtual environments, and extensions be compiled for it where they are.
is_whole() {
    "$1" -c '
import ensurepip, os, sys, sysconfig, venv
header = os.path.join(sysconfig.get_path("include"), "Python.h")
sys.exit(sys.argv[1] == "yes" and not os.path.exists(header))
' "$PYTHON_HEADERS" >/dev/null 2>&1
}

python_of_image() {
    bare=${PYTHON_WANTED%t}
    short=$(echo "$bare" | tr -d .)
    tag=cp$short-cp$short${PYTHON_WANTED#"$bare"}
    for candidate in "/opt/python/$tag/bin/python" "python$PYTHON_WANTED" "python$bare" \
        "/usr/local/bin/python$PYTHON_WANTED" python3 python; do
        has "$candidate" && is_wanted "$candidate" || continue
        PYTHON=$(command -v "$candidate")
        is_whole "$PYTHON" && return 0
        # Debian and Ubuntu keep what is missing in packages of their own.
        has apt-get || continue
        apt_install "python$bare-venv" || continue
        if [ "$PYTHON_HEADERS" = yes ]; then
            apt_install "python$bare-dev" || continue
        fi
        is_whole "$PYTHON" && return 0
    done
    return 1
}

python_of_deadsnakes() {
    bare=${PYTHON_WANTED%t}
    if ! has add-apt-repository; then
        apt_install software-properties-common gpg-agent || return 1
    fi
    add-apt-repository --yes ppa:deadsnakes/ppa || return 1
    apt_is_fresh=no
    set -- "python$bare" "python$bare-venv"
    if [ "$PYTHON_HEADERS" = yes ]; then
        set -- "$@" "python$bare-dev"
    fi
    if [ "$PYTHON_WANTED" != "$bare" ]; then
        set -- "$@" "python$bare-nogil"
    fi
    apt_install "$@" || return 1
    PYTHON=$(command -v "python$PYTHON_WANTED") || return 1
    is_wanted "$PYTHON" && is_whole "$PYTHON"
}

find_uv() {
    if has uv; then
        UV=uv
    elif [ -x /wheelsite/uv ] && /wheelsite/uv --version >/dev/null 2>&1; then
        UV=/wheelsite/uv
    else
        # Any Python can fetch it.
        if ! has python3; then
            apt_install python3 python3-venv || return 1
        elif ! python3 -c 'import ensurepip' >/dev/null 2>&1; then
            apt_install python3-venv || return 1
        fi
        python3 -m venv /tmp/uv-venv || return 1
        /tmp/uv-venv/bin/python -m pip install -q -- uv || return 1
        UV=/tmp/uv-venv/bin/uv
    fi
}

python_of_uv() {
    find_uv || return 1
    "$UV" python install -- "$PYTHON_WANTED" || return 1
    PYTHON=$("$UV" python find --no-project -- "$PYTHON_WANTED") || return 1
    is_wanted "$PYTHON" && is_whole "$PYTHON"
}

is_ubuntu() {
    [ -r /etc/os-release ] && grep -q '^ID=ubuntu' /etc/os-release
}

# Sets PYTHON.
find_python() {
    case $PYTHON_FROM in
        image) python_of_image ;;
        deadsnakes) python_of_deadsnakes ;;
        uv) python_of_uv ;;
        *)
            python_of_image && return 0
            if is_ubuntu; then
                python_of_deadsnakes && return 0
            fi
            python_of_uv
            ;;
    esac
}

use_python() {
    if ! find_python; then
        echo "error: no Python $PYTHON_WANTED (python_from: $PYTHON_FROM)"
        return 1
    fi
    "$PYTHON" -VV
    echo "$PYTHON"
}
