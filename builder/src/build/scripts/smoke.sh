# Tries a wheel in a fresh container: it is installed with what it requires, and imported.

. /wheelsite/scripts/lib.sh

VENV=/tmp/venv
PY=$VENV/bin/python

stage python
use_python

stage venv
"$PYTHON" -m venv "$VENV"

stage install
set --
while IFS= read -r value; do set -- "$@" "$value"; done <"$INPUT/dependencies"
"$PY" -m pip install -- pip "$@" "$WHEEL"

PATH=$VENV/bin:$PATH
export PATH VIRTUAL_ENV="$VENV"
mkdir -p /tmp/empty
cd /tmp/empty
# The stages from here are said by what runs them.
trap - EXIT
exec "$PY" "$SCRIPTS/smoke.py"
