#!/bin/sh
# Checks that the interpreter $1 can make an environment and compile; as root on Debian or Ubuntu installs what is missing.
python=$1

fail() {
    echo "$1" >&2
    exit 1
}

has() { "$python" -c "$1" >/dev/null 2>&1; }

command -v "$python" >/dev/null 2>&1 ||
    fail "No $python is installed: install Python 3.11, 3.12 or 3.13, or name one with PYTHON=..."
has 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' ||
    fail "$python does not run or is not Python 3.11 to 3.14: name another with PYTHON=..."

# The system's own interpreter has unversioned packages; another Python of the distribution has its number in them.
name=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
[ "$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')" = "$(realpath /usr/bin/python3 2>/dev/null)" ] &&
    name=python3

missing=
has 'import ensurepip, venv' || missing="$missing $name-venv"
has 'import shutil, sys, sysconfig, os
sys.exit(not shutil.which((os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]))' ||
    missing="$missing gcc libc6-dev"
has 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
    missing="$missing $name-dev"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    fail "Not installed, but needed to build:$missing. On Debian and Ubuntu: sudo apt-get install$missing"
fi
echo "Installing$missing ..."
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
{ apt-get -qq update && apt-get -qq install --no-install-recommends $missing; } >"$log" 2>&1 || {
    cat "$log" >&2
    fail "apt-get could not install$missing: its message stands above."
}
rm -f "$log"
